//! Answers from rollups against answers from raw rows.
