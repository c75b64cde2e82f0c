//! The arguments that every job takes.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use model::RunId;
use model::env::log_filter;

/// The arguments that every job takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The environment's configuration: a file, or s3://bucket/key.
    #[arg(long, value_name = "FILE", env = model::env::CONFIG)]
    pub config: PathBuf,

    /// The lake: a directory, file:///… or s3://bucket/prefix. Default: what the configuration
    /// says, else target/lake/<environment>.
    #[arg(long, value_name = "URI", env = model::env::LAKE)]
    pub lake: Option<String>,

    /// The run; every stage of a run gets the same id.
    #[arg(long, value_name = "ID", env = model::env::RUN)]
    pub run: Option<RunId>,

    /// Folder for spill and staging files. Default: inside a directory lake, else the system's.
    #[arg(long, value_name = "DIR", env = model::env::TEMP)]
    pub temp: Option<PathBuf>,

    /// The form of log lines on standard error. Default: text on a terminal, else json.
    #[arg(long, value_enum, value_name = "FORM", env = model::env::LOG_FORMAT)]
    pub log_format: Option<LogFormat>,

    /// Log filter, such as info or bronze=debug.
    #[arg(long, value_name = "FILTER", env = model::env::LOG, default_value = "info",
          value_parser = OsStringValueParser::new().try_map(|text| log_filter(&text.to_string_lossy())))]
    pub log: String,

    /// End with exit code 1 after so many seconds. What is finished stays.
    #[arg(long, value_name = "SECONDS", env = model::env::TIME_LIMIT)]
    pub time_limit: Option<NonZeroU64>,

    /// Take the machine's clock to be so many seconds late (or fast, below zero): a demo's day is another.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, hide = true)]
    pub clock_shift: Option<i32>,

    /// Write progress lines (JSON) to standard error, for whoever draws the bars.
    #[arg(long)]
    pub progress: bool,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}
