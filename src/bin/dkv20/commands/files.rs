//! Files that are written, and whether they can be.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::thread;
use std::time::Duration;

use dkv20_exam::GuardedFile;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile};

use crate::exit::Failure;
use crate::signals;

/// The path that stands for standard output.
const STANDARD_OUTPUT: &str = "-";
/// A longer chain of links is taken for a circle, as Linux does.
const LINKS_MAX: usize = 40;
/// The longest single wait, so that an interrupt is noticed.
const WAIT_TIME: Duration = Duration::from_millis(50);

/// Returns the path; in the quotes `$'...'` of a shell if it is not plain text, so that it can be told
/// from others and pasted.
pub(crate) fn shown(path: &Path) -> String {
    if let Some(text) = path.to_str().filter(|text| !text.contains(char::is_control)) {
        return text.into();
    }
    let mut shown = String::from("$'");
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' | '\'' => shown.extend(['\\', character]),
                character if character.is_control() => {
                    shown.extend(character.to_string().bytes().map(escaped));
                }
                character => shown.push(character),
            }
        }
        shown.extend(chunk.invalid().iter().copied().map(escaped));
    }
    shown + "'"
}

fn escaped(byte: u8) -> String {
    format!("\\x{byte:02x}")
}

/// A file that cannot be used: exit status 3.
pub(crate) fn broken(file: &Path, reason: impl fmt::Display) -> Failure {
    Failure::broken(format!("{}: {reason}", shown(file)))
}

/// A file that could not be written although it had been checked: exit status 1.
pub(crate) fn failed(file: &Path, reason: impl fmt::Display) -> Failure {
    Failure::failed(format!("{}: {reason}", shown(file)))
}

/// A file that cannot be written: exit status 3.
pub(crate) fn unwritable(file: &Path, error: &io::Error) -> Failure {
    // An error of the crate tempfile ends in the path of the temporary file.
    let error = error.to_string();
    let reason = error.split(" at path ").next().unwrap_or_default();
    broken(file, format!("cannot be written: {reason}"))
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| broken(file, error))
}

/// Returns the folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

// --- Writing ------------------------------------------------------------------------------------

/// Writes the file, or standard output for `-`.
///
/// A regular file is written as a whole or not at all: links are followed, and the file at their
/// end is replaced by one with the same owner and mode. Other files are written in place: a device,
/// a FIFO, a mount point, a file whose folder cannot be written.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_standard_output(file) {
        return write_standard_output(bytes);
    }
    match metadata(file)? {
        Some(old) if !old.is_file() => write_in_place(file, bytes),
        old => replace(&end_of_links(file)?, old.as_ref(), bytes),
    }
}

/// Writes a new file `STEM.EXTENSION` into a folder and returns its path. A file that is there
/// already is never replaced: one with the same bytes is taken as it is, and beside any other the
/// new one gets a number.
pub(crate) fn write_new(
    folder: &Path,
    stem: &str,
    extension: &str,
    bytes: &[u8],
) -> io::Result<PathBuf> {
    let numbered = (2..).map(|number| format!("{stem}-{number}.{extension}"));
    for name in std::iter::once(format!("{stem}.{extension}")).chain(numbered) {
        let path = folder.join(name);
        let _writing = hold_signals();
        let (_guarded, mut written) = temporary_file(folder, None)?;
        written.write_all(bytes)?;
        match written.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed.error);
            }
            Err(_) if fs::read(&path).is_ok_and(|old| old == bytes) => return Ok(path),
            Err(_) => crate::complain(&format!(
                "dkv20: {} is another file and stays as it is",
                shown(&path)
            )),
        }
    }
    unreachable!("the names do not end")
}

/// Prints the text. A closed pipe is not an error, since its reader wants no more.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match write_standard_output(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| unwritable(Path::new("standard output"), &error)),
    }
}

fn write_standard_output(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

fn replace(file: &Path, old: Option<&Metadata>, bytes: &[u8]) -> io::Result<()> {
    let _writing = hold_signals();
    let error = match temporary_file(folder_of(file), old) {
        Ok((_guarded, mut written)) => {
            written.write_all(bytes)?;
            match written.persist(file) {
                Ok(_) => return Ok(()),
                Err(failed) => failed.error,
            }
        }
        Err(error) if is_refusal(&error) => error,
        Err(error) => return Err(error),
    };
    if old.is_some() { write_in_place(file, bytes) } else { Err(error) }
}

/// Writes a file that may block, such as a FIFO. The first signal ends the wait for a reader; one
/// that came earlier ended something else, so that only its coming may be too late.
fn write_in_place(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let interrupt = signals::interrupt()?;
    let was_raised = interrupt.is_raised();
    let mut opened = loop {
        match open_in_place(file) {
            Err(error) if !lacks_reader(file, &error) => return Err(error),
            Err(_) if interrupt.is_raised() => {
                return Err(io::Error::other("interrupted, and no process reads it"));
            }
            Err(_) => thread::sleep(WAIT_TIME),
            Ok(opened) => break opened,
        }
    };
    let mut unwritten = bytes;
    while !unwritten.is_empty() {
        match opened.write(unwritten) {
            Ok(length) => unwritten = &unwritten[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if interrupt.is_raised() && !was_raised => {
                return Err(io::Error::other("interrupted, and its reader does not read on"));
            }
            Err(_) => _ = events(&opened, PollFlags::OUT, Some(WAIT_TIME))?,
        }
    }
    Ok(())
}

fn open_in_place(file: &Path) -> io::Result<File> {
    let flags =
        OFlags::WRONLY | OFlags::TRUNC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(file, flags, Mode::empty())?.into())
}

/// Reports whether the file is a FIFO that no process has open for reading.
fn lacks_reader(file: &Path, error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NXIO.raw_os_error())
        && fs::metadata(file).is_ok_and(|file| file.file_type().is_fifo())
}

