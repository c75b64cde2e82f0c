//! Writes `ops.coverage` (whole partitions) and `ops.checks` (a run's own rows).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use model::plan::Partition;
use model::schema::Table;
use model::{RunId, unit};
use stage::Context;
use store::schema::file_schema;
use table::snapshot::RUN_TAG;
use table::{Change, LiveFile, Stamp, Tables};

use crate::Judged;
use crate::coverage::Coverage;
use crate::findings::Findings;

/// Replaces `ops.coverage` by what was judged. Markets that the configuration no longer has go, and
/// those of which a younger run has judged since are left as it told them.
///
/// # Errors
/// Whatever the lake says.
pub async fn coverage(context: &Context, tables: &Tables, judged: &[Judged]) -> anyhow::Result<()> {
    let mut markets: BTreeMap<Partition, Vec<&Judged>> = BTreeMap::new();
    for file in tables.live_files(Table::Coverage, |_| true).await? {
        markets.entry(file.partition).or_default();
    }
    for judged in judged {
        let partition: Partition = [
            ("source".to_owned(), judged.series.source.to_string()),
            ("market".to_owned(), judged.series.market.to_string()),
        ]
        .into();
        markets.entry(partition).or_default().push(judged);
    }
    let mut change = Change::default();
    let mut content = String::new();
    for (partition, judged) in markets {
        let rows = rows(context, &judged)?;
        let owner =
            format!("coverage/{}", partition.values().cloned().collect::<Vec<_>>().join("/"));
        let inputs = hash(&rows);
        let file = tables.write(Table::Coverage, &partition, [rows], &owner, &inputs, 0).await?;
        content.push_str(&inputs);
        change.files.extend(file);
        change.partitions.push(partition);
    }
    let stamp = Stamp::new(Table::Coverage, &context.run, "check", &content, context.clock.now());
    tables
        .replace_with(Table::Coverage, &stamp, async |snapshot| {
            let mut change = change.clone();
            let younger: BTreeSet<Partition> = snapshot
                .iter()
                .filter(|file| is_of_younger(file, &context.run))
                .map(|file| file.partition)
                .collect();
            for partition in &younger {
                tracing::warn!(
                    ?partition,
                    "a younger run has told its coverage; it stays as it is"
                );
            }
            change.partitions.retain(|partition| !younger.contains(partition));
            change.files.retain(|file| !younger.contains(&file.partition));
            Ok(change)
        })
        .await?;
    Ok(())
}

/// Whether a run that began later has written a file.
fn is_of_younger(file: &LiveFile, run: &RunId) -> bool {
    let of = file.tag(RUN_TAG).and_then(|text| text.parse::<RunId>().ok());
    of.is_some_and(|of| of > *run)
}

/// A day of a series.
type Row<'a> = (&'a Judged, &'a Coverage);

/// The rows of a market, in the order of the table's key.
fn rows(context: &Context, judged: &[&Judged]) -> anyhow::Result<RecordBatch> {
    let mut all: Vec<(&Judged, &Coverage)> =
        judged.iter().flat_map(|j| j.days.iter().map(move |day| (*j, day))).collect();
    all.sort_by(|(a, x), (b, y)| {
        let key = |j: &'_ Judged| (j.series.dataset, j.series.symbol.clone(), j.series.timeframe);
        (key(a), x.day).cmp(&(key(b), y.day))
    });
    let texts = |of: fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(all.iter().map(of).collect::<StringArray>())
    };
    let longs = |of: fn(&Coverage) -> u64| -> ArrayRef {
        Arc::new(
            all.iter()
                .map(|(_, day)| i64::try_from(of(day)).unwrap_or(i64::MAX))
                .collect::<Int64Array>(),
        )
    };
    let now = context.clock.now().timestamp_micros();
    let columns: Vec<ArrayRef> = vec![
        texts(|(j, _)| Some(j.series.dataset.to_string())),
        texts(|(j, _)| Some(j.series.symbol.to_string())),
        texts(|(j, _)| j.series.timeframe.map(|t| t.to_string())),
        Arc::new(all.iter().map(|(_, day)| Some(day.day.epoch_days())).collect::<Date32Array>()),
        texts(|(_, day)| Some(day.status.as_str().to_owned())),
        texts(|(_, day)| day.reason.clone()),
        texts(|(_, day)| day.archive.map(|status| status.to_string())),
        longs(|day| day.rows),
        longs(|day| day.rejected),
        longs(|day| day.missing),
        Arc::new(TimestampMicrosecondArray::from(vec![now; all.len()]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec![context.run.as_str(); all.len()])),
    ];
    Ok(RecordBatch::try_new(file_schema(Table::Coverage), columns)?)
}

/// Puts the findings into `ops.checks`, in the place of those that the same run put there before.
///
/// # Errors
/// Whatever the lake says.
pub async fn findings(
    context: &Context,
    tables: &Tables,
    findings: &Findings,
) -> anyhow::Result<()> {
    let now = context.clock.now();
    let rows = findings.rows(&context.run, now.timestamp_micros())?;
    let owner = format!("checks/{}", context.run);
    let inputs = hash(&rows);
    let file = tables.write(Table::Checks, &Partition::new(), [rows], &owner, &inputs, 0).await?;
    let stamp = Stamp::new(Table::Checks, &context.run, "check", &inputs, now);
    tables
        .replace_with(Table::Checks, &stamp, async |snapshot| {
            // maintenance or a rebuild may have put them into one file with those of other runs
            let (gone, rest) = tables.without(snapshot, context.run.as_str()).await?;
            let owners = vec![owner.clone()];
            let files = file.iter().cloned().chain(rest).collect();
            Ok(Change { owners, gone, files, ..Change::default() })
        })
        .await?;
    Ok(())
}

/// Stands for the rows: the same ones are the same file.
fn hash(rows: &RecordBatch) -> String {
    let mut content = Vec::new();
    for column in rows.columns() {
        let data = column.to_data();
        if let Some(nulls) = data.nulls() {
            content.extend(nulls.iter().map(u8::from));
        }
        for buffer in data.buffers() {
            content.extend_from_slice(&buffer.len().to_le_bytes());
            content.extend_from_slice(buffer.as_slice());
        }
    }
    unit::short_hash(&unit::sha256_hex(&content))
}
