//! [`DdSketch`]: quantiles within a relative error of the value, in buckets that grow geometrically.
//!
//! Charles Masson, Jee E. Rim, Homin K. Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
//! guarantees", VLDB 2019. A positive value x is in bucket ⌈ln x / ln γ⌉ with γ = (1 + a)/(1 − a), where a is the
//! accuracy; so every bucket's middle is within a·x of all its values.
//!
//! Where the buckets of one sign would span more than [`SPAN_MAX`], every two become one, which squares γ (the uniform
//! collapse of Epicoco et al., "UDDSketch", IEEE Access 2020). How often that happened follows from the values alone,
//! not from the order in which they came or were merged; so does every byte of the stored sketch. At the default
//! accuracy of 0.01 it takes values 71 powers of ten apart.
//!
//! ```text
//! 'D' 1 | accuracy f64 | collapses u8 | zeros | count | [min f64, max f64 when not empty] | positive | negative
//! buckets: length | when above 0: first index (signed) | counts, where 0 is followed by how many more zeros there are
//! ```

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::codec::{Reader, Writer};
use super::numbering::{self, Numbering};
use super::{QuantileSketch, SketchError, check_parameter};

/// The most buckets per sign: 64 KiB.
const SPAN_MAX: i64 = 8192;

/// After so many collapses two buckets hold all floats of a sign.
const COLLAPSES_MAX: u8 = 23;

/// The smallest magnitude above zero, a subnormal number.
const SMALLEST: f64 = 5e-324;

/// Values that are counted together.
const BLOCK: usize = 32;

const KIND: u8 = b'D';
const VERSION: u8 = 1;

/// A sketch whose quantiles have a relative error of at most its accuracy.
#[derive(Debug, Clone, PartialEq)]
pub struct DdSketch {
    /// The buckets before any collapse.
    numbering: Arc<Numbering>,
    collapses: u8,
    zeros: u64,
    positive: Buckets,
    negative: Buckets,
    min: f64,
    max: f64,
}

/// Counts of neighbouring buckets.
#[derive(Debug, Clone, Default, PartialEq)]
struct Buckets {
    /// The index of the first.
    first: i64,
    counts: Vec<u64>,
    total: u64,
}

impl DdSketch {
    /// The relative error that quantiles have at most: the one asked for, or what collapses made of it.
    pub fn accuracy(&self) -> f64 {
        let gamma = self.collapsed_ln_gamma().exp();
        if self.collapses == 0 {
            self.parameter()
        } else {
            1.0 - 2.0 / (gamma + 1.0)
        }
    }

    /// The accuracy that was asked for.
    pub(super) fn parameter(&self) -> f64 {
        self.numbering.accuracy()
    }

    /// The value at the zero-based position `index` of the sorted values, within the accuracy.
    pub(super) fn at(&self, index: u64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let index = index.min(count - 1);
        let value = if index < self.negative.total {
            let from_zero = self.negative.total - 1 - index;
            -self.middle(self.negative.bucket_at(from_zero))
        } else if index - self.negative.total < self.zeros {
            0.0
        } else {
            self.middle(
                self.positive
                    .bucket_at(index - self.negative.total - self.zeros),
            )
        };
        Some(value.clamp(self.min, self.max))
    }

    /// The number whose relative distance to both ends of a bucket is the same.
    fn middle(&self, bucket: i64) -> f64 {
        let ln_gamma = self.collapsed_ln_gamma();
        // 2γ^i / (γ + 1), in logarithms so that γ may be large.
        (bucket as f64 * ln_gamma + std::f64::consts::LN_2 - ln_gamma.exp().ln_1p()).exp()
    }

    fn collapsed_ln_gamma(&self) -> f64 {
        self.numbering.ln_gamma() * f64::from(1_u32 << self.collapses)
    }

    /// The bucket of a magnitude above zero. Always found without collapses first, so that rounding cannot tell when they were.
    fn bucket(&self, magnitude: f64) -> i64 {
        halved(self.numbering.bucket(magnitude), self.collapses)
    }

