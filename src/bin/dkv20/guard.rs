//! The guard of this process: this program again, known by the name that it is started with, so
//! that it is no command of the command line.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dkv20_exam::{run_guard, use_guard};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

const NAME: &str = "dkv20-guard";

/// Makes this process have a guard as soon as it needs one.
pub(crate) fn install() {
    use_guard(command, |error| {
        crate::complain(&format!(
            "dkv20: there is no guard: {error}; ports run on if this process is killed"
        ));
    });
}

/// Runs the guard if this process is one. Reports whether it was.
pub(crate) fn run() -> bool {
    if env::args_os().next().is_none_or(|name| name != NAME) {
        return false;
    }
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        // Caught, a signal changes nothing; the guard ends after what it guards.
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
    run_guard(io::stdin().lock());
    true
}

/// Returns a command that runs this program, even if its file has been replaced or removed.
fn command() -> Command {
    let program = if cfg!(target_os = "linux") {
        "/proc/self/exe".into()
    } else {
        env::current_exe().unwrap_or_default()
    };
    let mut command = Command::new(program);
    command.arg0(NAME);
    command
}
