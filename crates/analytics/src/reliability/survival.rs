//! What share lives how long, without assuming a distribution.
//!
//! Lifetimes are in order of duration. At one duration failures come before what is censored: a machine that was
//! looked at then was still at risk.

use crate::Sample;
use crate::statistics::special::{chi_squared_above, normal_quantile_above};
use crate::summary::defined;

/// How long something lasted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lifetime {
    /// How long it lasted, or had lasted at the last look.
    pub duration: f64,
    /// Whether it failed then; if not, it is censored.
    pub is_failure: bool,
}

impl Sample for Lifetime {
    fn is_present(&self) -> bool {
        self.duration.is_finite()
    }
}

/// The counts at one duration.
struct Step {
    duration: f64,
    at_risk: u64,
    failures: u64,
    censored: u64,
}

/// The different durations of sorted lifetimes.
fn steps(sorted: &[Lifetime]) -> impl Iterator<Item = Step> {
    let mut gone = 0;
    sorted
        .chunk_by(|a, b| a.duration == b.duration)
        .map(move |run| {
            let failures = run.iter().filter(|life| life.is_failure).count();
            let step = Step {
                duration: run[0].duration,
                at_risk: (sorted.len() - gone) as u64,
                failures: failures as u64,
                censored: (run.len() - failures) as u64,
            };
            gone += run.len();
            step
        })
}

/// A step of the survival curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurvivalPoint {
    /// The duration.
    pub duration: f64,
    /// How many had lasted as long.
    pub at_risk: u64,
    /// How many of them failed then.
    pub failures: u64,
    /// How many were censored then.
    pub censored: u64,
    /// The share that lasts longer.
    pub survival: f64,
    /// The lower bound of it; `None` where the error is not defined.
    pub lower: Option<f64>,
    /// The upper bound of it.
    pub upper: Option<f64>,
}

/// The survival curve of Kaplan and Meier (1958), one point per duration, with the bounds of Kalbfleisch and Prentice (log-log, with
/// Greenwood's variance) as `lifelines.KaplanMeierFitter`.
pub fn kaplan_meier(sorted: &[Lifetime], confidence: f64) -> Vec<SurvivalPoint> {
    let z = normal_quantile_above((1.0 - confidence) / 2.0);
    let (mut survival, mut variance) = (1.0, 0.0);
    let point = |step: Step| {
        let (at_risk, failures) = (step.at_risk as f64, step.failures as f64);
        survival *= (at_risk - failures) / at_risk;
        variance += failures / (at_risk * (at_risk - failures));
        let log: f64 = f64::ln(survival);
        // Before the first failure all live, and there is no doubt; once nobody does, there is none either.
        let bound = |z: f64| match survival {
            1.0 => Some(1.0),
            0.0 => Some(0.0),
            _ => defined((-((-log).ln() + z * variance.sqrt() / log).exp()).exp()),
        };
        SurvivalPoint {
            duration: step.duration,
            at_risk: step.at_risk,
            failures: step.failures,
            censored: step.censored,
            survival,
            lower: bound(-z),
            upper: bound(z),
        }
    };
    steps(sorted).map(point).collect()
}

/// A step of the hazard curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardPoint {
    /// The duration.
    pub duration: f64,
    /// How many had lasted as long.
    pub at_risk: u64,
    /// How many of them failed then.
    pub failures: u64,
    /// The hazard added up to and including it.
    pub hazard: f64,
    /// The lower bound of it; `None` before the first failure.
    pub lower: Option<f64>,
    /// The upper bound of it.
    pub upper: Option<f64>,
}

/// The cumulative hazard of Nelson (1972) and Aalen (1978), one point per duration, with bounds symmetrical in its logarithm, as
/// `lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False)`.
pub fn nelson_aalen(sorted: &[Lifetime], confidence: f64) -> Vec<HazardPoint> {
    let z = normal_quantile_above((1.0 - confidence) / 2.0);
    let (mut hazard, mut variance) = (0.0, 0.0);
    let point = |step: Step| {
        let (at_risk, failures) = (step.at_risk as f64, step.failures as f64);
        hazard += failures / at_risk;
        // The variance of a binomial share, as lifelines has it.
        variance += (1.0 - failures / at_risk) * failures / (at_risk * at_risk);
        let factor = (z * f64::sqrt(variance) / hazard).exp();
        HazardPoint {
            duration: step.duration,
            at_risk: step.at_risk,
            failures: step.failures,
            hazard,
            lower: defined(hazard / factor),
            upper: defined(hazard * factor),
        }
    };
    steps(sorted).map(point).collect()
}

