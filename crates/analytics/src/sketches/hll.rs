//! [`HyperLogLog`]: how many distinct values there are, from 64-bit hashes.
//!
//! A dense sketch has 2^p registers, each the largest number of leading zeros (plus one) among the hashes that begin with
//! its index (Flajolet et al. 2007). Few values are kept sparsely instead, as registers of a sketch with 2^25 of them
//! (Heule, Nunkesser, Hall: "HyperLogLog in Practice", EDBT 2013, section 5.3), which counts almost exactly. A sketch
//! turns dense when the sparse form would be larger; that follows from the set of values, so the order in which they
//! came or were merged leaves no trace.
//!
//! Dense sketches are read with Otmar Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog
//! sketches", 2017, section 4), which has neither thresholds nor tables of corrections. Its standard error is 1.04/√2^p.
//!
//! ```text
//! 'H' 1 | precision u8 | 0 | length | each register's number and index as one number, ascending, as differences
//! 'H' 1 | precision u8 | 1 | registers, a byte each
//! ```

use super::codec::{Reader, Writer};
use super::{SketchError, check_parameter};

/// Index bits of the sparse form.
const SPARSE_BITS: u32 = 25;

/// Bits of the number in a sparse register: at most 40 leading zeros.
const NUMBER_BITS: u32 = 7;

/// Sparse registers that wait to be sorted in, at least.
const WAITING_MIN: usize = 64;

const NAME: &str = "hll";
const KIND: u8 = b'H';
const VERSION: u8 = 1;
const SPARSE: u8 = 0;
const DENSE: u8 = 1;

/// A sketch that counts distinct values.
#[derive(Debug, Clone)]
pub struct HyperLogLog {
    precision: u32,
    registers: Registers,
}

#[derive(Debug, Clone)]
enum Registers {
    /// Sorted and unique by index in front, and after them what has not been sorted in yet.
    Sparse {
        entries: Vec<u32>,
        sorted_count: usize,
    },
    Dense(Vec<u8>),
}

impl HyperLogLog {
    /// The precision that is used unless another is asked for: 16 KiB when dense, 0.8 % standard error.
    pub const PRECISION_DEFAULT: u32 = 14;

    /// An empty sketch of 2^`precision` registers.
    ///
    /// # Errors
    /// When the precision is not between 4 and 18.
    pub fn with_precision(precision: u32) -> Result<Self, SketchError> {
        check_parameter("precision", f64::from(precision), 4.0, 18.0)?;
        let registers = Registers::Sparse {
            entries: vec![],
            sorted_count: 0,
        };
        Ok(Self {
            precision,
            registers,
        })
    }

    /// Adds the hash of a value, such as [`xxh64`](super::xxh64) gives.
    pub fn push_hash(&mut self, hash: u64) {
        let limit = self.sparse_max();
        match &mut self.registers {
            Registers::Dense(registers) => {
                let (index, number) = register(hash, self.precision);
                raise(registers, index, number);
            }
            Registers::Sparse {
                entries,
                sorted_count,
            } => {
                let (index, number) = register(hash, SPARSE_BITS);
                entries.push((index as u32) << NUMBER_BITS | u32::from(number));
                if entries.len() - *sorted_count > WAITING_MIN.max(*sorted_count / 4) {
                    sort_in(entries);
                    *sorted_count = entries.len();
                    if entries.len() > limit {
                        self.become_dense();
                    }
                }
            }
        }
    }

