//! How long things may take, and when to stop.

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
        self.flag.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns a clone that also counts as raised from `deadline` on, if there is one.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self.clone() }
    }
}

/// When shrinking stops with what it has.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// How long it may take.
    pub time: Duration,
    /// How many candidates it may try.
    pub attempts: usize,
}

/// The limits of the work on one port.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long the port may take for an answer.
    pub timeout: Duration,
    /// How much each of the two passes of shrinking a finding may cost.
    pub budget: Budget,
    /// Stops the work.
    pub interrupt: Interrupt,
}

impl Default for Limits {
    /// Ten seconds for an answer; twenty seconds or 5,000 candidates for a pass of shrinking.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            budget: Budget { time: Duration::from_secs(20), attempts: 5_000 },
            interrupt: Interrupt::default(),
        }
    }
}
