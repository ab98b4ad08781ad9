//! Alarms against anomalies that last: an anomaly is a stretch of labelled points, and finding it once may be enough.
//!
//! | measure             | idea                                                                                            |
//! |---------------------|-------------------------------------------------------------------------------------------------|
//! | [`point_adjusted`]  | an anomaly with one alarm counts as found at all its points (Xu et al. 2018)                    |
//! | [`range_f1`]        | anomalies and alarms are stretches, and count by how much of each the other covers (Tatbul et al. 2018) |
//! | [`detection_delay`] | time from the begin of an anomaly to its first alarm                                            |
//! | [`nab_score`]       | early alarms in an anomaly's window are worth most, false ones cost (Lavin and Ahmad 2015)      |
//!
//! Point adjustment flatters: random alarms score high when anomalies are long. It is here because papers report it.

use super::Confusion;
use crate::summary::defined;

/// The stretches of labelled points, as ranges of indices.
fn anomalies(labels: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = vec![];
    for (index, _) in labels.iter().enumerate().filter(|(_, label)| **label) {
        match ranges.last_mut() {
            Some(range) if range.end == index => range.end = index + 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

/// The counts of points when every anomaly with an alarm counts as found at all its points. In the order of time.
pub fn point_adjusted(labels: &[bool], alarms: &[bool]) -> Confusion {
    let mut counts = Confusion::default();
    for range in anomalies(labels) {
        let length = range.len() as u64;
        if alarms[range].contains(&true) {
            counts.true_positives += length;
        } else {
            counts.false_negatives += length;
        }
    }
    for (label, alarm) in labels.iter().zip(alarms) {
        if !label {
            counts.false_positives += u64::from(*alarm);
            counts.true_negatives += u64::from(!*alarm);
        }
    }
    counts
}

/// F1 of ranges (Tatbul et al. 2018, with α = 0, a flat bias and a cardinality factor of 1/x): recall is the mean share of an anomaly that
/// alarms cover, over the number of stretches of alarms that it takes; precision is the same of every stretch of alarms by anomalies. `None` with neither
/// anomalies nor alarms. In the order of time.
pub fn range_f1(labels: &[bool], alarms: &[bool]) -> Option<f64> {
    let (real, found) = (anomalies(labels), anomalies(alarms));
    if real.is_empty() && found.is_empty() {
        return None;
    }
    let (recall, precision) = (covered(&real, &found), covered(&found, &real));
    let both = recall + precision;
    Some(if both > 0.0 {
        2.0 * recall * precision / both
    } else {
        0.0
    })
}

/// The mean share of ranges that others cover, each over how many of them it takes; 0 without ranges. Both rise.
fn covered(ranges: &[std::ops::Range<usize>], by: &[std::ops::Range<usize>]) -> f64 {
    let share = |range: &std::ops::Range<usize>| {
        let first = by.partition_point(|other| other.end <= range.start);
        let overlapping = by[first..]
            .iter()
            .take_while(|other| other.start < range.end);
        let (mut points, mut count) = (0, 0);
        for other in overlapping {
            points += other.end.min(range.end) - other.start.max(range.start);
            count += 1;
        }
        points as f64 / range.len() as f64 / f64::from(count.max(1))
    };
    ranges.iter().map(share).sum::<f64>() / ranges.len().max(1) as f64
}

/// How late anomalies are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectionDelay {
    /// The mean time from an anomaly's first point to its first alarm, over those found; `None` when none is.
    pub mean: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
    /// How many anomalies have an alarm.
    pub detected: u64,
    /// How many have none.
    pub missed: u64,
}

/// The delays of alarms, in the unit of the times. `None` without anomalies.
pub fn detection_delay(labels: &[bool], alarms: &[bool], times: &[f64]) -> Option<DetectionDelay> {
    let ranges = anomalies(labels);
    let delay = |range: &std::ops::Range<usize>| {
        let first = range.clone().find(|index| alarms[*index])?;
        Some(times[first] - times[range.start])
    };
    let delays: Vec<f64> = ranges.iter().filter_map(delay).collect();
    if ranges.is_empty() {
        return None;
    }
    let detected = delays.len() as u64;
    Some(DetectionDelay {
        mean: defined(delays.iter().sum::<f64>() / detected as f64),
        max: delays.iter().copied().reduce(f64::max),
        detected,
        missed: ranges.len() as u64 - detected,
    })
}

/// What the parts of the NAB score weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NabProfile {
    /// For the first alarm in a window.
    pub true_positive: f64,
    /// Against every alarm outside of windows.
    pub false_positive: f64,
    /// Against every window without an alarm.
    pub false_negative: f64,
}

/// The standard profile of the benchmark.
pub const NAB_STANDARD: NabProfile = NabProfile {
    true_positive: 1.0,
    false_positive: 0.11,
    false_negative: 1.0,
};

/// The benchmark's sigmoid: 1 well before the end of a window (−1), 0 at it, towards −1 after it.
fn sigmoid(position: f64) -> f64 {
    if position > 3.0 {
        return -1.0;
    }
    2.0 / (1.0 + (5.0 * position).exp()) - 1.0
}

/// The NAB score of one series: 100 when every window's first point has an alarm and no other point outside has, 0 without any
/// alarm, below when false alarms outweigh. Windows are the stretches of labelled points. `None` without any.
///
/// As `nab.sweeper` of the Numenta Anomaly Benchmark 1.1, without its probationary period, normalized against the null and the
/// perfect detector.
pub fn nab_score(labels: &[bool], alarms: &[bool], profile: NabProfile) -> Option<f64> {
    let windows = anomalies(labels);
    if windows.is_empty() {
        return None;
    }
    // An alarm at the first point of a window is worth the most that an alarm can be.
    let most = sigmoid(-1.0);
    let mut score = 0.0;
    for window in &windows {
        let length = window.len() as f64;
        score += match window.clone().find(|index| alarms[*index]) {
            Some(index) => {
                let position = -((window.end - index) as f64) / length;
                profile.true_positive * sigmoid(position) / most
            }
            None => -profile.false_negative,
        };
    }
    let mut last: Option<&std::ops::Range<usize>> = None;
    let mut upcoming = windows.iter().peekable();
    for (index, (label, alarm)) in labels.iter().zip(alarms).enumerate() {
        while let Some(window) = upcoming.next_if(|window| window.end <= index) {
            last = Some(window);
        }
        if *alarm && !label {
            // Soon after a window an alarm costs less. A window of one point has no scale: its alarms cost all.
            let cost = match last {
                Some(window) if window.len() > 1 => {
                    let behind = (index - (window.end - 1)) as f64;
                    sigmoid(behind / (window.len() as f64 - 1.0))
                }
                _ => -1.0,
            };
            score += profile.false_positive * cost;
        }
    }
    let count = windows.len() as f64;
    let nothing = -profile.false_negative * count;
    let perfect = profile.true_positive * count;
    defined(100.0 * (score - nothing) / (perfect - nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<bool> {
        text.bytes().map(|byte| byte == b'x').collect()
    }

    #[test]
    fn an_anomaly_found_once_counts_as_found() {
        let check = |labels: &str, alarms: &str, [tp, fp, fneg, tn]: [u64; 4]| {
            let counts = point_adjusted(&flags(labels), &flags(alarms));
            let expected = Confusion {
                true_positives: tp,
                false_positives: fp,
                false_negatives: fneg,
                true_negatives: tn,
            };
            assert_eq!(counts, expected, "{labels} {alarms}");
        };
        check("..xxx..xx.", "....x.x...", [3, 1, 2, 4]);
        check("....", "x...", [0, 1, 0, 3]);
        check("xx", "..", [0, 0, 2, 0]);
        check("", "", [0; 4]);
    }

    #[test]
    fn ranges_count_by_how_much_is_covered() {
        let check = |labels: &str, alarms: &str, expected: Option<f64>| {
            let f1 = range_f1(&flags(labels), &flags(alarms));
            crate::maintenance_golden::close(f1, expected, 1e-12, &format!("{labels} {alarms}"));
        };
        check("..xxxx..", "..xxxx..", Some(1.0));
        // Half of the anomaly, all of the alarm.
        check("..xxxx..", "..xx....", Some(2.0 * 0.5 / 1.5));
        // Half of it in two pieces counts half as much.
        check("..xxxx..", "..x.x...", Some(2.0 * 0.25 / 1.25));
        // One alarm over two anomalies: three quarters of it in two pieces.
        check("..x.xx..", "..xxxx..", Some(2.0 * 0.375 / 1.375));
        check("..xx....", "......x.", Some(0.0));
        check("..xx....", "........", Some(0.0));
        check("........", "..x.....", Some(0.0));
        check("....", "....", None);
        check("", "", None);
    }

    #[test]
    fn delays_count_from_the_begin_of_an_anomaly() {
        let check = |labels: &str, alarms: &str, expected: Option<(Option<f64>, u64, u64)>| {
            let times: Vec<f64> = (0..labels.len()).map(|i| 10.0 * i as f64).collect();
            let delay = detection_delay(&flags(labels), &flags(alarms), &times);
            let delay = delay.map(|delay| (delay.mean, delay.detected, delay.missed));
            assert_eq!(delay, expected, "{labels} {alarms}");
        };
        check("..xxx..xx.", "....x..x..", Some((Some(10.0), 2, 0)));
        check("..xxx..xx.", "x.....x...", Some((None, 0, 2)));
        check("..xxx..xx.", "..........", Some((None, 0, 2)));
        check("....", "x...", None);
        check("", "", None);
    }

    #[test]
    fn early_alarms_are_worth_more() {
        let score =
            |labels: &str, alarms: &str| nab_score(&flags(labels), &flags(alarms), NAB_STANDARD);
        assert_eq!(score("..xxxx....", "..x......."), Some(100.0));
        assert_eq!(score("..xxxx....", "..xxxx...."), Some(100.0));
        assert_eq!(score("..xxxx....", ".........."), Some(0.0));
        assert_eq!(score("....", "x..."), None);
        let late = score("..xxxx....", ".....x....").unwrap();
        assert!(late > 50.0 && late < 100.0, "{late}");
        // One false alarm long before a window costs 0.11 of the 2 between nothing and perfect.
        let noisy = score("..xxxx....", "x.x.......").unwrap();
        assert!(
            (noisy - (100.0 - 100.0 * 0.11 / 2.0)).abs() < 1e-9,
            "{noisy}"
        );
        let soon = score("..xxxx....", "..x...x...").unwrap();
        assert!(soon > noisy && soon < 100.0, "{soon}");
    }
}
