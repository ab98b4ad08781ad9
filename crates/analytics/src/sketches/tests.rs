//! What every sketch promises: its error against exact quantiles, whatever the split and order; and that stored bytes
//! come back while others are refused.

use proptest::prelude::*;

use super::*;

/// Deterministic numbers in (0, 1): the fractional parts of multiples of the golden ratio, shuffled by their hash.
fn uniform(count: u64) -> Vec<f64> {
    (0..count)
        .map(|i| (xxh64(&i.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17)
        .collect()
}

fn distributions() -> Vec<(&'static str, Vec<f64>)> {
    let unit = uniform(20_000);
    let normal =
        |pair: &[f64]| (-2.0 * pair[0].ln()).sqrt() * (std::f64::consts::TAU * pair[1]).cos();
    let normals: Vec<f64> = unit.chunks(2).map(normal).collect();
    vec![
        (
            "normal about 20",
            normals.iter().map(|x| 20.0 + 3.0 * x).collect(),
        ),
        ("normal about 0", normals.clone()),
        (
            "lognormal",
            normals.iter().map(|x| (2.0 * x).exp()).collect(),
        ),
        ("exponential", unit.iter().map(|u| -u.ln()).collect()),
        ("uniform", unit.clone()),
        (
            "few distinct",
            unit.iter().map(|u| (u * 7.0).floor() - 3.0).collect(),
        ),
        (
            "many decades",
            unit.iter().map(|u| 10f64.powf(u * 60.0 - 30.0)).collect(),
        ),
        ("small", normals[..57].to_vec()),
        ("one", vec![-0.25]),
    ]
}

fn sketch_of<S: QuantileSketch>(values: &[f64]) -> S {
    let mut sketch = S::with_parameter(S::PARAMETER.1).unwrap();
    values.iter().for_each(|value| sketch.push(*value));
    sketch
}

/// Parts of uneven sizes, merged through storage in an order that depends on `seed`.
fn merged<S: QuantileSketch>(values: &[f64], seed: usize) -> S {
    let mut parts: Vec<S> = vec![];
    let (mut rest, mut size) = (values, 1 + seed % 13);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        parts.push(sketch_of(part));
        rest = after;
        size = size * 2 + seed % 5;
    }
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| (index * 7919 + seed * 31) % 104_729);
    let mut whole = S::with_parameter(S::PARAMETER.1).unwrap();
    for index in order {
        whole
            .merge(&S::decode(&parts[index].encode()).unwrap())
            .unwrap();
    }
    whole
}

const QUANTILES: [f64; 9] = [0.0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0];

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Checks every distribution, whole and merged, by a function of sketch, sorted values and context.
fn check_all<S: QuantileSketch>(check: impl Fn(&S, &[f64], &str)) {
    for (name, values) in distributions() {
        let exact = sorted(&values);
        check(&sketch_of(&values), &exact, name);
        check(&sketch_of(&exact), &exact, &format!("{name}, sorted"));
        for seed in [3, 4, 11] {
            let sketch = merged::<S>(&values, seed);
            assert_eq!(sketch.count(), values.len() as u64, "{name}");
            check(&sketch, &exact, &format!("{name}, merged"));
        }
    }
}

/// The share of values below and at or below one.
fn rank_bounds(sorted: &[f64], value: f64) -> (f64, f64) {
    let count = sorted.len() as f64;
    let below = sorted.partition_point(|own| *own < value) as f64;
    let through = sorted.partition_point(|own| *own <= value) as f64;
    (below / count, through / count)
}

#[test]
fn ddsketch_quantiles_are_within_the_accuracy() {
    check_all::<DdSketch>(|sketch, exact, context| {
        assert_eq!(sketch.accuracy(), 0.01, "{context} needs no collapse");
        for q in QUANTILES {
            let expected = exact[(q * (exact.len() - 1) as f64) as usize];
            let actual = sketch.quantile(q).unwrap();
            assert!(
                (actual - expected).abs() <= (0.01 + 1e-12) * expected.abs(),
                "{context}, {q}: {actual} is not {expected}"
            );
            // Whatever rounds to the same bucket counts as equal.
            let rank = sketch.rank(expected).unwrap();
            let wide = expected.abs() * 0.0203;
            let (low, _) = rank_bounds(exact, expected - wide);
            let (_, high) = rank_bounds(exact, expected + wide);
            assert!(
                (low..=high).contains(&rank),
                "{context}, {q}: rank {rank} not in {low}..{high}"
            );
        }
    });
}

