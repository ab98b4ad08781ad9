//! From the columns of a request to what an estimator sees: the columns that matter, standardised, by operating
//! regime where there are regimes.
//!
//! A machine that is run in a few different ways has sensors that follow the way it is run far more than its
//! health. Regimes are the clusters of the columns that say how it is run; within one of them a sensor is compared
//! with its own mean there (the recipe that the FD002 set of C-MAPSS needs).
//!
//! | case                                         | result                       |
//! |----------------------------------------------|------------------------------|
//! | a value is missing                           | missing                      |
//! | a regime column is missing                   | all are missing              |
//! | a feature that was constant in the regime    | 0                            |
//! | a feature that was constant in every regime  | dropped, but by a scaler     |

use std::ops::Range;

use crate::data::{Control, TrainingData, gather, is_present, present};
use crate::document::{Document, ensure};
use crate::error::{Error, Result};
use crate::kmeans::{Centres, Search, find};
use crate::numeric::quantile;
use crate::numeric::sum::{bounds, mean_and_sigma};
use crate::options::{Preparation, Regimes, Scale};

/// With regimes of their own choosing, this share of the variance may remain within them.
const UNEXPLAINED_MAX: f64 = 1e-3;

/// Regimes that are looked for at most where their number is not given.
const REGIMES_MAX: usize = 10;

/// How columns become features.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Features {
    /// The columns used, by their places in a request.
    used: Vec<u32>,
    regimes: Option<RegimeFinder>,
    /// By regime and feature; empty where nothing is scaled.
    center: Vec<f64>,
    /// Like `center`; 0 where the feature did not vary.
    scale: Vec<f64>,
}

/// Tells the regime of a row.
#[derive(Debug, Clone, PartialEq)]
struct RegimeFinder {
    columns: Vec<u32>,
    center: Vec<f64>,
    scale: Vec<f64>,
    centres: Centres,
}

/// What is kept of columns in which nothing varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constants {
    Keep,
    Drop,
}

/// The rows to learn from and a key for every row there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) rows: &'a [u32],
    pub(crate) keys: &'a [u64],
}

impl Features {
    /// Learns from these rows.
    pub(crate) fn fit(
        preparation: &Preparation,
        constants: Constants,
        data: &TrainingData<'_>,
        rows: Rows<'_>,
        control: &Control<'_>,
    ) -> Result<Self> {
        let regime_columns = places(&preparation.regime, data.names)?;
        let regimes = RegimeFinder::fit(&regime_columns, preparation.regimes, data, rows, control)?;
        let groups = regimes.groups(data, rows.rows);
        let (mut used, mut scales) = (Vec::new(), Vec::new());
        for place in
            (0..data.columns.len()).filter(|place| !regime_columns.contains(&(*place as u32)))
        {
            control.check()?;
            let column = data.columns[place];
            if constants == Constants::Drop && is_constant(column, rows.rows) {
                continue;
            }
            if preparation.scale != Scale::None {
                let by_regime = groups
                    .iter()
                    .map(|rows| scale_of(preparation.scale, column, rows));
                let by_regime: Vec<(f64, f64)> = by_regime.collect();
                // It says which regime it is and no more; unless it is missing at times, which may say something.
                let is_still = by_regime.iter().all(|(_, scale)| *scale == 0.0);
                let has_holes = rows
                    .rows
                    .iter()
                    .any(|&row| !is_present(column[row as usize]));
                if constants == Constants::Drop && is_still && !has_holes {
                    continue;
                }
                scales.push(by_regime);
            }
            used.push(place as u32);
        }
        // From one list by regime for each feature to one by feature for each regime.
        let by_regime = (0..groups.len()).flat_map(|group| scales.iter().map(move |s| s[group]));
        let (center, scale) = by_regime.unzip();
        Ok(Self {
            used,
            regimes: Some(regimes).filter(|regimes| !regimes.columns.is_empty()),
            center,
            scale,
        })
    }

    /// How many features there are.
    pub(crate) fn count(&self) -> usize {
        self.used.len()
    }

    /// The columns used, by their places in a request.
    pub(crate) fn used(&self) -> &[u32] {
        &self.used
    }

    /// Whether features are deviations from what is normal in the regime of the row.
    pub(crate) fn has_regimes(&self) -> bool {
        self.regimes.is_some()
    }

    fn is_scaled(&self) -> bool {
        !self.scale.is_empty()
    }

