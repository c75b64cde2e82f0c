//! Reads everything that the lake has and holds it against what is known of it: the logs of the
//! tables, each live file with its size and CRC-32, each archive with its SHA-256 in the ledger,
//! and whether the documents are any. Nothing is changed.

use std::collections::BTreeMap;
use std::fmt;

use futures::{StreamExt as _, TryStreamExt as _};
use model::layout;
use model::schema::Table;
use serde::Serialize;
use serde::de::IgnoredAny;
use stage::{Context, Failure};
use store::StoreError;
use store::logs::LogError;
use table::{LiveFile, Tables};

use crate::rebuild::{Found, find};
use crate::{archives, failure, ledger};

/// Files that are read at once.
const READS: usize = 4;
/// Damages that people are shown; programs get all.
const SHOWN: usize = 50;

/// What was read, and what is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Deep {
    /// Live data files read.
    pub files: u64,
    /// Archives read.
    pub archives: u64,
    /// JSON documents and log entries read.
    pub documents: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Data files of former versions, of which only the size is known.
    pub without_sum: u64,
    /// What is damaged.
    pub damages: Vec<Damage>,
}

/// One object that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its key.
    pub key: String,
    /// What is wrong with it, after its name.
    pub problem: String,
    /// What to type.
    pub advice: String,
}

fn rebuild(table: Table) -> String {
    format!("cargo xtask rebuild --table {table}")
}

/// Reads the lake.
///
/// # Errors
/// Whatever the lake says, but for what is damaged.
pub async fn run(context: &Context) -> Result<Deep, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let mut deep = Deep::default();
    let mut sound = Vec::new();
    for table in Table::ALL {
        match tables.logs().verify(*table, None).await {
            Ok(Some(_)) => sound.push(*table),
            Ok(None) => {}
            Err(LogError::Damaged(damage)) => {
                let advice = rebuild(*table);
                deep.damages.push(Damage { key: damage.key, problem: damage.problem, advice });
            }
            Err(LogError::Store(error)) => {
                deep.broken(layout::log(*table), &error, rebuild(*table));
            }
        }
    }
    let mut files: Vec<(Table, LiveFile)> = Vec::new();
    for table in &sound {
        match tables.snapshot(*table).await {
            Ok(Some(snapshot)) => files.extend(snapshot.iter().map(|file| (*table, file))),
            Ok(None) => {}
            Err(error) => {
                let problem = format!("cannot be loaded ({})", model::human::chain(&error));
                let advice = rebuild(*table);
                deep.damages.push(Damage { key: layout::log(*table), problem, advice });
            }
        }
    }
    let documents = documents(context, &mut deep).await?;
    context.meter.total(files.len() as u64 + documents.len() as u64);
    deep.data(context, files).await?;
    let ledger_is_sound = [Table::Archives, Table::Builds].iter().all(|table| {
        let folder = layout::table(*table) + "/";
        sound.contains(table) && !deep.damages.iter().any(|damage| damage.key.starts_with(&folder))
    });
    if ledger_is_sound {
        deep.archives(context, &tables).await?;
    }
    deep.missing(context, &tables).await?;
    deep.read_documents(context, documents).await?;
    deep.damages.sort_by(|a, b| a.key.cmp(&b.key));
    deep.damages.dedup();
    Ok(deep)
}