/// Whether groups last equally long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogRank {
    /// The statistic, chi-squared with one degree of freedom less than there are groups.
    pub statistic: f64,
    /// The chance of such a difference, or a greater one, without one.
    pub p: f64,
    /// The degrees of freedom.
    pub degrees: u64,
}

/// The log-rank test of two or more groups (Mantel 1966, Peto and Peto 1972), as `lifelines.statistics.multivariate_logrank_test`.
///
/// `None` below two groups, or when there is nothing to compare.
pub fn logrank_test(groups: &[Vec<Lifetime>]) -> Option<LogRank> {
    let groups: Vec<&Vec<Lifetime>> = groups.iter().filter(|group| !group.is_empty()).collect();
    let count = groups.len();
    if count < 2 {
        return None;
    }
    let mut all: Vec<(f64, bool, usize)> = vec![];
    for (index, group) in groups.iter().enumerate() {
        all.extend(
            group
                .iter()
                .map(|life| (life.duration, life.is_failure, index)),
        );
    }
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut at_risk: Vec<f64> = groups.iter().map(|group| group.len() as f64).collect();
    let mut excess = vec![0.0; count];
    let mut covariance = vec![vec![0.0; count]; count];
    for run in all.chunk_by(|a, b| a.0 == b.0) {
        let n: f64 = at_risk.iter().sum();
        let failures = run.iter().filter(|life| life.1).count() as f64;
        for (_, _, group) in run.iter().filter(|life| life.1) {
            excess[*group] += 1.0;
        }
        for i in 0..count {
            excess[i] -= failures * at_risk[i] / n;
            let spread = if n > 1.0 {
                failures * (n - failures) / (n - 1.0)
            } else {
                0.0
            };
            for j in 0..count {
                let own = if i == j { at_risk[i] / n } else { 0.0 };
                covariance[i][j] += spread * (own - at_risk[i] * at_risk[j] / (n * n));
            }
        }
        run.iter().for_each(|life| at_risk[life.2] -= 1.0);
    }
    // The last group follows from the others.
    let statistic = quadratic_form(&covariance, &excess[..count - 1])?;
    let degrees = count as u64 - 1;
    Some(LogRank {
        statistic,
        p: defined(chi_squared_above(statistic, degrees as f64))?,
        degrees,
    })
}

