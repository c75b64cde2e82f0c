//! Lists what a source offers, compares it with the ledger and writes the run's batches.