/// The documents to be read: of the folder of runs, of the ledger's extract, and older log entries.
async fn documents(context: &Context, deep: &mut Deep) -> Result<Vec<(String, String)>, Failure> {
    let lake = &context.lake;
    let mut found = Vec::new();
    let folders = [layout::RUNS.to_owned(), layout::INDEX.to_owned()]
        .into_iter()
        .chain(Table::ALL.iter().map(|table| layout::log(*table)));
    for folder in folders {
        match lake.list(&folder).await {
            Ok(entries) => found.extend(entries.into_iter().map(|entry| entry.key)),
            Err(error) if lake.directory().is_some() => {
                deep.broken(folder, &error, "see what lies there".to_owned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let advice = |key: &str| {
        let of_log = Table::ALL.iter().find(|table| key.starts_with(&layout::log(**table)));
        if let Some(table) = of_log {
            rebuild(*table)
        } else if key.starts_with(layout::INDEX) {
            "cargo xtask maintain".to_owned()
        } else {
            "remove it, where its run is finished; else `cargo xtask local run`, which does in a new run \
             what it was to do"
                .to_owned()
        }
    };
    let is_document = |key: &String| {
        let name = key.rsplit('/').next().unwrap_or_default();
        name.split('.').any(|part| part == "json") || name == "_last_checkpoint"
    };
    Ok(found
        .into_iter()
        .filter(is_document)
        .map(|key| {
            let advice = advice(&key);
            (key, advice)
        })
        .collect())
}

impl Deep {
    fn broken(&mut self, key: String, error: &StoreError, advice: String) {
        let problem = format!("cannot be read ({})", model::human::chain(error));
        self.damages.push(Damage { key, problem, advice });
    }

    async fn data(
        &mut self,
        context: &Context,
        files: Vec<(Table, LiveFile)>,
    ) -> Result<(), Failure> {
        let mut looks = futures::stream::iter(files)
            .map(|(table, file)| async move {
                let fault = table::verify::fault(&context.lake, table, &file).await?;
                context.meter.at(&file.path);
                context.meter.bytes(file.bytes);
                context.meter.done(1);
                Ok::<_, StoreError>((table, file, fault))
            })
            .buffered(READS);
        while let Some((table, file, fault)) = looks.try_next().await? {
            self.files += 1;
            self.bytes += file.bytes;
            self.without_sum += u64::from(file.crc32().is_none());
            if let Some(problem) = fault {
                let key = format!("{}/{}", layout::table(table), file.path);
                self.damages.push(Damage { key, problem, advice: rebuild(table) });
            }
        }
        Ok(())
    }

    /// Every archive that a row of the ledger says is readable.
    async fn archives(&mut self, context: &Context, tables: &Tables) -> Result<(), Failure> {
        let rows = archives::rows(tables).await.map_err(failure)?;
        // what is known to be damaged is not told each time
        let raw: BTreeMap<String, model::RawArchive> = archives::last_words(&rows)
            .into_values()
            .filter(|entry| entry.status.is_usable())
            .filter_map(|entry| entry.raw().map(|raw| (raw.object.clone(), raw)))
            .collect();
        let mut looks = futures::stream::iter(raw.into_values())
            .map(|raw| async move {
                let problem = ledger::fault(&context.lake, &raw).await?;
                context.meter.at(&raw.object);
                context.meter.bytes(raw.bytes);
                Ok::<_, StoreError>((raw, problem))
            })
            .buffered(READS);
        while let Some((raw, problem)) = looks.try_next().await? {
            self.archives += 1;
            self.bytes += raw.bytes;
            if let Some(problem) = problem {
                let advice = format!(
                    "{}, which notes it; then `cargo xtask local run --retry-bad` fetches it again",
                    rebuild(Table::Archives)
                );
                self.damages.push(Damage { key: raw.object, problem, advice });
            }
        }
        Ok(())
    }

    /// What a rebuild finds of tables of which nothing is told yet: those that lack something, or
    /// all.
    async fn missing(&mut self, context: &Context, tables: &Tables) -> Result<(), Failure> {
        let found = match find(context, tables).await {
            Ok(found) => found,
            // what keeps it from looking is told already
            Err(failure) if context.lake.directory().is_some() && !self.damages.is_empty() => {
                tracing::warn!(error = format!("{:#}", failure.error), "cannot look for more");
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        for Found { table, why } in found {
            let key = layout::table(table);
            let own = format!("{key}/");
            if !self.damages.iter().any(|damage| damage.key.starts_with(&own)) {
                self.damages.push(Damage { key, problem: why, advice: rebuild(table) });
            }
        }
        Ok(())
    }

    async fn read_documents(
        &mut self,
        context: &Context,
        documents: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        let lake = &context.lake;
        let mut looks = futures::stream::iter(documents)
            .map(|(key, advice)| async move {
                let is_log = key.contains("/_delta_log/");
                let problem = match lake.read(&key).await {
                    Err(error) if error.is_not_found() => None,
                    Err(error) if lake.directory().is_some() => {
                        Some(format!("cannot be read ({})", model::human::chain(&error)))
                    }
                    Err(error) => return Err(error),
                    Ok(bytes) if is_log => lines(&bytes),
                    Ok(_) => match lake.read_json::<IgnoredAny>(&key, "document").await {
                        Ok(_) => None,
                        Err(error) => {
                            Some(format!("is no document ({})", model::human::chain(&error)))
                        }
                    },
                };
                context.meter.done(1);
                Ok((key, problem, advice))
            })
            .buffered(READS * 4);
        while let Some((key, problem, advice)) = looks.try_next().await? {
            self.documents += 1;
            if let Some(problem) = problem {
                self.damages.push(Damage { key, problem, advice });
            }
        }
        Ok(())
    }
}

/// What is wrong with the lines of a log entry.
fn lines(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    if lines.peek().is_none() {
        return Some("is empty, expected an entry of a log".to_owned());
    }
    lines
        .find_map(|line| serde_json::from_slice::<IgnoredAny>(line).err())
        .map(|error| format!("has a line that is no JSON ({error})"))
}

impl fmt::Display for Deep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read {} data files, {} archives and {} documents ({}): {}",
            self.files,
            self.archives,
            self.documents,
            model::human::bytes(self.bytes),
            match self.damages.len() {
                0 => "all are what they were".to_owned(),
                n => format!("{n} are DAMAGED"),
            }
        )?;
        if self.without_sum > 0 {
            write!(
                f,
                "\nof {} files of a former version only the size is known",
                self.without_sum
            )?;
        }
        for damage in self.damages.iter().take(SHOWN) {
            write!(f, "\n  `{}` {}\n    {}", damage.key, damage.problem, damage.advice)?;
        }
        if self.damages.len() > SHOWN {
            write!(f, "\n  and {} more: --json names all", self.damages.len() - SHOWN)?;
        }
        Ok(())
    }
}
