//! The interpreter of programs that are started often.

use std::process::Command;
use std::sync::LazyLock;

/// The interpreter itself: `python3` can be a script that looks for it, for longer than a start takes.
pub(crate) static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let answer = asked.expect("python3 runs").stdout;
    String::from_utf8(answer).expect("a UTF-8 path").trim_end().to_owned()
});
