use super::members::{Folder, Members};
use super::{ASSETS, ArchiveError, CONFIG, KerasArchive, METADATA, Problem, WEIGHTS};
use crate::h5::read_h5_within;
use crate::unpacked::unpacked_limit;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// `metadata.json` and `config.json` may have so many bytes (16 MiB, more than ten thousand layers).
/// Read, they take up to forty times the memory.
pub const MAX_JSON: u64 = 16 << 20;

/// Reads a `.keras` file, or a folder that Keras wrote with `zipped=False`.
///
/// Compressed archives are read too: all members together unpack to [`unpacked_limit`] at most, and so do
/// compressed arrays in them. Keras stores without compression. See [`MAX_JSON`] and
/// [`read_h5`](crate::read_h5) for the other limits.
///
/// # Errors
///
/// [`ArchiveError::Read`] names the file, the member and what to do.
pub fn read_keras(path: &Path) -> Result<KerasArchive, ArchiveError> {
    let read = || {
        let io = |cause| Problem::Io { cause };
        if fs::metadata(path).map_err(io)?.is_dir() {
            if !path.join(CONFIG).is_file() {
                return Err(Problem::Folder);
            }
            return read_members(&mut Folder(path.to_owned()), u64::MAX);
        }
        read_zip(BufReader::new(File::open(path).map_err(io)?))
    };
    read().map_err(|problem| ArchiveError::Read { file: path.display().to_string(), problem })
}

/// Reads the bytes of a `.keras` file; `name` is what errors call them.
///
/// # Errors
///
/// As for [`read_keras`].
pub fn read_keras_bytes(name: &str, bytes: &[u8]) -> Result<KerasArchive, ArchiveError> {
    read_zip(Cursor::new(bytes))
        .map_err(|problem| ArchiveError::Read { file: name.to_owned(), problem })
}

fn read_zip(mut source: impl Read + Seek) -> Result<KerasArchive, Problem> {
    let io = |cause| Problem::Io { cause };
    let mut start = Vec::new();
    source.by_ref().take(8).read_to_end(&mut start).map_err(io)?;
    source.seek(SeekFrom::Start(0)).map_err(io)?;
    if start.is_empty() {
        return Err(Problem::Empty);
    }
    if hdf5_pure::is_hdf5_bytes(&start) {
        return Err(Problem::Hdf5);
    }
    let len = source.seek(SeekFrom::End(0)).map_err(io)?;
    source.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut zip =
        ZipArchive::new(source).map_err(|error| Problem::NotZip { cause: error.to_string() })?;
    read_members(&mut zip, unpacked_limit(len))
}

/// Reads all members; together they may have `limit` bytes.
fn read_members(members: &mut impl Members, limit: u64) -> Result<KerasArchive, Problem> {
    let mut left = limit;
    let names = members.names()?;
    let missing = |member| Problem::MissingMember { member, present: list(&names) };
    let metadata = read_json(members, METADATA)?.unwrap_or(Value::Null);
    let config = read_json(members, CONFIG)?.ok_or_else(|| missing(CONFIG))?;
    let weights = match members.read(WEIGHTS, left)? {
        Some(bytes) => {
            let len = bytes.len() as u64;
            left -= len;
            // An archive's limit is for what it unpacks to at both levels.
            read_h5_within(bytes, limit.min(unpacked_limit(len)))?
        }
        None => {
            let other = names.iter().find(|name| name.starts_with("model.weights"));
            return Err(match other {
                Some(other) => Problem::OtherWeights { member: other.clone() },
                None => missing(WEIGHTS),
            });
        }
    };
    let mut assets = BTreeMap::new();
    for member in &names {
        let Some(name) = member.strip_prefix(ASSETS) else { continue };
        if name.is_empty() || name.ends_with('/') {
            continue; // the entry of a folder
        }
        check_asset_name(name)?;
        if let Some(bytes) = members.read(member, left)? {
            left -= bytes.len() as u64;
            assets.insert(name.to_owned(), bytes);
        }
    }
    Ok(KerasArchive { metadata, config, weights, assets })
}

fn read_json(members: &mut impl Members, member: &'static str) -> Result<Option<Value>, Problem> {
    let Some(bytes) = members.read(member, MAX_JSON)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Problem::Json { member, cause: error.to_string() })
}

/// Assets may be written to a folder later: their names must not lead out of it.
pub(super) fn check_asset_name(name: &str) -> Result<(), Problem> {
    let outside = |part: &str| part.is_empty() || part == "." || part == "..";
    if name.contains(['\\', ':', '\0']) || name.split('/').any(outside) {
        return Err(Problem::AssetName { name: name.to_owned() });
    }
    Ok(())
}

/// The first few names, for a message.
fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let more = if 8 < names.len() { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(8)].join(", "))
}
