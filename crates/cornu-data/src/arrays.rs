use crate::DataError;
use cornu_tensor::{Tensor, row_major_strides};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Larger arrays (counted as `f32`) are not read.
pub const MAX_NPY_BYTES: u64 = 4 << 30;

/// NumPy's headers are far below this.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// NumPy's own limit is 64.
const MAX_AXES: usize = 64;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Reads a `.npy` file as `f32`, row-major.
///
/// Element types `f4`, `f8`, `u1`, `u2`, `i4`, `i8` and `b1`, either byte order, C or Fortran order,
/// format versions 1 to 3. Numbers that `f32` cannot hold are rounded to nearest; booleans are 0
/// and 1. Read by hand, a page of code: a file may claim any shape, and nothing is computed or
/// allocated from it before it is checked.
///
/// Source: `numpy/lib/_format_impl.py`, "Format Version 1.0" and following.
///
/// # Errors
///
/// If the file cannot be read, is no `.npy` file, has another element type, is shorter or longer
/// than its shape says, or larger than [`MAX_NPY_BYTES`].
pub fn read_npy(path: &Path) -> Result<Tensor, DataError> {
    let bad = |problem: String| DataError::Npy { path: path.to_owned(), problem };
    let io = |source| DataError::Io { path: path.to_owned(), doing: "read the array", source };

    // Opening a pipe would wait for someone who writes into it.
    if !path.metadata().map_err(io)?.is_file() {
        return Err(io(std::io::Error::other("it is no regular file; give a .npy file")));
    }
    let mut file = File::open(path).map_err(io)?;
    let text = read_header(&mut file).map_err(io)?.map_err(bad)?;
    let header = Header::parse(&text).map_err(bad)?;
    let n = header.n_elements().map_err(bad)?;
    let (element, swapped) = Element::of(&header.descr).map_err(bad)?;

    let expected = n * element.size();
    let mut bytes = Vec::new();
    file.take(expected as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() != expected {
        let got = if expected < bytes.len() { "more".to_owned() } else { bytes.len().to_string() };
        return Err(bad(format!(
            "shape {:?} of `{}` needs {expected} bytes, but there are {got}; save it again",
            header.shape, header.descr
        )));
    }
    let data = element.to_f32(&bytes, swapped);
    let data = if header.fortran_order { row_major(&data, &header.shape) } else { data };
    Tensor::new(header.shape, data).map_err(|error| bad(error.to_string()))
}

/// Writes `array` as a `.npy` file of `f32`, C order.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_npy(path: &Path, array: &Tensor) -> Result<(), DataError> {
    let sizes: String = array.dims().iter().map(|size| format!("{size},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    // The data begin at a multiple of 64 bytes; the header ends with a line break.
    while !(MAGIC.len() + 4 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');

    let mut bytes = Vec::with_capacity(256 + 4 * array.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(array.data().iter().flat_map(|x| x.to_le_bytes()));
    fs::write(path, bytes).map_err(|source| DataError::Io {
        path: path.to_owned(),
        doing: "write the array",
        source,
    })
}

/// The text between the file's start and its data.
fn read_header(file: &mut File) -> io::Result<Result<String, String>> {
    let no_npy = "not a .npy file: it does not begin as one; save it with numpy.save";
    let mut start = Vec::new();
    file.take(8).read_to_end(&mut start)?;
    if start.len() < 8 || !start.starts_with(MAGIC) {
        return Ok(Err(no_npy.to_owned()));
    }
    let version = start[6];
    if !(1..=3).contains(&version) {
        return Ok(Err(format!("version {version} of the format is not known, only 1 to 3")));
    }
    let mut length = Vec::new();
    file.take(if version == 1 { 2 } else { 4 }).read_to_end(&mut length)?;
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    if MAX_HEADER_BYTES < length {
        return Ok(Err(format!("a header of {length} bytes is too long; the file is corrupt")));
    }
    let mut text = Vec::new();
    file.take(length as u64).read_to_end(&mut text)?;
    if text.len() < length {
        return Ok(Err("not a .npy file: it ends within its header; save it again".to_owned()));
    }
    Ok(String::from_utf8(text).map_err(|_| no_npy.to_owned()))
}

/// What the header, a Python dictionary, says.
#[derive(Debug, PartialEq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, String> {
        let after = |key: &str| {
            let (_, rest) = text
                .split_once(&format!("'{key}':"))
                .ok_or_else(|| format!("the header has no `{key}`; save it with numpy.save"))?;
            Ok::<&str, String>(rest.trim_start())
        };
        let descr = after("descr")?;
        let descr = descr
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''))
            .map(|(name, _)| name)
            .ok_or("elements with fields are not read; save one field with numpy.save")?;
        let order = after("fortran_order")?;
        let fortran_order = order.starts_with("True");
        if !fortran_order && !order.starts_with("False") {
            return Err("`fortran_order` is neither True nor False; save it again".to_owned());
        }
        let sizes = after("shape")?
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(sizes, _)| sizes.trim().trim_end_matches(','))
            .ok_or("`shape` is no list of sizes; save it again")?;
        let size = |text: &str| {
            let text = text.trim();
            text.parse().map_err(|_| format!("`{text}` is no size of an axis; save it again"))
        };
        let shape = if sizes.is_empty() {
            Vec::new()
        } else {
            sizes.split(',').map(size).collect::<Result<Vec<usize>, _>>()?
        };
        Ok(Self { descr: descr.to_owned(), fortran_order, shape })
    }

    fn n_elements(&self) -> Result<usize, String> {
        let shape = &self.shape;
        if MAX_AXES < shape.len() {
            return Err(format!("{} axes are too many, at most {MAX_AXES}", shape.len()));
        }
        // Zeros do not excuse the other axes: their products must not overflow either.
        let n = shape.iter().try_fold(1u64, |n, &size| n.checked_mul(size.max(1) as u64));
        match n {
            Some(n) if n <= MAX_NPY_BYTES / 4 => Ok(shape.iter().product()),
            _ => {
                Err(format!("shape {shape:?} is more than {} GiB; save parts", MAX_NPY_BYTES >> 30))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Element {
    F32,
    F64,
    U8,
    U16,
    I32,
    I64,
    Bool,
}

impl Element {
    /// The type that `descr` names, and whether its bytes come highest first.
    fn of(descr: &str) -> Result<(Self, bool), String> {
        let (order, name) = descr.split_at_checked(1).unwrap_or(("", descr));
        let element = match name {
            "f4" => Self::F32,
            "f8" => Self::F64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "b1" => Self::Bool,
            _ => {
                return Err(format!(
                    "elements of type `{descr}` are not read; save array.astype(\"float32\")"
                ));
            }
        };
        match order {
            "<" | "|" => Ok((element, false)),
            ">" => Ok((element, true)),
            _ => Err(format!("`{descr}` has no known byte order; save it again")),
        }
    }

    fn size(self) -> usize {
        match self {
            Self::U8 | Self::Bool => 1,
            Self::U16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn to_f32(self, bytes: &[u8], swapped: bool) -> Vec<f32> {
        match self {
            Self::F32 => each(bytes, swapped, f32::from_le_bytes),
            Self::F64 => each(bytes, swapped, |x| f64::from_le_bytes(x) as f32),
            Self::U8 => each(bytes, swapped, |[x]| f32::from(x)),
            Self::U16 => each(bytes, swapped, |x| f32::from(u16::from_le_bytes(x))),
            Self::I32 => each(bytes, swapped, |x| i32::from_le_bytes(x) as f32),
            Self::I64 => each(bytes, swapped, |x| i64::from_le_bytes(x) as f32),
            Self::Bool => each(bytes, swapped, |[x]| f32::from(u8::from(x != 0))),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], swapped: bool, f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (elements, _) = bytes.as_chunks::<N>();
    let in_order = |&element: &[u8; N]| {
        let mut element = element;
        if swapped {
            element.reverse();
        }
        f(element)
    };
    elements.iter().map(in_order).collect()
}

/// Elements with the first axis contiguous, put in row-major order.
fn row_major(data: &[f32], dims: &[usize]) -> Vec<f32> {
    let strides = row_major_strides(dims);
    let from = |i: usize| {
        let (mut at, mut step) = (0, 1);
        for (&stride, &size) in strides.iter().zip(dims) {
            at += i / stride % size * step;
            step *= size;
        }
        data[at]
    };
    (0..data.len()).map(from).collect()
}
