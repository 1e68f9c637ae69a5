//! Files that are written, and whether they can be.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::exit::Failure;

/// A file that cannot be used: exit status 3.
pub(crate) fn broken(file: &Path, reason: impl fmt::Display) -> Failure {
    Failure::broken(format!("{}: {reason}", file.display()))
}

/// A file that could not be written although it had been checked: exit status 1.
pub(crate) fn failed(file: &Path, reason: impl fmt::Display) -> Failure {
    Failure::failed(format!("{}: {reason}", file.display()))
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| broken(file, error))
}

/// Writes the file as a whole or not at all.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut written = NamedTempFile::new_in(folder_of(file))?;
    written.write_all(bytes)?;
    written.persist(file)?;
    Ok(())
}

/// Checks that `write_whole` can write the file.
pub(crate) fn check_file(file: &Path) -> Result<(), Failure> {
    if file.is_dir() {
        return Err(unwritable(file, &io::ErrorKind::IsADirectory.into()));
    }
    check(file, folder_of(file))
}

/// Checks that files can be written into a folder that is made when it is needed.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Failure> {
    let existing = folder.ancestors().find(|ancestor| ancestor.exists());
    check(folder, existing.unwrap_or(Path::new(".")))
}

fn check(path: &Path, folder: &Path) -> Result<(), Failure> {
    NamedTempFile::new_in(folder).map(drop).map_err(|error| unwritable(path, &error))
}

fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The error itself names a temporary file, so only its cause is shown.
fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let cause = error.get_ref().and_then(|error| error.source());
    let reason = cause.map_or_else(|| error.to_string(), ToString::to_string);
    broken(path, format!("cannot be written: {reason}"))
}
