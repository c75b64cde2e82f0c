//! Opening, creating and reading the tables of a lake.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::EagerSnapshot;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::future::try_join_all;
use model::plan::Partition;
use model::schema::Table;
use model::{RunId, layout};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use store::Lake;
use store::logs::{Damage, LogError, Logs};

use crate::create;
use crate::error::{TableError, is_conflict};
use crate::evolve::Lacks;
use crate::snapshot::{LiveFile, Snapshot};

/// How often a table is looked at before its state counts as broken.
const LOADS: u32 = 4;
/// Attempts to evolve a table before the race counts as lost.
const EVOLUTIONS: u32 = 40;

/// The tables of a lake. Cheap to clone; of their state it remembers only what it has verified.
#[derive(Debug, Clone)]
pub struct Tables {
    pub(crate) lake: Lake,
    pub(crate) logs: Logs,
    /// The run that asks, where one does.
    pub(crate) run: Option<RunId>,
    /// What the names of files begin with that no vacuum deletes.
    protected: Arc<HashSet<String>>,
    /// Files that were found to be what was committed.
    pub(crate) sound: Arc<Mutex<HashSet<(Table, String)>>>,
}

impl Tables {
    /// The tables of `lake`. Reads nothing yet.
    pub fn open(lake: &Lake) -> Self {
        Self {
            lake: lake.clone(),
            logs: Logs::new(lake),
            run: None,
            protected: Arc::default(),
            sound: Arc::default(),
        }
    }

