//! What is said of archives, in words.

use model::fragment::ArchiveStatus;

use super::Reason;

/// What is wrong with an archive in the fewest words.
pub(super) const fn kind_of(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::ChecksumMismatch => "with a wrong checksum",
        ArchiveStatus::Corrupt => "unreadable",
        ArchiveStatus::TruncatedSuspect => "maybe truncated",
        ArchiveStatus::Missing => "answered with 404",
        ArchiveStatus::Ok | ArchiveStatus::Unverified => "archive there",
    }
}

/// What is said of what the source does not have: its own words, where it has any. A host of archives
/// says no more than a status.
pub(super) fn missing(detail: Option<&str>) -> Reason {
    match detail.filter(|detail| !detail.starts_with("answer ")) {
        Some(words) => ("which the source does not have", format!("the source says: {words}")),
        None => ("answered with 404", "the source answers 404".to_owned()),
    }
}

pub(super) fn in_words(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::ChecksumMismatch => "its archive does not have the published checksum",
        ArchiveStatus::Corrupt => "its archive cannot be read",
        ArchiveStatus::Missing => "the source does not have it",
        ArchiveStatus::TruncatedSuspect => "its archive may be truncated",
        ArchiveStatus::Ok => "its archive is there",
        ArchiveStatus::Unverified => "its archive is there, and nothing verified it",
    }
}
