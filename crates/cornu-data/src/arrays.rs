use crate::DataError;
use cornu_tensor::{Tensor, row_major_strides};
use npyz::{Deserialize, NpyFile, Order, WriterBuilder};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;

/// Larger arrays (counted as `f32`) are not read.
pub const MAX_NPY_BYTES: u64 = 4 << 30;

/// NumPy pads headers to 64 bytes; real ones are far below this.
const MAX_HEADER_BYTES: u32 = 1 << 16;

/// Reads a `.npy` file as `f32`, row-major.
///
/// Element types `f4`, `f8`, `u1`, `u2`, `i4`, `i8` and `b1`, either byte order, C or Fortran order.
/// Numbers that `f32` cannot hold are rounded to nearest; booleans are 0 and 1.
///
/// # Errors
///
/// If the file cannot be read, is no `.npy` file, has another element type, is shorter or longer
/// than its shape says, or larger than [`MAX_NPY_BYTES`].
pub fn read_npy(path: &Path) -> Result<Tensor, DataError> {
    let bad = |problem: String| DataError::Npy { path: path.to_owned(), problem };
    let io = |source| DataError::Io { path: path.to_owned(), doing: "read the array", source };

    let mut file = File::open(path).map_err(io)?;
    check_start(&mut file).map_err(io)?.map_err(bad)?;
    let file_bytes = file.metadata().map_err(io)?.len();

    let npy = NpyFile::new(BufReader::new(file))
        .map_err(|error| bad(format!("not a .npy file: {error}; save it with numpy.save")))?;
    let header = npy.header().clone();
    let shape = header.shape().to_vec();
    let n = shape
        .iter()
        .try_fold(1u64, |n, &size| n.checked_mul(size))
        .filter(|n| n.checked_mul(4).is_some_and(|bytes| bytes <= MAX_NPY_BYTES))
        .ok_or_else(|| {
            bad(format!("shape {shape:?} is more than {} GiB; save parts", MAX_NPY_BYTES >> 30))
        })?;
    let dtype = header.dtype();
    let expected = dtype.num_bytes().map(|size| n * size as u64);
    let mut reader = npy.into_inner();
    let begin = reader.stream_position().map_err(io)?;
    if let Some(expected) = expected
        && begin + expected != file_bytes
    {
        return Err(bad(format!(
            "shape {shape:?} of {} needs {expected} bytes, but there are {}; save it again",
            dtype.descr(),
            file_bytes.saturating_sub(begin)
        )));
    }

    let npy = NpyFile::with_header(header, reader);
    let order = npy.order();
    let data = read_numbers(npy).map_err(io)?.map_err(bad)?;
    let dims: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    let data = if order == Order::Fortran { row_major(&data, &dims) } else { data };
    Tensor::new(dims, data).map_err(|error| bad(error.to_string()))
}

/// Headers say how long they are; the reader would take that much memory at once.
fn check_start(file: &mut File) -> io::Result<Result<(), String>> {
    let mut start = Vec::new();
    file.take(12).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, a, b, c, d] = start[..] else {
        return Ok(
            Err("not a .npy file: it does not begin as one; save it with numpy.save".into()),
        );
    };
    let header = if version == 1 { [a, b, 0, 0] } else { [a, b, c, d] };
    let header = u32::from_le_bytes(header);
    if MAX_HEADER_BYTES < header {
        return Ok(Err(format!("a header of {header} bytes is too long; the file is corrupt")));
    }
    Ok(Ok(()))
}

fn read_numbers(npy: NpyFile<BufReader<File>>) -> io::Result<Result<Vec<f32>, String>> {
    fn all<T: Deserialize>(
        numbers: npyz::NpyReader<T, BufReader<File>>,
        to_f32: impl Fn(T) -> f32,
    ) -> io::Result<Result<Vec<f32>, String>> {
        numbers.map(|x| x.map(&to_f32)).collect::<io::Result<Vec<f32>>>().map(Ok)
    }
    let npy = match npy.try_data::<f32>() {
        Ok(numbers) => return all(numbers, |x| x),
        Err(npy) => npy,
    };
    let npy = match npy.try_data::<f64>() {
        Ok(numbers) => return all(numbers, |x| x as f32),
        Err(npy) => npy,
    };
    let npy = match npy.try_data::<u8>() {
        Ok(numbers) => return all(numbers, f32::from),
        Err(npy) => npy,
    };
    let npy = match npy.try_data::<u16>() {
        Ok(numbers) => return all(numbers, f32::from),
        Err(npy) => npy,
    };
    let npy = match npy.try_data::<i32>() {
        Ok(numbers) => return all(numbers, |x| x as f32),
        Err(npy) => npy,
    };
    let npy = match npy.try_data::<i64>() {
        Ok(numbers) => return all(numbers, |x| x as f32),
        Err(npy) => npy,
    };
    match npy.try_data::<bool>() {
        Ok(numbers) => all(numbers, |x| f32::from(u8::from(x))),
        Err(npy) => Ok(Err(format!(
            "elements of type {} are not read; save array.astype(\"float32\")",
            npy.dtype().descr()
        ))),
    }
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

/// Writes `array` as a `.npy` file of `f32`, C order.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_npy(path: &Path, array: &Tensor) -> Result<(), DataError> {
    let write = || -> io::Result<()> {
        let shape: Vec<u64> = array.dims().iter().map(|&size| size as u64).collect();
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(BufWriter::new(File::create(path)?))
            .begin_nd()?;
        writer.extend(array.data().iter().copied())?;
        writer.finish()
    };
    write().map_err(|source| DataError::Io {
        path: path.to_owned(),
        doing: "write the array",
        source,
    })
}
