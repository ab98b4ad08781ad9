//! Remaining life by laws that are no line: a power of age, and a drift with noise that adds up.
//!
//! | law     | indicator at age t    | remaining life                                                              |
//! |---------|-----------------------|-----------------------------------------------------------------------------|
//! | power   | `a·t^b`               | the line through the logarithms of both reaches the threshold; bounds by the delta method on the logarithm of the age |
//! | Wiener  | `a + b·t + σ·W(t)`    | first passage of what is missing to the threshold, which is inverse Gaussian (Folks and Chhikara 1978) with mean `d/b` and shape `d²/σ²` |
//!
//! A process that adds up forgets how it came to its last value: its first passage is reckoned from there.

use super::Rul;
use crate::statistics::special::{gamma_tail_ratio, normal_above, student_quantile_above};
use crate::summary::defined;

/// The fewest points for a line whose error can be told.
const COUNT_MIN: usize = 3;

/// A line that leaves less of the variance than this goes through all points.
const EXACT: f64 = 1e-14;

/// Halvings of an interval after which its ends are the same number.
const HALVINGS: u32 = 200;

/// The remaining life by a power of age; points at an age or a value of zero or below are passed over. `None` below three
/// points, at one age only, where the values do not vary, and where the law leads away from the threshold: it was there
/// before the first point. Ages do not fall.
pub fn power_passage(ages: &[f64], values: &[f64], threshold: f64, confidence: f64) -> Option<Rul> {
    let points: Vec<(f64, f64)> = ages
        .iter()
        .zip(values)
        .filter(|(age, value)| **age > 0.0 && **value > 0.0)
        .map(|(age, value)| (age.ln(), value.ln()))
        .collect();
    if points.len() < COUNT_MIN || threshold <= 0.0 {
        return None;
    }
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
    let (mut times, mut squares, mut products) = (0.0, 0.0, 0.0);
    for (time, value) in &points {
        times += (time - middle).powi(2);
        squares += (value - level).powi(2);
        products += (time - middle) * (value - level);
    }
    let slope = products / times;
    // From the middle, on the scale of logarithms.
    let passage = defined((threshold.ln() - level) / slope)?;
    let last = *ages.last()?;
    if times <= 0.0 || squares <= 0.0 || passage < points[0].0 - middle {
        return None;
    }
    let r2 = (slope * products / squares).min(1.0);
    let unexplained = Some(1.0 - r2).filter(|rest| *rest > EXACT).unwrap_or(0.0);
    let variance =
        squares * unexplained / (n - 2.0) / (slope * slope) * (1.0 / n + passage * passage / times);
    let margin = student_quantile_above((1.0 - confidence) / 2.0, n - 2.0) * variance.sqrt();
    let ahead = |passage: f64| defined(((middle + passage).exp() - last).max(0.0));
    Some(Rul {
        rul: ahead(passage)?,
        lower: ahead(passage - margin)?,
        upper: ahead(passage + margin)?,
        r2: defined(r2)?,
    })
}

/// The remaining life by a drift with noise that adds up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WienerRul {
    /// The mean of the first passage, after the last point.
    pub rul: f64,
    /// Before this it is with half of what the confidence leaves.
    pub lower: f64,
    /// After this it is with the other half.
    pub upper: f64,
    /// The change of the indicator per unit of time.
    pub drift: f64,
    /// Its diffusion per root of time.
    pub sigma: f64,
}

/// The remaining life by a Wiener process with drift, fitted by maximum likelihood of the increments. `None` below three
/// points, at one age only, and where the drift does not lead to the threshold. 0 where the last value is at the threshold or
/// past it, seen from the first. Points at the same age are one increment that takes no time and are passed over. Ages do not fall.
pub fn wiener_passage(
    ages: &[f64],
    values: &[f64],
    threshold: f64,
    confidence: f64,
) -> Option<WienerRul> {
    let (first, last) = (*values.first()?, *values.last()?);
    let steps = ages.windows(2).zip(values.windows(2));
    let steps: Vec<(f64, f64)> = steps
        .map(|(ages, values)| (ages[1] - ages[0], values[1] - values[0]))
        .filter(|(time, _)| *time > 0.0)
        .collect();
    if steps.len() + 1 < COUNT_MIN {
        return None;
    }
    let total = |of: fn(&(f64, f64)) -> f64| steps.iter().map(of).sum::<f64>();
    let drift = total(|step| step.1) / total(|step| step.0);
    let squares: f64 = steps
        .iter()
        .map(|(time, change)| (change - drift * time).powi(2) / time)
        .sum();
    let sigma = defined((squares / steps.len() as f64).sqrt())?;
    let side = (threshold - first).signum();
    let missing = (threshold - last) * side;
    if missing <= 0.0 {
        return Some(WienerRul {
            rul: 0.0,
            lower: 0.0,
            upper: 0.0,
            drift,
            sigma,
        });
    }
    let towards = drift * side;
    if towards <= 0.0 {
        return None;
    }
    let passage = InverseGaussian {
        mean: missing / towards,
        shape: (missing / sigma).powi(2),
    };
    let tail = (1.0 - confidence) / 2.0;
    Some(WienerRul {
        rul: defined(passage.mean)?,
        lower: defined(passage.quantile(tail))?,
        upper: defined(passage.quantile(1.0 - tail))?,
        drift: defined(drift)?,
        sigma,
    })
}

