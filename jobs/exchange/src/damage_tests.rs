//! Tests of the damage.
