//! Replacing a file completely or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file could not be written; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {}; {}", path.display(), describe(cause), advice(cause))]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub cause: io::Error,
}

/// Writes a file so that, whatever happens, the path holds either what it held before or all of
/// `bytes`.
///
/// The bytes go to a new file in the same folder, reach the disk, and only then take the name
/// over. A symbolic link is followed; an existing file passes its permissions on.
///
/// # Errors
///
/// [`WriteError`] names the path, the cause and what to do. The new file is then removed again.
pub fn write_file_safely(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    replace(path, |file| file.write_all(bytes))
        .map_err(|cause| WriteError { path: path.to_owned(), cause })
}

fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // Renaming onto a link would replace the link, not what it points to.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = target.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let (mut file, unfinished) = create_beside(folder, &name.to_string_lossy())?;
    if let Ok(existing) = fs::metadata(&target) {
        file.set_permissions(existing.permissions())?;
    }
    write(&mut file)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&unfinished.path, &target)?;
    unfinished.keep();
    sync_folder(folder);
    Ok(())
}

/// A new, empty file in `folder` that is removed unless kept.
fn create_beside(folder: &Path, name: &str) -> io::Result<(File, Unfinished)> {
    // Names may be 255 bytes long; a long one must leave room for what is added.
    let short: String = name.chars().take(40).collect();
    let process = std::process::id();
    for attempt in 0..1000 {
        let path = folder.join(format!(".{short}.{process}.{attempt}.unfinished"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Unfinished { path, remove: true })),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "1000 unfinished files lie beside it"))
}

/// Removes the new file when writing is given up.
struct Unfinished {
    path: PathBuf,
    remove: bool,
}

impl Unfinished {
    fn keep(mut self) {
        self.remove = false;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.remove {
            // Nothing is left to do when even this fails; the first error is the one reported.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the new name itself reach the disk, where the file system can.
///
/// Failing is no error: with or without it the path holds one complete file.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

fn describe(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::StorageFull => "no space left on the device".to_owned(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotFound => "the folder does not exist".to_owned(),
        ErrorKind::NotADirectory => "a part of the path is a file, not a folder".to_owned(),
        ErrorKind::IsADirectory => "this is a folder".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => cause.to_string(),
    }
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space or choose another place"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write to"
        }
        ErrorKind::NotFound => "create it first",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename => {
            "choose another path"
        }
        _ => "nothing was changed",
    }
}
