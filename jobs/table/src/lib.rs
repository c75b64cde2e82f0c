//! Delta commits, snapshots and SQL sessions over tables. The only crate with deltalake and datafusion.
