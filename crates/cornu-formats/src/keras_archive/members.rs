use super::Problem;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The named members of a zip file or of a folder.
pub(super) trait Members {
    /// All names, `/` between folders.
    fn names(&self) -> Result<Vec<String>, Problem>;

    /// The bytes of a member of at most `limit` bytes; `None` if there is none of that name.
    fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem>;
}

impl<R: Read + Seek> Members for ZipArchive<R> {
    fn names(&self) -> Result<Vec<String>, Problem> {
        let names = self.file_names().map(|name| {
            name.map(|name| name.into_owned())
                .map_err(|error| Problem::NotZip { cause: error.to_string() })
        });
        names.collect()
    }

    fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem> {
        let damaged = |cause: String| Problem::Damaged { member: name.to_owned(), cause };
        let Some(index) = self.index_for_name(name) else {
            return Ok(None);
        };
        let member = self.by_index(index).map_err(|error| damaged(error.to_string()))?;
        let declared = member.size();
        if limit < declared {
            return Err(Problem::TooLarge { member: name.to_owned(), limit });
        }
        read_at_most(member, declared, name).map(Some)
    }
}

/// A `.keras` folder, as Keras writes it with `zipped=False`.
pub(super) struct Folder(pub(super) PathBuf);

impl Members for Folder {
    fn names(&self) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        list_files(&self.0, "", 0, &mut names).map_err(|cause| Problem::Io { cause })?;
        Ok(names)
    }

    fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem> {
        let file = match File::open(self.0.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Problem::Io { cause }),
        };
        let size = file.metadata().map_err(|cause| Problem::Io { cause })?.len();
        if limit < size {
            return Err(Problem::TooLarge { member: name.to_owned(), limit });
        }
        read_at_most(file, size, name).map(Some)
    }
}

/// Reads exactly `size` bytes. Memory grows with what is there, not with what is declared.
fn read_at_most(source: impl Read, size: u64, member: &str) -> Result<Vec<u8>, Problem> {
    let damaged = |cause: String| Problem::Damaged { member: member.to_owned(), cause };
    let mut bytes = Vec::new();
    // One byte more than there may be: reading up to the end also checks the checksum.
    let mut source = source.take(size.saturating_add(1));
    source.read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    if bytes.len() as u64 != size {
        return Err(damaged(format!("it has not the {size} bytes it should have")));
    }
    Ok(bytes)
}

/// Files below a folder in alphabetical order, to a depth that no assets need.
fn list_files(
    folder: &Path,
    above: &str,
    depth: usize,
    names: &mut Vec<String>,
) -> std::io::Result<()> {
    if 16 < depth {
        return Err(std::io::Error::other("folders are nested deeper than 16 levels"));
    }
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list_files(&entry.path(), &format!("{name}/"), depth + 1, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}
