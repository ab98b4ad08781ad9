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

use super::codec::{Reader, Writer};
use super::logarithm::NearLogarithms;
use super::{QuantileSketch, SketchError, check_parameter};
use crate::rounding::nearest;

/// The most buckets per sign: 64 KiB.
const SPAN_MAX: i64 = 8192;

/// After so many collapses two buckets hold all floats of a sign.
const COLLAPSES_MAX: u8 = 23;

/// The smallest magnitude above zero, a subnormal number.
const SMALLEST: f64 = 5e-324;

/// More than the number of any bucket: the finest sketch has 3.6 million to a side.
const BUCKETS: f64 = (1_u64 << 22) as f64;

/// Values that are counted together.
const BLOCK: usize = 32;

const KIND: u8 = b'D';
const VERSION: u8 = 1;

/// A sketch whose quantiles have a relative error of at most its accuracy.
#[derive(Debug, Clone, PartialEq)]
pub struct DdSketch {
    accuracy: f64,
    /// ln γ before any collapse.
    ln_gamma: f64,
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
            self.accuracy
        } else {
            1.0 - 2.0 / (gamma + 1.0)
        }
    }

    /// The accuracy that was asked for.
    pub(super) fn parameter(&self) -> f64 {
        self.accuracy
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
        self.ln_gamma * f64::from(1_u32 << self.collapses)
    }

    /// The bucket of a magnitude above zero. Always found without collapses first, so that rounding cannot tell when they were.
    fn bucket(&self, magnitude: f64) -> i64 {
        self.bucket_by(&self.numbering(), magnitude)
    }

    fn bucket_by(&self, numbering: &Numbering, magnitude: f64) -> i64 {
        let bucket = match numbering.bucket(magnitude) {
            (bucket, true) => bucket,
            _ => (magnitude.ln() / self.ln_gamma).ceil() as i64,
        };
        halved(bucket, self.collapses)
    }

    fn numbering(&self) -> Numbering {
        let per_unit = self.ln_gamma.recip();
        Numbering {
            logarithms: NearLogarithms::get(),
            per_unit,
            doubt: NearLogarithms::ERROR * per_unit + 4.0 * BUCKETS * f64::EPSILON,
        }
    }

    fn count_one(&mut self, value: f64, numbering: &Numbering) {
        // Zero has one sign here, so that the order of zeros leaves no trace.
        let value = value + 0.0;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0.0 {
            self.zeros += 1;
            return;
        }
        let magnitude = value.abs();
        let span = |sketch: &Self| {
            let side = sketch.side(value);
            side.span_with(sketch.bucket_by(numbering, magnitude))
        };
        self.collapse_while(|sketch| span(sketch) > SPAN_MAX);
        let bucket = self.bucket_by(numbering, magnitude);
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

    /// Counts all values where all their buckets are there and beyond doubt, and none otherwise. Tells whether it did.
    fn count_known(&mut self, values: &[f64; BLOCK], numbering: &Numbering) -> bool {
        let mut buckets = [0; BLOCK];
        let mut is_sure = true;
        for (bucket, value) in buckets.iter_mut().zip(values) {
            let sure;
            (*bucket, sure) = numbering.bucket(value.abs());
            is_sure &= sure;
        }
        if !is_sure {
            return false;
        }
        let collapses = self.collapses;
        // Signs follow no pattern that a branch could be foretold by.
        let sides = [&mut self.positive, &mut self.negative];
        for (bucket, value) in buckets.iter_mut().zip(values) {
            let side = &sides[usize::from(value.is_sign_negative())];
            *bucket = halved(*bucket, collapses) - side.first;
            // What is below the first bucket is beyond the last one as well, as an unsigned number.
            is_sure &= (*bucket as u64) < side.counts.len() as u64;
        }
        if !is_sure {
            return false;
        }
        let mut negative = 0;
        for (place, value) in buckets.iter().zip(values) {
            let is_negative = value.is_sign_negative();
            negative += u64::from(is_negative);
            let count = &mut sides[usize::from(is_negative)].counts[*place as usize];
            *count = count.saturating_add(1);
        }
        self.negative.total = self.negative.total.saturating_add(negative);
        self.positive.total = (self.positive.total).saturating_add(BLOCK as u64 - negative);
        for value in values {
            self.min = self.min.min(*value);
            self.max = self.max.max(*value);
        }
        true
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

/// Which buckets values are in, for as many as nearly exact logarithms can tell.
struct Numbering {
    logarithms: &'static NearLogarithms,
    /// 1 / ln γ.
    per_unit: f64,
    /// How near to the end of a bucket is too near.
    doubt: f64,
}

impl Numbering {
    /// The bucket of a magnitude before any collapse, and whether it is sure to be that one. Without a branch, so that there may be
    /// several under way.
    #[inline]
    fn bucket(&self, magnitude: f64) -> (i64, bool) {
        let (logarithm, is_near) = self.logarithms.ln(magnitude);
        let position = logarithm * self.per_unit + BUCKETS;
        let (number, nearest) = nearest(position);
        let from_nearest = position - nearest;
        let bucket = number as i64 + i64::from(from_nearest > 0.0);
        (
            bucket - BUCKETS as i64,
            is_near & (from_nearest.abs() > self.doubt),
        )
    }
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

    fn add(&mut self, bucket: i64, count: u64) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let missing = (self.first - bucket) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        }
        let place = (bucket - self.first) as usize;
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
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
        let mut counts = vec![];
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

    const PARAMETER: (&'static str, f64) = ("accuracy", 0.01);

    fn with_parameter(accuracy: f64) -> Result<Self, SketchError> {
        check_parameter("accuracy", accuracy, 0.0001, 0.5)?;
        Ok(Self {
            accuracy,
            ln_gamma: ((1.0 + accuracy) / (1.0 - accuracy)).ln(),
            collapses: 0,
            zeros: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        })
    }

    fn push(&mut self, value: f64) {
        self.count_one(value, &self.numbering());
    }

    fn extend(&mut self, values: &[f64]) {
        let numbering = self.numbering();
        let (blocks, rest) = values.as_chunks();
        for block in blocks {
            if !self.count_known(block, &numbering) {
                block
                    .iter()
                    .for_each(|value| self.count_one(*value, &numbering));
            }
        }
        rest.iter()
            .for_each(|value| self.count_one(*value, &numbering));
    }

    fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.accuracy != other.accuracy {
            return Err(SketchError::Mismatch {
                parameter: "accuracy",
                left: self.accuracy,
                right: other.accuracy,
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
        writer.float(self.accuracy);
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