/// Waits for one of these events, for an error or for the end of the other side. Returns what there
/// is, which is nothing if the time ends.
fn events(file: &impl AsFd, flags: PollFlags, time: Option<Duration>) -> io::Result<PollFlags> {
    let time = time.map(|time| Timespec::try_from(time).expect("a short time"));
    let mut files = [PollFd::new(file, flags)];
    match poll(&mut files, time.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(files[0].revents()),
        Err(error) => Err(error.into()),
    }
}

// --- The reader of standard output --------------------------------------------------------------

/// Reports whether the reader of standard output has left, so that what is printed is lost.
pub(crate) fn is_output_closed() -> bool {
    output_closes(Some(Duration::ZERO))
}

/// Calls `act` when the reader of standard output leaves: a command that prints as it goes on has no
/// more to do then.
pub(crate) fn when_output_closes(act: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let watch = move || {
        if output_closes(None) {
            act();
        }
    };
    let started = thread::Builder::new().name("output".into()).spawn(watch);
    started.map(drop).map_err(|error| Failure::broken(format!("no thread can be started: {error}")))
}

/// Waits until the reader of standard output leaves. Reports whether it has; if not, the time has
/// ended, or standard output has no reader.
fn output_closes(time: Option<Duration>) -> bool {
    loop {
        // Without a flag only the end of the reader is reported.
        match events(&io::stdout(), PollFlags::empty(), time) {
            Ok(events) if events.is_empty() && time.is_none() => {}
            Ok(events) => return events.intersects(PollFlags::ERR | PollFlags::HUP),
            Err(_) => return false,
        }
    }
}

/// Makes a temporary file with the owner and mode of `old`; without it, as any new file has them.
/// The guard, which is dropped last, removes the file if this process is killed.
fn temporary_file(
    folder: &Path,
    old: Option<&Metadata>,
) -> io::Result<(Option<GuardedFile>, NamedTempFile)> {
    let mut guarded = None;
    let made = Builder::new().make_in(folder, |path| {
        guarded = Some(GuardedFile::new(path)?);
        OpenOptions::new().write(true).create_new(true).open(path)
    })?;
    if let Some(old) = old {
        let own = made.as_file().metadata()?;
        if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
            fchown(made.as_file(), Some(old.uid()), Some(old.gid()))?;
        }
        made.as_file().set_permissions(old.permissions())?;
    }
    Ok((guarded, made))
}

/// Makes a signal wait while a temporary file exists.
fn hold_signals() -> MutexGuard<'static, ()> {
    // Without a handler, a signal would end the program at once.
    let _ = signals::interrupt();
    signals::hold()
}

/// Reports whether the error says that the folder, or the owner of a file in it, does not allow to
/// replace a file.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

// --- Checking -----------------------------------------------------------------------------------

/// Checks that `write_whole` can write the file, and changes nothing.
pub(crate) fn check_file(file: &Path) -> Result<(), Failure> {
    check_writable(file).map_err(|error| unwritable(file, &error))
}

/// Checks that files can be written into a folder that is made when it is needed.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Failure> {
    let existing = folder.ancestors().find(|ancestor| ancestor.exists());
    let made = tempfile::tempfile_in(existing.unwrap_or(Path::new(".")));
    made.map(drop).map_err(|error| unwritable(folder, &error))
}

fn check_writable(file: &Path) -> io::Result<()> {
    if is_standard_output(file) {
        return Ok(());
    }
    let open = || OpenOptions::new().write(true).open(file).map(drop);
    match metadata(file)? {
        Some(old) if old.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // A reader would see the end of the FIFO once it is closed again.
        Some(old) if old.file_type().is_fifo() => Ok(()),
        Some(old) if !old.is_file() => open(),
        old => match tempfile::tempfile_in(folder_of(&end_of_links(file)?)) {
            Err(error) if old.is_some() && is_refusal(&error) => open(),
            made => made.map(drop),
        },
    }
}

/// The part of a path that is the same for every path of the file.
#[derive(PartialEq, Eq)]
pub(crate) enum Identity {
    StandardOutput,
    /// Device and inode.
    Existing(u64, u64),
    New(PathBuf),
}

pub(crate) fn identity(file: &Path) -> io::Result<Identity> {
    if is_standard_output(file) {
        return Ok(Identity::StandardOutput);
    }
    if let Some(old) = metadata(file)? {
        return Ok(Identity::Existing(old.dev(), old.ino()));
    }
    let file = end_of_links(file)?;
    let folder = folder_of(&file).canonicalize()?;
    Ok(Identity::New(folder.join(file.file_name().unwrap_or_default())))
}

/// Reports whether the path stands for standard output or leads to the same file or pipe. A device is
/// written by its own path, since many things may go to it.
pub(crate) fn is_standard_output(file: &Path) -> bool {
    let same_file = || {
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        let file = fs::metadata(file).ok()?;
        let is_same = (stdout.dev(), stdout.ino()) == (file.dev(), file.ino());
        Some(is_same && !file.file_type().is_char_device())
    };
    file == Path::new(STANDARD_OUTPUT) || same_file().unwrap_or(false)
}

/// Returns what is known of the file at the end of all links; `None` if there is none.
fn metadata(file: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Returns the path at the end of all links, where there may be no file yet.
fn end_of_links(file: &Path) -> io::Result<PathBuf> {
    let mut file = file.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&file) {
            Ok(link) => file = folder_of(&file).join(link),
            Err(_) => return Ok(file),
        }
    }
    Err(io::Error::other("too many links"))
}
