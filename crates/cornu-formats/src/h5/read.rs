use super::tree::natural_order;
use super::{Attribute, Data, Dataset, Group, H5Error, texts};
use crate::unpacked::unpacked_limit;
use hdf5_pure::{AttrValue, DType, Error, File, Layout};
use std::collections::BTreeMap;

/// Groups may be nested so deeply. Keras needs about three levels for each model in a model.
pub const MAX_DEPTH: usize = 100;

/// So many groups and datasets are read.
pub const MAX_OBJECTS: usize = 200_000;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Names and attributes may hold so many times the bytes of the file: paths repeat the names of the
/// groups they lead through.
const MAX_TEXT: u64 = 16;

/// Bytes in memory that a text of a list takes besides its letters.
const TEXT_OVERHEAD: usize = size_of::<String>();

/// Deflate makes nothing more than 1,032 times smaller.
const MAX_COMPRESSION: u64 = 1_032;

/// Reads HDF5 bytes: all groups, datasets and attributes.
///
/// Read are numbers and booleans of any layout and filter that Keras or h5py write by default,
/// old-style groups (superblock 0) as well as new ones. The file is not trusted: there may be at
/// most [`MAX_DEPTH`] levels and [`MAX_OBJECTS`] objects, names and attributes may not hold much more
/// than the bytes can, and datasets may not declare more data than the bytes can hold, which also
/// refuses two datasets that share their bytes; compressed ones unpack to [`unpacked_limit`] at most.
///
/// # Errors
///
/// See [`H5Error`]; every error names the group or dataset.
pub fn read_h5(bytes: impl Into<Vec<u8>>) -> Result<Group, H5Error> {
    let bytes = bytes.into();
    let limit = unpacked_limit(bytes.len() as u64);
    read_h5_within(bytes, limit)
}

/// The same with another limit for all compressed datasets together.
pub(crate) fn read_h5_within(bytes: Vec<u8>, unpacked: u64) -> Result<Group, H5Error> {
    let len = bytes.len();
    if !hdf5_pure::is_hdf5_bytes(&bytes) {
        return Err(H5Error::NotHdf5 { len });
    }
    // Addresses count from the superblock, which may be behind a block of something else.
    let base = bytes.windows(SIGNATURE.len()).position(|window| window == SIGNATURE).unwrap_or(0);
    let claimed = texts::claimed(&bytes, base as u64);
    let file = File::from_bytes(bytes).map_err(|error| damaged("/", &error))?;
    let plain = len as u64;
    let declared = file.superblock().eof_address;
    if plain < declared {
        // Without this, texts in the part that is missing would be left out silently.
        let cause = format!("it has {plain} of its {declared} bytes");
        return Err(H5Error::Damaged { at: "/".to_owned(), cause });
    }
    let width = file.superblock().offset_size;
    if width != 8 {
        // No file of h5py's; `claimed` looks for eight bytes.
        let cause = format!("it has addresses of {width} bytes, expected 8");
        return Err(H5Error::Damaged { at: "/".to_owned(), cause });
    }
    let limit = plain.saturating_mul(MAX_TEXT).min(unpacked);
    if limit < claimed {
        return Err(H5Error::TooMuchText { at: "/".to_owned(), limit });
    }
    let compressed = plain.saturating_mul(MAX_COMPRESSION).min(unpacked);
    let mut reader = Reader { objects: 0, plain, compressed, text: limit, text_limit: limit };
    reader.group(&file.root(), "", 0)
}

/// What may still be read.
struct Reader {
    objects: usize,
    /// Bytes of datasets stored as they are.
    plain: u64,
    /// Bytes of datasets in chunks, which may be compressed.
    compressed: u64,
    /// Bytes of paths and attributes.
    text: u64,
    text_limit: u64,
}

