//! Any bytes of a stored sketch: the decoder does not panic, what it takes can be asked, added to and merged, and is the
//! same after encoding and decoding again. (`-rss_limit_mb` and `-malloc_limit_mb` find an allocation without bound.)

#![no_main]

use analytics::sketches::{DdSketch, HyperLogLog, PercentileAgg, QuantileSketch, TDigest};
use libfuzzer_sys::fuzz_target;

/// Values from all over what a sketch may have to hold.
const VALUES: [f64; 6] = [0.0, 1.5, -1e300, 1e300, f64::MIN_POSITIVE, -0.1];

fuzz_target!(|data: &[u8]| {
    try_quantiles::<DdSketch>(data);
    try_quantiles::<PercentileAgg>(data);
    try_quantiles::<TDigest>(data);
    if let Ok(sketch) = HyperLogLog::decode(data) {
        try_distinct(sketch);
    }
});

fn try_quantiles<S: QuantileSketch>(data: &[u8]) {
    let Ok(mut sketch) = S::decode(data) else {
        return;
    };
    let stored = sketch.encode();
    let mut again = S::decode(&stored).expect("what was encoded can be decoded");
    assert_eq!(again.encode(), stored);
    assert_eq!(again.count(), sketch.count());
    assert_eq!(sketch.quantile(0.5).is_none(), sketch.count() == 0);

    let count = sketch.count();
    sketch.merge(&again).expect("sketches of one parameter");
    assert_eq!(sketch.count(), count.saturating_mul(2));
    sketch.extend(&VALUES);
    for value in VALUES {
        let rank = sketch.rank(value).expect("there are values");
        assert!((0.0..=1.0).contains(&rank), "{rank}");
        let q = sketch.quantile(rank).expect("there are values");
        assert!(!q.is_nan());
    }
}

fn try_distinct(mut sketch: HyperLogLog) {
    let stored = sketch.encode();
    let mut again = HyperLogLog::decode(&stored).expect("what was encoded can be decoded");
    assert_eq!(again.encode(), stored);
    assert_eq!(again.estimate(), sketch.estimate());
    again.push_hash(0x9e37_79b9_7f4a_7c15);
    sketch.merge(&again).expect("sketches of one precision");
    // What waits to be sorted in is counted more exactly than it is stored.
    assert_eq!(sketch.encode(), again.encode());
    assert_eq!(sketch.estimate(), again.estimate());
}
