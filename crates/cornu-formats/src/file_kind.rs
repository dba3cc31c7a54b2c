//! Which format a file has, by its first bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The formats of model files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A `.keras` archive, or the folder of an unzipped one.
    KerasArchive,
    /// HDF5: a whole model, or weights.
    Hdf5,
    /// Weights by name.
    Safetensors,
    /// A configuration.
    Json,
}

/// HDF5 files may have a block of something else in front, of 512 bytes or a power of 2 more.
const MAX_USER_BLOCK: u64 = 1 << 20;

impl FileKind {
    /// The format of the file or folder at `path`. A file of none of the formats counts as a
    /// `.keras` archive, whose reader says what is wrong with it.
    ///
    /// # Errors
    ///
    /// Why the file cannot be opened or read, and the name of a format that is not read: weights
    /// in several parts.
    pub fn of(path: &Path) -> Result<Self, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.ends_with(".weights.json") {
            return Err("weights in several parts (.weights.json) are not supported; save them \
                        with Keras in one .weights.h5 file"
                .to_owned());
        }
        let io = |error: std::io::Error| format!("{error}; check the path and its permissions");
        if std::fs::metadata(path).map_err(io)?.is_dir() {
            return Ok(Self::KerasArchive);
        }
        let mut file = File::open(path).map_err(io)?;
        let mut start = [0; 16];
        let n = read_up_to(&mut file, &mut start).map_err(io)?;
        let start = &start[..n];
        if start.starts_with(b"PK") {
            return Ok(Self::KerasArchive);
        }
        let mut offset = 512;
        let mut is_hdf5 = start.starts_with(HDF5);
        let length = file.seek(SeekFrom::End(0)).map_err(io)?;
        while !is_hdf5 && offset <= MAX_USER_BLOCK && offset < length {
            file.seek(SeekFrom::Start(offset)).map_err(io)?;
            let mut signature = [0; 8];
            read_up_to(&mut file, &mut signature).map_err(io)?;
            is_hdf5 = signature == HDF5;
            offset *= 2;
        }
        if is_hdf5 {
            return Ok(Self::Hdf5);
        }
        // The length of the header, then the header, which is JSON.
        if name.ends_with(".safetensors") || (8 < n && start[8] == b'{' && start[7] == 0) {
            return Ok(Self::Safetensors);
        }
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') || name.ends_with(".json") {
            return Ok(Self::Json);
        }
        Ok(Self::KerasArchive)
    }
}

const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Fills `bytes` as far as the file goes.
fn read_up_to(file: &mut File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < bytes.len() {
        match file.read(&mut bytes[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