    /// The features of some rows of a request, column by column.
    pub(crate) fn apply(&self, columns: &[&[f64]], rows: Range<usize>) -> Vec<Vec<f64>> {
        let mut out: Vec<Vec<f64>> = Vec::with_capacity(self.used.len());
        let regimes = self
            .regimes
            .as_ref()
            .map(|regimes| regimes.of(columns, rows.clone()));
        for (feature, &place) in self.used.iter().enumerate() {
            let column = &columns[place as usize][rows.clone()];
            out.push(match &regimes {
                _ if !self.is_scaled() => column.iter().map(|&x| present(x)).collect(),
                None => {
                    let (center, scale) = (self.center[feature], self.scale[feature]);
                    column.iter().map(|&x| scaled(x, center, scale)).collect()
                }
                Some(regimes) => {
                    let values = column.iter().zip(regimes);
                    values
                        .map(|(&x, regime)| self.scaled_in(x, feature, *regime))
                        .collect()
                }
            });
        }
        out
    }

    fn scaled_in(&self, value: f64, feature: usize, regime: Option<u32>) -> f64 {
        let Some(regime) = regime else {
            return f64::NAN;
        };
        let place = regime as usize * self.used.len() + feature;
        scaled(value, self.center[place], self.scale[place])
    }

    /// The features of chosen training rows.
    pub(crate) fn gather(&self, data: &TrainingData<'_>, rows: &[u32]) -> Vec<Vec<f64>> {
        let wanted = self
            .used
            .iter()
            .chain(self.regimes.iter().flat_map(|r| &r.columns));
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); data.columns.len()];
        for &place in wanted {
            columns[place as usize] = gather(data.columns[place as usize], rows);
        }
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        self.apply(&columns, 0..rows.len())
    }

    pub(crate) fn write(&self, document: &mut Document) {
        document.put_counts("features.used", &self.used);
        document.put_numbers("features.center", &self.center);
        document.put_numbers("features.scale", &self.scale);
        if let Some(regimes) = &self.regimes {
            document.put_counts("regimes.columns", &regimes.columns);
            document.put_numbers("regimes.center", &regimes.center);
            document.put_numbers("regimes.scale", &regimes.scale);
            regimes.centres.write("regimes", document);
        }
    }

    pub(crate) fn read(columns: usize, document: &mut Document) -> Result<Self> {
        let regimes = if document.has("regimes.columns") {
            Some(RegimeFinder::read(columns, document)?)
        } else {
            None
        };
        let used = document.counts("features.used")?;
        check_places(&used, columns)?;
        let center = document.numbers("features.center")?;
        let scale = document.numbers_of("features.scale", center.len())?;
        let count = regimes
            .as_ref()
            .map_or(1, |regimes| regimes.centres.count());
        ensure(
            center.is_empty() && regimes.is_none() || center.len() == count * used.len(),
            "its features have not one scale each",
        )?;
        ensure(
            scale.iter().all(|scale| *scale >= 0.0),
            "a scale is below zero",
        )?;
        Ok(Self {
            used,
            regimes,
            center,
            scale,
        })
    }
}

impl RegimeFinder {
    fn fit(
        columns: &[u32],
        wanted: Regimes,
        data: &TrainingData<'_>,
        rows: Rows<'_>,
        control: &Control<'_>,
    ) -> Result<Self> {
        let (mut used, mut center, mut scale, mut values) = (vec![], vec![], vec![], vec![]);
        for &place in columns {
            let mut column = gather(data.columns[place as usize], rows.rows);
            let (mean, sigma) = mean_and_sigma(&column).unwrap_or((0.0, 0.0));
            column
                .iter_mut()
                .for_each(|value| *value = scaled(*value, mean, sigma));
            used.push(place);
            center.push(mean);
            scale.push(sigma);
            values.push(column);
        }
        let keys: Vec<u64> = rows
            .rows
            .iter()
            .map(|&row| rows.keys[row as usize])
            .collect();
        let varies = scale.iter().any(|scale| *scale > 0.0) && !keys.is_empty();
        let search = |clusters| {
            let search = Search {
                clusters,
                restarts: 10,
                iterations: 100,
                seed: 0,
            };
            find(&values, &keys, &search, control)
        };
        let zero = Centres::at_zero(used.len());
        let centres = match wanted {
            _ if !varies => zero,
            Regimes::Count(count) => search((count as usize).min(keys.len()))?.centres,
            Regimes::Auto => {
                let limit = search(1)?.inertia * UNEXPLAINED_MAX;
                let mut found = zero;
                for clusters in 2..=REGIMES_MAX.min(keys.len()) {
                    let result = search(clusters)?;
                    if result.inertia <= limit {
                        found = result.centres;
                        break;
                    }
                }
                found
            }
        };
        Ok(Self {
            columns: used,
            center,
            scale,
            centres,
        })
    }

