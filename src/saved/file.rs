//! The file of a saved model: safetensors, which many programs read, with what the lab has to know of it as JSON
//! in the header.
//!
//! ```text
//! length of the header (u64) | header (JSON): __metadata__ and each array's type, shape and place | arrays
//! ```
//!
//! `__metadata__` has one entry, `musicrec_lab`, whose text is JSON: `about` (see [`About`]) and `checksum` (XXH64, in
//! hexadecimal digits, of `about` and all arrays), for a changed number would otherwise be a number like any other.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use musicrec_api::{Numbers, Tensor, Tensors};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Value, json};
use twox_hash::XxHash64;

use super::About;
use crate::cache::bytes::Number;
use crate::exit::Failure;
use crate::records::temporary_beside;

/// Raised when a program of before cannot read what this one writes.
pub(super) const FORMAT: u32 = 1;
/// The entry of the header that is the lab's.
const ENTRY: &str = "musicrec_lab";
/// The length of the header's length.
const LENGTH: usize = size_of::<u64>();
/// Numbers that are converted at once.
const PIECE: usize = 1 << 16;

/// Writes a model, in one step: under its name it is there whole or not at all.
pub(super) fn write(path: &Path, about: &About, tensors: &Tensors) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::output(path.display(), &error);
    let file = temporary_beside(path).map_err(failed)?;
    let written = fill(file.as_file(), about, tensors).and_then(|()| file.as_file().sync_all());
    written.map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

fn fill(file: &File, about: &About, tensors: &Tensors) -> io::Result<()> {
    let about = serde_json::to_string(about)?;
    let hashes = tensors.iter().map(|(_, tensor)| {
        let mut hash = XxHash64::with_seed(0);
        each_piece(&tensor.numbers, &mut |bytes| {
            hash.write(bytes);
            Ok(())
        })?;
        Ok(hash.finish())
    });
    let hashes: Vec<u64> = hashes.collect::<io::Result<_>>()?;
    let mut all: Vec<(&str, &Tensor)> = tensors.iter().collect();
    let parts = all.iter().zip(&hashes).map(|((name, tensor), hash)| {
        let (dtype, shape) = (dtype(&tensor.numbers), &tensor.shape[..]);
        (*name, dtype, shape, *hash)
    });
    let checksum = checksum(&about, parts);
    // The widest numbers first, as the format wants it: then all are aligned.
    all.sort_by_key(|(name, tensor)| (std::cmp::Reverse(dtype(&tensor.numbers)), *name));
    let mut offset = 0;
    let infos = all.iter().map(|(name, tensor)| {
        let dtype = dtype(&tensor.numbers);
        let begins = offset;
        offset += tensor.numbers.len() * dtype.bitsize() / 8;
        let info = TensorInfo {
            dtype,
            shape: tensor.shape.clone(),
            data_offsets: (begins, offset),
        };
        ((*name).to_owned(), info)
    });
    let about: Value = serde_json::from_str(&about)?;
    let entry = json!({ "about": about, "checksum": checksum }).to_string();
    let entries = HashMap::from([(ENTRY.to_owned(), entry)]);
    let metadata = Metadata::new(Some(entries), infos.collect()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    header.resize(header.len().next_multiple_of(LENGTH), b' ');
    let mut to = BufWriter::with_capacity(1 << 20, file);
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(&header)?;
    for (_, tensor) in all {
        each_piece(&tensor.numbers, &mut |bytes| to.write_all(bytes))?;
    }
    to.flush()
}

/// What is wrong with a file.
#[derive(Debug)]
enum Fault {
    Unreadable(io::Error),
    /// It is something else.
    Foreign(&'static str),
    Newer {
        format: u64,
        version: String,
    },
    /// It was a model once.
    Damaged(String),
}

/// Reads a model. What was read is what was written, to the bit.
pub(super) fn read(path: &Path) -> Result<(About, Tensors<'static>), Failure> {
    taken(path).map_err(|fault| {
        let path = path.display();
        Failure::Data(match fault {
            Fault::Unreadable(error) => format!("cannot read {path}: {error}"),
            Fault::Foreign(what) => format!(
                "{path} is no model that musicrec-lab saved: {what}; `musicrec-lab fit` writes one"
            ),
            Fault::Newer { format, version } => format!(
                "{path} was written by version {version} in format {format}, and this program \
                 reads {FORMAT}: use that version, or fit the model anew with this one"
            ),
            Fault::Damaged(what) => format!(
                "{path} is damaged: {what}; copy it again, or fit the model anew with `musicrec-lab fit`"
            ),
        })
    })
}

fn taken(path: &Path) -> Result<(About, Tensors<'static>), Fault> {
    let file = File::open(path).map_err(Fault::Unreadable)?;
    let size = file.metadata().map_err(Fault::Unreadable)?.len();
    let mut from = BufReader::with_capacity(1 << 20, file);
    let mut length = [0; LENGTH];
    let foreign = "it is no safetensors file";
    from.read_exact(&mut length)
        .map_err(|e| ended(e, Fault::Foreign(foreign)))?;
    let length = u64::from_le_bytes(length);
    let Some(left) = size
        .checked_sub(LENGTH as u64)
        .and_then(|left| left.checked_sub(length))
    else {
        return Err(Fault::Foreign("it is no safetensors file, or cut short"));
    };
    let mut header = vec![0; usize::try_from(length).map_err(|_| Fault::Foreign(foreign))?];
    from.read_exact(&mut header).map_err(Fault::Unreadable)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|_| Fault::Foreign(foreign))?;
    let entry = metadata.metadata().as_ref().and_then(|all| all.get(ENTRY));
    let entry = entry.ok_or(Fault::Foreign("its header has no entry `musicrec_lab`"))?;
    let mut entry: Value = serde_json::from_str(entry)
        .map_err(|error| Fault::Damaged(format!("its header says {error}")))?;
    let about = entry["about"].take();
    if let Some(format) = about["format"].as_u64()
        && format > u64::from(FORMAT)
    {
        let version = about["version"].as_str().unwrap_or("?").to_owned();
        return Err(Fault::Newer { format, version });
    }
    let data = metadata.data_len() as u64;
    if data != left {
        return Err(Fault::Damaged(format!(
            "it holds {left} bytes of numbers and should hold {data}"
        )));
    }
    let mut infos: Vec<(String, TensorInfo)> = metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| (name, info.clone()))
        .collect();
    infos.sort_by_key(|(name, info)| (info.data_offsets, name.clone()));
    let mut tensors = Vec::new();
    for (name, info) in infos {
        let mut hash = XxHash64::with_seed(0);
        let tensor = tensor(&mut from, info, &mut hash)?;
        tensors.push((name, tensor, hash.finish()));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let parts = tensors.iter().map(|(name, tensor, hash)| {
        let dtype = dtype(&tensor.numbers);
        (name.as_str(), dtype, &tensor.shape[..], *hash)
    });
    if entry["checksum"] != checksum(&about.to_string(), parts) {
        let what = "its content is not what was written";
        return Err(Fault::Damaged(what.to_owned()));
    }
    let about = serde_json::from_value(about)
        .map_err(|error| Fault::Damaged(format!("its header says {error}")))?;
    let tensors = tensors.into_iter().map(|(name, tensor, _)| (name, tensor));
    Ok((about, tensors.collect()))
}

/// What a file is that ends where it should not.
fn ended(error: io::Error, fault: Fault) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => fault,
        _ => Fault::Unreadable(error),
    }
}

