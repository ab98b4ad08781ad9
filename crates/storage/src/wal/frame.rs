//! The bytes of a segment: one header, then frames, one per record. All integers are little endian.
//!
//! ```text
//! header   magic 8 | version u32 | zero u32 | cluster uuid 16 | segment number u64
//!          | previous sequence u64 | zero 12 | crc32c u32                            64 bytes
//! frame    payload length u32 | crc32c u32 | sequence u64 | unsynced u32 | kind u8 | payload
//! ```
//!
//! - *Previous sequence* is the last record that was durable when the segment was created. Records
//!   with higher numbers in earlier segments are void: they were rewritten into this one after a
//!   failed write, or never acknowledged.
//! - *Unsynced* counts the records before this one that were not yet known to be durable when it
//!   was written. `sequence - 1 - unsynced` is therefore a promise: everything up to there had been
//!   synced. It is what tells a write torn by a power failure, which may lose its first page and keep
//!   a later one, from damage to records that had been acknowledged.
//! - A frame's checksum also covers the cluster and the segment number. A frame copied into a payload
//!   by a hostile writer is therefore never taken for a frame of the log.
//! - An all-zero frame is not valid, so that pre-allocated space reads as the end of the log.

use uuid::Uuid;

/// The newest format this program reads, and the one it writes.
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_SIZE: usize = 64;
pub(super) const FRAME_HEADER_SIZE: usize = 21;

const MAGIC: &[u8; 8] = b"TIDEWAL\n";
const CHECKSUM_AT: usize = HEADER_SIZE - 4;

/// The first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) cluster_id: Uuid,
    pub(super) number: u64,
    pub(super) previous_sequence: u64,
}

/// Why the first bytes of a file are not a header this program can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Too short, or the checksum is wrong: never completely written, or damaged.
    Unreadable,
    /// Intact, but of a later format.
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(self.cluster_id.as_bytes());
        bytes[32..40].copy_from_slice(&self.number.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.previous_sequence.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; HEADER_SIZE] = bytes
            .get(..HEADER_SIZE)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(HeaderFault::Unreadable)?;
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        if !bytes.starts_with(MAGIC) || u32_at(bytes, CHECKSUM_AT) != checksum {
            return Err(HeaderFault::Unreadable);
        }
        match u32_at(bytes, 8) {
            VERSION => Ok(Self {
                cluster_id: Uuid::from_slice(&bytes[16..32]).expect("sixteen bytes"),
                number: u64_at(bytes, 32),
                previous_sequence: u64_at(bytes, 40),
            }),
            version => Err(HeaderFault::Version(version)),
        }
    }
}

/// The checksum state that every frame of one segment starts from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Salt(u32);

impl Salt {
    pub(super) fn new(cluster_id: Uuid, segment_number: u64) -> Self {
        let cluster = crc32c::crc32c(cluster_id.as_bytes());
        Self(crc32c::crc32c_append(
            cluster,
            &segment_number.to_le_bytes(),
        ))
    }

    fn checksum(self, length: &[u8], rest: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.0, length), rest)
    }
}

/// One record as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u64,
    pub(super) unsynced: u32,
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Every record up to this one was durable when the frame was written.
    pub(super) fn durable_through(&self) -> u64 {
        self.sequence - 1 - u64::from(self.unsynced)
    }

    pub(super) fn size(&self) -> usize {
        FRAME_HEADER_SIZE + self.payload.len()
    }

    pub(super) fn encode(&self, salt: Salt, buffer: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).expect("appends limit the payload length");
        let length = length.to_le_bytes();
        let start = buffer.len();
        buffer.reserve(self.size());
        buffer.extend_from_slice(&length);
        buffer.extend_from_slice(&[0; 4]);
        buffer.extend_from_slice(&self.sequence.to_le_bytes());
        buffer.extend_from_slice(&self.unsynced.to_le_bytes());
        buffer.push(self.kind);
        buffer.extend_from_slice(self.payload);
        let checksum = salt.checksum(&length, &buffer[start + 8..]);
        buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The frame at the start of `bytes`, if there is a valid one.
    pub(super) fn decode(bytes: &'a [u8], salt: Salt) -> Option<Self> {
        let frame = Self::peek(bytes)?;
        let checksum = salt.checksum(&bytes[..4], &bytes[8..frame.size()]);
        (u32_at(bytes, 4) == checksum).then_some(frame)
    }

    /// The frame that the bytes claim to be, before the checksum is compared: cheap, and enough to
    /// rule out nearly every offset when looking for the next frame behind a damaged one.
    pub(super) fn peek(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..FRAME_HEADER_SIZE)?;
        let length = u32_at(header, 0) as usize;
        let frame = Self {
            sequence: u64_at(header, 8),
            unsynced: u32_at(header, 16),
            kind: header[20],
            payload: bytes[FRAME_HEADER_SIZE..].get(..length)?,
        };
        (frame.sequence > u64::from(frame.unsynced)).then_some(frame)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            cluster_id: Uuid::from_u128(7),
            number: 3,
            previous_sequence: 41,
        }
    }

    #[test]
    fn header_round_trips_and_every_bit_matters() {
        let bytes = header().encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header()));
        for bit in 0..HEADER_SIZE * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                SegmentHeader::decode(&damaged),
                Err(HeaderFault::Unreadable),
                "bit {bit}"
            );
        }
        for length in 0..HEADER_SIZE {
            assert!(SegmentHeader::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn later_format_is_told_from_damage() {
        let mut bytes = header().encode();
        bytes[8] = 9;
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Version(9)));
    }

    #[test]
    fn zeros_are_not_a_frame() {
        assert_eq!(Frame::decode(&[0; 256], Salt::new(Uuid::nil(), 0)), None);
    }

    #[test]
    fn frame_of_another_segment_or_cluster_is_not_valid() {
        let frame = Frame {
            sequence: 5,
            unsynced: 0,
            kind: 1,
            payload: b"x",
        };
        let salt = Salt::new(Uuid::from_u128(1), 1);
        let mut bytes = Vec::new();
        frame.encode(salt, &mut bytes);
        assert_eq!(Frame::decode(&bytes, salt), Some(frame));
        for other in [
            Salt::new(Uuid::from_u128(1), 2),
            Salt::new(Uuid::from_u128(2), 1),
        ] {
            assert_eq!(Frame::decode(&bytes, other), None);
        }
    }

    proptest! {
        #[test]
        fn frame_round_trips_and_any_change_is_seen(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            (sequence, unsynced) in (1u64.., any::<u32>())
                .prop_filter("claims no record before the first", |(s, u)| *s > u64::from(*u)),
            kind: u8,
            number: u64,
            flip: prop::sample::Index,
            bit in 0..8u8,
        ) {
            let salt = Salt::new(Uuid::from_u128(9), number);
            let frame = Frame { sequence, unsynced, kind, payload: &payload };
            let mut bytes = Vec::new();
            frame.encode(salt, &mut bytes);
            prop_assert_eq!(bytes.len(), frame.size());
            prop_assert_eq!(Frame::decode(&bytes, salt), Some(frame));
            let at = flip.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Frame::decode(&bytes, salt), None);
            bytes[at] ^= 1 << bit;
            bytes.truncate(at);
            prop_assert_eq!(Frame::decode(&bytes, salt), None);
        }
    }
}
