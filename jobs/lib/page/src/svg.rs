//! Pictures for documents.

use crate::{File, Page};

/// All pictures.
pub fn pictures(_page: &Page) -> Vec<File> {
    Vec::new()
}
