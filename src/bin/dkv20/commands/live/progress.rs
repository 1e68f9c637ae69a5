//! The progress of a command: drawn on a terminal, and printed on demand.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget};
use signal_hook::consts::SIGUSR1;
use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// The environment variable that selects the log messages: the syntax of `EnvFilter`.
const LOG_VARIABLE: &str = "DKV20_LOG";

/// The progress of a command. Dropping it removes the drawing.
pub(super) struct Progress {
    label: String,
    bar: ProgressBar,
    is_asked: Arc<AtomicBool>,
}

impl Progress {
    /// How often [`Progress::show`] is to be called.
    pub(super) const TIME: Duration = Duration::from_millis(100);

    /// Returns the progress of a command. SIGUSR1 asks for its metrics from now on.
    pub(super) fn start(label: impl Into<String>) -> Result<Self, Failure> {
        let is_asked = catch_requests()?;
        let bar = ProgressBar::new_spinner();
        // Log messages would be written into the drawing.
        if std::env::var_os(LOG_VARIABLE).is_some() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Ok(Self { label: label.into(), bar, is_asked })
    }

    /// Returns a progress that is not drawn.
    pub(super) fn on_demand(label: impl Into<String>) -> Result<Self, Failure> {
        let progress = Self::start(label)?;
        progress.bar.set_draw_target(ProgressDrawTarget::hidden());
        Ok(progress)
    }

    /// Draws that something is done which has no measure, until this is dropped.
    pub(super) fn unmeasured(text: String) -> impl Drop {
        let bar = Drawing(ProgressBar::new_spinner().with_message(text));
        bar.0.enable_steady_tick(Self::TIME);
        bar
    }

    /// Draws the metrics if standard error is a terminal, and prints them as a line there if SIGUSR1
    /// has asked for them since the last call.
    pub(super) fn show(&self, metrics: impl Fn() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{}: {}", self.label, metrics()));
            self.bar.tick();
        }
        if self.is_asked.swap(false, Ordering::Relaxed) {
            self.print(&metrics());
        }
    }

    /// Prints a line on standard error.
    pub(super) fn print(&self, text: &str) {
        self.bar.suspend(|| crate::complain(&format!("dkv20: {}: {text}", self.label)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A drawing without metrics.
struct Drawing(ProgressBar);

impl Drop for Drawing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Returns a flag that SIGUSR1 raises from now on. Before the first call the signal ends the program.
pub(super) fn catch_requests() -> Result<Arc<AtomicBool>, Failure> {
    let is_asked = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGUSR1, is_asked.clone())
        .map_err(|error| Failure::broken(format!("SIGUSR1 cannot be caught: {error}")))?;
    Ok(is_asked)
}

/// How fast a number has grown of late.
#[derive(Default)]
pub(super) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// The time over which it is taken.
    const TIME: Duration = Duration::from_secs(2);

    /// Adds the number as it is now, and returns by how much it grows in a second.
    pub(super) fn update(&mut self, number: u64) -> u64 {
        let now = Instant::now();
        self.0.push_back((now, number));
        while self.0.len() > 2 && now - self.0[1].0 >= Self::TIME {
            self.0.pop_front();
        }
        let (since, first) = self.0[0];
        per_second(number.saturating_sub(first), now - since)
    }
}

/// Returns a rate, as a whole number in a second; 0 for no time.
pub(super) fn per_second(count: u64, time: Duration) -> u64 {
    let micros = time.as_micros();
    let rate = (u128::from(count) * 1_000_000).checked_div(micros).unwrap_or_default();
    rate.try_into().unwrap_or(u64::MAX)
}

/// Writes the log messages that `DKV20_LOG` selects on standard error; by default, warnings.
///
/// # Errors
///
/// The variable has another syntax.
pub(super) fn write_log_messages() -> Result<(), Failure> {
    let directives = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| "dkv20_live=warn".into());
    let filter = EnvFilter::try_new(&directives).map_err(|error| {
        let example = "an example is `debug`, or `dkv20_live=debug,info`";
        Failure::usage(format!("{LOG_VARIABLE}={directives}: {error}; {example}"))
    })?;
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // `AutoStream` knows NO_COLOR and TERM.
    let has_colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    messages.with_ansi(has_colours).init();
    Ok(())
}
