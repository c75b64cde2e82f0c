//! The sizes of some archives of the ledger, read from its extract as a stream: a worker that
//! compares an archive with its neighbours must not hold the whole ledger.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufReader;

use bytes::{Buf as _, Bytes};
use model::ledger::LedgerRow;
use model::{UnitId, layout};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::blocking::blocking;
use crate::lake::{Lake, StoreError};

impl Lake {
    /// Sizes of the readable archives whose unit id `keep` accepts, from the newest ledger
    /// extract. Empty where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn archive_sizes(
        &self,
        keep: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<BTreeMap<UnitId, u64>, StoreError> {
        let entries = self.list(layout::INDEX).await?;
        let newest = entries.into_iter().rev().find(|e| layout::parse_index(&e.key).is_some());
        let Some(newest) = newest else { return Ok(BTreeMap::new()) };
        let bytes = self.read(&newest.key).await?;
        let read = blocking(move || sizes(bytes, &keep)).await;
        read.map_err(|source| StoreError::Document {
            key: newest.key,
            what: "ledger extract",
            source,
        })
    }
}

type Keep<'a> = &'a dyn Fn(&str) -> bool;

fn sizes(bytes: Bytes, keep: Keep<'_>) -> Result<BTreeMap<UnitId, u64>, serde_json::Error> {
    let plain = zstd::Decoder::new(bytes.reader()).map_err(serde_json::Error::io)?;
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(plain));
    let mut sizes = BTreeMap::new();
    reader.deserialize_map(LedgerVisitor { keep, sizes: &mut sizes })?;
    reader.end()?;
    Ok(sizes)
}

struct LedgerVisitor<'a> {
    keep: Keep<'a>,
    sizes: &'a mut BTreeMap<UnitId, u64>,
}

impl<'de> Visitor<'de> for LedgerVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ledger extract")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "archives" {
                map.next_value_seed(Archives { keep: self.keep, sizes: self.sizes })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Archives<'a> {
    keep: Keep<'a>,
    sizes: &'a mut BTreeMap<UnitId, u64>,
}

impl<'de> DeserializeSeed<'de> for Archives<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Archives<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("archives by unit id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<UnitId>()? {
            if !(self.keep)(id.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let row: LedgerRow = map.next_value()?;
            if let Some(archive) = row.archive.filter(|_| row.status.is_usable()) {
                self.sizes.insert(id, archive.bytes);
            }
        }
        Ok(())
    }
}
