//! Which series the plan of a key does not include. Every unit of such a series would learn the same for
//! another credit: so the first unit of a series asks while the others wait for its first answer, and what
//! it learns holds for the run, whichever attempt or process goes on with it. What a refusal says of a
//! whole function holds for every symbol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::unit::Unit;
use model::{RunId, Source, layout};
use serde::{Deserialize, Serialize};
use source::rest::{Concerns, Why};
use store::{Lake, StoreError};
use tokio::sync::OwnedMutexGuard;

/// Whether a refusal of one unit is one of its whole series.
pub(crate) const fn is_of_series(why: Why) -> bool {
    matches!(why, Why::PremiumOnly | Why::Artificial)
}

/// What is known of a series.
#[derive(Debug, Default)]
enum Access {
    /// Nothing.
    #[default]
    Unknown,
    /// It was answered.
    Open,
    /// It is refused, in these words.
    Refused(String),
}

type Shared = Arc<tokio::sync::Mutex<Access>>;

/// What is known of the series of a source.
pub(crate) struct Gates<'a> {
    lake: &'a Lake,
    run: &'a RunId,
    source: Source,
    of: Mutex<BTreeMap<String, Shared>>,
    /// Why functions are refused, `None` where nothing is known against one.
    functions: Mutex<BTreeMap<String, Option<String>>>,
}

/// A refusal as it lies in the lake.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    series: String,
    why: String,
}

/// The turn of a unit: as long as nothing is known of its series, no other one asks.
pub(crate) struct Turn {
    series: String,
    function: String,
    /// Given back with the first answer.
    first: Option<OwnedMutexGuard<Access>>,
}

impl<'a> Gates<'a> {
    /// Of a source, in a run.
    pub(crate) fn of(lake: &'a Lake, run: &'a RunId, source: Source) -> Self {
        Self { lake, run, source, of: Mutex::default(), functions: Mutex::default() }
    }

    fn gate(&self, series: &str) -> Shared {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(of.entry(series.to_owned()).or_default())
    }

    /// What the lake has noted of a series or a function in this run.
    async fn noted(&self, name: &str) -> Result<Option<String>, StoreError> {
        let key = layout::refused(self.source, self.run, name);
        match self.lake.read_json::<Refused>(&key, "note of what is refused").await {
            Ok(known) => Ok(Some(known.why)),
            // nobody knows, or nobody can tell: it is asked
            Err(error) if error.is_not_found() || matches!(error, StoreError::Document { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn note(&self, name: String, why: &str) -> Result<(), StoreError> {
        let key = layout::refused(self.source, self.run, &name);
        self.lake.write_json(&key, &Refused { series: name, why: why.to_owned() }).await
    }

    /// Why a function is refused, where it is.
    async fn function(&self, function: &str) -> Result<Option<String>, StoreError> {
        let functions = || self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = functions().get(function) {
            return Ok(known.clone());
        }
        let noted = self.noted(function).await?;
        Ok(functions().entry(function.to_owned()).or_insert(noted).clone())
    }

    /// The turn of a unit, or why its series or its function is refused.
    pub(crate) async fn enter(&self, unit: &Unit) -> Result<Result<Turn, String>, StoreError> {
        let (series, function) = (unit.series(), unit.function());
        let mut access = self.gate(&series).lock_owned().await;
        if matches!(*access, Access::Unknown)
            && let Some(why) = self.noted(&series).await?
        {
            *access = Access::Refused(why);
        }
        if let Some(why) = self.function(&function).await? {
            return Ok(Err(why));
        }
        Ok(match &*access {
            Access::Refused(why) => Err(why.clone()),
            Access::Open => Ok(Turn { series, function, first: None }),
            Access::Unknown => Ok(Turn { series, function, first: Some(access) }),
        })
    }

    /// The series is refused, or the whole function.
    pub(crate) async fn refuse(
        &self,
        turn: Turn,
        concerns: Concerns,
        why: &str,
    ) -> Result<(), StoreError> {
        let Turn { series, function, first } = turn;
        if concerns != Concerns::Symbol {
            self.functions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(function.clone(), Some(why.to_owned()));
            self.note(function, why).await?;
        }
        let mut access = match first {
            Some(first) => first,
            None => self.gate(&series).lock_owned().await,
        };
        *access = Access::Refused(why.to_owned());
        self.note(series, why).await
    }
}

impl Turn {
    /// There was an answer: the others may ask.
    pub(crate) fn is_answered(&mut self) {
        if let Some(mut first) = self.first.take() {
            *first = Access::Open;
        }
    }
}
