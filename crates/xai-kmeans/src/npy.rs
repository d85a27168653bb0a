//! NumPy's file format.
//!
//! By hand, for a matrix needs little of it: a general parser of Python literals, npyz's, takes time that
//! doubles with every nested bracket, and multiplies sizes that nothing has checked.

use crate::matrix::numbers;

/// The longest header; NumPy itself reads no more than 10,000 bytes unless told to.
const HEADER: usize = 1 << 16;

/// Why a file is not read.
pub(crate) enum Refusal {
    /// It is damaged, or no such file.
    Format(String),
    /// The elements are of this type.
    DType(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Format(reason)
    }
}

/// The elements of a file and their shape. Those of a matrix are in row-major order.
pub(crate) fn parse(file: &[u8]) -> Result<(Vec<f64>, Vec<usize>), Refusal> {
    let (header, data) = parts(file)?;
    let descr = field(header, "descr")?;
    let dtype = quoted(descr).unwrap_or(descr);
    let size = match dtype {
        "<f4" | ">f4" => 4,
        "<f8" | ">f8" => 8,
        other => return Err(Refusal::DType(other.chars().take(40).collect())),
    };
    let order = field(header, "fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err("`fortran_order` in its header is neither True nor False".to_owned().into());
    }
    let dims = dims(field(header, "shape")?)?;
    let bytes = dims.iter().try_fold(size, |product: usize, size| product.checked_mul(*size));
    if bytes != Some(data.len()) {
        let got = data.len();
        return Err(format!("the shape {dims:?} of `{dtype}` does not agree with {got} bytes of data").into());
    }
    let values = match dtype {
        "<f4" => numbers(data, |bytes| f64::from(f32::from_le_bytes(bytes))),
        ">f4" => numbers(data, |bytes| f64::from(f32::from_be_bytes(bytes))),
        "<f8" => numbers(data, f64::from_le_bytes),
        _ => numbers(data, f64::from_be_bytes),
    };
    let values = match dims[..] {
        [rows, columns] if fortran => {
            (0..values.len()).map(|i| values[i % columns * rows + i / columns]).collect()
        }
        _ => values,
    };
    Ok((values, dims))
}

/// The text of the header, and what follows it.
fn parts(file: &[u8]) -> Result<(&str, &[u8]), String> {
    let cut = || "it ends within its header".to_owned();
    let (length, rest) = match file {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, low, high, rest @ ..] => {
            (usize::from(u16::from_le_bytes([*low, *high])), rest)
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, rest @ ..] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err("it does not begin as NumPy's versions 1 to 3 do".to_owned()),
    };
    if length > HEADER {
        return Err(format!("its header of {length} bytes is longer than {HEADER}"));
    }
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = str::from_utf8(header).map_err(|error| format!("its header is no text: {error}"))?;
    Ok((header, data))
}

/// What follows a key of the header, which is a Python dictionary.
fn field<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let after = ['\'', '"'].iter().find_map(|quote| header.split_once(&format!("{quote}{key}{quote}")));
    let value = after.and_then(|(_, rest)| rest.trim_start().strip_prefix(':'));
    value.map(str::trim_start).ok_or_else(|| format!("its header has no `{key}`"))
}

/// A string at the beginning.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    text[1..].split_once(quote).map(|(string, _)| string)
}

/// A tuple of sizes at the beginning: `(3, 2)`, `(6,)`, `()`.
fn dims(text: &str) -> Result<Vec<usize>, String> {
    let tuple = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(tuple, _)| tuple);
    let mut sizes: Vec<_> = tuple.ok_or("the shape in its header is no tuple")?.split(',').collect();
    if sizes.last().is_some_and(|last| last.trim().is_empty()) {
        sizes.pop();
    }
    let size = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` in its shape is no size"));
    sizes.into_iter().map(size).collect()
}
