//! Safetensors: named arrays behind a header of JSON.
//!
//! A file is the length of the header (8 bytes, little endian), the header
//! `{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}`, and the data, without
//! gaps, row by row. Source: the format's specification,
//! <https://github.com/huggingface/safetensors>.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::h5::{Data, Dataset};

/// The header may have so many bytes (32 MiB), room for far more arrays than any model has.
pub const MAX_HEADER: u64 = 32 << 20;

/// The header begins at a multiple of this from the data's point of view: others may map the file.
const ALIGNMENT: usize = 8;

/// The arrays and notes of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Safetensors {
    /// Arrays by name.
    pub tensors: BTreeMap<String, Dataset>,
    /// Texts by name (`__metadata__`).
    pub metadata: BTreeMap<String, String>,
}

/// What is wrong with a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SafetensorsError {
    /// There is no whole header.
    #[error("this is not a complete safetensors file: {cause}; get the file again")]
    Damaged {
        /// What does not fit.
        cause: String,
    },
    /// An array's entry contradicts itself, the file or another entry.
    #[error("tensor `{name}`: {cause}")]
    Tensor {
        /// The array.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// To write: elements do not fill the dimensions.
    #[error("tensor `{name}` of shape {dims:?} has {got} elements")]
    WrongLength {
        /// The array.
        name: String,
        /// Its dimensions.
        dims: Vec<usize>,
        /// Elements given.
        got: usize,
    },
}

/// Reads the bytes of a safetensors file: floats of 16 (either kind), 32 and 64 bits, whole numbers
/// and booleans. 16-bit floats become `float32`.
///
/// The file is not trusted: entries must fill the data without overlapping, so that nothing is
/// larger than the file.
///
/// # Errors
///
/// See [`SafetensorsError`].
pub fn read_safetensors(bytes: &[u8]) -> Result<Safetensors, SafetensorsError> {
    let damaged = |cause: String| SafetensorsError::Damaged { cause };
    let length = bytes.first_chunk().map(|first| u64::from_le_bytes(*first));
    let length = length.ok_or_else(|| damaged(format!("it has {} bytes", bytes.len())))?;
    let rest = &bytes[8..];
    if MAX_HEADER < length || (rest.len() as u64) < length {
        let cause = format!("its header should have {length} bytes");
        return Err(damaged(cause));
    }
    let (header, data) = rest.split_at(length as usize);
    let header: Map<String, Value> = serde_json::from_slice(header)
        .map_err(|error| damaged(format!("its header is not JSON: {error}")))?;
    let mut file = Safetensors::default();
    let mut ranges = Vec::new();
    for (name, entry) in header {
        if name == "__metadata__" {
            let notes = entry.as_object().into_iter().flatten();
            let notes = notes.filter_map(|(key, v)| Some((key.clone(), v.as_str()?.to_owned())));
            file.metadata = notes.collect();
            continue;
        }
        let wrong = |cause: String| SafetensorsError::Tensor { name: name.clone(), cause };
        let [start, end] = whole_numbers(&entry["data_offsets"])
            .and_then(|offsets| <[usize; 2]>::try_from(offsets).ok())
            .filter(|[start, end]| start <= end && *end <= data.len())
            .ok_or_else(|| {
                wrong(format!("data_offsets {} are not in the file", entry["data_offsets"]))
            })?;
        let dims = whole_numbers(&entry["shape"])
            .ok_or_else(|| wrong(format!("the shape {} is none", entry["shape"])))?;
        let dtype = entry["dtype"].as_str().unwrap_or_default();
        let width = width(dtype)
            .ok_or_else(|| wrong(format!("the type {} is not supported", entry["dtype"])))?;
        let size = dims.iter().try_fold(width, |size, &dim| size.checked_mul(dim));
        if size != Some(end - start) {
            let cause = format!("shape {dims:?} of {dtype} does not fill {} bytes", end - start);
            return Err(wrong(cause));
        }
        ranges.push((start, end, name.clone()));
        file.tensors.insert(name, Dataset::new(dims, decode(dtype, &data[start..end])));
    }
    ranges.sort();
    let mut at = 0;
    for (start, end, name) in ranges {
        if start != at {
            let cause = format!("its data begin at byte {start}, expected {at}");
            return Err(SafetensorsError::Tensor { name, cause });
        }
        at = end;
    }
    if at != data.len() {
        return Err(damaged(format!("{} bytes belong to no tensor", data.len() - at)));
    }
    Ok(file)
}

