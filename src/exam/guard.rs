//! The guard: a process that outlives this one, however that ends, and then ends the ports and
//! removes the files that are left.
//!
//! It reads records from a pipe whose other end only this process holds, so the end of the pipe is
//! the end of this process. A port is announced before it is started, by the pipe that becomes its
//! standard input: its process group is not known before, and this process may be killed in between.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, PipeWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process, kill_process_group};

use crate::processes;

/// Ends each record: no path has it.
const RECORD_END: u8 = 0;
/// How long a process may take from the end of its pipe to its own end.
const EXIT_TIME_MAX: Duration = Duration::from_secs(1);

/// How the guard is started.
struct Settings {
    command: fn() -> Command,
    on_failure: fn(&io::Error),
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
static GUARD: Mutex<Guard> = Mutex::new(Guard::NotStarted);

enum Guard {
    NotStarted,
    Running {
        process: Child,
        records: PipeWriter,
    },
    /// It could not be started, or does not read any more.
    Lost,
}

fn guard() -> MutexGuard<'static, Guard> {
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes this process have a guard from the first port or file on that needs one. `command` runs
/// [`run_guard`] on its standard input. `on_failure` is called once if there is no guard: ports and
/// files are then left if this process is killed.
///
/// This process must not start other processes than ports: on Linux, one that a port leaves becomes
/// its child, and is ended.
pub fn use_guard(command: fn() -> Command, on_failure: fn(&io::Error)) {
    let _ = SETTINGS.set(Settings { command, on_failure });
}

/// Reports whether this process has, or will have, a guard.
pub(crate) fn is_used() -> bool {
    SETTINGS.get().is_some()
}

/// Returns the id of the guard.
pub(crate) fn id() -> Option<Pid> {
    match &*guard() {
        Guard::Running { process, .. } => Some(Pid::from_child(process)),
        Guard::NotStarted | Guard::Lost => None,
    }
}

/// Announces a port by the inode of the pipe that will be its standard input.
pub(crate) fn announce(inode: u64) {
    record(b'?', inode.to_string().as_bytes());
}

/// Replaces the announcement by the process group of the port, if it could be started.
pub(crate) fn note_start(group: Option<Pid>) {
    let id = group.map_or(String::new(), |group| group.as_raw_nonzero().to_string());
    record(b'+', id.as_bytes());
}

pub(crate) fn note_end(group: Pid) {
    record(b'-', group.as_raw_nonzero().to_string().as_bytes());
}

/// A file that is removed if this process ends before the value is dropped.
pub struct GuardedFile(PathBuf);

impl GuardedFile {
    /// Guards the path of a file that is about to be made.
    ///
    /// # Errors
    ///
    /// The path is empty, or relative to a folder that cannot be found.
    pub fn new(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        record(b'f', path.as_os_str().as_bytes());
        Ok(Self(path))
    }
}

impl Drop for GuardedFile {
    fn drop(&mut self) {
        record(b'k', self.0.as_os_str().as_bytes());
    }
}

fn record(kind: u8, content: &[u8]) {
    let Some(settings) = SETTINGS.get() else { return };
    let mut guard = guard();
    let written = match &mut *guard {
        Guard::NotStarted => start(settings.command).map(|started| *guard = started),
        Guard::Running { .. } | Guard::Lost => Ok(()),
    };
    let written = written.and_then(|()| match &mut *guard {
        Guard::Running { records, .. } => {
            records.write_all(&[&[kind], content, &[RECORD_END]].concat())
        }
        Guard::NotStarted | Guard::Lost => Ok(()),
    });
    if let Err(error) = written {
        if let Guard::Running { process, .. } = &mut *guard {
            // It would end what it has not read the end of.
            let _ = process.kill();
            let _ = process.wait();
        }
        *guard = Guard::Lost;
        (settings.on_failure)(&error);
    }
}

/// Starts the guard away from all that this process is waited for by: its process group, its
/// standard streams and its folder.
fn start(command: fn() -> Command) -> io::Result<Guard> {
    let (input, records) = io::pipe()?;
    // A guard that is stopped must not stop this process.
    rustix::io::ioctl_fionbio(&records, true)?;
    let mut command = command();
    command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null());
    let process = command.process_group(0).current_dir("/").spawn()?;
    Ok(Guard::Running { process, records })
}

// --- The process of the guard -------------------------------------------------------------------

/// Reads what another process records, and ends what it has left when it has ended.
pub fn run_guard(mut records: impl BufRead) {
    let guarded = getppid();
    let mut left = Left::default();
    let mut record = Vec::new();
    // A record without its end is not whole.
    while records.read_until(RECORD_END, &mut record).is_ok() && record.pop() == Some(RECORD_END) {
        left.note(&record);
        record.clear();
    }
    // A process closes its files before it hands over its children. If a group of them is stopped by
    // then, it is continued and hung up, and a shell that ends so leaves what it has started.
    let deadline = Instant::now() + EXIT_TIME_MAX;
    while getppid() == guarded && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    left.end();
}

/// The ports and files that have to be ended and removed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    /// The inode of the standard input of a port whose process group is not known yet.
    announced: Option<u64>,
    groups: HashSet<Pid>,
    files: HashSet<PathBuf>,
}

impl Left {
    fn note(&mut self, record: &[u8]) {
        let Some((kind, content)) = record.split_first() else { return };
        let number = || std::str::from_utf8(content).ok()?.parse().ok();
        let group = || number().and_then(|number| Pid::from_raw(i32::try_from(number).ok()?));
        let path = || PathBuf::from(OsStr::from_bytes(content));
        match kind {
            b'?' => self.announced = number(),
            b'+' => {
                self.announced = None;
                self.groups.extend(group());
            }
            b'-' => self.groups.retain(|running| Some(*running) != group()),
            b'f' => _ = self.files.insert(path()),
            b'k' => _ = self.files.remove(&path()),
            _ => {}
        }
    }

    fn end(mut self) {
        if let Some(inode) = self.announced {
            // It runs its program by now: until then it holds the other end of this pipe.
            self.groups.extend(processes::groups_of_input(inode));
        }
        // Stopped, they start no process that the list of descendants lacks.
        for group in &self.groups {
            let _ = kill_process_group(*group, Signal::STOP);
        }
        let descendants = processes::descendants_of(&self.groups);
        for group in self.groups {
            let _ = kill_process_group(group, Signal::KILL);
        }
        for process in descendants {
            let _ = kill_process(process, Signal::KILL);
        }
        for file in self.files {
            let _ = fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_leave_what_has_not_ended() {
        let mut left = Left::default();
        for record in [&b"+12"[..], b"+13", b"-12", b"f/a\nb", b"f/c", b"k/c", b"?77", b"", b"x"] {
            left.note(record);
        }
        let group = Pid::from_raw(13).unwrap();
        let (groups, files) = (HashSet::from([group]), HashSet::from(["/a\nb".into()]));
        assert_eq!(left, Left { announced: Some(77), groups, files });
        left.note(b"+");
        left.note(b"-13");
        assert_eq!((left.announced, left.groups.len()), (None, 0));
    }

    #[test]
    fn a_record_without_its_end_is_ignored() {
        let folder = std::env::temp_dir().join(format!("dkv20-guard-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let files = [folder.join("whole"), folder.join("part")];
        for file in &files {
            fs::write(file, "").unwrap();
        }
        let [whole, part] = files.each_ref().map(|file| file.as_os_str().as_bytes());
        run_guard(&[&b"f"[..], whole, b"\0f", part].concat()[..]);
        let left = files.each_ref().map(|file| file.exists());
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(left, [false, true]);
    }
}