impl Reader {
    fn group(
        &mut self,
        group: &hdf5_pure::Group,
        at: &str,
        depth: usize,
    ) -> Result<Group, H5Error> {
        if MAX_DEPTH < depth {
            return Err(H5Error::TooDeep { at: at.to_owned(), limit: MAX_DEPTH });
        }
        self.count_object(at)?;
        let here = if at.is_empty() { "/" } else { at };
        let attributes = group.attrs().map_err(|error| damaged(here, &error))?;
        let attributes = self.attributes(attributes, here)?;
        let mut read = Group { attributes, ..Group::default() };
        for (name, dataset) in group.iter_datasets().map_err(|error| damaged(here, &error))? {
            let dataset = self.dataset(&dataset, &format!("{at}/{name}"))?;
            read.datasets.push((name, dataset));
        }
        for (name, group) in group.iter_groups().map_err(|error| damaged(here, &error))? {
            let group = self.group(&group, &format!("{at}/{name}"), depth + 1)?;
            read.groups.push((name, group));
        }
        read.datasets.sort_by(|(a, _), (b, _)| natural_order(a, b));
        read.groups.sort_by(|(a, _), (b, _)| natural_order(a, b));
        Ok(read)
    }

    fn dataset(&mut self, dataset: &hdf5_pure::Dataset, at: &str) -> Result<Dataset, H5Error> {
        self.count_object(at)?;
        let fail = |error: Error| damaged(at, &error);
        let dtype = dataset.dtype().map_err(fail)?;
        let dims = dataset.shape().map_err(fail)?;
        self.take_budget(dataset, &dims, at)?;
        let data = match &dtype {
            DType::F32 => Data::F32(dataset.read_f32().map_err(fail)?),
            DType::F64 => Data::F64(dataset.read_f64().map_err(fail)?),
            DType::I8 => Data::I8(dataset.read_i8().map_err(fail)?),
            DType::I16 => Data::I16(dataset.read_i16().map_err(fail)?),
            DType::I32 => Data::I32(dataset.read_i32().map_err(fail)?),
            DType::I64 => Data::I64(dataset.read_i64().map_err(fail)?),
            DType::U8 => Data::U8(dataset.read_u8().map_err(fail)?),
            DType::U16 => Data::U16(dataset.read_u16().map_err(fail)?),
            DType::U32 => Data::U32(dataset.read_u32().map_err(fail)?),
            DType::U64 => Data::U64(dataset.read_u64().map_err(fail)?),
            DType::Enum(names)
                if names == &["FALSE", "TRUE"] && dataset.element_size().map_err(fail)? == 1 =>
            {
                let bytes = dataset.read_raw().map_err(fail)?;
                Data::Bool(bytes.iter().map(|&byte| byte != 0).collect())
            }
            other => {
                let dtype = other.to_string();
                return Err(H5Error::UnsupportedType { at: at.to_owned(), dtype });
            }
        };
        let sizes: Option<Vec<usize>> = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let Some(dims) = sizes.filter(|sizes| sizes.iter().product::<usize>() == data.len()) else {
            let cause = format!("shape {dims:?} holds {} elements", data.len());
            return Err(H5Error::Damaged { at: at.to_owned(), cause });
        };
        let attributes = self.attributes(dataset.attrs().map_err(fail)?, at)?;
        Ok(Dataset { dims, data, attributes })
    }

    fn count_object(&mut self, at: &str) -> Result<(), H5Error> {
        self.objects += 1;
        if MAX_OBJECTS < self.objects {
            return Err(H5Error::TooManyObjects { limit: MAX_OBJECTS });
        }
        self.take_text(at.len(), at)
    }

    /// Refuses what lies at many paths, each with all of its texts.
    fn take_text(&mut self, size: usize, at: &str) -> Result<(), H5Error> {
        let left = self.text.checked_sub(size as u64);
        self.text = left.ok_or_else(|| {
            // Where everything is linked many times, paths are as long as they can be.
            let at = at.chars().take(100).collect();
            H5Error::TooMuchText { at, limit: self.text_limit }
        })?;
        Ok(())
    }

    fn attributes(
        &mut self,
        values: impl IntoIterator<Item = (String, AttrValue)>,
        at: &str,
    ) -> Result<BTreeMap<String, Attribute>, H5Error> {
        let attributes = read_attributes(values, at)?;
        let size = |(name, attribute): (&String, &Attribute)| {
            name.len()
                + match attribute {
                    Attribute::Text(text) => text.len(),
                    Attribute::Texts(texts) => texts.iter().map(|t| t.len() + TEXT_OVERHEAD).sum(),
                    Attribute::Int(_) | Attribute::Float(_) => 1,
                    Attribute::Ints(values) => values.len(),
                    Attribute::Floats(values) => values.len(),
                }
        };
        let sizes: usize = attributes.iter().map(size).sum();
        self.take_text(sizes, at)?;
        Ok(attributes)
    }

