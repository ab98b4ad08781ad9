//! Indicators of gear damage, over a vibration record averaged in step with the shaft.
//!
//! | indicator | definition                                                            | rises with                       |
//! |-----------|-----------------------------------------------------------------------|----------------------------------|
//! | FM0       | peak to peak / Σ amplitudes of the mesh harmonics                      | heavy damage: broken or worn teeth |
//! | FM4       | N·Σ(d − d̄)⁴ / (Σ(d − d̄)²)²                                            | damage of one or two teeth       |
//! | NA4       | N·Σ(r − r̄)⁴ / (N·v̄)², v̄ the mean variance of records so far           | damage, and goes on rising       |
//!
//! r, the residual, is the record without its mean and the harmonics of the mesh frequency; d, the difference, also without
//! their first sidebands, one shaft turn to either side. A healthy gear leaves noise, whose FM4 and NA4 are 3.
//! Stewart 1977 (FM0, FM4); Zakrajsek, Townsend, Decker, NASA TM-105950 (1993) (NA4).
//!
//! A line is the Fourier component of the record whose frequency is nearest. In a record of whole turns of the shaft,
//! all lines are such components exactly, and taking one out leaves the others alone.

use crate::Summary;
use crate::indicators::{CentralMoments, Extremes};
use crate::summary::defined;

/// The gear, in cycles per sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mesh {
    /// Mesh frequency over sampling rate.
    pub mesh: f64,
    /// Shaft frequency over sampling rate: the distance of the sidebands.
    pub shaft: f64,
    /// How many harmonics of the mesh frequency count. Those at or above half the sampling rate do not.
    pub harmonics: usize,
}

/// The fewest samples of a record.
const COUNT_MIN: usize = 8;

/// Peak to peak over the sum of the amplitudes at the mesh frequency and its harmonics; `None` where these are not
/// within the band of the record.
pub fn fm0(values: &[f64], gear: Mesh) -> Option<f64> {
    let mean = CentralMoments::over(values).mean()?;
    let centered: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let lines = lines(values.len(), gear, &[0.0])?;
    let amplitudes = lines.into_iter().map(|line| component(&centered, line));
    let sum: f64 = amplitudes.map(|[cos, sin]| cos.hypot(sin)).sum();
    let range = Extremes::of(values.iter().copied()).range()?;
    defined(range / sum)
}

/// The kurtosis of the difference signal, 3 for noise; `None` where nothing is left of it.
pub fn fm4(values: &[f64], gear: Mesh) -> Option<f64> {
    let rest = without(
        values,
        &lines(values.len(), gear, &[0.0, -gear.shaft, gear.shaft])?,
    )?;
    defined(rest.kurtosis()? + 3.0)
}

/// The fourth moment of the residual signal over the square of `variance`, the mean variance of healthy records, or over
/// that of its own where none is given.
pub fn na4(values: &[f64], gear: Mesh, variance: Option<f64>) -> Option<f64> {
    let rest = without(values, &lines(values.len(), gear, &[0.0])?)?;
    let own = rest.std_above_noise()?.powi(2);
    defined((rest.kurtosis()? + 3.0) * (own / variance.unwrap_or(own)).powi(2))
}

/// The numbers of the Fourier components nearest to the harmonics of the mesh and their sidebands at `offsets`.
///
/// `None` when the record is too short or the first harmonic is not within its band.
fn lines(count: usize, gear: Mesh, offsets: &[f64]) -> Option<Vec<usize>> {
    if count < COUNT_MIN {
        return None;
    }
    let number = |frequency: f64| (frequency * count as f64).round();
    let is_inside = |line: &f64| *line >= 1.0 && 2.0 * line < count as f64;
    Some(number(gear.mesh)).filter(is_inside)?;
    let harmonics = (1..=gear.harmonics).map(|order| order as f64 * gear.mesh);
    let inside = harmonics.take_while(|frequency| *frequency < 0.5);
    let around = inside.flat_map(|center| offsets.iter().map(move |offset| center + offset));
    let mut lines: Vec<usize> = around
        .map(number)
        .filter(is_inside)
        .map(|n| n as usize)
        .collect();
    lines.sort_unstable();
    lines.dedup();
    Some(lines)
}

/// The cosine and the sine part of a Fourier component, as amplitudes.
fn component(centered: &[f64], line: usize) -> [f64; 2] {
    let scale = 2.0 / centered.len() as f64;
    let parts = centered.iter().zip(waves(line, centered.len()));
    let sum = parts.fold([0.0; 2], |[a, b], (value, [cos, sin])| {
        [a + value * cos, b + value * sin]
    });
    sum.map(|part| part * scale)
}

/// The cosine and the sine of a line at every sample. Angles are reduced as whole numbers, so that they do not drift.
fn waves(line: usize, count: usize) -> impl Iterator<Item = [f64; 2]> {
    let turn = std::f64::consts::TAU / count as f64;
    (0..count).map(move |sample| {
        let (sin, cos) = ((line * sample % count) as f64 * turn).sin_cos();
        [cos, sin]
    })
}

/// The moments of what is left of a record without its mean and some lines; `None` where that is rounding noise.
fn without(values: &[f64], lines: &[usize]) -> Option<CentralMoments> {
    let moments = CentralMoments::over(values);
    let (mean, std) = (moments.mean()?, moments.std_above_noise()?);
    let mut rest: Vec<f64> = values.iter().map(|value| value - mean).collect();
    for &line in lines {
        let [a, b] = component(&rest, line);
        for (value, [cos, sin]) in rest.iter_mut().zip(waves(line, values.len())) {
            *value -= a * cos + b * sin;
        }
    }
    let rest = CentralMoments::over(&rest);
    let is_noise = rest.std_population()? <= 1e-12 * std;
    (!is_noise).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    const GEAR: Mesh = Mesh {
        mesh: 0.125,
        shaft: 0.015625,
        harmonics: 3,
    };

    fn check(values: &[f64], expected: [Option<f64>; 4]) {
        let actual = [
            fm0(values, GEAR),
            fm4(values, GEAR),
            na4(values, GEAR, None),
            na4(values, GEAR, Some(0.25)),
        ];
        for (actual, expected) in actual.into_iter().zip(expected) {
            match (actual, expected) {
                (Some(a), Some(e)) => assert!((a - e).abs() <= 1e-9 * e, "{a} is not {e}"),
                (a, e) => assert_eq!(a, e),
            }
        }
    }

    #[test]
    fn indicators_agree_with_a_spectrum_of_numpy() {
        for (name, values) in golden::series().filter(|(name, _)| name.starts_with("gear")) {
            let expected = golden::numbers(&format!("gear_indicators:{name}"));
            check(values, [0, 1, 2, 3].map(|i| Some(expected[i])));
        }
    }

    #[test]
    fn a_pure_mesh_leaves_nothing() {
        let wave = (0..64).map(|i| (f64::from(i) * std::f64::consts::FRAC_PI_4).sin());
        let wave: Vec<f64> = wave.collect();
        check(&wave, [Some(2.0), None, None, None]);
        check(&[5.0; 64], [None; 4]);
        check(&wave[..7], [None; 4]);
        check(&[], [None; 4]);
    }

    #[test]
    fn a_mesh_outside_of_the_band_has_no_lines() {
        let gear = Mesh { mesh: 0.5, ..GEAR };
        let values: Vec<f64> = (0..64).map(|i| f64::from(i * i % 17)).collect();
        assert_eq!(fm0(&values, gear), None);
        assert_eq!(
            fm4(
                &values,
                Mesh {
                    mesh: 0.001,
                    ..GEAR
                }
            ),
            None
        );
    }
}
