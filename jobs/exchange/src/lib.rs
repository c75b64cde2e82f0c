//! The sample exchange: a deterministic market that serves archives like the real ones over HTTP, with faults on demand.
