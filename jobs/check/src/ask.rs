//! The SQL of `sql/checks/`: run with typed parameters, read row by row.

use anyhow::Context as _;
use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::Day;
use table::datafusion::common::ScalarValue;
use table::datafusion::prelude::{DataFrame, SessionContext};

/// A file of `sql/checks/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    name: &'static str,
    sql: &'static str,
}

macro_rules! questions {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(pub(crate) const $constant: Question = Question {
            name: $name,
            sql: include_str!(concat!("../../../sql/checks/", $name, ".sql")),
        };)+
        #[cfg(test)]
        const ALL: &[Question] = &[$($constant),+];
    };
}

questions! {
    ARCHIVES = "archives",
    BUILDS = "builds",
    DIFFERENCES = "differences",
    FROM_KLINES = "from_klines",
    GRID_DAYS = "grid_days",
    GRID_GAPS = "grid_gaps",
    ID_GAPS = "id_gaps",
    JOINED = "joined",
    KLINE_DAYS = "kline_days",
    KLINE_GAPS = "kline_gaps",
    KLINE_SESSIONS = "kline_sessions",
    RECONCILE = "reconcile",
    REJECTS = "rejects",
    ROW_ISSUES = "row_issues",
    TOLD_DAYS = "told_days",
}

/// A typed parameter.
pub(crate) type Parameter = (&'static str, ScalarValue);

/// A text parameter.
pub(crate) fn text(name: &'static str, value: &str) -> Parameter {
    (name, ScalarValue::Utf8(Some(value.to_owned())))
}

/// A number parameter.
pub(crate) fn long(name: &'static str, value: i64) -> Parameter {
    (name, ScalarValue::Int64(Some(value)))
}

/// A day parameter.
pub(crate) fn day(name: &'static str, value: Day) -> Parameter {
    (name, ScalarValue::Date32(Some(value.epoch_days())))
}

impl Question {
    /// The question with words of the model put in for `{name}`.
    pub(crate) fn text(&self, words: &[(&str, &str)]) -> String {
        words.iter().fold(self.sql.to_owned(), |sql, (name, word)| {
            sql.replace(&format!("{{{name}}}"), word)
        })
    }

    /// Asks.
    pub(crate) async fn ask(
        &self,
        session: &SessionContext,
        words: &[(&str, &str)],
        parameters: Vec<Parameter>,
    ) -> anyhow::Result<Rows> {
        let frame = self.frame(session, &self.text(words), parameters).await?;
        let batches = frame.collect().await.with_context(|| self.failure())?;
        Ok(Rows { batches })
    }

    /// The question over what `before` defines, not yet asked.
    pub(crate) async fn after(
        &self,
        before: Self,
        session: &SessionContext,
        parameters: Vec<Parameter>,
    ) -> anyhow::Result<DataFrame> {
        self.frame(session, &format!("{}\n{}", before.sql, self.sql), parameters).await
    }

    async fn frame(
        &self,
        session: &SessionContext,
        sql: &str,
        parameters: Vec<Parameter>,
    ) -> anyhow::Result<DataFrame> {
        let frame = session.sql(sql).await.with_context(|| self.failure())?;
        if parameters.is_empty() {
            return Ok(frame);
        }
        frame.with_param_values(parameters).with_context(|| self.failure())
    }

    pub(crate) fn failure(&self) -> String {
        format!("cannot run sql/checks/{}.sql", self.name)
    }
}

/// Rows of an answer.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) batches: Vec<RecordBatch>,
}

/// One row of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) at: usize,
}

impl Rows {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| Row { batch, at }))
    }
}

impl Row<'_> {
    fn column(&self, name: &str) -> anyhow::Result<&ArrayRef> {
        self.batch.column_by_name(name).with_context(|| format!("the answer has no `{name}`"))
    }

    /// A whole number; null is 0.
    pub(crate) fn long(&self, name: &str) -> anyhow::Result<i64> {
        let column = self.column(name)?.slice(self.at, 1);
        let column = arrow::compute::cast(&column, &DataType::Int64)?;
        let column = column.as_primitive::<Int64Type>();
        Ok(if column.is_valid(0) { column.value(0) } else { 0 })
    }

    /// A count.
    pub(crate) fn count(&self, name: &str) -> anyhow::Result<u64> {
        Ok(u64::try_from(self.long(name)?)?)
    }

    /// A day.
    pub(crate) fn day(&self, name: &str) -> anyhow::Result<Day> {
        let column = self.column(name)?.slice(self.at, 1);
        let column = arrow::compute::cast(&column, &DataType::Date32)?;
        Day::of_epoch_days(column.as_primitive::<Date32Type>().value(0))
            .with_context(|| format!("`{name}` lies outside of all days"))
    }

    /// Any value as text; `None` for null. Decimals to the last digit.
    pub(crate) fn text(&self, name: &str) -> anyhow::Result<Option<String>> {
        let column = self.column(name)?;
        if column.is_null(self.at) {
            return Ok(None);
        }
        let options = FormatOptions::default();
        Ok(Some(ArrayFormatter::try_new(column.as_ref(), &options)?.value(self.at).to_string()))
    }

    /// A text that is always there.
    pub(crate) fn word(&self, name: &str) -> anyhow::Result<String> {
        self.text(name)?.with_context(|| format!("`{name}` is null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_asked_and_says_what_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/checks");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, ALL.iter().map(|q| q.name.to_owned()).collect::<Vec<_>>());
        for question in ALL {
            for word in ["-- purpose: ", "-- grain: ", "-- input: "] {
                assert!(question.sql.contains(word), "{}: {word}", question.name);
            }
        }
    }
}