/// The distribution of when a Wiener process first comes so far.
#[derive(Debug, Clone, Copy)]
struct InverseGaussian {
    mean: f64,
    /// Infinite without noise.
    shape: f64,
}

impl InverseGaussian {
    /// The chance of a passage before `time`, which is above zero.
    fn below(&self, time: f64) -> f64 {
        let root = (self.shape / time).sqrt();
        let (ahead, behind) = (
            root * (time / self.mean - 1.0),
            root * (time / self.mean + 1.0),
        );
        // The second term is exp(2·shape/mean)·Φ(−behind): the one factor overflows where the other vanishes. Taken
        // apart, their exponents add up to −ahead²/2.
        let x = behind * behind / 2.0;
        let tail = gamma_tail_ratio(0.5, x) / (x.sqrt() * 2.0 * std::f64::consts::PI.sqrt());
        normal_above(-ahead) + (-ahead * ahead / 2.0).exp() * tail
    }

    /// The time that a passage is before with this chance.
    fn quantile(&self, share: f64) -> f64 {
        if self.shape.is_infinite() {
            return self.mean;
        }
        let (mut low, mut high) = (0.0, self.mean);
        while self.below(high) < share && high.is_finite() {
            low = high;
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = low / 2.0 + high / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if self.below(middle) < share {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};

    #[test]
    fn a_power_passes_as_statsmodels_has_it() {
        let rul = power_passage(&series("power_ages"), &series("power_values"), 60.0, 0.95);
        let check = |field: &str, actual: fn(&Rul) -> f64| {
            let name = format!("rul_power_{field}");
            close(rul.as_ref().map(actual), number(&name), 1e-9, &name);
        };
        check("rul", |rul| rul.rul);
        check("lower", |rul| rul.lower);
        check("upper", |rul| rul.upper);
        check("r2", |rul| rul.r2);
    }

    #[test]
    fn exact_powers_have_no_doubt() {
        let ages = [1.0, 2.0, 3.0, 5.0];
        let values = ages.map(|age: f64| 2.0 * age.powi(2));
        let check = |ages: &[f64], values: &[f64], threshold, expected: Option<f64>| {
            let rul = power_passage(ages, values, threshold, 0.95);
            let fields = |rul: &Rul| [rul.rul, rul.lower, rul.upper];
            for index in 0..3 {
                let field = rul.as_ref().map(|rul| fields(rul)[index]);
                close(field, expected, 1e-6, "exact");
            }
        };
        check(&ages, &values, 200.0, Some(5.0));
        check(&ages, &values, 10.0, Some(0.0));
        check(&ages, &values, 1.0, None);
        check(
            &[0.0, 1.0, 2.0, 5.0],
            &[7.0, 2.0, 8.0, 50.0],
            200.0,
            Some(5.0),
        );
        check(&ages, &[3.0; 4], 200.0, None);
        check(&[2.0; 4], &values, 200.0, None);
        check(&ages[..2], &values[..2], 200.0, None);
        check(&ages, &values, -1.0, None);
        check(&[], &[], 1.0, None);
    }

    #[test]
    fn first_passages_are_inverse_gaussian_as_of_scipy() {
        let (ages, values) = (series("wiener_ages"), series("wiener_values"));
        for (name, sign) in [("up", 1.0), ("down", -1.0)] {
            let values: Vec<f64> = values.iter().map(|value| sign * value).collect();
            let rul = wiener_passage(&ages, &values, sign * 40.0, 0.9);
            let check = |field: &str, sign: f64, actual: fn(&WienerRul) -> f64| {
                let expected = number(&format!("rul_wiener_{field}")).map(|x| sign * x);
                close(
                    rul.as_ref().map(actual),
                    expected,
                    1e-8,
                    &format!("{name} {field}"),
                );
            };
            check("rul", 1.0, |rul| rul.rul);
            check("lower", 1.0, |rul| rul.lower);
            check("upper", 1.0, |rul| rul.upper);
            check("drift", sign, |rul| rul.drift);
            check("sigma", 1.0, |rul| rul.sigma);
        }
        // Far more drift than noise, and far more noise than drift.
        for (name, mean, shape) in [("steady", 3.0, 1e5), ("wild", 3.0, 0.01)] {
            let passage = InverseGaussian { mean, shape };
            for share in [0.05, 0.5, 0.95] {
                let expected = number(&format!("inverse_gaussian_{name}_{share}"));
                close(Some(passage.quantile(share)), expected, 1e-8, name);
            }
        }
    }

    #[test]
    fn what_is_there_has_no_life_left_and_what_leads_away_no_end() {
        let ages = [0.0, 1.0, 2.0, 3.0];
        let rul = |values: &[f64], threshold| {
            wiener_passage(&ages[..values.len()], values, threshold, 0.9).map(|rul| rul.rul)
        };
        assert_eq!(rul(&[0.0, 1.0, 2.0, 3.0], 5.0), Some(2.0));
        assert_eq!(rul(&[0.0, 1.0, 5.0, 3.0], 3.0), Some(0.0));
        assert_eq!(rul(&[0.0, -1.0, -2.0, -3.0], 5.0), None);
        assert_eq!(rul(&[2.0, 2.0, 2.0], 5.0), None);
        assert_eq!(rul(&[0.0, 1.0], 5.0), None);
        assert_eq!(rul(&[], 5.0), None);
        assert_eq!(wiener_passage(&[4.0; 3], &[0.0, 1.0, 2.0], 5.0, 0.9), None);
    }
}
