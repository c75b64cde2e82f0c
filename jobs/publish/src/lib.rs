//! Serves what the lake holds. The one target there is so far is the page: a file that opens without a server
//! or a network, made anew as a whole after each run.
//!
//! Reads the tables at one version each, and changes none of them. Writes below `page/` alone: files of bars
//! first, named after the run, and `index.html` last, so that whoever opens it sees one state.
//!
//! | module | what lives there |
//! |---|---|
//! | `read` | questions of the tables, and columns of their answers |
//! | `market` | instruments: bars, indicators, daily figures, anomalies and signals |
//! | `state` | coverage, checks, rejects, runs |
//!
//! How a page looks and is written is `page`'s affair.

mod market;
mod read;
mod state;

use std::collections::BTreeSet;

use anyhow::Context as _;
use model::layout;
use page::{Page, Verdict};
use serde::Serialize;
use stage::{Context, Failure};
use table::{SessionOptions, Tables, memory};

/// How many symbols a page shows where nobody says otherwise.
pub const SYMBOLS: u32 = 20;

/// What to show.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many symbols at most.
    pub symbols: u32,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Where the page lies in the lake.
    pub page: String,
    /// Symbols on it.
    pub symbols: u64,
    /// Symbols that it has no room for.
    pub left_out: u64,
    /// Files of it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Summary {
    /// For people.
    pub fn text(&self) -> String {
        let Self { page, symbols, left_out, files, bytes } = self;
        let rest = if *left_out == 0 { String::new() } else { format!(", {left_out} left out") };
        format!("publish: {page}: {symbols} symbols{rest}, {files} files, {bytes} bytes")
    }
}

/// Makes the page.
///
/// # Errors
/// Whatever the lake says; figures that the page could only show wrongly.
pub async fn run(context: &Context, options: Options) -> Result<Summary, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let session = tables
        .session(&SessionOptions {
            memory_mib: Some(memory::of_stage()),
            ..SessionOptions::default()
        })
        .map_err(anyhow::Error::from)?;
    let reader = read::Reader(session);
    let market = market::of(&reader, context, options.symbols).await?;
    let left_out = market.left_out;
    let symbols = market.instruments.len() as u64;
    let coverage = state::coverage(&reader).await.context("coverage")?;
    let checks = state::checks(&reader).await.context("checks")?;
    let (runs, accounting) = state::runs(&reader).await.context("runs")?;
    let made = Page {
        environment: context.config.environment.value.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: context.clock.now().timestamp_micros(),
        run: runs.first().map(|run| run.id.clone()),
        verdict: Verdict::of(&coverage, &checks),
        accounting,
        instruments: market.instruments,
        coverage,
        checks,
        rejects: state::rejects(&reader).await.context("rejects")?,
        runs,
        certificate: None,
    };
    let files = page::write(&made).context("the page cannot be written")?;
    let mut summary = Summary { symbols, left_out, ..Summary::default() };
    let mut written = BTreeSet::new();
    for file in files {
        let key = layout::published(&file.name);
        summary.files += 1;
        summary.bytes += file.bytes.len() as u64;
        context.lake.write(&key, file.bytes).await.map_err(anyhow::Error::from)?;
        summary.page.clone_from(&key);
        written.insert(key);
    }
    // what the page no longer loads; one that somebody has open loads it no more after its next look
    for entry in context.lake.list(layout::PUBLISHED).await.map_err(anyhow::Error::from)? {
        if !written.contains(&entry.key) {
            context.lake.delete(&entry.key).await.map_err(anyhow::Error::from)?;
        }
    }
    Ok(summary)
}
