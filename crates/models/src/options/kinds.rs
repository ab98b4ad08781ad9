//! The options of every kind, their defaults and limits.

use super::setting::{Setting, within};
use crate::error::{Error, Result};

/// How a feature is made comparable with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Left as it is.
    None,
    /// Less the mean, by the standard deviation.
    Standard,
    /// Less the median, by the interquartile range.
    Robust,
}

/// How many operating regimes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regimes {
    /// As few as explain all but 0.1 % of the variance of the regime columns, one where ten do not.
    Auto,
    /// This many.
    Count(u32),
}

/// What happens to features before a model sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// `scale`: how features are made comparable.
    pub scale: Scale,
    /// `regime`: columns that say how the machine is run. They are no features; scaling goes by regime.
    pub regime: Vec<String>,
    /// `regimes`: how many regimes to tell apart.
    pub regimes: Regimes,
}

impl Preparation {
    pub(super) const NAMES: &'static [&'static str] = &["scale", "regime", "regimes"];

    fn new(scale: Scale) -> Self {
        Self {
            scale,
            regime: Vec::new(),
            regimes: Regimes::Auto,
        }
    }

    fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "scale" => {
                let words = [
                    ("standard", Scale::Standard),
                    ("robust", Scale::Robust),
                    ("none", Scale::None),
                ];
                self.scale = setting.word(name, &words, "'standard', 'robust' or 'none'")?;
            }
            "regime" => self.regime = setting.names(name)?,
            "regimes" if setting.is_word("auto") => self.regimes = Regimes::Auto,
            "regimes" => self.regimes = Regimes::Count(setting.count(name)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Regimes::Count(count) = self.regimes {
            within("regimes", f64::from(count), 1.0, 100.0)?;
        }
        if self.scale == Scale::None && !self.regime.is_empty() {
            return Err(Error::InvalidOption {
                name: "scale".to_owned(),
                expected: "'standard' or 'robust' where there is a regime".to_owned(),
                given: "'none'".to_owned(),
            });
        }
        Ok(())
    }
}

/// How a regression is judged, and how wide its intervals are.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// `folds`: in how many parts the machines are divided, each of which is held out once. 0 or 1 does without
    /// metrics and intervals, and training takes a fraction of the time.
    pub folds: u32,
    /// `interval`: the share of machines' values that intervals are to hold; `None` for no intervals.
    pub interval: Option<f64>,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            folds: 5,
            interval: Some(0.9),
        }
    }
}

impl Validation {
    pub(super) const NAMES: &'static [&'static str] = &["folds", "interval"];

    fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "folds" => self.folds = setting.count(name)?,
            "interval" if setting.is_word("none") => self.interval = None,
            "interval" => self.interval = Some(setting.number(name)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        within("folds", f64::from(self.folds), 0.0, 100.0)?;
        self.interval
            .map_or(Ok(()), |share| within("interval", share, 0.5, 0.999))
    }
}

/// Where an isolation forest draws the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contamination {
    /// At a score of one half, as in the paper.
    Auto,
    /// So that this share of the training rows is beyond it.
    Share(f64),
}

/// Options of an isolation forest.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestOptions {
    /// `trees`: how many; more are steadier and slower.
    pub trees: u32,
    /// `sample`: rows that each tree sees.
    pub sample: u32,
    /// `seed`: what all random choices follow from.
    pub seed: u64,
    /// `contamination`: where the line is drawn.
    pub contamination: Contamination,
    /// `calibrate`: the share of training rows that the calibrated score puts at 2/3 and below (`'p99'`), or
    /// `None` (`'none'`) for the raw score of the paper.
    pub calibrate: Option<f64>,
    /// Scale and regimes.
    pub preparation: Preparation,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            trees: 100,
            sample: 256,
            seed: 42,
            contamination: Contamination::Auto,
            calibrate: Some(0.99),
            preparation: Preparation::new(Scale::Standard),
        }
    }
}

impl ForestOptions {
    pub(super) const NAMES: &'static [&'static str] =
        &["trees", "sample", "seed", "contamination", "calibrate"];

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "trees" => self.trees = setting.count(name)?,
            "sample" => self.sample = setting.count(name)?,
            "seed" => self.seed = setting.seed(name)?,
            "contamination" if setting.is_word("auto") => {
                self.contamination = Contamination::Auto;
            }
            "contamination" => self.contamination = Contamination::Share(setting.number(name)?),
            "calibrate" => self.calibrate = percentile(name, setting)?,
            _ => return self.preparation.set(name, setting),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        within("trees", f64::from(self.trees), 1.0, 10_000.0)?;
        within("sample", f64::from(self.sample), 1.0, 1_048_576.0)?;
        within(
            "trees times sample",
            f64::from(self.trees) * f64::from(self.sample),
            1.0,
            1e8,
        )?;
        match self.contamination {
            Contamination::Auto => Ok(()),
            Contamination::Share(share) => within("contamination", share, 0.0, 0.5),
        }?;
        self.calibrate
            .map_or(Ok(()), |share| within("calibrate", share, 0.5, 1.0))
    }
}