/// The bytes of a safetensors file, in the order of the names. Equal contents give equal bytes.
///
/// # Errors
///
/// [`SafetensorsError::WrongLength`].
pub fn write_safetensors(file: &Safetensors) -> Result<Vec<u8>, SafetensorsError> {
    let mut header = Map::new();
    if !file.metadata.is_empty() {
        header.insert("__metadata__".to_owned(), json!(file.metadata));
    }
    let mut data = Vec::new();
    for (name, tensor) in &file.tensors {
        let expected = tensor.dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
        if expected != Some(tensor.data.len()) {
            let (dims, got) = (tensor.dims.clone(), tensor.data.len());
            return Err(SafetensorsError::WrongLength { name: name.clone(), dims, got });
        }
        let start = data.len();
        let dtype = encode(&tensor.data, &mut data);
        header.insert(
            name.clone(),
            json!({"dtype": dtype, "shape": tensor.dims, "data_offsets": [start, data.len()]}),
        );
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut header);
    bytes.append(&mut data);
    Ok(bytes)
}

fn whole_numbers(value: &Value) -> Option<Vec<usize>> {
    let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    value.as_array()?.iter().map(number).collect()
}

fn width(dtype: &str) -> Option<usize> {
    match dtype {
        "BOOL" | "U8" | "I8" => Some(1),
        "F16" | "BF16" | "I16" | "U16" => Some(2),
        "F32" | "I32" | "U32" => Some(4),
        "F64" | "I64" | "U64" => Some(8),
        _ => None,
    }
}

fn decode(dtype: &str, bytes: &[u8]) -> Data {
    macro_rules! numbers {
        ($type:ty) => {
            bytes
                .chunks_exact(size_of::<$type>())
                .map(|chunk| <$type>::from_le_bytes(chunk.try_into().unwrap_or_default()))
                .collect()
        };
    }
    let halves = || -> Vec<u16> { numbers!(u16) };
    match dtype {
        "F16" => Data::F32(halves().into_iter().map(from_half).collect()),
        "BF16" => {
            Data::F32(halves().into_iter().map(|x| f32::from_bits(u32::from(x) << 16)).collect())
        }
        "F32" => Data::F32(numbers!(f32)),
        "F64" => Data::F64(numbers!(f64)),
        "I8" => Data::I8(numbers!(i8)),
        "I16" => Data::I16(numbers!(i16)),
        "I32" => Data::I32(numbers!(i32)),
        "I64" => Data::I64(numbers!(i64)),
        "U16" => Data::U16(numbers!(u16)),
        "U32" => Data::U32(numbers!(u32)),
        "U64" => Data::U64(numbers!(u64)),
        "BOOL" => Data::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
        _ => Data::U8(bytes.to_vec()),
    }
}

/// IEEE 754 half precision: 1 sign, 5 exponent and 10 fraction bits.
fn from_half(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    let bits = match exponent {
        0 => {
            // Zero and what is too small for an exponent of its own: fraction * 2^-24.
            let value = fraction as f32 * f32::from_bits(0x3380_0000);
            return if sign == 0 { value } else { -value };
        }
        0x1f => 0x7f80_0000 | fraction << 13,
        exponent => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | bits)
}

