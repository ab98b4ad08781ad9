//! The document as bytes.
//!
//! ```text
//! "TMMODEL\0" │ format u32 │ kind text │ arrays u32 │ array … │ CRC32C of all before u32
//! text:  length in bytes u32 │ UTF-8
//! array: name text │ type u8 (0 numbers f64, 1 counts u32, 2 texts) │ length u32 │ values
//! ```
//!
//! Everything is little-endian; arrays come in the order of their names, each name once, so that a document has one
//! spelling. Lengths are held against the bytes that are left before anything is allocated.

use std::collections::BTreeMap;

use super::{Array, Document, FORMAT};
use crate::error::{Error, Result};

const MAGIC: &[u8; 8] = b"TMMODEL\0";

impl Document {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, FORMAT);
        put_text(&mut out, &self.kind);
        put_length(&mut out, self.arrays.len());
        for (name, array) in &self.arrays {
            put_text(&mut out, name);
            put_array(&mut out, array);
        }
        let checksum = crc32c::crc32c(&out);
        put_u32(&mut out, checksum);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Some((content, checksum)) = bytes.split_last_chunk::<4>() else {
            return Err(Error::corrupt("it is too short"));
        };
        let mut bytes = Bytes { left: content };
        if bytes.take(MAGIC.len())? != MAGIC {
            return Err(Error::corrupt("it does not begin as a model does"));
        }
        let format = bytes.u32()?;
        if format != FORMAT {
            return Err(Error::corrupt(format!(
                "its format is {format}, and this version reads {FORMAT}"
            )));
        }
        if u32::from_le_bytes(*checksum) != crc32c::crc32c(content) {
            return Err(Error::corrupt("its checksum does not match"));
        }
        let kind = bytes.text()?;
        let count = bytes.u32()?;
        let mut arrays = BTreeMap::new();
        for _ in 0..count {
            let name = bytes.text()?;
            if arrays
                .last_key_value()
                .is_some_and(|(last, _)| *last >= name)
            {
                return Err(Error::corrupt(format!("'{name}' is out of order")));
            }
            let array = bytes.array(&name)?;
            arrays.insert(name, array);
        }
        if !bytes.left.is_empty() {
            return Err(Error::corrupt("it has bytes after its end"));
        }
        Ok(Self { kind, arrays })
    }
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_u32(
        out,
        u32::try_from(length).expect("models are limited to far less"),
    );
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    match array {
        Array::Numbers(values) => {
            out.push(0);
            put_length(out, values.len());
            values
                .iter()
                .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
        Array::Counts(values) => {
            out.push(1);
            put_length(out, values.len());
            values.iter().for_each(|value| put_u32(out, *value));
        }
        Array::Texts(values) => {
            out.push(2);
            put_length(out, values.len());
            values.iter().for_each(|value| put_text(out, value));
        }
    }
}

struct Bytes<'a> {
    left: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, left) = self
            .left
            .split_at_checked(length)
            .ok_or_else(|| Error::corrupt("it ends too early"))?;
        self.left = left;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(
            bytes.try_into().expect("four were taken"),
        ))
    }

    fn text(&mut self) -> Result<String> {
        let length = self.u32()? as usize;
        let text = std::str::from_utf8(self.take(length)?);
        Ok(text
            .map_err(|_| Error::corrupt("a text is not UTF-8"))?
            .to_owned())
    }

    fn array(&mut self, name: &str) -> Result<Array> {
        let tag = self.take(1)?[0];
        let length = self.u32()? as usize;
        match tag {
            0 => {
                let (values, _) = self.take(length.saturating_mul(8))?.as_chunks::<8>();
                let values: Vec<f64> = values.iter().map(|v| f64::from_le_bytes(*v)).collect();
                if values.iter().all(|value| value.is_finite()) {
                    return Ok(Array::Numbers(values));
                }
                Err(Error::corrupt(format!(
                    "'{name}' has a number that is not finite"
                )))
            }
            1 => {
                let (values, _) = self.take(length.saturating_mul(4))?.as_chunks::<4>();
                Ok(Array::Counts(
                    values.iter().map(|v| u32::from_le_bytes(*v)).collect(),
                ))
            }
            // Grows with the texts that are really there.
            2 => Ok(Array::Texts(
                (0..length).map(|_| self.text()).collect::<Result<_>>()?,
            )),
            _ => Err(Error::corrupt(format!("'{name}' is of an unknown type"))),
        }
    }
}
