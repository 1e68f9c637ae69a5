//! The signals that end the program: the first of them interrupts the work, whose results are then
//! reported; the second ends the program at once. Neither leaves a port running.

use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use dkv20_exam::{Interrupt, end_all_ports};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::guard;

/// Makes the end of the program by a signal wait while a temporary file exists.
pub(crate) fn hold() -> MutexGuard<'static, ()> {
    static WRITING: Mutex<()> = Mutex::new(());
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the flag that the first signal raises. Called before the first port is started.
///
/// # Errors
///
/// The signals cannot be caught.
pub(crate) fn interrupt() -> io::Result<Interrupt> {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    if let Some(interrupt) = INTERRUPT.get() {
        return Ok(interrupt.clone());
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    guard::install();
    let interrupt = INTERRUPT.get_or_init(Interrupt::default).clone();
    let raised = interrupt.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if raised.is_raised() {
                end_all_ports();
                let _writing = hold();
                // The caller sees which signal ended the program.
                let _ = emulate_default_handler(signal);
                std::process::abort();
            }
            raised.raise();
        }
    })?;
    Ok(interrupt)
}