/// Appends the elements; answers the name of their type.
fn encode(data: &Data, bytes: &mut Vec<u8>) -> &'static str {
    macro_rules! append {
        ($elements:expr, $name:literal) => {{
            bytes.extend($elements.iter().flat_map(|element| element.to_le_bytes()));
            $name
        }};
    }
    match data {
        Data::F32(elements) => append!(elements, "F32"),
        Data::F64(elements) => append!(elements, "F64"),
        Data::I8(elements) => append!(elements, "I8"),
        Data::I16(elements) => append!(elements, "I16"),
        Data::I32(elements) => append!(elements, "I32"),
        Data::I64(elements) => append!(elements, "I64"),
        Data::U8(elements) => append!(elements, "U8"),
        Data::U16(elements) => append!(elements, "U16"),
        Data::U32(elements) => append!(elements, "U32"),
        Data::U64(elements) => append!(elements, "U64"),
        Data::Bool(elements) => {
            bytes.extend(elements.iter().map(|&element| u8::from(element)));
            "BOOL"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Safetensors {
        let mut file = Safetensors::default();
        let tensors = [
            (
                "dense/kernel",
                vec![2, 3],
                Data::F32(vec![1.5, -0.0, f32::INFINITY, 2.0, 1e-45, 7.0]),
            ),
            ("dense/bias", vec![3], Data::F64(vec![0.1, 0.2, 0.3])),
            ("count", vec![], Data::I64(vec![-7])),
            ("seed", vec![2], Data::U32(vec![1, u32::MAX])),
            ("mask", vec![3], Data::Bool(vec![true, false, true])),
            ("none", vec![0, 4], Data::F32(vec![])),
            ("small", vec![2], Data::I8(vec![-1, 1])),
        ];
        for (name, dims, data) in tensors {
            file.tensors.insert(name.to_owned(), Dataset::new(dims, data));
        }
        file.metadata.insert("format".to_owned(), "cornu".to_owned());
        file
    }

    #[test]
    fn everything_comes_back() {
        let bytes = write_safetensors(&sample()).unwrap();
        assert_eq!(read_safetensors(&bytes).unwrap(), sample());
        assert_eq!(bytes, write_safetensors(&sample()).unwrap());
        let empty = write_safetensors(&Safetensors::default()).unwrap();
        assert_eq!(read_safetensors(&empty).unwrap(), Safetensors::default());
    }

    #[test]
    fn half_precision_becomes_single() {
        let header = br#"{"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        for half in [0x3c00u16, 0xc000, 0x0001, 0x7c00, 0x3555, 0x8000, 0x3f80, 0xc040] {
            bytes.extend(half.to_le_bytes());
        }
        let file = read_safetensors(&bytes).unwrap();
        let halves = [1.0, -2.0, 5.960_464_5e-8, f32::INFINITY, 0.333_251_95, -0.0];
        assert_eq!(file.tensors["h"].data, Data::F32(halves.to_vec()));
        assert_eq!(file.tensors["b"].data, Data::F32(vec![1.0, -3.0]));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let read = |header: &str, n: usize| {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.resize(bytes.len() + n, 0);
            read_safetensors(&bytes).unwrap_err().to_string()
        };
        let entry = |dtype: &str, shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        for (header, n, text) in [
            (entry("F32", "[2]", "[0,8]"), 4, "are not in the file"),
            (entry("F32", "[2]", "[8,0]"), 8, "are not in the file"),
            (entry("F32", "[2]", "[0,8]"), 9, "1 bytes belong to no tensor"),
            (entry("F32", "[2]", "[4,12]"), 12, "begin at byte 4, expected 0"),
            (entry("F32", "[3]", "[0,8]"), 8, "does not fill 8 bytes"),
            (entry("F32", "[4294967296,4294967296,4294967296]", "[0,8]"), 8, "does not fill"),
            (entry("F32", "[-1]", "[0,8]"), 8, "the shape [-1] is none"),
            (entry("Q4", "[2]", "[0,8]"), 8, "the type \"Q4\" is not supported"),
            ("[]".to_owned(), 0, "not JSON"),
            ("{\"a\":".repeat(100_000), 0, "not JSON"),
        ] {
            let message = read(&header, n);
            assert!(message.contains(text), "{message}");
        }
        let twice = r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#;
        assert!(read(twice, 8).contains("expected 8"));
        let bytes = write_safetensors(&sample()).unwrap();
        for end in 0..bytes.len() {
            assert!(read_safetensors(&bytes[..end]).is_err(), "{end}");
        }
        for length in [u64::MAX, MAX_HEADER + 1, 1 << 40] {
            let mut bytes = bytes.clone();
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            assert!(read_safetensors(&bytes).is_err(), "{length}");
        }
    }
}
