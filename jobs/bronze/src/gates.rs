//! Which series the plan of a key does not include. Every unit of such a series would learn the same for
//! another credit: so the first unit of a series asks while the others wait for its first answer, and what
//! it learns holds for the run, whichever attempt or process goes on with it. What a refusal says of a
//! whole function holds for every symbol.
//!
//! A refusal closes nothing that has given data: of such a series it is of its unit alone, and of such a
//! function of its series alone.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// What is known of a series or a function.
#[derive(Debug, Default)]
enum Access {
    /// Nothing.
    #[default]
    Unknown,
    /// It was answered that there is nothing.
    Empty,
    /// It gave data.
    Open,
    /// It is refused, in these words.
    Refused(String),
}

impl Access {
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Refused(why) => Some(why.clone()),
            Self::Unknown | Self::Empty | Self::Open => None,
        }
    }
}

type Shared = Arc<tokio::sync::Mutex<Access>>;

/// What is known of the series of a source.
pub(crate) struct Gates<'a> {
    lake: &'a Lake,
    run: &'a RunId,
    source: Source,
    of: Mutex<BTreeMap<String, Shared>>,
    functions: Mutex<BTreeMap<String, Access>>,
}

/// What the lake notes of a series or a function.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    series: String,
    /// Why it is refused; nothing where it gave data after it was refused.
    why: Option<String>,
}

/// The turn of a unit: as long as nothing is known of its series, no other one asks.
pub(crate) struct Turn {
    series: String,
    function: String,
    /// Given back with the first answer.
    first: Option<OwnedMutexGuard<Access>>,
    /// Whether its series is known to have given data.
    is_open: bool,
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