    /// Refuses a dataset that would decode to more than the file can hold, before it is read.
    fn take_budget(
        &mut self,
        dataset: &hdf5_pure::Dataset,
        dims: &[u64],
        at: &str,
    ) -> Result<(), H5Error> {
        let fail = |error: Error| damaged(at, &error);
        let element = dataset.element_size().map_err(fail)?;
        let budget = match dataset.layout().map_err(fail)? {
            Layout::Compact { .. } | Layout::Contiguous { .. } => &mut self.plain,
            Layout::Chunked { .. } => &mut self.compressed,
            // Such as a virtual dataset, whose data are in other files.
            other => {
                let dtype = format!("an unknown layout, {other:?}");
                return Err(H5Error::UnsupportedType { at: at.to_owned(), dtype });
            }
        };
        let size = dims.iter().try_fold(element, |size, &dim| size.checked_mul(dim));
        match size.and_then(|size| budget.checked_sub(size)) {
            Some(left) => *budget = left,
            None => return Err(H5Error::TooLarge { at: at.to_owned(), dims: dims.to_vec() }),
        }
        Ok(())
    }
}

fn read_attributes(
    values: impl IntoIterator<Item = (String, AttrValue)>,
    at: &str,
) -> Result<BTreeMap<String, Attribute>, H5Error> {
    let read = |(name, value): (String, AttrValue)| match read_attribute(&value) {
        Some(attribute) => Ok((name, attribute)),
        None => {
            let cause = format!("attribute {name:?} has the type {}", value.type_name());
            Err(H5Error::Damaged { at: at.to_owned(), cause })
        }
    };
    values.into_iter().map(read).collect()
}

fn read_attribute(value: &AttrValue) -> Option<Attribute> {
    // `as_str` and its kin also take lists of one; whether it is a list must not get lost.
    Some(match value {
        AttrValue::StringArray(_)
        | AttrValue::StringArraySized { .. }
        | AttrValue::AsciiStringArray(_)
        | AttrValue::AsciiStringArraySized { .. }
        | AttrValue::VarLenAsciiCharArray(_)
        | AttrValue::VarLenStringArray(_)
        | AttrValue::VarLenAsciiStringArray(_) => Attribute::Texts(value.as_strings()?.to_vec()),
        AttrValue::F32(_) | AttrValue::F64(_) => Attribute::Float(value.as_f64()?),
        AttrValue::F32Array(_) | AttrValue::F64Array(_) => Attribute::Floats(value.to_f64s()?),
        AttrValue::I8(_)
        | AttrValue::I16(_)
        | AttrValue::I32(_)
        | AttrValue::I64(_)
        | AttrValue::U8(_)
        | AttrValue::U16(_)
        | AttrValue::U32(_)
        | AttrValue::U64(_) => Attribute::Int(value.as_i64()?),
        other => match other.as_str() {
            Some(text) => Attribute::Text(text.to_owned()),
            None => Attribute::Ints(other.to_i64s()?),
        },
    })
}

fn damaged(at: &str, error: &Error) -> H5Error {
    H5Error::Damaged { at: at.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_unpacks_to_the_limit_at_most() {
        let mut file = hdf5_pure::FileBuilder::new();
        for name in ["a", "b"] {
            let dataset = file.create_dataset(name);
            dataset.with_u8_data(&[0; 1 << 20]).with_shape(&[1 << 20]);
            dataset.with_chunks(&[1 << 16]).with_deflate(6);
        }
        let bytes = file.finish().unwrap();
        assert!(bytes.len() < 1 << 16);
        // Both together are what counts.
        for (limit, fits) in [(1 << 19, false), ((1 << 21) - 1, false), (1 << 21, true)] {
            match read_h5_within(bytes.clone(), limit) {
                Ok(tree) => assert!(fits && tree.datasets.len() == 2, "{limit}"),
                Err(error) => {
                    assert!(!fits && matches!(error, H5Error::TooLarge { .. }), "{limit}: {error}");
                }
            }
        }
        assert!(read_h5(bytes).is_ok());
    }
}
