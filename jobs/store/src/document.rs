//! JSON documents: plans, batches, fragments, ledger extracts. A key that ends in `.zst` is
//! compressed.

use std::io::{self, Write as _};

use futures::{StreamExt as _, TryStreamExt as _};
use model::RunId;
use model::fragment::{BronzeFragment, GoldFragment, SilverFragment};
use model::layout;
use model::ledger::Ledger;
use model::plan::{Batch, Plan};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blocking::blocking;
use crate::lake::{Lake, StoreError};

/// Compression level of `.zst` documents.
const LEVEL: i32 = 3;
/// Ledger extracts that are kept.
const KEEP: usize = 3;
/// Documents that are written together: so many files are open.
const TOGETHER: usize = 64;
/// Documents that are put at once.
const AT_ONCE: usize = 8;

fn is_compressed(key: &str) -> bool {
    key.rsplit('.').next() == Some("zst")
}

/// With a checksum, which whoever reads it verifies: one bit that flips may leave good JSON of
/// another content.
fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The bytes of a document.
pub(crate) fn json<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    let document = |source| StoreError::Document { key: key.to_owned(), what: "document", source };
    let mut bytes = serde_json::to_vec(value).map_err(document)?;
    if is_compressed(key) {
        return compressed(&bytes).map_err(|error| document(serde_json::Error::io(error)));
    }
    bytes.push(b'\n');
    Ok(bytes)
}

impl Lake {
    /// Reads a document; `what` is its kind, for messages.
    ///
    /// # Errors
    /// [`StoreError`]; see [`StoreError::is_not_found`].
    pub async fn read_json<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &'static str,
    ) -> Result<T, StoreError> {
        let bytes = self.read(key).await?;
        let document = |source| StoreError::Document { key: key.to_owned(), what, source };
        if is_compressed(key) {
            let plain = zstd::decode_all(bytes.as_ref())
                .map_err(|error| document(serde_json::Error::io(error)))?;
            serde_json::from_slice(&plain).map_err(document)
        } else {
            serde_json::from_slice(&bytes).map_err(document)
        }
    }

    /// Writes a document, replacing what was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_json<T: Serialize>(&self, key: &str, value: &T) -> Result<(), StoreError> {
        self.write(key, json(key, value)?).await
    }

    /// Writes documents together, replacing what was there: quicker than one by one. They are on
    /// the disk, as all that comes before a document is, once the next one is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_all_json<'a, T: Serialize + 'a>(
        &self,
        documents: impl IntoIterator<Item = (&'a str, &'a T)>,
    ) -> Result<(), StoreError> {
        let mut documents = documents.into_iter();
        loop {
            let some = documents.by_ref().take(TOGETHER);
            let some: Vec<_> = some
                .map(|(key, value)| Ok((key.to_owned(), json(key, value)?)))
                .collect::<Result<_, StoreError>>()?;
            if some.is_empty() {
                return Ok(());
            }
            self.write_all(some).await?;
        }
    }

    async fn write_all(&self, all: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        let Some(disk) = self.disk.clone() else {
            return futures::stream::iter(all)
                .map(|(key, bytes)| async move { self.write(&key, bytes).await })
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await;
        };
        let error = |(path, source)| StoreError::File { action: "write", path, source };
        let write = move || {
            let mut files = Vec::with_capacity(all.len());
            for (key, bytes) in all {
                let path = disk.path(&key);
                let file = || {
                    let mut file = disk.temporary()?;
                    file.write_all(&bytes)?;
                    Ok(file)
                };
                match file() {
                    Ok(file) => files.push((file, path)),
                    Err(error) => return Err((path, error)),
                }
            }
            disk.place_all(files)
        };
        blocking(write).await.map_err(error)
    }

    /// The plan of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plan(&self, run: &RunId) -> Result<Plan, StoreError> {
        self.read_json(&layout::plan(run), "plan").await
    }

    /// One batch of a run's plan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batch(&self, run: &RunId, number: u32) -> Result<Batch, StoreError> {
        self.read_json(&layout::batch(run, number), "batch").await
    }

    /// All fragments of a stage in a run, in key order.
    async fn fragments<T: DeserializeOwned>(
        &self,
        run: &RunId,
        stage: &str,
        what: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let entries = self.list(&layout::fragments(run, stage)).await?;
        futures::stream::iter(entries)
            .map(|entry| async move { self.read_json(&entry.key, what).await })
            .buffered(16)
            .try_collect()
            .await
    }

    /// What bronze did in a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bronze_fragments(&self, run: &RunId) -> Result<Vec<BronzeFragment>, StoreError> {
        self.fragments(run, "bronze", "bronze fragment").await
    }

    /// What silver did in a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn silver_fragments(&self, run: &RunId) -> Result<Vec<SilverFragment>, StoreError> {
        self.fragments(run, "silver", "silver fragment").await
    }

    /// What gold did in a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gold_fragments(&self, run: &RunId) -> Result<Vec<GoldFragment>, StoreError> {
        self.fragments(run, "gold", "gold fragment").await
    }

    /// The newest ledger extract and its version; an empty one of version 0 where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger(&self) -> Result<(u64, Ledger), StoreError> {
        let entries = self.list(layout::INDEX).await?;
        let newest = entries.iter().rev().find_map(|e| Some((layout::parse_index(&e.key)?, e)));
        match newest {
            None => Ok((0, Ledger::default())),
            Some((version, entry)) => {
                Ok((version, self.read_json(&entry.key, "ledger extract").await?))
            }
        }
    }

    /// Writes the ledger extract of a version and deletes the oldest ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_ledger(&self, version: u64, ledger: &Ledger) -> Result<(), StoreError> {
        self.write_json(&layout::index(version), ledger).await?;
        let entries = self.list(layout::INDEX).await?;
        let all: Vec<_> =
            entries.iter().filter(|e| layout::parse_index(&e.key).is_some()).collect();
        for old in &all[..all.len().saturating_sub(KEEP)] {
            self.delete(&old.key).await?;
        }
        Ok(())
    }
}