    /// Adds everything that `other` has seen.
    ///
    /// # Errors
    /// When the precisions differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.precision != other.precision {
            return Err(SketchError::Mismatch {
                parameter: "precision",
                left: f64::from(self.precision),
                right: f64::from(other.precision),
            });
        }
        match &other.registers {
            Registers::Dense(theirs) => {
                self.become_dense();
                for (index, number) in theirs.iter().enumerate() {
                    if let Registers::Dense(own) = &mut self.registers {
                        raise(own, index, *number);
                    }
                }
            }
            Registers::Sparse {
                entries: theirs, ..
            } => {
                match &mut self.registers {
                    Registers::Dense(own) => raise_sparse(own, theirs, self.precision),
                    Registers::Sparse { entries, .. } => entries.extend_from_slice(theirs),
                }
                self.settle();
            }
        }
        Ok(())
    }

    /// About how many distinct values there are.
    pub fn estimate(&self) -> u64 {
        let estimate = match &self.registers {
            Registers::Dense(registers) => dense_estimate(registers, self.precision),
            Registers::Sparse { entries, .. } => {
                let mut entries = entries.clone();
                sort_in(&mut entries);
                // Linear counting (Whang et al. 1990).
                let all = f64::from(1_u32 << SPARSE_BITS);
                -all * (-(entries.len() as f64) / all).ln_1p()
            }
        };
        estimate.round() as u64
    }

    /// The sketch as bytes to store.
    pub fn encode(&mut self) -> Vec<u8> {
        self.settle();
        let mut writer = Writer::new(KIND, VERSION);
        writer.byte(self.precision as u8);
        match &self.registers {
            Registers::Sparse { entries, .. } => {
                writer.byte(SPARSE);
                writer.unsigned(entries.len() as u64);
                let mut last = 0;
                for entry in entries {
                    writer.unsigned(u64::from(entry - last));
                    last = *entry;
                }
            }
            Registers::Dense(registers) => {
                writer.byte(DENSE);
                writer.bytes(registers);
            }
        }
        writer.finish()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are not those of such a sketch.
    pub fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut reader = Reader::new(NAME, KIND, VERSION, bytes)?;
        let precision = u32::from(reader.byte()?);
        let mut sketch = Self::with_precision(precision)
            .map_err(|_| reader.damaged("its precision is out of range"))?;
        sketch.registers = match reader.byte()? {
            SPARSE => {
                let entries = sparse_entries(&mut reader, sketch.sparse_max())?;
                Registers::Sparse {
                    sorted_count: entries.len(),
                    entries,
                }
            }
            DENSE => {
                let registers = reader.bytes(1 << precision)?;
                if registers
                    .iter()
                    .any(|number| u32::from(*number) > 65 - precision)
                {
                    return Err(reader.damaged("a register is out of range"));
                }
                Registers::Dense(registers.to_vec())
            }
            _ => return Err(reader.damaged("its form is not known")),
        };
        reader.finish()?;
        Ok(sketch)
    }

    /// Heap memory in use, in bytes.
    pub fn heap_bytes(&self) -> usize {
        match &self.registers {
            Registers::Sparse { entries, .. } => entries.capacity() * size_of::<u32>(),
            Registers::Dense(registers) => registers.capacity(),
        }
    }

    /// How many sparse registers take as much space as all dense ones.
    fn sparse_max(&self) -> usize {
        (1 << self.precision) / size_of::<u32>()
    }

    /// Sorts in what waits, and turns dense when that makes too many.
    fn settle(&mut self) {
        let limit = self.sparse_max();
        if let Registers::Sparse {
            entries,
            sorted_count,
        } = &mut self.registers
        {
            sort_in(entries);
            *sorted_count = entries.len();
            if entries.len() > limit {
                self.become_dense();
            }
        }
    }

    fn become_dense(&mut self) {
        if let Registers::Sparse { entries, .. } = &self.registers {
            let mut registers = vec![0; 1 << self.precision];
            raise_sparse(&mut registers, entries, self.precision);
            self.registers = Registers::Dense(registers);
        }
    }
}

/// Where a hash goes, and the number that it brings there: one more than the leading zeros of what follows the index.
fn register(hash: u64, index_bits: u32) -> (usize, u8) {
    let index = (hash >> (u64::BITS - index_bits)) as usize;
    let zeros = (hash << index_bits)
        .leading_zeros()
        .min(u64::BITS - index_bits);
    (index, zeros as u8 + 1)
}

fn raise(registers: &mut [u8], index: usize, number: u8) {
    registers[index] = registers[index].max(number);
}

/// Raises dense registers by sparse ones, whose index begins with theirs.
fn raise_sparse(registers: &mut [u8], entries: &[u32], precision: u32) {
    let rest_bits = SPARSE_BITS - precision;
    for entry in entries {
        let (index, number) = (entry >> NUMBER_BITS, entry & ((1 << NUMBER_BITS) - 1));
        let rest = index & ((1 << rest_bits) - 1);
        let number = match rest {
            0 => rest_bits + number,
            _ => rest.leading_zeros() - (u32::BITS - rest_bits) + 1,
        };
        raise(registers, (index >> rest_bits) as usize, number as u8);
    }
}

/// Sorts, keeping the largest number of each index.
fn sort_in(entries: &mut Vec<u32>) {
    // The largest number of an index comes first, which is the one that stays.
    entries.sort_unstable_by_key(|entry| entry ^ ((1 << NUMBER_BITS) - 1));
    entries.dedup_by_key(|entry| *entry >> NUMBER_BITS);
}

fn sparse_entries(reader: &mut Reader, limit: usize) -> Result<Vec<u32>, SketchError> {
    let length = reader.count(1)?;
    if length > limit {
        return Err(reader.damaged("it has too many registers"));
    }
    let mut entries = Vec::with_capacity(length);
    let mut last = 0_u32;
    for _ in 0..length {
        let step = u32::try_from(reader.unsigned()?).ok();
        let Some(entry) = step.and_then(|step| last.checked_add(step)) else {
            return Err(reader.damaged("a register is out of range"));
        };
        let number = entry & ((1 << NUMBER_BITS) - 1);
        if !(1..=u64::BITS - SPARSE_BITS + 1).contains(&number) {
            return Err(reader.damaged("a register is out of range"));
        }
        if !entries.is_empty() && entry >> NUMBER_BITS <= last >> NUMBER_BITS {
            return Err(reader.damaged("its registers are out of order"));
        }
        entries.push(entry);
        last = entry;
    }
    Ok(entries)
}

fn dense_estimate(registers: &[u8], precision: u32) -> f64 {
    let count = registers.len() as f64;
    let number_max = (u64::BITS - precision) as usize;
    let mut histogram = [0_u32; u64::BITS as usize + 2];
    registers
        .iter()
        .for_each(|number| histogram[usize::from(*number)] += 1);
    let mut z = count * tau(1.0 - f64::from(histogram[number_max + 1]) / count);
    for number in (1..=number_max).rev() {
        z = 0.5 * (z + f64::from(histogram[number]));
    }
    z += count * sigma(f64::from(histogram[0]) / count);
    count * count / (2.0 * std::f64::consts::LN_2 * z)
}

/// x + Σ x^(2^k)·2^(k−1), Ertl's σ.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 − x − Σ (1 − x^(2^−k))²·2^−k) / 3, Ertl's τ.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