#[test]
fn ddsketch_states_do_not_depend_on_the_split_or_the_order() {
    for (name, values) in distributions() {
        let bytes = sketch_of::<DdSketch>(&values).encode();
        let percentiles = sketch_of::<PercentileAgg>(&values).encode();
        for seed in [0, 1, 2, 3, 8, 20] {
            assert_eq!(merged::<DdSketch>(&values, seed).encode(), bytes, "{name}");
            assert_eq!(
                merged::<PercentileAgg>(&values, seed).encode(),
                percentiles,
                "{name}"
            );
        }
    }
}

#[test]
fn what_was_stored_is_stored_as_the_same_again() {
    fn check<S: QuantileSketch>() {
        for (name, values) in distributions() {
            for seed in 0..20 {
                let stored = merged::<S>(&values, seed).encode();
                let again = S::decode(&stored).unwrap().encode();
                assert_eq!(again, stored, "{name}, {}", S::NAME);
            }
        }
    }
    check::<DdSketch>();
    check::<PercentileAgg>();
    check::<TDigest>();
}

#[test]
fn values_at_once_are_as_one_after_the_other() {
    fn check<S: QuantileSketch>(name: &str, values: &[f64]) {
        let mut at_once = S::with_parameter(S::PARAMETER.1).unwrap();
        values.chunks(100).for_each(|part| at_once.extend(part));
        assert_eq!(at_once.encode(), sketch_of::<S>(values).encode(), "{name}");
    }
    let edges = |edge: f64| [edge, edge.next_up(), edge.next_down()];
    // Buckets end at powers of γ, where a near logarithm cannot tell.
    let gamma = 1.01_f64 / 0.99;
    let powers = (-300..300).flat_map(|power| edges(gamma.powi(power)));
    let rare = [
        0.0,
        -0.0,
        5e-324,
        -1e-310,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
    ];
    let mixed = uniform(5000).into_iter().map(|unit| unit - 0.5);
    let edges: Vec<f64> = powers.chain(mixed).chain(rare).collect();
    let named = distributions();
    let named = named.iter().map(|(name, values)| (*name, values));
    for (name, values) in named.chain([("edges", &edges)]) {
        check::<DdSketch>(name, values);
        check::<PercentileAgg>(name, values);
        check::<TDigest>(name, values);
    }
}

#[test]
fn too_wide_a_range_coarsens_the_buckets_by_the_values_alone() {
    let mut values: Vec<f64> = uniform(3000)
        .iter()
        .map(|u| 10f64.powf(u * 600.0 - 300.0))
        .collect();
    values.extend(uniform(300).iter().map(|u| -10f64.powf(u * 20.0)));
    values.extend([0.0, -0.0, f64::MAX, f64::MIN, 5e-324]);
    let mut whole = sketch_of::<DdSketch>(&values);
    let accuracy = whole.accuracy();
    assert!(accuracy > 0.01 && accuracy < 0.2, "{accuracy}");
    let exact = sorted(&values);
    for q in QUANTILES {
        let expected = exact[(q * (exact.len() - 1) as f64) as usize];
        let actual = whole.quantile(q).unwrap();
        assert!(
            (actual - expected).abs() <= (accuracy + 1e-9) * expected.abs(),
            "{q}: {actual} is not {expected}"
        );
    }
    let bytes = whole.encode();
    for seed in 0..12 {
        assert_eq!(merged::<DdSketch>(&values, seed).encode(), bytes);
    }
    assert_eq!(sketch_of::<DdSketch>(&exact).encode(), bytes);
}

#[test]
fn percentiles_of_few_values_are_exact_and_interpolated() {
    let check = |values: &[f64], q: f64, expected: Option<f64>| {
        assert_eq!(
            sketch_of::<PercentileAgg>(values).quantile(q),
            expected,
            "{values:?} {q}"
        );
    };
    check(&[], 0.5, None);
    check(&[7.0], 0.3, Some(7.0));
    check(&[4.0, 1.0, 3.0, 2.0], 0.5, Some(2.5));
    check(&[4.0, 1.0, 3.0, 2.0], 0.25, Some(1.75));
    check(&[4.0, 1.0], 1.0, Some(4.0));
    check(&[f64::MIN, f64::MAX], 0.5, Some(0.0));
    assert_eq!(
        sketch_of::<PercentileAgg>(&[4.0, 1.0, 3.0, 2.0]).rank(2.0),
        Some(0.5)
    );
    assert_eq!(sketch_of::<PercentileAgg>(&[]).rank(2.0), None);
}

