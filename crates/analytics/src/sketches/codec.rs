//! Bytes of stored sketches: a kind, a version, then numbers.
//!
//! Whole numbers are LEB128 (seven bits a byte, lowest first), signed ones zigzag before that; floats are eight bytes,
//! little endian.

use super::SketchError;

/// Longest LEB128 form of 64 bits.
const VARINT_BYTES_MAX: u32 = 10;

/// A sketch that is being written.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: u8, version: u8) -> Self {
        Self(vec![kind, version])
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn float(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A sketch that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads kind and version; `version` is the newest that is known.
    pub(super) fn new(
        name: &'static str,
        kind: u8,
        version: u8,
        bytes: &'a [u8],
    ) -> Result<Self, SketchError> {
        let [found_kind, found, rest @ ..] = bytes else {
            return Err(SketchError::Kind { expected: name });
        };
        if *found_kind != kind {
            return Err(SketchError::Kind { expected: name });
        }
        if *found == 0 || *found > version {
            return Err(SketchError::Version {
                kind: name,
                found: *found,
            });
        }
        Ok(Self { name, rest })
    }

    pub(super) fn damaged(&self, reason: &'static str) -> SketchError {
        SketchError::Damaged {
            kind: self.name,
            reason,
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, SketchError> {
        Ok(self.bytes(1)?[0])
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], SketchError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.damaged("it ends too early"));
        };
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, SketchError> {
        let mut number = 0;
        for place in 0..VARINT_BYTES_MAX {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << (place * 7)) >> (place * 7) != bits {
                return Err(self.damaged("a number is too large"));
            }
            number |= bits << (place * 7);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged("a number does not end"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, SketchError> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that take at least `bytes_each` of what follows.
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize, SketchError> {
        let count = self.unsigned()?;
        let fits = usize::try_from(count).ok().filter(|count| {
            count
                .checked_mul(bytes_each)
                .is_some_and(|n| n <= self.rest.len())
        });
        fits.ok_or_else(|| self.damaged("it ends too early"))
    }

    pub(super) fn float(&mut self) -> Result<f64, SketchError> {
        let bytes = self.bytes(8)?;
        let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| self.damaged("it ends too early"))?;
        let float = f64::from_le_bytes(bytes);
        if float.is_finite() {
            Ok(float)
        } else {
            Err(self.damaged("a number is not finite"))
        }
    }

    /// All that follows.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing follows.
    pub(super) fn finish(self) -> Result<(), SketchError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.damaged("bytes follow its end"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let unsigned = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN];
        let mut writer = Writer::new(b'X', 1);
        unsigned.iter().for_each(|n| writer.unsigned(*n));
        signed.iter().for_each(|n| writer.signed(*n));
        writer.float(-0.1);
        let bytes = writer.finish();
        let mut reader = Reader::new("test", b'X', 1, &bytes).unwrap();
        unsigned
            .iter()
            .for_each(|n| assert_eq!(reader.unsigned().unwrap(), *n));
        signed
            .iter()
            .for_each(|n| assert_eq!(reader.signed().unwrap(), *n));
        assert_eq!(reader.float().unwrap(), -0.1);
        reader.finish().unwrap();
    }

    #[test]
    fn nonsense_is_refused() {
        let error = |bytes: &[u8], read: fn(&mut Reader) -> Result<(), SketchError>| {
            let mut reader = Reader::new("test", b'X', 1, bytes)?;
            read(&mut reader)?;
            reader.finish()
        };
        let check = |bytes, read, expected| {
            assert_eq!(error(bytes, read).unwrap_err().to_string(), expected);
        };
        check(b"", |_| Ok(()), "these bytes are no test");
        check(b"Y\x01", |_| Ok(()), "these bytes are no test");
        check(
            b"X\x02",
            |_| Ok(()),
            "this test has version 2, newer than the versions that are known",
        );
        check(
            b"X\x01z",
            |_| Ok(()),
            "this test is damaged: bytes follow its end",
        );
        check(
            b"X\x01\x80",
            |r| r.unsigned().map(|_| ()),
            "this test is damaged: it ends too early",
        );
        check(
            b"X\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            |r| r.unsigned().map(|_| ()),
            "this test is damaged: a number is too large",
        );
        check(
            b"X\x01\x05abcd",
            |r| r.count(1).map(|_| ()),
            "this test is damaged: it ends too early",
        );
        check(
            b"X\x01\0\0\0\0\0\0\xf8\x7f",
            |r| r.float().map(|_| ()),
            "this test is damaged: a number is not finite",
        );
    }
}
