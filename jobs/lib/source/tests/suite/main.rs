//! Tests of the providers against real files. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod histdata;
mod rest;

use std::path::PathBuf;

/// The folder of a provider's real files, or the reason why the test is skipped.
pub(crate) fn shared(provider: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's data folder")]
    let folder = std::env::var(model::env::SHARED)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared").to_owned());
    let path = PathBuf::from(folder).join("data").join(provider);
    if path.exists() {
        return Some(path);
    }
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "no {}", path.display());
    eprintln!("skipped: no {}", path.display());
    None
}