#[test]
fn percentiles_of_many_values_are_within_the_accuracy() {
    check_all::<PercentileAgg>(|sketch, exact, context| {
        let tolerance = if exact.len() <= 256 { 1e-12 } else { 0.010_001 };
        for q in QUANTILES {
            let position = q * (exact.len() - 1) as f64;
            let (low, high) = (exact[position as usize], exact[position.ceil() as usize]);
            let expected = low + (high - low) * position.fract();
            let actual = sketch.quantile(q).unwrap();
            let scale = low.abs().max(high.abs());
            assert!(
                (actual - expected).abs() <= tolerance * scale,
                "{context}, {q}: {actual} is not {expected}"
            );
        }
    });
}

#[test]
fn tdigest_ranks_are_within_its_tolerance() {
    check_all::<TDigest>(|sketch, exact, context| {
        for q in QUANTILES {
            // The share that a mean may hold at q, and one value where that is less.
            let share = std::f64::consts::PI * (q * (1.0 - q)).sqrt() / 100.0;
            // Means say little of values that span many powers of ten, which is documented.
            let shares = if context.starts_with("many decades") {
                4.0
            } else {
                1.0
            };
            let error = shares * share + 1.0 / exact.len() as f64;
            let value = sketch.quantile(q).unwrap();
            let (below, through) = rank_bounds(exact, value);
            let distance = (below - q).max(q - through).max(0.0);
            assert!(
                distance <= error,
                "{context}, {q}: {value} is {distance} off in rank, {error} allowed"
            );
            let rank = sketch.rank(value).unwrap();
            assert!(
                (below - error..=through + error).contains(&rank),
                "{context}: rank {rank} of {value}"
            );
        }
        assert_eq!(sketch.quantile(0.0), exact.first().copied(), "{context}");
        assert_eq!(sketch.quantile(1.0), exact.last().copied(), "{context}");
    });
}

#[test]
fn tdigest_of_few_values_is_exact() {
    let digest = sketch_of::<TDigest>(&[5.0, 1.0, 4.0, 2.0, 3.0]);
    assert_eq!(digest.quantile(0.5), Some(3.0));
    assert_eq!(digest.quantile(0.1), Some(1.0));
    assert_eq!(digest.rank(0.5), Some(0.0));
    assert_eq!(digest.rank(5.0), Some(1.0));
    assert_eq!(sketch_of::<TDigest>(&[]).quantile(0.5), None);
    assert_eq!(sketch_of::<TDigest>(&[]).rank(0.5), None);
}

#[test]
fn tdigests_stay_small() {
    let mut digest = sketch_of::<TDigest>(&uniform(200_000));
    let bytes = digest.encode();
    assert!(bytes.len() < 110 * 12, "{} bytes", bytes.len());
    assert!(digest.heap_bytes() < 64 * 1024);
}

fn distinct(numbers: impl Iterator<Item = u64>, precision: u32) -> HyperLogLog {
    let mut sketch = HyperLogLog::with_precision(precision).unwrap();
    numbers.for_each(|number| sketch.push_hash(xxh64(&number.to_le_bytes())));
    sketch
}

#[test]
fn distinct_values_are_counted_within_the_error() {
    for precision in [8, 12, 14, 16] {
        for count in [0, 1, 10, 1000, 5000, 100_000, 1_000_000] {
            let actual = distinct(0..count, precision).estimate();
            // Four standard errors; sparse sketches are almost exact.
            let registers = f64::from(1_u32 << precision);
            let is_sparse = count as f64 <= registers / 4.0;
            let error = if is_sparse {
                1e-3
            } else {
                4.0 * 1.04 / registers.sqrt()
            };
            let distance = (actual as f64 - count as f64).abs();
            assert!(
                distance <= error * count as f64,
                "{precision}: {actual} is not {count}"
            );
        }
    }
}

#[test]
fn distinct_counts_do_not_depend_on_repetition_the_split_or_the_order() {
    for count in [10_u64, 4000, 4200, 50_000] {
        let mut whole = distinct(0..count, 14);
        let bytes = whole.encode();
        assert_eq!(
            distinct((0..count).rev().chain(0..count), 14).encode(),
            bytes
        );
        let mut parts: Vec<HyperLogLog> = (0..7)
            .map(|part| distinct((0..count).filter(|n| n % 7 == part || n % 5 == 0), 14))
            .collect();
        for is_reversed in [false, true] {
            parts.reverse();
            let mut merged = HyperLogLog::with_precision(14).unwrap();
            for part in &mut parts {
                merged
                    .merge(&HyperLogLog::decode(&part.encode()).unwrap())
                    .unwrap();
            }
            assert_eq!(merged.encode(), bytes, "{count} {is_reversed}");
            assert_eq!(merged.estimate(), whole.estimate());
        }
    }
}

