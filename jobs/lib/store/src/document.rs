//! JSON documents: plans, batches, fragments, ledger extracts. A key that ends in `.zst` is
//! compressed.

use std::io::{self, Read as _, Write as _};

use futures::{StreamExt as _, TryStreamExt as _};
use model::fragment::{BronzeFragment, GoldFragment, SilverFragment};
use model::ledger::Ledger;
use model::plan::{Batch, Plan};
use model::{RunId, layout};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::blocking::blocking;
use crate::lake::{Lake, StoreError};

/// Compression level of `.zst` documents.
const LEVEL: i32 = 3;
/// Bytes of a document, decompressed, at most: the extract of a million archives has a fifth of it. A
/// longer one is not written either, for nobody could read it.
const LONGEST: u64 = 1 << 30;
/// Ledger extracts that are kept.
const KEEP: usize = 3;
/// Documents that a thread writes together. Each is an open file, and a process may have few.
const TOGETHER: usize = 8;
/// Threads that write documents together.
const WRITERS: usize = 4;
/// Documents that each of them puts on an object store at once.
const AT_ONCE: usize = 4;

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

/// What was compressed. Whoever damages a document may make it say that it is endless.
fn decompressed(bytes: &[u8], longest: u64) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    zstd::Decoder::with_buffer(bytes)?.take(longest + 1).read_to_end(&mut plain)?;
    if plain.len() as u64 > longest {
        return Err(io::Error::other(format!("it decompresses to more than {longest} bytes")));
    }
    Ok(plain)
}

/// The bytes of a document.
pub(crate) fn json<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    bounded_json(key, value, LONGEST)
}

fn bounded_json<T: Serialize>(key: &str, value: &T, longest: u64) -> Result<Vec<u8>, StoreError> {
    let document = |source| StoreError::Document { key: key.to_owned(), what: "document", source };
    let mut bytes = serde_json::to_vec(value).map_err(document)?;
    if bytes.len() as u64 > longest {
        let why = format!("it has {} bytes, expected at most {longest}", bytes.len());
        return Err(document(serde_json::Error::io(io::Error::other(why))));
    }
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
            let plain = decompressed(&bytes, LONGEST)
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
    pub async fn write_all_json<T: Serialize + Send + 'static>(
        &self,
        documents: impl IntoIterator<Item = (String, T)>,
    ) -> Result<(), StoreError> {
        let mut documents = documents.into_iter();
        let together = std::iter::from_fn(|| {
            let some: Vec<_> = documents.by_ref().take(TOGETHER).collect();
            (!some.is_empty()).then_some(some)
        });
        futures::stream::iter(together)
            .map(|some| self.write_together(some))
            .buffer_unordered(WRITERS)
            .try_collect()
            .await
    }

    async fn write_together<T: Serialize + Send + 'static>(
        &self,
        documents: Vec<(String, T)>,
    ) -> Result<(), StoreError> {
        // the values are gone as soon as they are bytes
        let bytes = documents.into_iter().map(|(key, value)| Ok((json(&key, &value)?, key)));
        let Some(disk) = self.disk.clone() else {
            let all = blocking(move || bytes.collect::<Result<Vec<_>, StoreError>>()).await?;
            return futures::stream::iter(all)
                .map(|(bytes, key)| async move { self.write(&key, bytes).await })
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await;
        };
        blocking(move || {
            let at = |path| |source| StoreError::File { action: "write", path, source };
            let mut files = Vec::new();
            for document in bytes {
                let (bytes, key) = document?;
                let path = disk.path(&key);
                let mut file = disk.temporary().map_err(at(path.clone()))?;
                file.write_all(&bytes).map_err(at(path.clone()))?;
                files.push((file, path));
            }
            disk.place_all(files).map_err(|(path, source)| at(path)(source))
        })
        .await
    }

    /// Keeps what was received, unless the key has something already; tells whether it was kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_compressed(&self, key: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let document =
            |source| StoreError::Document { key: key.to_owned(), what: "answer", source };
        let bytes = compressed(bytes).map_err(|error| document(serde_json::Error::io(error)))?;
        self.write_new(key, bytes).await
    }

    /// Reads what was kept so, as it was received.
    ///
    /// # Errors
    /// [`StoreError`]; see [`StoreError::is_not_found`].
    pub async fn read_compressed(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        let bytes = self.read(key).await?;
        let document =
            |source| StoreError::Document { key: key.to_owned(), what: "answer", source };
        decompressed(&bytes, LONGEST).map_err(|error| document(serde_json::Error::io(error)))
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
        let key = layout::batch(run, number);
        let read: Result<Batch, StoreError> = match self.read_json(&key, "batch").await {
            // former versions wrote them plain
            Err(error) if error.is_not_found() => {
                let plain = key.strip_suffix(".zst").unwrap_or(&key);
                // what is missing is called by the name that it should have
                self.read_json(plain, "batch")
                    .await
                    .map_err(|other| if other.is_not_found() { error } else { other })
            }
            result => result,
        };
        let batch = read?;
        if batch.run != *run || batch.number != number {
            let found = format!("it is batch {} of run {}", batch.number, batch.run);
            let source = serde_json::Error::custom(found);
            return Err(StoreError::Document { key, what: "batch", source });
        }
        Ok(batch)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_never_ends_is_refused() {
        let small = compressed(&[b'x'; 1_000]).unwrap();
        assert_eq!(decompressed(&small, 1_000).unwrap().len(), 1_000);
        let error = decompressed(&small, 999).unwrap_err();
        assert_eq!(error.to_string(), "it decompresses to more than 999 bytes");
    }

    #[test]
    fn a_document_that_nobody_could_read_is_not_written() {
        // in quotes
        let text = "x".repeat(98);
        assert!(bounded_json("a.json", &text, 100).is_ok());
        assert!(bounded_json("a.json.zst", &text, 100).is_ok());
        let error = bounded_json("a.json", &text, 99).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("it has 100 bytes, expected at most 99"), "{cause}");
    }
}