    fn count_one(&mut self, value: f64) {
        // Zero has one sign here, so that the order of zeros leaves no trace.
        let value = value + 0.0;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0.0 {
            self.zeros = self.zeros.saturating_add(1);
            return;
        }
        let magnitude = value.abs();
        let span = |sketch: &Self| {
            let side = sketch.side(value);
            side.span_with(sketch.bucket(magnitude))
        };
        self.collapse_while(|sketch| span(sketch) > SPAN_MAX);
        let bucket = self.bucket(magnitude);
        match value > 0.0 {
            true => self.positive.add(bucket, 1),
            false => self.negative.add(bucket, 1),
        }
    }

    /// The buckets of the sign of a value.
    fn side(&self, value: f64) -> &Buckets {
        match value > 0.0 {
            true => &self.positive,
            false => &self.negative,
        }
    }

    /// Counts values of one sign from `min` to `max`, and no zeros, where that needs no collapse; none otherwise. Tells whether it did.
    fn count_side(&mut self, values: &[f64], (min, max): (f64, f64)) -> bool {
        let is_negative = max < 0.0;
        let (side, nearest, farthest) = match is_negative {
            true => (&mut self.negative, -max, -min),
            false => (&mut self.positive, min, max),
        };
        let (numbering, collapses) = (&*self.numbering, self.collapses);
        let bucket = |magnitude| halved(numbering.bucket(magnitude), collapses);
        // No count is above the total: if that does not overflow, no count does.
        let Some(total) = side.total.checked_add(values.len() as u64) else {
            return false;
        };
        if !side.reach(bucket(nearest), bucket(farthest)) {
            return false;
        }
        let (first, counts) = (side.first, &mut side.counts[..]);
        let mut count = |bucket: i64| counts[(bucket - first) as usize] += 1;
        match collapses {
            0 => (values.iter()).for_each(|value| count(numbering.bucket(value.abs()))),
            _ => (values.iter()).for_each(|value| count(bucket(value.abs()))),
        }
        side.total = total;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        true
    }

    /// Counts values of any sign, which follow no pattern that a branch could be foretold by.
    fn count_block(&mut self, block: &[f64; BLOCK]) {
        let (mut positive, mut negative) = ([0.0; BLOCK], [0.0; BLOCK]);
        let (mut positives, mut negatives) = (0, 0);
        for value in block {
            positive[positives] = *value;
            negative[negatives] = *value;
            positives += usize::from(*value > 0.0);
            negatives += usize::from(*value < 0.0);
        }
        for values in [&positive[..positives], &negative[..negatives]] {
            if !values.is_empty() && !self.count_side(values, range(values)) {
                values.iter().for_each(|value| self.count_one(*value));
            }
        }
        (positives + negatives..BLOCK).for_each(|_| self.count_one(0.0));
    }

    /// Makes every two buckets one until those of both signs are few enough.
    fn collapse_while(&mut self, is_too_wide: impl Fn(&Self) -> bool) {
        while self.collapses < COLLAPSES_MAX && is_too_wide(self) {
            self.collapses += 1;
            self.positive.collapse(1);
            self.negative.collapse(1);
        }
    }
}

/// The least and the greatest of values.
fn range(values: &[f64]) -> (f64, f64) {
    let least = |least: f64, value: &f64| if *value < least { *value } else { least };
    let greatest = |most: f64, value: &f64| if *value > most { *value } else { most };
    let (fours, rest) = values.as_chunks::<4>();
    let (mut min, mut max) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
    for four in fours {
        for lane in 0..4 {
            min[lane] = least(min[lane], &four[lane]);
            max[lane] = greatest(max[lane], &four[lane]);
        }
    }
    (
        min.iter().chain(rest).fold(f64::INFINITY, least),
        max.iter().chain(rest).fold(f64::NEG_INFINITY, greatest),
    )
}

/// The bucket that holds `bucket` after some collapses: ⌈bucket / 2^collapses⌉.
fn halved(bucket: i64, collapses: u8) -> i64 {
    -((-bucket) >> collapses)
}

impl Buckets {
    fn span_with(&self, bucket: i64) -> i64 {
        match self.counts.len() {
            0 => 1,
            length => self.last(length).max(bucket) - self.first.min(bucket) + 1,
        }
    }

    fn last(&self, length: usize) -> i64 {
        self.first + length as i64 - 1
    }

