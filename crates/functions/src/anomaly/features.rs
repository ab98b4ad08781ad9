//! The arguments of functions over several features.

use crate::window::Argument;

/// The most features.
pub(super) const COUNT_MAX: usize = 16;

/// All features, and a constant behind them.
const ALL: [Argument; COUNT_MAX + 1] = {
    let mut all = [Argument::Value; COUNT_MAX + 1];
    all[COUNT_MAX] = Argument::Number("k");
    all
};

/// So many features.
const fn features(count: usize) -> &'static [Argument] {
    const FEATURES: &[Argument] = &[Argument::Value; COUNT_MAX];
    FEATURES.split_at(count).0
}

/// So many features and the constant `k`.
const fn features_and_k(count: usize) -> &'static [Argument] {
    const WITH_K: &[Argument] = &ALL;
    WITH_K.split_at(COUNT_MAX - count).1
}

/// Two to sixteen features.
pub(super) const FORMS: &[&[Argument]] = &{
    let mut forms: [&[Argument]; COUNT_MAX - 1] = [&[]; COUNT_MAX - 1];
    let mut count = 2;
    while count <= COUNT_MAX {
        forms[count - 2] = features(count);
        count += 1;
    }
    forms
};

/// Two to sixteen features and the constant `k` behind them.
pub(super) const FORMS_WITH_K: &[&[Argument]] = &{
    let mut forms: [&[Argument]; COUNT_MAX - 1] = [&[]; COUNT_MAX - 1];
    let mut count = 2;
    while count <= COUNT_MAX {
        forms[count - 2] = features_and_k(count);
        count += 1;
    }
    forms
};
