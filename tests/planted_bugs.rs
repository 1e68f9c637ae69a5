//! The suites of Go and C++ are themselves tested: each patch in `tests/planted-bugs` is a bug, and the
//! suite of its language must fail with it.
//!
//! A trial copies the sources below `target/planted-bugs`, applies the patch, builds, and runs the
//! suite. The copy of a language and all that is built from it are kept, so that a trial compiles what
//! its patch touches. By default a handful is tried (`SHORT`); all of them, or those whose name has a
//! text in it, with
//!
//! ```text
//! cargo test --test planted_bugs -- --include-ignored [TEXT]
//! ```
//!
//! `target/planted-bugs/caught.md` then has a row for each, with the test that caught it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

/// One of an election, of a commit, of a replay and of an encoding. In C++ none of them is in a header,
/// after which everything would be compiled again.
const SHORT: [&str; 4] = [
    "elect-longest-log",
    "commit-without-quorum",
    "skipped-apply",
    "encoding-without-value-length",
];
/// A suite that takes longer hangs, which is a way of failing.
const SUITE_TIMEOUT: Duration = Duration::from_secs(300);
const BUILD_TIMEOUT: Duration = Duration::from_secs(3600);

/// `build` and `suite` are for `sh`, in the copy. In Go the suite has to find the bug, not `go vet`.
struct Language {
    name: &'static str,
    build: &'static str,
    suite: &'static str,
    /// The text before the name of a failing test, in the output of the suite.
    failure: &'static str,
    /// Held while the copy is in use.
    copy: Mutex<()>,
}

const GO: Language = Language {
    name: "go",
    build: "cd go && go build ./...",
    suite: "cd go && go test -vet=off -ldflags=-w -count=1 -failfast ./...",
    failure: "--- FAIL: ",
    copy: Mutex::new(()),
};
const CPP: Language = Language {
    name: "cpp",
    build: "cd cpp && { [ -f ../target/cpp/release/build.ninja ] || cmake --preset release; } && \
            cmake --build --preset release --parallel",
    suite: "cd cpp && ctest --preset release --stop-on-failure --parallel 2",
    failure: " - ",
    copy: Mutex::new(()),
};

/// Of each trial that a suite passed or failed as it should, what caught the bug.
type Rows = Arc<Mutex<BTreeMap<String, String>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let rows = Rows::default();
    let mut trials = Vec::new();
    for language in [GO, CPP].map(Arc::new) {
        let unplanted = language.clone();
        trials.push(Trial::test(format!("{}/none", language.name), move || must_pass(&unplanted)));
        for patch in patches(&language) {
            let stem =
                patch.file_stem().expect("a patch has a name").to_string_lossy().into_owned();
            let (language, rows) = (language.clone(), rows.clone());
            let name = format!("{}/{stem}", language.name);
            let trial = Trial::test(name.clone(), move || {
                let caught_by = must_fail(&language, &patch)?;
                rows.lock().unwrap_or_else(PoisonError::into_inner).insert(name, caught_by);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(!SHORT.contains(&stem.as_str())));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
    if !rows.is_empty() {
        let rows: Vec<_> = rows.iter().map(|(bug, by)| format!("| {bug} | {by} |\n")).collect();
        let table = format!("| bug | caught by |\n| --- | --- |\n{}", rows.concat());
        fs::write(root().join("target/planted-bugs/caught.md"), table)
            .expect("the table is written");
    }
    conclusion.exit_code()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn patches(language: &Language) -> Vec<PathBuf> {
    let folder = root().join("tests/planted-bugs").join(language.name);
    let entries = fs::read_dir(folder).expect("a folder of patches");
    let mut patches: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    patches.sort();
    patches
}

/// Without a bug.
fn must_pass(language: &Language) -> Result<(), Failed> {
    let _held = language.copy.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = refresh(language)?;
    for (script, timeout) in [(language.build, BUILD_TIMEOUT), (language.suite, SUITE_TIMEOUT)] {
        run(&copy, script, timeout)?.map_err(Failed::from)?;
    }
    Ok(())
}

/// With the bug; returns what caught it.
fn must_fail(language: &Language, patch: &Path) -> Result<String, Failed> {
    let _held = language.copy.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = refresh(language)?;
    // -F 0: every line of context has to be there.
    let apply = format!("patch -f -s -p1 -F 0 <'{}'", patch.display());
    run(&copy, &apply, BUILD_TIMEOUT)?.map_err(|output| format!("it does not apply: {output}"))?;
    if let Err(output) = run(&copy, language.build, BUILD_TIMEOUT)? {
        let is_caught = output.contains("static assertion failed");
        return if is_caught { Ok("static_assert".into()) } else { Err(output.into()) };
    }
    let Err(output) = run(&copy, language.suite, SUITE_TIMEOUT)? else {
        return Err("it survives: the suite passes".into());
    };
    let failures = output.lines().filter_map(|line| line.split_once(language.failure));
    let mut names = failures.filter_map(|(_, rest)| rest.split(' ').next());
    Ok(names.next().unwrap_or("the end of the process").to_owned())
}

/// Runs the script in the folder, with everything that it starts in a process group that is killed
/// when the time is over. The inner error is what it printed, if it failed.
fn run(folder: &Path, script: &str, timeout: Duration) -> io::Result<Result<(), String>> {
    let log = folder.join("log");
    let output = fs::File::create(&log)?;
    let mut child = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .process_group(0)
        .spawn()?;
    let end = Instant::now() + timeout;
    let mut is_late = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if !is_late && Instant::now() > end {
            is_late = true;
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(if status.success() && !is_late { Ok(()) } else { Err(text) })
}

/// Makes the copy equal to the sources, which takes the last bug out of it. A file that is equal is
/// left alone, and so is what was built from it.
fn refresh(language: &Language) -> io::Result<PathBuf> {
    let copy = root().join("target/planted-bugs").join(language.name);
    for folder in [language.name, "tests/traces", "tests/snapshots"] {
        mirror(&root().join(folder), &copy.join(folder))?;
    }
    Ok(copy)
}

fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        let name = path.file_name().expect("an entry has a name");
        if !from.join(name).exists() && path.is_file() {
            fs::remove_file(path)?;
        }
    }
    for entry in fs::read_dir(from)? {
        let from = entry?.path();
        let to = to.join(from.file_name().expect("an entry has a name"));
        if from.is_dir() {
            mirror(&from, &to)?;
        } else {
            let bytes = fs::read(&from)?;
            if fs::read(&to).ok().as_ref() != Some(&bytes) {
                fs::write(&to, bytes)?;
            }
        }
    }
    Ok(())
}
