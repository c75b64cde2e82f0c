//! Turns raw archives into exact, deduplicated, typed Parquet: the hot path.
