//! What can be said about a training, kind by kind: the fields are what `WITH (…)` names in SQL.

mod kinds;
mod setting;

pub use kinds::{
    BoostingOptions, Components, Contamination, Direction, ForestOptions, KMeansOptions, Loss,
    PcaOptions, Preparation, Regimes, RidgeOptions, Scale, ScalerOptions, Validation,
};
pub use setting::Setting;

use crate::error::{Error, Result};

/// The kinds of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Anomaly scores by isolation in random trees.
    IsolationForest,
    /// Deviation from the mean in standard deviations, feature by feature.
    StandardScaler,
    /// Deviation from the median in interquartile ranges, feature by feature.
    RobustScaler,
    /// The nearest of some centres: operating regimes.
    KMeans,
    /// Distance within and from the plane in which the training rows vary.
    Pca,
    /// Linear regression, shrunk.
    Ridge,
    /// Regression by a sum of small trees.
    GradientBoosting,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::IsolationForest,
        Self::StandardScaler,
        Self::RobustScaler,
        Self::KMeans,
        Self::Pca,
        Self::Ridge,
        Self::GradientBoosting,
    ];

    /// Its name in SQL and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IsolationForest => "isolation_forest",
            Self::StandardScaler => "standard_scaler",
            Self::RobustScaler => "robust_scaler",
            Self::KMeans => "kmeans",
            Self::Pca => "pca",
            Self::Ridge => "ridge",
            Self::GradientBoosting => "gradient_boosting",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::UnknownKind {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }

    /// Whether it learns a target.
    pub const fn has_target(self) -> bool {
        matches!(self, Self::Ridge | Self::GradientBoosting)
    }
}

/// The options of a training, which say the kind of model too.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Options {
    /// Of an isolation forest.
    IsolationForest(ForestOptions),
    /// Of a standard scaler.
    StandardScaler(ScalerOptions),
    /// Of a robust scaler.
    RobustScaler(ScalerOptions),
    /// Of k-means.
    KMeans(KMeansOptions),
    /// Of principal components.
    Pca(PcaOptions),
    /// Of ridge regression.
    Ridge(RidgeOptions),
    /// Of gradient boosting.
    GradientBoosting(BoostingOptions),
}

