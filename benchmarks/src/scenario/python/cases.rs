//! What is compared.

/// One computation on both sides; Python's is the function of this name in `compare_python.py`.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// For people.
    pub(super) what: &'static str,
    pub(super) table: &'static str,
    /// What has to be there before.
    pub(super) before: Option<&'static str>,
    pub(super) sql: &'static str,
    /// A query that reads the same columns and does next to nothing with them.
    pub(super) reading: &'static str,
    /// How many times faster it has to be.
    pub(super) least: f64,
    /// How many times faster it should be.
    pub(super) wanted: f64,
}

const TRAIN: &str = "create or replace model noise using isolation_forest with (trees = 100, sample = 256) as \
    select a, b, c, d, e from reading";

const READ_SIGNAL: &str = "select sum(x) as s, count(distinct asset) as n from signal";

/// Functions that look at moving windows give a number for every row; what is asked for is the sum of their squares, so that no
/// time is that of printing.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "indicators",
        what: "rms, crest factor, skewness, kurtosis, peak to peak by series; NumPy, SciPy",
        table: "signal",
        before: None,
        sql: "select rms(x) as rms, crest_factor(x) as crest, skewness(x) as skewness, kurtosis(x) as kurtosis, \
              peak_to_peak(x) as peak_to_peak from signal group by asset order by asset",
        reading: READ_SIGNAL,
        least: 3.0,
        wanted: 8.0,
    },
    Case {
        name: "moving",
        what: "mean and deviation of 60 rows, exponentially weighted mean; pandas",
        table: "signal",
        before: None,
        sql: "select sum(m * m) as mean, sum(s * s) as std, sum(e * e) as ewma from (\
                select moving_avg(x) over w as m, moving_std(x) over w as s, \
                  ewma(x, 0.1) over (partition by asset order by time) as e \
                from signal window w as (partition by asset order by time rows 59 preceding))",
        reading: READ_SIGNAL,
        least: 4.0,
        wanted: 10.0,
    },
    Case {
        name: "moving_median",
        what: "median of 61 rows; pandas",
        table: "signal",
        before: None,
        sql: "select sum(m * m) as median from (\
                select moving_median(x) over (partition by asset order by time rows 60 preceding) as m from signal)",
        reading: READ_SIGNAL,
        least: 2.0,
        wanted: 4.0,
    },
    Case {
        name: "moving_mad",
        what: "median absolute deviation of 61 rows; NumPy windows",
        table: "signal",
        before: None,
        sql: "select sum(m * m) as mad from (\
                select time, moving_mad(x) over (partition by asset order by time rows 60 preceding) as m from signal) \
              where time >= to_timestamp(1767225600 + 60)",
        reading: READ_SIGNAL,
        least: 2.0,
        wanted: 4.0,
    },
    Case {
        name: "features",
        what: "the minimal feature set of windows of 100 points; tsfresh",
        table: "signal",
        before: None,
        sql: "select sum(f['sum'] * f['sum']) as sum, \
                sum(f['mean'] * f['mean']) as mean, \
                sum(f['median'] * f['median']) as median, \
                sum(f['std'] * f['std']) as std, \
                sum(f['variance'] * f['variance']) as variance, \
                sum(f['rms'] * f['rms']) as rms, \
                sum(f['max'] * f['max']) as max, \
                sum(f['abs_max'] * f['abs_max']) as abs_max, \
                sum(f['min'] * f['min']) as min \
              from (select ts_features(x, time) as f from signal group by asset, date_bin(interval '100 seconds', time))",
        reading: READ_SIGNAL,
        least: 50.0,
        wanted: 150.0,
    },
    Case {
        name: "trend",
        what: "trend and remaining life of each machine by least squares; statsmodels in a loop",
        table: "wear",
        before: None,
        sql: "select trend['slope'] as slope, life['rul'] as rul from (\
                select asset, linear_trend(y, time) as trend, rul_linear(y, time, 50) as life from wear group by asset) \
              order by asset",
        reading: "select sum(y) as s, count(distinct asset) as n from wear",
        least: 20.0,
        wanted: 100.0,
    },
    Case {
        name: "forest_training",
        what: "an isolation forest of 100 trees, training; scikit-learn",
        table: "reading",
        before: None,
        sql: TRAIN,
        reading: "select sum(a + b + c + d + e) as s from reading",
        least: 1.0,
        wanted: 2.0,
    },
    Case {
        name: "forest_scoring",
        what: "the same, scoring; scikit-learn",
        table: "reading",
        before: Some(TRAIN),
        sql: "select sum(anomaly_score('noise', a, b, c, d, e)) as s from reading",
        reading: "select sum(a + b + c + d + e) as s from reading",
        least: 5.0,
        wanted: 10.0,
    },
];
