//! How long things may take, and when to stop.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A flag that stops an exam: ports are ended, and what was found so far is reported. Clones share
/// the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    /// From then on it counts as raised.
    deadline: Option<Instant>,
}

impl Interrupt {
    /// Raises the flag. It stays raised.
    pub fn raise(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Reports whether the flag is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.flag.load(Ordering::Relaxed) || has_passed(self.deadline)
    }

    /// Returns a clone that also counts as raised from `deadline` on, if there is one.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self.clone() }
    }
}

/// Reports whether there is a deadline and it has passed.
pub(crate) fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// When shrinking stops with what it has.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// How long it may take.
    pub time: Duration,
    /// How many candidates it may try.
    pub attempts: usize,
}

impl Budget {
    /// Returns the part of it that is left before the deadline, if there is one.
    pub(crate) fn until(self, deadline: Option<Instant>) -> Self {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Self { time: left.map_or(self.time, |left| self.time.min(left)), ..self }
    }
}

/// The limits of the work on one port.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long the port may take for an answer.
    pub timeout: Duration,
    /// How much each of the two passes of shrinking a finding may cost. An exam stops shrinking when
    /// its investigations have taken twice as long as asking the cases, or this budget's time if that
    /// is longer.
    pub budget: Budget,
    /// How many cases are written to the port at once, at most. The verdicts do not depend on it.
    pub batch_max: NonZeroUsize,
    /// Cases that took the port longer than this are followed by fewer at once: between batches the
    /// exam can end, and a port may answer only when it has read all that was written.
    pub batch_time: Duration,
    /// Stops the work.
    pub interrupt: Interrupt,
}

/// The default of [`Limits::batch_max`]: cases of a few kilobytes each then fill a pipe.
const BATCH_MAX: NonZeroUsize = NonZeroUsize::new(128).expect("it is not 0");

impl Default for Limits {
    /// Ten seconds for an answer; twenty seconds or 5,000 candidates for a pass of shrinking; 128
    /// cases at once, and fewer after 20 milliseconds.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            budget: Budget { time: Duration::from_secs(20), attempts: 5_000 },
            batch_max: BATCH_MAX,
            batch_time: Duration::from_millis(20),
            interrupt: Interrupt::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_limits_a_budget() {
        let budget = Budget { time: Duration::from_secs(600), attempts: 7 };
        let now = Instant::now();
        assert_eq!(budget.until(None).time, budget.time);
        assert_eq!(budget.until(Some(now + Duration::from_secs(6_000))).time, budget.time);
        assert!(budget.until(Some(now + Duration::from_secs(60))).time <= Duration::from_secs(60));
        assert_eq!(budget.until(Some(now)).time, Duration::ZERO);
    }
}
