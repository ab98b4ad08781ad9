//! What is set, and what it comes to.

use std::error::Error;

use models::{Components, Control, Options, PcaOptions, TrainingData, train};

use crate::smoothing::{Smoothing, trailing_mean};
use crate::{LEARNED, Recording};

/// Which distance tells an anomaly.
#[derive(Debug, Clone, Copy)]
enum Distance {
    T2,
    Q,
    Either,
}

/// A way to tell anomalies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    smoothing: Smoothing,
    /// The share of the variance that the components explain.
    variance: f64,
    distance: Distance,
    /// Trailing rows that the root of the distance is averaged over.
    rows: usize,
    /// How many times the greatest value in training is too much.
    factor: f64,
}

impl Setting {
    /// Whether what differs comes after the distances.
    pub(crate) fn has_same_distances(&self, other: &Self) -> bool {
        self.smoothing == other.smoothing && self.variance == other.variance
    }
}

/// All settings that are tried, without their factor.
pub(crate) fn settings() -> Vec<Setting> {
    let smoothings = [
        Smoothing::None,
        Smoothing::Mean(10),
        Smoothing::Mean(20),
        Smoothing::Mean(30),
        Smoothing::Mean(60),
        Smoothing::Exponential(15),
        Smoothing::Exponential(30),
        Smoothing::Exponential(60),
        Smoothing::MeanAndSpread(20),
        Smoothing::MeanAndSpread(30),
        Smoothing::MeanAndSpread(60),
    ];
    let mut settings = Vec::new();
    for smoothing in smoothings {
        for variance in [0.5, 0.8, 0.95] {
            for distance in [Distance::T2, Distance::Q, Distance::Either] {
                let rows = [1, 10, 30];
                settings.extend(rows.map(|rows| Setting {
                    smoothing,
                    variance,
                    distance,
                    rows,
                    factor: 0.0,
                }));
            }
        }
    }
    settings
}

/// Rows by what they are and what they were taken for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    found: f64,
    missed: f64,
    false_alarms: f64,
    quiet: f64,
}

impl Counts {
    pub(crate) fn f1(&self) -> f64 {
        2.0 * self.found / (2.0 * self.found + self.false_alarms + self.missed)
    }

    pub(crate) fn false_alarm_rate(&self) -> f64 {
        self.false_alarms / (self.false_alarms + self.quiet)
    }

    pub(crate) fn missed_rate(&self) -> f64 {
        self.missed / (self.missed + self.found)
    }
}

/// How far the rows of some recordings are from normal.
pub(crate) struct Distances<'a> {
    /// With the roots of T² and Q.
    recordings: Vec<(&'a Recording, [Vec<f64>; 2])>,
}

impl<'a> Distances<'a> {
    /// By components that are learned anew from the first rows of every recording.
    pub(crate) fn of(
        recordings: &'a [Recording],
        setting: Setting,
    ) -> Result<Self, Box<dyn Error>> {
        let distances = recordings
            .iter()
            .map(|recording| Ok((recording, distances(recording, setting)?)));
        Ok(Self {
            recordings: distances.collect::<Result<_, Box<dyn Error>>>()?,
        })
    }

    /// The setting with the least factor that raises few enough alarms.
    pub(crate) fn with_factor(&self, kind: Setting, false_alarms_max: f64) -> Option<Setting> {
        let mut scored: Vec<f64> = self
            .recordings
            .iter()
            .flat_map(|(_, distances)| excesses(distances, kind).split_off(LEARNED))
            .collect();
        scored.sort_by(f64::total_cmp);
        let place = ((1.0 - false_alarms_max) * scored.len() as f64).ceil() as usize;
        Some(Setting {
            factor: *scored.get(place)?,
            ..kind
        })
    }

    /// The rows of all recordings.
    pub(crate) fn count(&self, setting: Setting) -> Counts {
        let mut counts = Counts::default();
        for (recording, distances) in &self.recordings {
            let excesses = excesses(distances, setting);
            for (excess, is_anomaly) in excesses.iter().zip(&recording.is_anomaly).skip(LEARNED) {
                let cell = match (*excess > setting.factor, is_anomaly) {
                    (true, true) => &mut counts.found,
                    (false, true) => &mut counts.missed,
                    (true, false) => &mut counts.false_alarms,
                    (false, false) => &mut counts.quiet,
                };
                *cell += 1.0;
            }
        }
        counts
    }
}

/// The roots of T² and Q of every row.
fn distances(recording: &Recording, setting: Setting) -> Result<[Vec<f64>; 2], Box<dyn Error>> {
    let columns: Vec<Vec<f64>> = recording
        .sensors
        .iter()
        .flat_map(|sensor| setting.smoothing.of(sensor))
        .collect();
    let names: Vec<String> = (0..columns.len())
        .map(|number| format!("f{number}"))
        .collect();
    let learned: Vec<&[f64]> = columns.iter().map(|column| &column[..LEARNED]).collect();
    let data = TrainingData {
        names: &names,
        columns: &learned,
        target: None,
        groups: None,
    };
    let options = Options::Pca(PcaOptions {
        components: Components::Share(setting.variance),
        ..PcaOptions::default()
    });
    let model = train(&options, &data, &Control::default())?.model;
    let all: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let placed = model.transform(&all)?;
    let root = |column: &Vec<f64>| column.iter().map(|square| square.sqrt()).collect();
    Ok([root(&placed[0]), root(&placed[1])])
}

/// The averaged distance of every row, in greatest ones of the rows learned from.
fn excesses(distances: &[Vec<f64>; 2], setting: Setting) -> Vec<f64> {
    let excess = |distance: &[f64]| -> Vec<f64> {
        let averaged = trailing_mean(distance, setting.rows);
        // The first averages are of few rows.
        let greatest = averaged[setting.rows - 1..LEARNED]
            .iter()
            .copied()
            .fold(f64::MIN_POSITIVE, f64::max);
        averaged.iter().map(|value| value / greatest).collect()
    };
    let [t2, q] = distances;
    match setting.distance {
        Distance::T2 => excess(t2),
        Distance::Q => excess(q),
        Distance::Either => excess(t2)
            .iter()
            .zip(excess(q))
            .map(|(t2, q)| t2.max(q))
            .collect(),
    }
}