fn tensor(
    from: &mut impl Read,
    info: TensorInfo,
    hash: &mut XxHash64,
) -> Result<Tensor<'static>, Fault> {
    // As many bytes as there are in the file, so memory is not asked for more.
    let count = info.shape.iter().product();
    let TensorInfo { dtype, shape, .. } = info;
    let numbers: io::Result<Numbers> = match dtype {
        Dtype::U8 => numbers::<u8>(from, count, hash).map(Into::into),
        Dtype::U32 => numbers::<u32>(from, count, hash).map(Into::into),
        Dtype::U64 => numbers::<u64>(from, count, hash).map(Into::into),
        Dtype::F32 => numbers::<f32>(from, count, hash).map(Into::into),
        Dtype::F64 => numbers::<f64>(from, count, hash).map(Into::into),
        other => return Err(Fault::Damaged(format!("it holds an array of type {other}"))),
    };
    Ok(Tensor::new(shape, numbers.map_err(Fault::Unreadable)?))
}

fn numbers<T: Number>(
    from: &mut impl Read,
    count: usize,
    hash: &mut XxHash64,
) -> io::Result<Vec<T>> {
    let mut numbers = Vec::with_capacity(count);
    let mut bytes = vec![0; count.min(PIECE) * T::BYTES];
    while numbers.len() < count {
        let piece = &mut bytes[..(count - numbers.len()).min(PIECE) * T::BYTES];
        from.read_exact(piece)?;
        hash.write(piece);
        numbers.extend(piece.chunks_exact(T::BYTES).map(T::of));
    }
    Ok(numbers)
}

/// Calls `each` with the bytes of numbers, a piece at a time.
fn each_piece(numbers: &Numbers, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    fn of<T: Number>(
        numbers: &[T],
        each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(numbers.len().min(PIECE) * T::BYTES);
        for piece in numbers.chunks(PIECE) {
            bytes.clear();
            for &number in piece {
                number.append(&mut bytes);
            }
            each(&bytes)?;
        }
        Ok(())
    }
    match numbers {
        Numbers::U8(numbers) => each(numbers),
        Numbers::U32(numbers) => of(numbers, each),
        Numbers::U64(numbers) => of(numbers, each),
        Numbers::F32(numbers) => of(numbers, each),
        Numbers::F64(numbers) => of(numbers, each),
    }
}

fn dtype(numbers: &Numbers) -> Dtype {
    match numbers {
        Numbers::U8(_) => Dtype::U8,
        Numbers::U32(_) => Dtype::U32,
        Numbers::U64(_) => Dtype::U64,
        Numbers::F32(_) => Dtype::F32,
        Numbers::F64(_) => Dtype::F64,
    }
}

/// The checksum of what is said and of arrays in the order of their names: type, shape and hash of each.
fn checksum<'t>(
    about: &str,
    parts: impl Iterator<Item = (&'t str, Dtype, &'t [usize], u64)>,
) -> String {
    let parts = parts.map(|(name, dtype, shape, hash)| json!([name, dtype, shape, hash]));
    let mut all = XxHash64::with_seed(0);
    all.write(about.as_bytes());
    all.write(Value::Array(parts.collect()).to_string().as_bytes());
    format!("{:016x}", all.finish())
}
