//! Makes a run visible: one Delta commit a table from the run's fragments; maintenance.