    /// The tables as `run` sees them: those that it makes anew are tables for it alone.
    #[must_use]
    pub fn of_run(lake: &Lake, run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..Self::open(lake) }
    }

    /// The same, whose vacuum keeps every file with a name of one of these makers: all of a data
    /// file's name but its part number.
    #[must_use]
    pub fn protecting(self, makers: HashSet<String>) -> Self {
        Self { protected: Arc::new(makers), ..self }
    }

    /// Whether a vacuum keeps a file whatever the log says.
    pub(crate) fn protects(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.rsplit_once('-').is_some_and(|(maker, _)| self.protected.contains(maker))
    }

    /// The logs of the tables.
    pub const fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The lake.
    pub const fn lake(&self) -> &Lake {
        &self.lake
    }

    pub(crate) fn log(&self, table: Table) -> Result<LogStoreRef, TableError> {
        let folder = layout::table(table);
        let bad = || store::StoreError::BadUri { uri: format!("{}{folder}/", self.lake.url()) };
        let url = self.lake.url().join(&format!("{folder}/")).map_err(|_| bad())?;
        let prefix = Path::from_url_path(url.path()).map_err(|_| bad())?;
        let root = self.lake.root();
        let objects = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        Ok(default_logstore(objects, root, &url, &StorageConfig::default()))
    }

    /// The newest version of a table; `None` where it was never created.
    ///
    /// # Errors
    /// [`TableError::Damaged`] for a log that is not whole; [`TableError::Delta`].
    pub async fn snapshot(&self, table: Table) -> Result<Option<Snapshot>, TableError> {
        let log = self.log(table)?;
        // asked first: what a log has lost, the library takes for never written
        let Some(known) = self.logs.verify(table, self.run.as_ref()).await? else {
            return Ok(None);
        };
        let mut attempt = 1;
        loop {
            let error = match EagerSnapshot::try_new(log.as_ref(), None).await {
                Ok(state) if state.version() < known.last => {
                    let key = layout::log_entry(table, known.last);
                    let problem =
                        format!("is passed over, the table reads as version {}", state.version());
                    return Err(TableError::Damaged(Damage { table, key, problem }));
                }
                Ok(state) => {
                    let entry = known.sha256.filter(|_| state.version() == known.last);
                    return Ok(Some(Snapshot { table, log, state: Arc::new(state), entry }));
                }
                Err(error) => error,
            };
            // it may have lost log entries to a clean-up while it was looked at
            if attempt == LOADS {
                return Err(TableError::delta("load", table)(error));
            }
            tracing::debug!(%table, attempt, %error, "cannot load, trying again");
            tokio::time::sleep(std::time::Duration::from_millis(20 << attempt)).await;
            attempt += 1;
        }
    }

    /// Notes how far a table's log has come. A commit stands without: where this fails, the next
    /// commit sees to it.
    pub(crate) async fn record(&self, table: Table, by: Option<&RunId>) {
        if let Err(error) = self.logs.record(table, by).await {
            tracing::warn!(%table, %error, "cannot note how far the log has come");
        }
    }

    /// A table as it was at a version.
    ///
    /// # Errors
    /// [`TableError::NoVersion`] where it never had it; [`TableError::Delta`] where the log no
    /// longer goes back to it.
    pub async fn as_of(&self, table: Table, version: u64) -> Result<Snapshot, TableError> {
        let now = self.snapshot(table).await?;
        match now {
            Some(now) if now.version() == version => Ok(now),
            Some(now) if now.version() > version => {
                let log = self.log(table)?;
                let state = EagerSnapshot::try_new(log.as_ref(), Some(version))
                    .await
                    .map_err(TableError::delta("load an old version of", table))?;
                Ok(Snapshot { table, log, state: Arc::new(state), entry: None })
            }
            _ => Err(TableError::NoVersion { table, version }),
        }
    }

    /// The newest version number of a table; `None` where it was never created.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn version(&self, table: Table) -> Result<Option<u64>, TableError> {
        Ok(self.snapshot(table).await?.map(|snapshot| snapshot.version()))
    }

    /// The live files of a table whose partition `wanted` says yes to; none where the table was
    /// never created.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn live_files(
        &self,
        table: Table,
        wanted: impl Fn(&Partition) -> bool,
    ) -> Result<Vec<LiveFile>, TableError> {
        Ok(self.snapshot(table).await?.map_or_else(Vec::new, |s| s.files_where(wanted)))
    }

    /// The newest version of a table, which is created where it is not there. Of two creators
    /// one wins and both go on with its table. A table of a former version is evolved first.
    ///
    /// # Errors
    /// [`TableError::Delta`]; [`TableError::LaterSchema`], [`TableError::OtherSchema`] and
    /// [`TableError::OtherColumn`] for a table that this program cannot write.
    pub async fn ensure(&self, table: Table) -> Result<Snapshot, TableError> {
        for _ in 0..EVOLUTIONS {
            let snapshot = match self.snapshot(table).await? {
                Some(snapshot) => snapshot,
                None => self.create(table).await?,
            };
            let lacks = Lacks::of(&snapshot)?;
            if lacks.is_nothing() {
                return Ok(snapshot);
            }
            match lacks.add(&snapshot).await {
                Err(error) if !is_conflict(&error) => {
                    return Err(TableError::delta("evolve", table)(error));
                }
                // done, by whomever: or another commit came first
                _ => {}
            }
        }
        Err(TableError::LostRace { table, attempts: EVOLUTIONS })
    }

    /// Creates those of some tables that were never created, all at once. Nothing is loaded of one
    /// that is there. One that is damaged, or is being made anew, stays as it is: whoever needs it is
    /// told, and nobody else is stopped.
    ///
    /// # Errors
    /// Those of [`Tables::ensure`].
    pub async fn create_missing(&self, tables: &[Table]) -> Result<(), TableError> {
        try_join_all(tables.iter().map(async |table| {
            match self.logs.verify(*table, self.run.as_ref()).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                Err(LogError::Damaged(damage)) => {
                    tracing::warn!(%damage, "a table is left as it is");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
            // set aside by this run, which has not made it anew yet
            if self.logs.head(*table).await?.is_some_and(|head| head.rebuilding.is_some()) {
                return Ok(());
            }
            self.ensure(*table).await?;
            self.record(*table, self.run.as_ref()).await;
            Ok(())
        }))
        .await
        .map(drop)
    }

    async fn create(&self, table: Table) -> Result<Snapshot, TableError> {
        let created = create::builder(table, self.log(table)?)?.await;
        match (self.snapshot(table).await?, created) {
            (Some(snapshot), _) => Ok(snapshot),
            (None, Err(error)) => Err(TableError::delta("create", table)(error)),
            (None, Ok(_)) => Err(TableError::delta("find after its creation", table)(
                DeltaTableError::NotInitialized,
            )),
        }
    }
}
