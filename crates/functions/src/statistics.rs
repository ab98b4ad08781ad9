//! Statistics: centres, spreads, trends, tests, distances between distributions, complexity and memory.
//!
//! Those with a small mergeable state are built on `aggregate`, all others on `collected`: they keep the rows of a group
//! and see them sorted, by value or by time.

mod acf;
mod adf_test;
mod anderson;
mod approx_entropy;
mod cv;
mod dfa;
mod geomean;
mod harmonic_mean;
mod histogram;
mod hurst;
mod iqr;
mod jensen_shannon;
mod kendall;
mod kl_div;
mod kpss_test;
mod ks_test;
mod lempel_ziv;
mod linear_trend;
mod ljung_box;
mod mad;
mod mann_kendall;
mod mannwhitney;
mod mode;
mod pacf;
mod perm_entropy;
mod psi;
mod qn_scale;
mod sample_entropy;
mod samples;
mod shannon_entropy;
mod sn_scale;
mod spearman;
mod spectral_entropy;
mod theil_sen;
mod trimmed_mean;
mod ttest;
mod value_range;
mod wasserstein;
mod winsorized_mean;

use datafusion_expr::AggregateUDF;

use crate::aggregate::Aggregate;
use crate::collected::Collected;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(mode::Mode),
        Aggregate::udf(geomean::Geomean),
        Aggregate::udf(harmonic_mean::HarmonicMeanOf),
        Collected::udf(trimmed_mean::TrimmedMean),
        Collected::udf(winsorized_mean::WinsorizedMean),
        Collected::udf(mad::Mad),
        Collected::udf(iqr::Iqr),
        Aggregate::udf(value_range::ValueRange),
        Aggregate::udf(cv::Cv),
        Collected::udf(sn_scale::SnScale),
        Collected::udf(qn_scale::QnScale),
        Collected::udf(histogram::Histogram),
        Collected::udf(linear_trend::LinearTrendOf),
        Collected::udf(theil_sen::TheilSenOf),
        Collected::udf(mann_kendall::MannKendallOf),
        Collected::udf(spearman::Spearman),
        Collected::udf(kendall::Kendall),
        Collected::udf(acf::Acf),
        Collected::udf(pacf::Pacf),
        Collected::udf(ljung_box::LjungBoxOf),
        Collected::udf(adf_test::AdfTestOf),
        Collected::udf(kpss_test::KpssTestOf),
        Collected::udf(ks_test::KsTest),
        Collected::udf(mannwhitney::MannWhitney),
        Collected::udf(ttest::TTest),
        Collected::udf(anderson::Anderson),
        Collected::udf(wasserstein::Wasserstein),
        Collected::udf(jensen_shannon::JensenShannon),
        Collected::udf(psi::Psi),
        Collected::udf(kl_div::KlDiv),
        Collected::udf(shannon_entropy::ShannonEntropy),
        Collected::udf(sample_entropy::SampleEntropy),
        Collected::udf(approx_entropy::ApproxEntropy),
        Collected::udf(perm_entropy::PermEntropy),
        Collected::udf(spectral_entropy::SpectralEntropy),
        Collected::udf(lempel_ziv::LempelZiv),
        Collected::udf(hurst::Hurst),
        Collected::udf(dfa::Dfa),
    ]
}
