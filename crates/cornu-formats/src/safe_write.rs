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

impl WriteError {
    /// The message without the path, for whoever has named it already.
    pub fn without_path(&self) -> String {
        format!("cannot write the file: {}; {}", describe(&self.cause), advice(&self.cause))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.keras");
        write_file_safely(&path, b"first, and longer").unwrap();
        write_file_safely(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        write_file_safely(&path, b"").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(names_in(folder.path()), ["model.keras"]);
    }

    #[test]
    fn when_writing_fails_half_way_the_old_file_stays_and_the_new_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.keras");
        fs::write(&path, b"old").unwrap();
        let full = |file: &mut File| {
            file.write_all(b"half of the")?;
            Err(ErrorKind::StorageFull.into())
        };
        let cause = replace(&path, full).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["model.keras"]);
        let message = WriteError { path, cause }.to_string();
        assert!(
            message.ends_with(
                "model.keras: no space left on the device; free some space or choose another place"
            ),
            "{message}"
        );
    }

    #[test]
    fn paths_that_cannot_be_written_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"kept").unwrap();
        for (path, text) in [
            (folder.path().join("no/such/model.keras"), "the folder does not exist; create it"),
            (file.join("model.keras"), "a part of the path is a file, not a folder"),
            (folder.path().to_owned(), "this is a folder; choose another path"),
            (folder.path().join("a".repeat(300)), "choose another path"),
        ] {
            let message = write_file_safely(&path, b"new").unwrap_err().to_string();
            assert!(message.contains(text), "{message}");
            assert!(
                message.starts_with(&format!("cannot write {}: ", path.display())),
                "{message}"
            );
        }
        assert_eq!(names_in(folder.path()), ["file"]);
        assert_eq!(fs::read(&file).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, b"old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("target", &link).unwrap();
        write_file_safely(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    }

    /// Needs the right to mount; elsewhere it says so and ends.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_keeps_the_old_file() {
        use std::process::Command;
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .output();
        if !mount.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: may not mount a small file system");
            return;
        }
        let path = folder.path().join("model.keras");
        let result = fs::write(&path, b"old").map(|()| write_file_safely(&path, &[1; 100_000]));
        let (kept, names) = (fs::read(&path), names_in(folder.path()));
        let unmounted = Command::new("umount").arg(folder.path()).status();
        let message = result.unwrap().unwrap_err().to_string();
        assert!(message.contains("no space left on the device"), "{message}");
        assert_eq!(kept.unwrap(), b"old");
        assert_eq!(names, ["model.keras"]);
        assert!(unmounted.unwrap().success());
    }
}