    fn functions(&self) -> MutexGuard<'_, BTreeMap<String, Access>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a series or a function is refused, as the lake has noted it in this run.
    async fn noted(&self, name: &str) -> Result<Option<String>, StoreError> {
        let key = layout::refused(self.source, self.run, name);
        match self.lake.read_json::<Noted>(&key, "note of what is refused").await {
            Ok(known) => Ok(known.why),
            // nobody knows, or nobody can tell: it is asked
            Err(error) if error.is_not_found() || matches!(error, StoreError::Document { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn note(&self, name: &str, why: Option<&str>) -> Result<(), StoreError> {
        let key = layout::refused(self.source, self.run, name);
        let noted = Noted { series: name.to_owned(), why: why.map(str::to_owned) };
        self.lake.write_json(&key, &noted).await
    }

    /// Why a function is refused, where it is.
    async fn function(&self, function: &str) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.functions().get(function) {
            return Ok(known.refusal());
        }
        let noted = self.noted(function).await?.map_or(Access::Unknown, Access::Refused);
        Ok(self.functions().entry(function.to_owned()).or_insert(noted).refusal())
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
        let is_open = matches!(*access, Access::Open);
        if !is_open && let Some(why) = self.function(&function).await? {
            return Ok(Err(why));
        }
        Ok(match &*access {
            Access::Refused(why) => Err(why.clone()),
            Access::Unknown => Ok(Turn { series, function, first: Some(access), is_open }),
            Access::Empty | Access::Open => Ok(Turn { series, function, first: None, is_open }),
        })
    }

    /// What is known of the series of a turn, which nobody else changes meanwhile.
    async fn access(&self, turn: &mut Turn) -> OwnedMutexGuard<Access> {
        match turn.first.take() {
            Some(first) => first,
            None => self.gate(&turn.series).lock_owned().await,
        }
    }

    /// There was an answer, with data or without: the others may ask.
    pub(crate) async fn answered(&self, turn: &mut Turn, has_data: bool) -> Result<(), StoreError> {
        if turn.is_open {
            return Ok(());
        }
        let mut access = self.access(turn).await;
        if !has_data {
            if matches!(*access, Access::Unknown) {
                *access = Access::Empty;
            }
            return Ok(());
        }
        turn.is_open = true;
        let before = mem::replace(&mut *access, Access::Open);
        let of_function = self.functions().insert(turn.function.clone(), Access::Open);
        // another unit was refused while this one was asked for
        for (name, before) in [(&turn.series, Some(before)), (&turn.function, of_function)] {
            if before.is_some_and(|before| before.refusal().is_some()) {
                self.note(name, None).await?;
            }
        }
        Ok(())
    }

    /// The unit is refused, and with it its series or the whole function where these gave no data.
    pub(crate) async fn refuse(
        &self,
        mut turn: Turn,
        concerns: Concerns,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut access = self.access(&mut turn).await;
        if matches!(*access, Access::Open) {
            return Ok(());
        }
        *access = Access::Refused(why.to_owned());
        self.note(&turn.series, Some(why)).await?;
        let closes = concerns != Concerns::Symbol && {
            let mut functions = self.functions();
            let function = functions.entry(turn.function.clone()).or_default();
            let closes = !matches!(function, Access::Open);
            if closes {
                *function = Access::Refused(why.to_owned());
            }
            closes
        };
        if closes {
            self.note(&turn.function, Some(why)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn unit(text: &str) -> Unit {
        format!("acme/stocks/klines/{text}").parse().expect(text)
    }

    async fn turn(gates: &Gates<'_>, text: &str) -> Result<Turn, String> {
        gates.enter(&unit(text)).await.expect("lake")
    }

    /// What becomes of units, one after the other, and whether a new attempt may then ask for each.
    async fn check(outcomes: &[(&str, Result<bool, Concerns>, bool)], again: &[bool]) {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        let run = RunId::new(DateTime::UNIX_EPOCH, 1);
        let gates = Gates::of(&lake, &run, Source::new("acme"));
        for (text, outcome, may_ask) in outcomes {
            let turn = turn(&gates, text).await;
            assert_eq!(turn.is_ok(), *may_ask, "{text} in {outcomes:?}");
            let Ok(mut turn) = turn else { continue };
            match outcome {
                Ok(has_data) => gates.answered(&mut turn, *has_data).await.expect("lake"),
                Err(concerns) => gates.refuse(turn, *concerns, "not in it").await.expect("lake"),
            }
        }
        let gates = Gates::of(&lake, &run, Source::new("acme"));
        let mut found = Vec::new();
        for (text, ..) in outcomes {
            found.push(turn(&gates, text).await.is_ok());
        }
        assert_eq!(found, again, "{outcomes:?}");
    }

    #[tokio::test]
    async fn a_refusal_closes_what_gave_no_data() {
        let (data, nothing) = (Ok(true), Ok(false));
        let (series, function) = (Err(Concerns::Symbol), Err(Concerns::Function));
        let [a, b, c] = ["A/1m/2024-01-02", "B/1m/2024-01-02", "C/1m/2024-01-02"];
        let (later, last) = ("A/1m/2024-01-03", "A/1m/2024-01-04");
        // a series, for all of its units, and no other one
        check(&[(a, series, true), (later, data, false), (b, data, true)], &[false, false, true])
            .await;
        // a function, for all symbols, and no other timeframe
        let other = "B/5m/2024-01-02";
        check(&[(a, function, true), (b, data, false), (other, data, true)], &[false, false, true])
            .await;
        // of a series with data the unit alone
        check(&[(a, data, true), (later, series, true), (last, data, true)], &[true; 3]).await;
        check(&[(a, data, true), (later, function, true), (b, data, true)], &[true; 3]).await;
        // of a function with data the series alone
        check(
            &[(a, data, true), (b, function, true), (later, data, true), (c, data, true)],
            &[true, false, true, true],
        )
        .await;
        // that there is nothing of a unit proves nothing
        check(&[(a, nothing, true), (later, series, true), (last, data, false)], &[false; 3]).await;
        check(&[(a, nothing, true), (b, function, true), (later, data, false)], &[false; 3]).await;
    }

    #[tokio::test]
    async fn data_that_come_after_a_refusal_open_what_it_closed() {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        let run = RunId::new(DateTime::UNIX_EPOCH, 1);
        let gates = Gates::of(&lake, &run, Source::new("acme"));
        let [a, b, c] = ["A/1m/2024-01-02", "B/1m/2024-01-02", "C/1m/2024-01-02"];
        // both are asked for at once
        let (mut slow, refused) = (turn(&gates, a).await.expect("a"), turn(&gates, b).await);
        gates.refuse(refused.expect("b"), Concerns::Function, "not in it").await.expect("lake");
        assert!(turn(&gates, c).await.is_err());
        gates.answered(&mut slow, true).await.expect("lake");
        for gates in [gates, Gates::of(&lake, &run, Source::new("acme"))] {
            let open = [a, b, c].map(|text| turn(&gates, text));
            let open = futures::future::join_all(open).await;
            assert_eq!(open.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        }
    }
}