impl Options {
    /// The defaults of a kind.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::IsolationForest => Self::IsolationForest(ForestOptions::default()),
            Kind::StandardScaler => Self::StandardScaler(ScalerOptions::default()),
            Kind::RobustScaler => Self::RobustScaler(ScalerOptions::default()),
            Kind::KMeans => Self::KMeans(KMeansOptions::default()),
            Kind::Pca => Self::Pca(PcaOptions::default()),
            Kind::Ridge => Self::Ridge(RidgeOptions::default()),
            Kind::GradientBoosting => Self::GradientBoosting(BoostingOptions::default()),
        }
    }

    /// The kind of model they train.
    pub fn kind(&self) -> Kind {
        match self {
            Self::IsolationForest(_) => Kind::IsolationForest,
            Self::StandardScaler(_) => Kind::StandardScaler,
            Self::RobustScaler(_) => Kind::RobustScaler,
            Self::KMeans(_) => Kind::KMeans,
            Self::Pca(_) => Kind::Pca,
            Self::Ridge(_) => Kind::Ridge,
            Self::GradientBoosting(_) => Kind::GradientBoosting,
        }
    }

    /// Sets one option by its name. What a value means for the others is checked when training begins.
    ///
    /// ```
    /// use models::{Kind, Options, Setting};
    ///
    /// let mut options = Options::new(Kind::IsolationForest);
    /// options.set("trees", &Setting::Number(200.0))?;
    /// let error = options.set("tree", &Setting::Number(200.0)).unwrap_err();
    /// assert!(error.to_string().starts_with("isolation_forest has no option 'tree'"));
    /// # Ok::<(), models::Error>(())
    /// ```
    pub fn set(&mut self, name: &str, setting: &Setting) -> Result<()> {
        let is_known = match self {
            Self::IsolationForest(options) => options.set(name, setting)?,
            Self::StandardScaler(options) | Self::RobustScaler(options) => {
                options.set(name, setting)?
            }
            Self::KMeans(options) => options.set(name, setting)?,
            Self::Pca(options) => options.set(name, setting)?,
            Self::Ridge(options) => options.set(name, setting)?,
            Self::GradientBoosting(options) => options.set(name, setting)?,
        };
        if is_known {
            return Ok(());
        }
        Err(Error::UnknownOption {
            kind: self.kind().name(),
            name: name.to_owned(),
            known: Self::names(self.kind()).join(", "),
        })
    }

    /// The names that [`Options::set`] knows for a kind.
    pub fn names(kind: Kind) -> Vec<&'static str> {
        let (own, shared): (&[&str], &[&[&str]]) = match kind {
            Kind::IsolationForest => (ForestOptions::NAMES, &[Preparation::NAMES]),
            Kind::StandardScaler | Kind::RobustScaler => (ScalerOptions::NAMES, &[]),
            Kind::KMeans => (KMeansOptions::NAMES, &[Preparation::NAMES]),
            Kind::Pca => (PcaOptions::NAMES, &[Preparation::NAMES]),
            Kind::Ridge => (
                RidgeOptions::NAMES,
                &[Validation::NAMES, Preparation::NAMES],
            ),
            Kind::GradientBoosting => (
                BoostingOptions::NAMES,
                &[Validation::NAMES, Preparation::NAMES],
            ),
        };
        own.iter()
            .chain(shared.iter().copied().flatten())
            .copied()
            .collect()
    }

    /// The preparation of the features; scalers are nothing else.
    pub(crate) fn preparation(&self) -> Preparation {
        match self {
            Self::IsolationForest(options) => options.preparation.clone(),
            Self::StandardScaler(options) => options.preparation(Scale::Standard),
            Self::RobustScaler(options) => options.preparation(Scale::Robust),
            Self::KMeans(options) => options.preparation.clone(),
            Self::Pca(options) => options.preparation.clone(),
            Self::Ridge(options) => options.preparation.clone(),
            Self::GradientBoosting(options) => options.preparation.clone(),
        }
    }

    /// Every value is within its limits.
    pub(crate) fn check(&self) -> Result<()> {
        self.preparation().check()?;
        match self {
            Self::IsolationForest(options) => options.check(),
            Self::StandardScaler(_) | Self::RobustScaler(_) => Ok(()),
            Self::KMeans(options) => options.check(),
            Self::Pca(options) => options.check(),
            Self::Ridge(options) => options.check(),
            Self::GradientBoosting(options) => options.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> Setting {
        Setting::Number(value)
    }

    fn text(value: &str) -> Setting {
        Setting::Text(value.to_owned())
    }

    fn check(kind: Kind, name: &str, setting: Setting, expected: &str) {
        let mut options = Options::new(kind);
        let result = options.set(name, &setting).and_then(|()| options.check());
        let said = result.map_or_else(|error| error.to_string(), |()| "taken".to_owned());
        assert!(said.contains(expected), "{name} = {setting:?}: {said}");
    }

    #[test]
    fn options_take_what_they_can_be_and_say_so_otherwise() {
        use Kind::*;
        check(IsolationForest, "trees", number(200.0), "taken");
        check(
            IsolationForest,
            "trees",
            number(0.0),
            "option 'trees' must be from 1 to 10000",
        );
        check(
            IsolationForest,
            "trees",
            number(1.5),
            "must be a whole number, and is 1.5",
        );
        check(
            IsolationForest,
            "trees",
            text("many"),
            "must be a whole number, and is 'many'",
        );
        check(IsolationForest, "contamination", text("auto"), "taken");
        check(IsolationForest, "contamination", number(0.1), "taken");
        check(
            IsolationForest,
            "contamination",
            number(0.9),
            "from 0 to 0.5",
        );
        check(IsolationForest, "calibrate", text("p99"), "taken");
        check(IsolationForest, "calibrate", text("none"), "taken");
        check(
            IsolationForest,
            "calibrate",
            text("99"),
            "must be 'p50' to 'p100' or 'none'",
        );
        check(IsolationForest, "scale", text("robust"), "taken");
        check(
            IsolationForest,
            "scale",
            text("max"),
            "'standard', 'robust' or 'none'",
        );
        check(
            IsolationForest,
            "alpha",
            number(1.0),
            "takes trees, sample, seed",
        );
        check(StandardScaler, "regime", text("s1, s2"), "taken");
        check(StandardScaler, "regimes", text("auto"), "taken");
        check(StandardScaler, "regimes", number(6.0), "taken");
        check(
            StandardScaler,
            "scale",
            text("none"),
            "has no option 'scale'",
        );
        check(
            KMeans,
            "clusters",
            number(0.0),
            "option 'clusters' must be from 1 to",
        );
        check(Pca, "components", number(0.9), "taken");
        check(Pca, "components", number(3.0), "taken");
        check(
            Pca,
            "components",
            number(2.5),
            "a share below 1 or a whole number",
        );
        check(
            Ridge,
            "alpha",
            number(-1.0),
            "option 'alpha' must be from 0 to",
        );
        check(
            Ridge,
            "alpha",
            number(f64::NAN),
            "option 'alpha' must be from 0 to",
        );
        check(Ridge, "interval", text("none"), "taken");
        check(GradientBoosting, "loss", text("quantile"), "taken");
        check(
            GradientBoosting,
            "loss",
            text("log"),
            "'squared_error' or 'quantile'",
        );
        check(
            GradientBoosting,
            "monotone",
            text("age -, speed +"),
            "taken",
        );
        check(
            GradientBoosting,
            "monotone",
            text("age"),
            "a name and + or -",
        );
        check(GradientBoosting, "bins", number(257.0), "from 2 to 256");
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Ok(kind));
            assert_eq!(Options::new(kind).kind(), kind);
            assert_eq!(Options::new(kind).check(), Ok(()));
        }
        assert!(Kind::from_name("forest").is_err());
    }
}
