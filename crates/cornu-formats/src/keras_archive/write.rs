use super::read::check_asset_name;
use super::{ASSETS, ArchiveError, CONFIG, KerasArchive, METADATA, Problem, WEIGHTS};
use crate::h5::write_h5;
use crate::safe_write::write_file_safely;
use serde_json::Value;
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// Writes a `.keras` file that Keras 3 loads, by [`write_file_safely`].
///
/// Members are stored without compression and without a date: equal archives give equal files.
///
/// # Errors
///
/// [`ArchiveError::Make`] if the weights or the names of assets cannot be written,
/// [`ArchiveError::Write`] if the file cannot.
pub fn write_keras(path: &Path, archive: &KerasArchive) -> Result<(), ArchiveError> {
    Ok(write_file_safely(path, &keras_bytes(archive)?)?)
}

/// The bytes of a `.keras` file.
///
/// # Errors
///
/// [`ArchiveError::Make`], as for [`write_keras`].
pub fn keras_bytes(archive: &KerasArchive) -> Result<Vec<u8>, ArchiveError> {
    zip_members(archive).map_err(|problem| ArchiveError::Make { problem })
}

fn zip_members(archive: &KerasArchive) -> Result<Vec<u8>, Problem> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    if archive.metadata != Value::Null {
        add(&mut zip, METADATA, archive.metadata.to_string().as_bytes())?;
    }
    add(&mut zip, CONFIG, archive.config.to_string().as_bytes())?;
    add(&mut zip, WEIGHTS, &write_h5(&archive.weights)?)?;
    for (name, bytes) in &archive.assets {
        check_asset_name(name)?;
        add(&mut zip, &format!("{ASSETS}{name}"), bytes)?;
    }
    Ok(zip.finish().map_err(|error| refused(&error))?.into_inner())
}

fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> Result<(), Problem> {
    // All that could depend on the time or the system is fixed.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o600)
        .large_file(u64::from(u32::MAX) <= bytes.len() as u64);
    zip.start_file(name, options).map_err(|error| refused(&error))?;
    zip.write_all(bytes).map_err(|error| refused(&error))
}

fn refused(error: &dyn std::fmt::Display) -> Problem {
    Problem::Zip { cause: error.to_string() }
}