/// `xᵀ·A⁻¹·x` by Cholesky's decomposition of the leading part of a symmetric matrix.
fn quadratic_form(matrix: &[Vec<f64>], x: &[f64]) -> Option<f64> {
    let n = x.len();
    let mut lower = vec![vec![0.0; n]; n];
    let mut solution = vec![0.0; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - known;
            if i == j {
                if rest <= 1e-12 * matrix[i][i].abs() {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
        let known: f64 = (0..i).map(|k| lower[i][k] * solution[k]).sum();
        solution[i] = (x[i] - known) / lower[i][i];
    }
    defined(solution.iter().map(|y| y * y).sum())
}

/// The share of the pairs in which the one with the greater score lasts longer, of those where it is known which does (Harrell
/// 1982); equal scores count half. As `lifelines.utils.concordance_index`. O(n·log n).
pub fn concordance_index(lifetimes: &[(Lifetime, f64)]) -> Option<f64> {
    let mut scores: Vec<f64> = lifetimes.iter().map(|(_, score)| score + 0.0).collect();
    scores.sort_unstable_by(f64::total_cmp);
    scores.dedup();
    let rank = |score: f64| scores.partition_point(|other| *other < score);
    let mut falling: Vec<(Lifetime, usize)> = lifetimes
        .iter()
        .map(|(life, score)| (*life, rank(*score)))
        .collect();
    falling.sort_unstable_by(|a, b| b.0.duration.total_cmp(&a.0.duration));
    let mut lasting = Counts::new(scores.len());
    let (mut pairs, mut halves) = (0_u64, 0_u64);
    for same in falling.chunk_by(|a, b| a.0.duration == b.0.duration) {
        // What is censored at a time lasted longer than what failed then.
        let of = |is_failure| {
            let chosen = same
                .iter()
                .filter(move |(life, _)| life.is_failure == is_failure);
            chosen.map(|(_, rank)| *rank)
        };
        of(false).for_each(|rank| lasting.add(rank));
        for rank in of(true) {
            let (below, through) = (lasting.below(rank), lasting.below(rank + 1));
            pairs += lasting.total;
            halves += 2 * (lasting.total - through) + (through - below);
        }
        of(true).for_each(|rank| lasting.add(rank));
    }
    (pairs > 0).then(|| halves as f64 / 2.0 / pairs as f64)
}

/// How many there are of each rank, by sums over ranges (Fenwick 1994).
struct Counts {
    sums: Vec<u64>,
    total: u64,
}

impl Counts {
    fn new(ranks: usize) -> Self {
        let sums = vec![0; ranks + 1];
        Self { sums, total: 0 }
    }

    fn add(&mut self, rank: usize) {
        self.total += 1;
        let mut place = rank + 1;
        while let Some(sum) = self.sums.get_mut(place) {
            *sum += 1;
            place += place & place.wrapping_neg();
        }
    }

    /// How many have a lower rank.
    fn below(&self, rank: usize) -> u64 {
        let (mut place, mut count) = (rank, 0);
        while place > 0 {
            count += self.sums[place];
            place &= place - 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, lifetimes, number, series};

    fn sorted(name: &str) -> Vec<Lifetime> {
        let mut lives = lifetimes(name);
        lives.sort_by(|a, b| a.duration.total_cmp(&b.duration));
        lives
    }

    #[test]
    fn curves_are_those_of_lifelines() {
        for set in ["lives", "uncensored", "late"] {
            let survival = kaplan_meier(&sorted(set), 0.95);
            let hazard = nelson_aalen(&sorted(set), 0.95);
            let expect = |name: &str| series(&format!("{name}_{set}"));
            let check = |name: &str, actual: Vec<Option<f64>>| {
                let expected = expect(name);
                assert_eq!(actual.len(), expected.len(), "{name} {set}");
                for (actual, expected) in actual.into_iter().zip(expected) {
                    let expected = Some(expected).filter(|x| x.is_finite());
                    close(actual, expected, 1e-9, &format!("{name} {set}"));
                }
            };
            check(
                "km_durations",
                survival.iter().map(|p| Some(p.duration)).collect(),
            );
            check(
                "km_survival",
                survival.iter().map(|p| Some(p.survival)).collect(),
            );
            check("km_lower", survival.iter().map(|p| p.lower).collect());
            check("km_upper", survival.iter().map(|p| p.upper).collect());
            check("na_hazard", hazard.iter().map(|p| Some(p.hazard)).collect());
            check("na_lower", hazard.iter().map(|p| p.lower).collect());
            check("na_upper", hazard.iter().map(|p| p.upper).collect());
        }
    }

    #[test]
    fn comparisons_are_those_of_lifelines() {
        let sets = ["lives", "uncensored", "late"].map(lifetimes);
        for (name, groups) in [("two", &sets[..2]), ("three", &sets[..])] {
            let test = logrank_test(groups).unwrap();
            close(
                Some(test.statistic),
                number(&format!("logrank_{name}")),
                1e-9,
                name,
            );
            close(
                Some(test.p),
                number(&format!("logrank_{name}_p")),
                1e-9,
                name,
            );
        }
        let scored: Vec<(Lifetime, f64)> = lifetimes("lives")
            .into_iter()
            .zip(series("lives_scores"))
            .collect();
        close(
            concordance_index(&scored),
            number("concordance"),
            1e-12,
            "concordance",
        );
    }

    #[test]
    fn nothing_to_compare_is_none() {
        let life = |duration, is_failure| Lifetime {
            duration,
            is_failure,
        };
        assert_eq!(kaplan_meier(&[], 0.95), vec![]);
        assert_eq!(nelson_aalen(&[], 0.95), vec![]);
        assert_eq!(logrank_test(&[]), None);
        assert_eq!(logrank_test(&[vec![life(1.0, true)], vec![]]), None);
        assert_eq!(
            logrank_test(&[vec![life(1.0, false)], vec![life(2.0, false)]]),
            None
        );
        assert_eq!(concordance_index(&[]), None);
        assert_eq!(
            concordance_index(&[(life(1.0, false), 1.0), (life(2.0, true), 2.0)]),
            None
        );
        let one = kaplan_meier(&[life(3.0, true)], 0.95);
        assert_eq!(
            (one[0].survival, one[0].lower, one[0].upper),
            (0.0, Some(0.0), Some(0.0))
        );
    }
}