    /// Makes room for buckets from `first` to `last`, if it all spans no more than it may. Both are to be counted in.
    fn reach(&mut self, first: i64, last: i64) -> bool {
        if self
            .span_with(first)
            .max(self.span_with(last))
            .max(last - first + 1)
            > SPAN_MAX
        {
            return false;
        }
        if self.counts.is_empty() {
            self.first = first;
        }
        if first < self.first {
            let missing = (self.first - first) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = first;
        }
        let length = (last - self.first + 1) as usize;
        if length > self.counts.len() {
            self.counts.resize(length, 0);
        }
        true
    }

    fn add(&mut self, bucket: i64, count: u64) {
        let is_in_span = self.reach(bucket, bucket);
        debug_assert!(is_in_span, "too many buckets are made fewer before");
        let place = (bucket - self.first) as usize;
        // Only stored sketches that lie about their counts can come near the limit.
        self.counts[place] = self.counts[place].saturating_add(count);
        self.total = self.total.saturating_add(count);
    }

    fn collapse(&mut self, times: u8) {
        let old = std::mem::take(self);
        for (bucket, count) in old.iter() {
            self.add(halved(bucket, times), count);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (i64, u64)> {
        (self.first..)
            .zip(self.counts.iter().copied())
            .filter(|(_, count)| *count > 0)
    }

    /// The bucket of the value at a zero-based position, counted from zero outwards.
    fn bucket_at(&self, position: u64) -> i64 {
        let mut below = 0;
        for (bucket, count) in self.iter() {
            below = u64::saturating_add(below, count);
            if below > position {
                return bucket;
            }
        }
        self.last(self.counts.len())
    }

    /// How many values are in `bucket` or nearer to zero.
    fn count_through(&self, bucket: i64) -> u64 {
        let near = self.iter().take_while(|(at, _)| *at <= bucket);
        near.fold(0, |total, (_, count)| total.saturating_add(count))
    }

    fn encode(&self, writer: &mut Writer) {
        writer.unsigned(self.counts.len() as u64);
        if !self.counts.is_empty() {
            writer.signed(self.first);
            for run in self.counts.chunk_by(|a, b| *a == 0 && *b == 0) {
                writer.unsigned(run[0]);
                if run[0] == 0 {
                    writer.unsigned(run.len() as u64 - 1);
                }
            }
        }
    }

    fn counts(reader: &mut Reader, length: usize) -> Result<Vec<u64>, SketchError> {
        // Every one takes a byte, but for zeros.
        let mut counts = Vec::with_capacity(length.min(reader.rest().len()));
        while counts.len() < length {
            let count = reader.unsigned()?;
            let zeros_after = if count == 0 { reader.unsigned()? } else { 0 };
            if zeros_after >= (length - counts.len()) as u64 {
                return Err(reader.damaged("it has too many buckets"));
            }
            counts.resize(counts.len() + 1 + zeros_after as usize, count);
        }
        Ok(counts)
    }

    fn decode(reader: &mut Reader, range: &RangeInclusive<i64>) -> Result<Self, SketchError> {
        let length = match reader.unsigned()? {
            0 => return Ok(Self::default()),
            length if length <= SPAN_MAX as u64 => length as usize,
            _ => return Err(reader.damaged("it has too many buckets")),
        };
        let first = reader.signed()?;
        let last = first.saturating_add(length as i64 - 1);
        if !range.contains(&first) || !range.contains(&last) {
            return Err(reader.damaged("a bucket is out of range"));
        }
        let counts = Self::counts(reader, length)?;
        let total = counts
            .iter()
            .try_fold(0_u64, |total, count| total.checked_add(*count));
        match total {
            Some(total) if counts[0] > 0 && counts[length - 1] > 0 => Ok(Self {
                first,
                counts,
                total,
            }),
            Some(_) => Err(reader.damaged("its first or last bucket is empty")),
            None => Err(reader.damaged("it counts too many values")),
        }
    }
}

impl QuantileSketch for DdSketch {
    const NAME: &'static str = "ddsketch";

    const PARAMETER: (&'static str, f64) = ("accuracy", numbering::USUAL);

    fn with_parameter(accuracy: f64) -> Result<Self, SketchError> {
        check_parameter("accuracy", accuracy, 0.0001, 0.5)?;
        Ok(Self {
            numbering: Numbering::of(accuracy),
            collapses: 0,
            zeros: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        })
    }

    fn push(&mut self, value: f64) {
        self.count_one(value);
    }

    fn extend(&mut self, values: &[f64]) {
        let (min, max) = range(values);
        if values.is_empty() || (min > 0.0 || max < 0.0) && self.count_side(values, (min, max)) {
            return;
        }
        let (blocks, rest) = values.as_chunks();
        blocks.iter().for_each(|block| self.count_block(block));
        rest.iter().for_each(|value| self.count_one(*value));
    }

    fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.parameter() != other.parameter() {
            return Err(SketchError::Mismatch {
                parameter: "accuracy",
                left: self.parameter(),
                right: other.parameter(),
            });
        }
        self.collapse_while(|sketch| {
            let is_too_wide = |own: &Buckets, theirs: &Buckets| {
                let ends = [theirs.first, theirs.last(theirs.counts.len())];
                let by = sketch.collapses.saturating_sub(other.collapses);
                let [first, last] = ends.map(|end| halved(end, by));
                !theirs.counts.is_empty()
                    && own
                        .span_with(first)
                        .max(own.span_with(last))
                        .max(last - first + 1)
                        > SPAN_MAX
            };
            sketch.collapses < other.collapses
                || is_too_wide(&sketch.positive, &other.positive)
                || is_too_wide(&sketch.negative, &other.negative)
        });
        let by = self.collapses - other.collapses;
        other
            .positive
            .iter()
            .for_each(|(bucket, n)| self.positive.add(halved(bucket, by), n));
        other
            .negative
            .iter()
            .for_each(|(bucket, n)| self.negative.add(halved(bucket, by), n));
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        Ok(())
    }

    fn count(&self) -> u64 {
        self.positive
            .total
            .saturating_add(self.negative.total)
            .saturating_add(self.zeros)
    }

    /// The value at position ⌊q·(n − 1)⌋ of the sorted values, within the accuracy.
    fn quantile(&self, q: f64) -> Option<f64> {
        self.at((q * self.count().saturating_sub(1) as f64) as u64)
    }

    fn rank(&self, value: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let at_or_below = if value >= self.max {
            count
        } else if value < self.min {
            0
        } else if value < 0.0 {
            // Those beyond the bucket of `value`, and those in it, which cannot be told apart.
            self.negative.total - self.negative.count_through(self.bucket(-value) - 1)
        } else if value == 0.0 {
            self.negative.total + self.zeros
        } else {
            let positive = self.positive.count_through(self.bucket(value));
            self.negative.total + self.zeros + positive
        };
        Some(at_or_below as f64 / count as f64)
    }

    fn encode(&mut self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, VERSION);
        writer.float(self.parameter());
        writer.byte(self.collapses);
        writer.unsigned(self.zeros);
        writer.unsigned(self.count());
        if self.count() > 0 {
            writer.float(self.min);
            writer.float(self.max);
        }
        self.positive.encode(&mut writer);
        self.negative.encode(&mut writer);
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut reader = Reader::new(Self::NAME, KIND, VERSION, bytes)?;
        let accuracy = reader.float()?;
        let mut sketch = Self::with_parameter(accuracy)
            .map_err(|_| reader.damaged("its accuracy is out of range"))?;
        sketch.collapses = reader.byte()?;
        if sketch.collapses > COLLAPSES_MAX {
            return Err(reader.damaged("it collapsed too often"));
        }
        sketch.zeros = reader.unsigned()?;
        let count = reader.unsigned()?;
        if count > 0 {
            sketch.min = reader.float()?;
            sketch.max = reader.float()?;
        }
        let range = sketch.bucket(SMALLEST)..=sketch.bucket(f64::MAX);
        sketch.positive = Buckets::decode(&mut reader, &range)?;
        sketch.negative = Buckets::decode(&mut reader, &range)?;
        let total = sketch.positive.total.checked_add(sketch.negative.total);
        if total.and_then(|total| total.checked_add(sketch.zeros)) != Some(count) {
            return Err(reader.damaged("its counts do not add up"));
        }
        if count > 0 && sketch.min > sketch.max {
            return Err(reader.damaged("its smallest value is above its largest"));
        }
        reader.finish()?;
        Ok(sketch)
    }

    fn heap_bytes(&self) -> usize {
        (self.positive.counts.capacity() + self.negative.counts.capacity()) * size_of::<u64>()
    }
}
