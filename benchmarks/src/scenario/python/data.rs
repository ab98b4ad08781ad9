//! The rows: noise that follows from the number of a row by whole numbers and one division, so that any language makes the same.

use clap::Args;

use crate::data::Spec;
use crate::source::{Rendered, Source};

const SECOND_NS: i64 = 1_000_000_000;

const ROWS_PER_BODY: u64 = 10_000;

/// How much there is to compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sizes {
    /// Series of `signal`.
    #[arg(long, default_value_t = 500)]
    pub(super) series: u64,
    /// Points of each of them.
    #[arg(long, default_value_t = 4_000)]
    pub(super) points: u64,
    /// Machines of `wear`.
    #[arg(long, default_value_t = 10_000)]
    pub(super) machines: u64,
    /// Readings of each of them.
    #[arg(long, default_value_t = 30)]
    pub(super) readings: u64,
    /// Rows of five columns to train a forest on.
    #[arg(long, default_value_t = 1_000_000)]
    pub(super) rows: u64,
}

/// One table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    Signal { series: u64, points: u64 },
    Wear { machines: u64, readings: u64 },
    Row { rows: u64 },
}

impl Sizes {
    pub(super) fn tables(&self) -> [Rows; 3] {
        let Self {
            series,
            points,
            machines,
            readings,
            rows,
        } = *self;
        [
            Rows::Signal { series, points },
            Rows::Wear { machines, readings },
            Rows::Row { rows },
        ]
    }

    pub(super) fn text(&self) -> String {
        let Self {
            series,
            points,
            machines,
            readings,
            rows,
        } = self;
        format!(
            "signal: {series} series of {points} points; wear: {machines} machines of {readings} readings; reading: {rows} rows of 5 columns"
        )
    }
}

impl Rows {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Signal { .. } => "signal",
            Self::Wear { .. } => "wear",
            Self::Row { .. } => "reading",
        }
    }

    pub(super) fn rows(&self) -> u64 {
        match *self {
            Self::Signal { series, points } => series * points,
            Self::Wear { machines, readings } => machines * readings,
            Self::Row { rows } => rows,
        }
    }

    /// The lines, all series of a tick before the next.
    pub(super) fn source(&self) -> Box<dyn Source> {
        let table = *self;
        Box::new(Rendered {
            rows: self.rows(),
            rows_per_body: ROWS_PER_BODY,
            write_line: move |out: &mut Vec<u8>, row: u64| {
                out.extend_from_slice(table.line(row).as_bytes());
            },
        })
    }

    fn line(&self, row: u64) -> String {
        let time = |tick: u64| Spec::START_NS + tick as i64 * SECOND_NS;
        match *self {
            Self::Signal { series, .. } => {
                let (asset, time) = (row % series, time(row / series));
                format!("signal,asset=s{asset:06} x={} {time}\n", noise(row))
            }
            Self::Wear { machines, .. } => {
                let (machine, tick) = (row % machines, row / machines);
                let level = 1_000 + 10 * (machine % 97 + 1) * tick + mixed(row) % 200;
                let (y, time) = (level as f64 / 1_000.0, time(tick));
                format!("wear,asset=m{machine:06} y={y} {time}\n")
            }
            Self::Row { .. } => {
                let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|column| noise(row * 5 + column));
                // A millisecond apart, so that a million are within one day.
                let time = Spec::START_NS + row as i64 * 1_000_000;
                format!("reading a={a},b={b},c={c},d={d},e={e} {time}\n")
            }
        }
    }
}

/// From -1 to 1, with four decimals.
fn noise(number: u64) -> f64 {
    ((mixed(number) % 20_001) as i64 - 10_000) as f64 / 10_000.0
}

/// SplitMix64 (Steele et al. 2014) of a number.
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first outputs of SplitMix64 seeded with 0, as published with xoshiro (Blackman, Vigna).
    #[test]
    fn numbers_are_those_of_the_generator() {
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mixed(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn every_series_has_a_line_for_every_tick() {
        let signal = Rows::Signal {
            series: 2,
            points: 3,
        };
        assert_eq!(signal.rows(), 6);
        let line = signal.line(3);
        let expected = format!(
            "signal,asset=s000001 x={} {}\n",
            noise(3),
            Spec::START_NS + SECOND_NS
        );
        assert_eq!(line, expected);
    }
}