/// `'p99'`, `'p99.9'` or `'none'`.
fn percentile(name: &str, setting: &Setting) -> Result<Option<f64>> {
    let wrong = || setting.is_not(name, "'p50' to 'p100' or 'none'");
    match setting {
        Setting::Text(text) if text == "none" => Ok(None),
        Setting::Text(text) => {
            let percent = text.strip_prefix('p').ok_or_else(wrong)?;
            let percent: f64 = percent.parse().map_err(|_| wrong())?;
            if (50.0..=100.0).contains(&percent) {
                return Ok(Some(percent / 100.0));
            }
            Err(wrong())
        }
        _ => Err(wrong()),
    }
}

/// Options of both scalers.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalerOptions {
    /// `regime`: columns that say how the machine is run; every other column is scaled by regime.
    pub regime: Vec<String>,
    /// `regimes`: how many regimes to tell apart.
    pub regimes: Regimes,
}

impl Default for ScalerOptions {
    fn default() -> Self {
        Self {
            regime: Vec::new(),
            regimes: Regimes::Auto,
        }
    }
}

impl ScalerOptions {
    pub(super) const NAMES: &'static [&'static str] = &["regime", "regimes"];

    pub(super) fn preparation(&self, scale: Scale) -> Preparation {
        Preparation {
            scale,
            regime: self.regime.clone(),
            regimes: self.regimes,
        }
    }

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        if !Self::NAMES.contains(&name) {
            return Ok(false);
        }
        let mut preparation = self.preparation(Scale::Standard);
        preparation.set(name, setting)?;
        self.regime = preparation.regime;
        self.regimes = preparation.regimes;
        Ok(true)
    }
}

/// Options of k-means.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansOptions {
    /// `clusters`: how many centres.
    pub clusters: u32,
    /// `restarts`: how many beginnings are tried; the tightest result is kept.
    pub restarts: u32,
    /// `iterations`: moves of the centres at most.
    pub iterations: u32,
    /// `seed`: what all random choices follow from.
    pub seed: u64,
    /// Scale and regimes.
    pub preparation: Preparation,
}

impl Default for KMeansOptions {
    fn default() -> Self {
        Self {
            clusters: 8,
            restarts: 10,
            iterations: 300,
            seed: 42,
            preparation: Preparation::new(Scale::Standard),
        }
    }
}

impl KMeansOptions {
    pub(super) const NAMES: &'static [&'static str] =
        &["clusters", "restarts", "iterations", "seed"];

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "clusters" => self.clusters = setting.count(name)?,
            "restarts" => self.restarts = setting.count(name)?,
            "iterations" => self.iterations = setting.count(name)?,
            "seed" => self.seed = setting.seed(name)?,
            _ => return self.preparation.set(name, setting),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        within("clusters", f64::from(self.clusters), 1.0, 1000.0)?;
        within("restarts", f64::from(self.restarts), 1.0, 1000.0)?;
        within("iterations", f64::from(self.iterations), 1.0, 100_000.0)
    }
}

/// How many principal components make up the plane of normal operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    /// As few as explain this share of the variance.
    Share(f64),
    /// This many.
    Count(u32),
}

/// Options of principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaOptions {
    /// `components`: a share of the variance below 1, or a number of components.
    pub components: Components,
    /// `limit`: the share of training rows that both distances leave within their limits.
    pub limit: f64,
    /// Scale and regimes.
    pub preparation: Preparation,
}

impl Default for PcaOptions {
    fn default() -> Self {
        Self {
            components: Components::Share(0.95),
            limit: 0.99,
            preparation: Preparation::new(Scale::Standard),
        }
    }
}

impl PcaOptions {
    pub(super) const NAMES: &'static [&'static str] = &["components", "limit"];

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "components" => {
                let value = setting.number(name)?;
                self.components = if 0.0 < value && value < 1.0 {
                    Components::Share(value)
                } else {
                    let count = setting.count(name);
                    let expected = "a share below 1 or a whole number";
                    Components::Count(count.map_err(|_| setting.is_not(name, expected))?)
                };
            }
            "limit" => self.limit = setting.number(name)?,
            _ => return self.preparation.set(name, setting),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.components {
            Components::Share(share) => within("components", share, 0.0, 1.0),
            Components::Count(count) => within("components", f64::from(count), 1.0, 4096.0),
        }?;
        within("limit", self.limit, 0.5, 1.0)
    }
}

/// Options of ridge regression.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeOptions {
    /// `alpha`: how much coefficients are shrunk; 0 is ordinary least squares.
    pub alpha: f64,
    /// `seed`: what the folds follow from.
    pub seed: u64,
    /// Folds and intervals.
    pub validation: Validation,
    /// Scale and regimes.
    pub preparation: Preparation,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            seed: 42,
            validation: Validation::default(),
            preparation: Preparation::new(Scale::Standard),
        }
    }
}