    /// The training rows of every regime.
    fn groups(&self, data: &TrainingData<'_>, rows: &[u32]) -> Vec<Vec<u32>> {
        if self.columns.is_empty() {
            return vec![rows.to_vec()];
        }
        let mut groups = vec![Vec::new(); self.centres.count()];
        let mut point = vec![0.0; self.columns.len()];
        for &row in rows {
            if let Some(regime) = self.at(data.columns, row as usize, &mut point) {
                groups[regime as usize].push(row);
            }
        }
        groups
    }

    fn of(&self, columns: &[&[f64]], rows: Range<usize>) -> Vec<Option<u32>> {
        let mut point = vec![0.0; self.columns.len()];
        rows.map(|row| self.at(columns, row, &mut point)).collect()
    }

    fn at(&self, columns: &[&[f64]], row: usize, point: &mut [f64]) -> Option<u32> {
        for (axis, &place) in self.columns.iter().enumerate() {
            point[axis] = scaled(
                columns[place as usize][row],
                self.center[axis],
                self.scale[axis],
            );
        }
        let is_complete = point.iter().all(|value| is_present(*value));
        is_complete.then(|| self.centres.nearest(point).0 as u32)
    }

    fn read(columns: usize, document: &mut Document) -> Result<Self> {
        let places = document.counts("regimes.columns")?;
        check_places(&places, columns)?;
        let center = document.numbers_of("regimes.center", places.len())?;
        let scale = document.numbers_of("regimes.scale", places.len())?;
        ensure(
            scale.iter().all(|scale| *scale >= 0.0),
            "a scale is below zero",
        )?;
        let centres = Centres::read("regimes", places.len(), document)?;
        Ok(Self {
            columns: places,
            center,
            scale,
            centres,
        })
    }
}

/// The places of these columns.
fn places(columns: &[String], names: &[String]) -> Result<Vec<u32>> {
    let place = |column: &String| {
        let found = names.iter().position(|name| name == column);
        found
            .map(|place| place as u32)
            .ok_or_else(|| Error::InvalidOption {
                name: "regime".to_owned(),
                expected: format!("some of the columns {}", names.join(", ")),
                given: format!("'{column}'"),
            })
    };
    columns.iter().map(place).collect()
}

fn check_places(places: &[u32], columns: usize) -> Result<()> {
    let are_known = places.iter().all(|place| (*place as usize) < columns);
    ensure(are_known, "it uses a column that it does not name")?;
    let are_once = places.len() <= columns;
    ensure(are_once, "it uses a column twice")
}

/// Whether all values of these rows are the same, or all are missing.
fn is_constant(column: &[f64], rows: &[u32]) -> bool {
    let mut values = rows
        .iter()
        .map(|&row| present(column[row as usize]).to_bits());
    let first = values.next();
    values.all(|value| Some(value) == first)
}

/// Center and scale of the values of some rows; a scale of 0 says that they do not vary.
fn scale_of(scale: Scale, column: &[f64], rows: &[u32]) -> (f64, f64) {
    let mut values = gather(column, rows);
    values.retain(|value| is_present(*value));
    let found = match scale {
        Scale::None => None,
        Scale::Standard => mean_and_sigma(&values),
        Scale::Robust => robust(&mut values),
    };
    found.unwrap_or((0.0, 0.0))
}

/// Median and interquartile range. Where more than half of the values are the same the range is 0 although they vary;
/// the standard deviation stands in for it then.
fn robust(values: &mut [f64]) -> Option<(f64, f64)> {
    let (_, sigma) = mean_and_sigma(values)?;
    let median = quantile::of(values, 0.5)?;
    let range = quantile::of(values, 0.75)? - quantile::of(values, 0.25)?;
    let (low, high) = bounds(values);
    let scale = if range > 0.0 { range } else { sigma };
    Some((median, if low == high { 0.0 } else { scale }))
}

fn scaled(value: f64, center: f64, scale: f64) -> f64 {
    if !is_present(value) {
        f64::NAN
    } else if scale == 0.0 {
        0.0
    } else {
        present((value - center) / scale)
    }
}