#[test]
fn parameters_are_checked_and_must_agree() {
    let refused = |result: Result<(), SketchError>, expected: &str| {
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    refused(
        DdSketch::with_parameter(0.0).map(|_| ()),
        "argument `accuracy` must be between 0.0001 and 0.5, not 0",
    );
    refused(
        PercentileAgg::with_parameter(f64::NAN).map(|_| ()),
        "argument `accuracy` must be between 0.0001 and 0.5, not NaN",
    );
    refused(
        TDigest::with_parameter(9.0).map(|_| ()),
        "argument `compression` must be between 10 and 10000, not 9",
    );
    refused(
        HyperLogLog::with_precision(19).map(|_| ()),
        "argument `precision` must be between 4 and 18, not 19",
    );
    let coarse = DdSketch::with_parameter(0.05).unwrap();
    refused(
        DdSketch::with_parameter(0.01).unwrap().merge(&coarse),
        "sketches of different accuracy (0.01 and 0.05) cannot be merged",
    );
    let other = HyperLogLog::with_precision(10).unwrap();
    refused(
        HyperLogLog::with_precision(11).unwrap().merge(&other),
        "sketches of different precision (11 and 10) cannot be merged",
    );
}

/// Reads damaged bytes; those that are taken for a sketch can be used like one.
fn survive<S: QuantileSketch>(bytes: &[u8]) {
    if let Ok(mut sketch) = S::decode(bytes) {
        let copy = sketch.clone();
        sketch.push(1e300);
        sketch.push(-1e-300);
        sketch.merge(&copy).unwrap();
        for q in QUANTILES {
            assert!(sketch.quantile(q).unwrap().is_finite());
        }
        assert!((0.0..=1.0).contains(&sketch.rank(0.5).unwrap()));
        assert!(sketch.heap_bytes() < 1 << 20);
        assert!(S::decode(&sketch.encode()).is_ok());
    }
}

fn survive_all(bytes: &[u8]) {
    survive::<DdSketch>(bytes);
    survive::<PercentileAgg>(bytes);
    survive::<TDigest>(bytes);
    if let Ok(mut sketch) = HyperLogLog::decode(bytes) {
        sketch.push_hash(xxh64(b"one more"));
        sketch.estimate();
        assert!(HyperLogLog::decode(&sketch.encode()).is_ok());
    }
}

fn stored() -> Vec<Vec<u8>> {
    let values: Vec<f64> = uniform(600).iter().map(|u| (u - 0.4) * 50.0).collect();
    vec![
        sketch_of::<DdSketch>(&values).encode(),
        sketch_of::<PercentileAgg>(&values).encode(),
        sketch_of::<PercentileAgg>(&values[..40]).encode(),
        sketch_of::<TDigest>(&values).encode(),
        distinct(0..500, 12).encode(),
        distinct(0..50_000, 10).encode(),
    ]
}

#[test]
fn stored_sketches_cut_short_are_refused() {
    for bytes in stored() {
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            assert!(DdSketch::decode(cut).is_err());
            assert!(PercentileAgg::decode(cut).is_err());
            assert!(TDigest::decode(cut).is_err());
            assert!(HyperLogLog::decode(cut).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(DdSketch::decode(&longer).is_err());
        assert!(PercentileAgg::decode(&longer).is_err());
        assert!(TDigest::decode(&longer).is_err());
        assert!(HyperLogLog::decode(&longer).is_err());
    }
}

/// The first version's bytes, which must be readable for ever.
#[test]
fn sketches_of_version_one_are_read() {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let values = [-2.0, 0.0, 1.0, 1.0, 50.0];
    assert_eq!(
        hex(&sketch_of::<DdSketch>(&values).encode()),
        "44017b14ae47e17a843f00010500000000000000c00000000000004940c501000200c20101014601"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(kind in prop::sample::select(b"DPTHX".to_vec()), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive_all(&[&[kind, 1][..], &bytes].concat());
    }

    #[test]
    fn damaged_sketches_never_panic(which in 0..6usize, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = stored()[which].clone();
        for (index, byte) in flips {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        survive_all(&bytes);
    }
}