impl RidgeOptions {
    pub(super) const NAMES: &'static [&'static str] = &["alpha", "seed"];

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "alpha" => self.alpha = setting.number(name)?,
            "seed" => self.seed = setting.seed(name)?,
            _ if self.validation.set(name, setting)? => {}
            _ => return self.preparation.set(name, setting),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        within("alpha", self.alpha, 0.0, 1e15)?;
        self.validation.check()
    }
}

/// What a boosted model makes small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// The squared error: predictions are means.
    SquaredError,
    /// The pinball loss: predictions are this quantile.
    Quantile(f64),
}

/// Which way a prediction may go as a feature grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Never down.
    Rising,
    /// Never up.
    Falling,
}

/// Options of gradient boosting.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostingOptions {
    /// `trees`: how many steps.
    pub trees: u32,
    /// `learning_rate`: the share of every step that is taken.
    pub learning_rate: f64,
    /// `leaves`: of a tree at most.
    pub leaves: u32,
    /// `min_rows`: training rows in every leaf at least.
    pub min_rows: u32,
    /// `l2`: how much values of leaves are shrunk.
    pub l2: f64,
    /// `bins`: into how many values a feature is cut, with one for what is missing.
    pub bins: u32,
    /// `loss` and, for the loss `'quantile'`, `quantile`.
    pub loss: Loss,
    /// `monotone`: features with the way a prediction may go (`'age -, load +'`).
    pub monotone: Vec<(String, Direction)>,
    /// `column_share`: the share of the features that a tree may use.
    pub column_share: f64,
    /// `row_share`: the share of the rows that a tree learns from.
    pub row_share: f64,
    /// `seed`: what all random choices follow from.
    pub seed: u64,
    /// Folds and intervals.
    pub validation: Validation,
    /// Scale and regimes.
    pub preparation: Preparation,
}

impl Default for BoostingOptions {
    fn default() -> Self {
        Self {
            trees: 300,
            learning_rate: 0.05,
            leaves: 15,
            min_rows: 50,
            l2: 1.0,
            bins: 256,
            loss: Loss::SquaredError,
            monotone: Vec::new(),
            column_share: 1.0,
            row_share: 1.0,
            seed: 42,
            validation: Validation::default(),
            preparation: Preparation::new(Scale::None),
        }
    }
}

impl BoostingOptions {
    pub(super) const NAMES: &'static [&'static str] = &[
        "trees",
        "learning_rate",
        "leaves",
        "min_rows",
        "l2",
        "bins",
        "loss",
        "quantile",
        "monotone",
        "column_share",
        "row_share",
        "seed",
    ];

    pub(super) fn set(&mut self, name: &str, setting: &Setting) -> Result<bool> {
        match name {
            "trees" => self.trees = setting.count(name)?,
            "learning_rate" => self.learning_rate = setting.number(name)?,
            "leaves" => self.leaves = setting.count(name)?,
            "min_rows" => self.min_rows = setting.count(name)?,
            "l2" => self.l2 = setting.number(name)?,
            "bins" => self.bins = setting.count(name)?,
            "loss" => {
                let quantile = match self.loss {
                    Loss::SquaredError => 0.5,
                    Loss::Quantile(quantile) => quantile,
                };
                let words = [
                    ("squared_error", Loss::SquaredError),
                    ("quantile", Loss::Quantile(quantile)),
                ];
                self.loss = setting.word(name, &words, "'squared_error' or 'quantile'")?;
            }
            "quantile" => self.loss = Loss::Quantile(setting.number(name)?),
            "monotone" => self.monotone = directions(name, setting)?,
            "column_share" => self.column_share = setting.number(name)?,
            "row_share" => self.row_share = setting.number(name)?,
            "seed" => self.seed = setting.seed(name)?,
            _ if self.validation.set(name, setting)? => {}
            _ => return self.preparation.set(name, setting),
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<()> {
        within("trees", f64::from(self.trees), 1.0, 10_000.0)?;
        within("learning_rate", self.learning_rate, 1e-6, 1.0)?;
        within("leaves", f64::from(self.leaves), 2.0, 4096.0)?;
        within("min_rows", f64::from(self.min_rows), 1.0, 4e9)?;
        within("l2", self.l2, 0.0, 1e15)?;
        within("bins", f64::from(self.bins), 2.0, 256.0)?;
        within("column_share", self.column_share, 1e-4, 1.0)?;
        within("row_share", self.row_share, 1e-4, 1.0)?;
        if let Loss::Quantile(quantile) = self.loss {
            within("quantile", quantile, 0.001, 0.999)?;
        }
        self.validation.check()
    }
}

/// `'age -, load +'`
fn directions(name: &str, setting: &Setting) -> Result<Vec<(String, Direction)>> {
    let mut directions = Vec::new();
    for part in setting.names(name)? {
        let direction = match part.chars().last() {
            Some('+') => Direction::Rising,
            Some('-') => Direction::Falling,
            _ => return Err(setting.is_not(name, "a list of a name and + or - each")),
        };
        let feature = part[..part.len() - 1].trim_end().to_owned();
        directions.push((feature, direction));
    }
    Ok(directions)
}
