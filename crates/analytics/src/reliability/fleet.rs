//! Fleets: whether failures get rarer, how many spares to keep, how effective the equipment is.

use crate::summary::defined;

/// The growth model of Crow (1974) and the US Army's AMSAA: `β·λ·t^(β − 1)` failures per unit of time at age t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrowAmsaa {
    /// Below 1 failures get rarer, above 1 more frequent.
    pub beta: f64,
    /// The expected number of failures in the first unit of time.
    pub lambda: f64,
    /// Time per failure at the end.
    pub mtbf: f64,
}

/// Fits the model to the ages at which a system failed, by maximum likelihood: until `end`, or, without it, until the last failure
/// (MIL-HDBK-189). `None` below two failures, and when none was before the end.
///
/// Ages of zero and below, or after the end, are left out.
pub fn crow_amsaa(ages: &[f64], end: Option<f64>) -> Option<CrowAmsaa> {
    let last = end.or_else(|| ages.iter().copied().reduce(f64::max))?;
    let is_within = |age: &&f64| **age > 0.0 && **age <= last;
    let logs = ages.iter().filter(is_within).map(|age| (last / age).ln());
    let n = logs.clone().count() as f64;
    let sum: f64 = logs.sum();
    if n < 2.0 || sum <= 0.0 {
        return None;
    }
    let beta = n / sum;
    let lambda = n / last.powf(beta);
    Some(CrowAmsaa {
        beta: defined(beta)?,
        lambda: defined(lambda)?,
        mtbf: defined(last / (n * beta))?,
    })
}

/// The most spares that are looked for.
const SPARES_MAX: i64 = 10_000_000;

/// The fewest spares that last over a horizon with a chance of at least `service_level`, when failures come by chance at a rate:
/// a quantile of Poisson's distribution. `None` where a number makes no sense, or more than ten million would be needed.
pub fn spare_demand(rate: f64, horizon: f64, service_level: f64) -> Option<i64> {
    let mean = rate * horizon;
    if rate < 0.0 || horizon < 0.0 || !(0.0..1.0).contains(&service_level) || !mean.is_finite() {
        return None;
    }
    let below = |count: i64| crate::statistics::special::gamma_above(count as f64 + 1.0, mean);
    let (mut low, mut high) = (-1, 1);
    while below(high) < service_level {
        low = high;
        high *= 2;
        if high > SPARES_MAX {
            return None;
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if middle >= 0 && below(middle) >= service_level {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// Overall equipment effectiveness (Nakajima 1988): availability · performance · quality, which is the time that the good pieces
/// should have taken over the time planned.
///
/// `None` when a number is below zero, more pieces are good than there are, or the time planned is zero.
pub fn oee(planned: f64, run: f64, ideal_cycle: f64, total: f64, good: f64) -> Option<f64> {
    let is_valid = [run, ideal_cycle, total, good].iter().all(|x| *x >= 0.0) && planned > 0.0;
    if !is_valid || good > total || run > planned {
        return None;
    }
    if run == 0.0 || total == 0.0 {
        return Some(0.0);
    }
    defined((run / planned) * (ideal_cycle * total / run) * (good / total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number};

    // MIL-HDBK-189A, time-terminated and failure-terminated by the same formulas as the reference.
    #[test]
    fn growth_is_that_of_the_handbook() {
        let ages = [2.6, 16.5, 16.5, 17.0, 21.4, 29.1, 33.3, 56.5, 63.1, 70.6];
        for (name, end) in [("failure", None), ("time", Some(80.0))] {
            let growth = crow_amsaa(&ages, end).unwrap();
            let expect = |field: &str| number(&format!("crow_amsaa_{name}_{field}"));
            close(Some(growth.beta), expect("beta"), 1e-12, name);
            close(Some(growth.lambda), expect("lambda"), 1e-12, name);
            close(Some(growth.mtbf), expect("mtbf"), 1e-12, name);
        }
        assert_eq!(crow_amsaa(&[], None), None);
        assert_eq!(crow_amsaa(&[5.0], None), None);
        assert_eq!(crow_amsaa(&[5.0, 5.0], None), None);
        assert_eq!(crow_amsaa(&[-5.0, 0.0, 3.0], Some(10.0)), None);
    }

    #[test]
    fn spares_are_a_poisson_quantile() {
        let check = |rate, horizon, level, expected| {
            assert_eq!(
                spare_demand(rate, horizon, level),
                expected,
                "{rate} {horizon} {level}"
            );
        };
        // scipy.stats 1.17.1: poisson.ppf.
        check(0.5, 10.0, 0.95, Some(9));
        check(0.001, 100.0, 0.9, Some(0));
        check(0.001, 100.0, 0.95, Some(1));
        check(100.0, 1.0, 0.99, Some(124));
        check(0.0, 10.0, 0.99, Some(0));
        check(1.0, 10.0, 0.0, Some(0));
        check(1.0, 10.0, 1.0, None);
        check(-1.0, 10.0, 0.5, None);
        check(1e9, 1.0, 0.5, None);
    }

    #[test]
    fn effectiveness_multiplies_its_three_factors() {
        let check = |[planned, run, cycle, total, good]: [f64; 5], expected| {
            close(
                oee(planned, run, cycle, total, good),
                expected,
                1e-12,
                "oee",
            );
        };
        // 420 of 480 minutes, 400 pieces of one minute, 380 of them good.
        check([480.0, 420.0, 1.0, 400.0, 380.0], Some(380.0 / 480.0));
        check([480.0, 0.0, 1.0, 0.0, 0.0], Some(0.0));
        check([0.0, 0.0, 1.0, 0.0, 0.0], None);
        check([480.0, 500.0, 1.0, 1.0, 1.0], None);
        check([480.0, 420.0, 1.0, 1.0, 2.0], None);
        check([480.0, 420.0, -1.0, 1.0, 1.0], None);
    }
}
