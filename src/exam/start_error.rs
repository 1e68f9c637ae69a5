//! Why a command cannot be started, and how to write it so that it can.

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::port::PortSpec;
use crate::shell_syntax::{NO_SHELL, shell_syntax};

/// Commands of a shell that are not programs.
const BUILTINS: [&str; 8] = ["cd", "export", "source", ".", "set", "unset", "exec", "ulimit"];
/// How many bytes of a script's first line are read.
const FIRST_LINE_LENGTH_MAX: u64 = 256;

/// Returns the error with its cause and a remedy in place of the system's words, if they are known.
pub(crate) fn explained(spec: &PortSpec, error: &io::Error) -> io::Error {
    let number =
        error.raw_os_error().map_or(String::new(), |number| format!(" (os error {number})"));
    let reason = reason(spec, error);
    let text = reason.map_or_else(|| error.to_string(), |reason| reason + &number);
    io::Error::new(error.kind(), text)
}

fn reason(spec: &PortSpec, error: &io::Error) -> Option<String> {
    let (folder, program) = (spec.directory.as_deref(), spec.command[0].as_str());
    if let Some(reason) = error.raw_os_error().and_then(shortage) {
        return Some(reason.into());
    }
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Some(format!("the folder {} does not exist", folder.display()));
    }
    let path = located(spec);
    if path.as_deref().is_some_and(Path::is_dir) {
        return Some("it is a folder, not a program".into());
    }
    match (error.kind(), path.filter(|path| path.exists())) {
        (ErrorKind::NotFound, Some(path)) => Some(missing_interpreter(&path)),
        (ErrorKind::NotFound, None) => Some(missing_program(program, folder)),
        (ErrorKind::PermissionDenied, Some(path)) => Some(not_permitted(&path)),
        (ErrorKind::ExecutableFileBusy, _) => Some("it is still being written".into()),
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            Some("it is not a program of this system, nor a script that begins with #!".into())
        }
        _ => None,
    }
}

/// Returns what this machine is short of, which says nothing about the program.
fn shortage(number: i32) -> Option<&'static str> {
    Some(match Errno::from_raw_os_error(number) {
        Errno::AGAIN => "no more processes are allowed: see `ulimit -u`, or the container's limit",
        Errno::NOMEM => "there is not enough memory to start a process",
        Errno::MFILE => "too many files are open: see `ulimit -n`",
        Errno::NFILE => "too many files are open on this machine",
        _ => return None,
    })
}

/// Returns where the program is, or should be. A name without a slash is looked up in `PATH`.
fn located(spec: &PortSpec) -> Option<PathBuf> {
    let (folder, program) = (spec.directory.clone().unwrap_or_default(), &spec.command[0]);
    if program.contains('/') {
        return Some(folder.join(program));
    }
    let own = spec.environment.get("PATH").map(Into::into);
    let path = own.or_else(|| env::var_os("PATH"))?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn missing_program(program: &str, folder: Option<&Path>) -> String {
    let folder = folder.unwrap_or(Path::new("."));
    let is_shell_syntax = BUILTINS.contains(&program)
        || shell_syntax(program).is_some_and(|_| !program.contains(char::is_whitespace));
    if is_shell_syntax {
        return format!("{program} means something to a shell alone, and {NO_SHELL}");
    }
    if program.contains(char::is_whitespace) {
        return "this is one word: the program and each of its arguments are words of their own"
            .into();
    }
    if program.contains('/') {
        let begin = env::current_dir().map(|current| current.join(folder).display().to_string());
        return match begin {
            Ok(begin) if !program.starts_with('/') => {
                format!("there is no such file; relative paths begin at {}", clean(&begin))
            }
            _ => "there is no such file".into(),
        };
    }
    if folder.join(program).exists() {
        return format!("it is not in PATH; the file in the folder is ./{program}");
    }
    "it is not in PATH; a path needs a slash, such as ./port".into()
}

/// Returns the path without a `.` at its end.
fn clean(path: &str) -> &str {
    path.strip_suffix("/.").unwrap_or(path)
}

/// Returns why a file that exists was not found: its interpreter or loader is missing.
fn missing_interpreter(path: &Path) -> String {
    let line = first_line(path).unwrap_or_default();
    let Some(interpreter) = line.strip_prefix("#!") else {
        return "the file exists, but not its dynamic loader: it was built for another system"
            .into();
    };
    if interpreter.ends_with('\r') {
        return "its first line ends in CR LF, and the CR counts as part of the interpreter's \
                name: save it with LF line ends"
            .into();
    }
    let interpreter = interpreter.split_whitespace().next().unwrap_or("nothing");
    format!(
        "the file exists, but not the interpreter that its first line names: {interpreter}; \
         correct the line, or begin the command with an interpreter"
    )
}

fn not_permitted(path: &Path) -> String {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o111 == 0 {
        return "it is not executable: use chmod +x, or begin the command with an interpreter"
            .into();
    }
    "its mode, its interpreter, a folder above it or the mount options forbid to run it".into()
}

/// Returns the first line without its LF.
fn first_line(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FIRST_LINE_LENGTH_MAX).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_not_explained_by_the_program() {
        for (errno, words) in [
            (Errno::AGAIN, "no more processes are allowed"),
            (Errno::NOMEM, "not enough memory"),
            (Errno::MFILE, "too many files are open"),
            (Errno::NFILE, "too many files are open on this machine"),
        ] {
            // The first of these could be explained, the others cannot be found.
            for program in ["/", "./gone", "gone"] {
                let spec = PortSpec::new("a", vec![program.into()]);
                let text = explained(&spec, &errno.into()).to_string();
                assert!(text.contains(words), "{text}");
                assert!(text.ends_with(&format!(" (os error {})", errno.raw_os_error())), "{text}");
            }
        }
    }
}
