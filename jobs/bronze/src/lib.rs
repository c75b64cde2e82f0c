//! Downloads archives as received, verified, resumable and content-addressed.
