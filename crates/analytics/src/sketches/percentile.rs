//! [`PercentileAgg`]: the sketch to take when nothing speaks for another one.
//!
//! Up to [`EXACT_MAX`] values are kept as they are, so that the many small groups of a rollup (a minute of a sensor) have
//! exact percentiles in little space; beyond that it is a [`DdSketch`]. Which of the two it is follows from the number of
//! values, and the values are stored sorted: the order of merging leaves no trace.
//!
//! ```text
//! 'P' 1 | accuracy f64 | 0 | length | the values in order, f64 each
//! 'P' 1 | accuracy f64 | 1 | the bytes of a DDSketch
//! ```

use super::codec::{Reader, Writer};
use super::{DdSketch, QuantileSketch, SketchError};

/// The most values that are kept: two kilobytes.
const EXACT_MAX: usize = 256;

const KIND: u8 = b'P';
const VERSION: u8 = 1;
const EXACT: u8 = 0;
const SKETCHED: u8 = 1;

/// Exact percentiles of few values, sketched ones of many.
#[derive(Debug, Clone)]
pub struct PercentileAgg {
    accuracy: f64,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// In order of arrival.
    Exact(Vec<f64>),
    Sketched(Box<DdSketch>),
}

impl PercentileAgg {
    /// The sketch of all values so far, once there are too many to keep.
    fn sketched(&mut self) -> &mut DdSketch {
        if let Values::Exact(values) = &self.values {
            let mut sketch = DdSketch::with_parameter(self.accuracy)
                .expect("the accuracy was checked when this was made");
            sketch.extend(values);
            self.values = Values::Sketched(Box::new(sketch));
        }
        match &mut self.values {
            Values::Sketched(sketch) => sketch,
            Values::Exact(_) => unreachable!("replaced above"),
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

impl QuantileSketch for PercentileAgg {
    const NAME: &'static str = "percentile_agg";

    const PARAMETER: (&'static str, f64) = DdSketch::PARAMETER;

    fn with_parameter(accuracy: f64) -> Result<Self, SketchError> {
        DdSketch::with_parameter(accuracy)?;
        Ok(Self {
            accuracy,
            values: Values::Exact(vec![]),
        })
    }

    fn push(&mut self, value: f64) {
        match &mut self.values {
            Values::Exact(values) if values.len() < EXACT_MAX => values.push(value + 0.0),
            _ => self.sketched().push(value),
        }
    }

    fn extend(&mut self, added: &[f64]) {
        match &mut self.values {
            Values::Exact(values) if values.len() + added.len() <= EXACT_MAX => {
                values.extend(added.iter().map(|value| value + 0.0));
            }
            _ if added.is_empty() => {}
            _ => self.sketched().extend(added),
        }
    }

    fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.accuracy != other.accuracy {
            return Err(SketchError::Mismatch {
                parameter: "accuracy",
                left: self.accuracy,
                right: other.accuracy,
            });
        }
        match &other.values {
            Values::Exact(values) => self.extend(values),
            Values::Sketched(sketch) => self.sketched().merge(sketch)?,
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        match &self.values {
            Values::Exact(values) => values.len() as u64,
            Values::Sketched(sketch) => sketch.count(),
        }
    }

    /// Interpolated between the values on either side of position q·(n − 1), as `percentile_cont` does.
    fn quantile(&self, q: f64) -> Option<f64> {
        let position = q * self.count().saturating_sub(1) as f64;
        let (below, above) = (position.floor() as u64, position.ceil() as u64);
        let (low, high) = match &self.values {
            Values::Exact(values) => {
                let values = sorted(values);
                (*values.get(below as usize)?, *values.get(above as usize)?)
            }
            Values::Sketched(sketch) => (sketch.at(below)?, sketch.at(above)?),
        };
        // Weighted, not low + share · (high − low): the difference of two finite numbers may overflow.
        let share = position - below as f64;
        Some((low * (1.0 - share) + high * share).clamp(low, high))
    }

    fn rank(&self, value: f64) -> Option<f64> {
        match &self.values {
            Values::Exact(values) if values.is_empty() => None,
            Values::Exact(values) => {
                let at_or_below = values.iter().filter(|own| **own <= value).count();
                Some(at_or_below as f64 / values.len() as f64)
            }
            Values::Sketched(sketch) => sketch.rank(value),
        }
    }

    fn encode(&mut self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, VERSION);
        writer.float(self.accuracy);
        match &mut self.values {
            Values::Exact(values) => {
                writer.byte(EXACT);
                writer.unsigned(values.len() as u64);
                sorted(values).iter().for_each(|value| writer.float(*value));
            }
            Values::Sketched(sketch) => {
                writer.byte(SKETCHED);
                writer.bytes(&sketch.encode());
            }
        }
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut reader = Reader::new(Self::NAME, KIND, VERSION, bytes)?;
        let accuracy = reader.float()?;
        let mut agg = Self::with_parameter(accuracy)
            .map_err(|_| reader.damaged("its accuracy is out of range"))?;
        match reader.byte()? {
            EXACT => {
                let length = reader.count(size_of::<f64>())?;
                if length > EXACT_MAX {
                    return Err(reader.damaged("it keeps too many values"));
                }
                let values = (0..length)
                    .map(|_| reader.float())
                    .collect::<Result<_, _>>()?;
                agg.values = Values::Exact(values);
                reader.finish()?;
            }
            SKETCHED => {
                let sketch = DdSketch::decode(reader.rest())?;
                if sketch.count() <= EXACT_MAX as u64 {
                    return Err(reader.damaged("it keeps too few values for a sketch"));
                }
                if sketch.parameter() != accuracy {
                    return Err(reader.damaged("its accuracies differ"));
                }
                agg.values = Values::Sketched(Box::new(sketch));
            }
            _ => return Err(reader.damaged("its form is not known")),
        }
        Ok(agg)
    }

    fn heap_bytes(&self) -> usize {
        match &self.values {
            Values::Exact(values) => values.capacity() * size_of::<f64>(),
            Values::Sketched(sketch) => size_of::<DdSketch>() + sketch.heap_bytes(),
        }
    }
}
