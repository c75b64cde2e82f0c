//! The context a job works in, and the frame around it: logging, progress, exit codes.

use std::error::Error;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroU64;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use model::config::Config;
use model::exit::Exit;
use model::{RunId, metrics, unit};
use source::Providers;
use store::Lake;
use tracing_subscriber::EnvFilter;

use crate::args::{Common, LogFormat};
use crate::bugs;
use crate::clock::Clock;
use crate::limit::TimeLimit;
use crate::meter::Meter;

/// Stands for a panic of the job's own thread, which has been reported.
const BROKEN: &str = "stopped by a bug";

/// Why a job failed, and what whoever ran it should do next.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The reason, with its causes.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with an exit code.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }
}

/// Anything without a better code.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

/// What a job works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// The lake.
    pub lake: Lake,
    /// The configuration.
    pub config: Arc<Config>,
    /// SHA-256 of the configuration's bytes.
    pub config_sha256: String,
    /// The providers there are.
    pub providers: Providers,
    /// The run.
    pub run: RunId,
    /// The time.
    pub clock: Clock,
    /// How far the job is.
    pub meter: Meter,
}

impl Context {
    /// Opens what the arguments name. A run id is made where none is given.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Usage`] for a configuration or a lake that is wrong.
    pub fn open(stage: &str, common: &Common) -> Result<Self, Failure> {
        let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
        let name = common.config.display().to_string();
        let text = configuration(&common.config)
            .map_err(|error| usage(error.context(format!("cannot read configuration `{name}`"))))?;
        let providers = Providers::ALL;
        let config = providers.read(&name, &text).map_err(|error| usage(error.into()))?;
        let uri = common.lake.clone().or_else(|| config.lake.clone()).unwrap_or_else(|| {
            PathBuf::from("target/lake").join(&config.environment.value).display().to_string()
        });
        let lake = Lake::open(&uri, common.temp.as_deref()).map_err(|error| usage(error.into()))?;
        let clock = common
            .clock_shift
            .map_or(Clock::System, |seconds| Clock::Shifted(TimeDelta::seconds(seconds.into())));
        let run = common.run.clone().unwrap_or_else(|| RunId::new(clock.now(), fastrand::u32(..)));
        Ok(Self {
            lake,
            config: Arc::new(config),
            config_sha256: unit::sha256_hex(text.as_bytes()),
            providers,
            run,
            clock,
            meter: Meter::new(stage, common.progress),
        })
    }
}

/// The text of a configuration: a file, or an object where `path` is an `s3://…` URL, in the
/// version that stands behind it.
fn configuration(path: &Path) -> anyhow::Result<String> {
    let Some(url) = path.to_str().filter(|url| url.starts_with("s3://")) else {
        return Ok(std::fs::read_to_string(path)?);
    };
    let (folder, name, version) = object(url);
    let folder = Lake::open(folder, Some(&std::env::temp_dir()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bytes = runtime.block_on(folder.read_version(name, version))?;
    Ok(String::from_utf8(bytes.to_vec())?)
}

/// The folder, name and version of `s3://bucket/folder/name?versionId=version`.
fn object(url: &str) -> (&str, &str, Option<&str>) {
    let (url, version) = match url.split_once("?versionId=") {
        Some((url, version)) => (url, Some(version)),
        None => (url, None),
    };
    let (folder, name) = url.rsplit_once('/').unwrap_or((url, ""));
    (folder, name, version)
}

/// The frame of a job's `main`: sets up logging, opens the context, runs the job until it ends,
/// and turns a failure into one message and its exit code.
///
/// The message goes to standard error: the whole chain of causes once, then what to do next.
pub fn main<F, W>(stage: &str, common: &Common, work: W) -> ExitCode
where
    W: FnOnce(Context) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let format = common.log_format.unwrap_or_else(|| {
        if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json }
    });
    bugs::report(stage, format);
    log_to_stderr(common, format);
    let reporter = Arc::new(Reporter::new(stage, format));
    let limit = common.time_limit.map(|seconds| {
        let reporter = Arc::clone(&reporter);
        let say = move || {
            reporter.figures(true);
            reporter.tell(&time_is_over(&reporter.stage, seconds, &reporter.at()));
            reporter.tell(Exit::Failed.advice());
        };
        let end = || std::process::exit(i32::from(Exit::Failed as u8));
        TimeLimit::after(Duration::from_secs(seconds.get()), say, end)
    });
    let job = || {
        let context = Context::open(stage, common)?;
        bugs::of_run(&context.run, &context.clock, &context.meter);
        reporter.knows(&context);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let speaker = common.progress.then(|| speak_now_and_then(&runtime, &context.meter));
        let result = runtime.block_on(work(context));
        if let Some(speaker) = speaker {
            speaker.abort();
        }
        result
    };
    // what was half done is not looked at again
    let result = std::panic::catch_unwind(AssertUnwindSafe(job));
    drop(limit);
    let is_broken = bugs::was_any();
    let result = result.unwrap_or_else(|_| Err(anyhow::anyhow!(BROKEN).into()));
    reporter.figures(is_broken || result.is_err());
    let exit = match result {
        Ok(()) if is_broken => Exit::Failed,
        Ok(()) => return ExitCode::from(Exit::Done as u8),
        Err(failure) => {
            let said = chain(failure.error.as_ref());
            // the report of the bug has said it
            if !is_broken || !(said == BROKEN || said.contains("panicked")) {
                reporter.tell(&said);
            }
            if is_broken { Exit::Failed } else { failure.exit }
        }
    };
    reporter.tell(exit.advice());
    ExitCode::from(exit as u8)
}

/// What a job says last: its figures, and how it ended.
struct Reporter {
    stage: String,
    format: LogFormat,
    start: Instant,
    /// Known once the context is open.
    of: OnceLock<(String, RunId, Clock, Meter)>,
}

impl Reporter {
    fn new(stage: &str, format: LogFormat) -> Self {
        Self { stage: stage.to_owned(), format, start: Instant::now(), of: OnceLock::new() }
    }

    fn knows(&self, context: &Context) {
        let name = context.config.environment.value.clone();
        let of = (name, context.run.clone(), context.clock.clone(), context.meter.clone());
        // a job has one context
        let _ = self.of.set(of);
    }

    /// What is at work.
    fn at(&self) -> String {
        self.of.get().map(|(.., meter)| meter.progress().at).unwrap_or_default()
    }

    /// The line of figures: people read text, programs pick the figures out of the other lines.
    fn figures(&self, failed: bool) {
        if let (Some((name, run, clock, meter)), LogFormat::Json) = (self.of.get(), self.format) {
            let figures = meter.figures(self.start.elapsed(), failed);
            let at = clock.now().timestamp_millis();
            let line = metrics::line(name, &self.stage, run, at, &figures);
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// A line for people. A standard error that is gone is no reason for another exit.
    fn tell(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.stage);
    }
}

fn time_is_over(stage: &str, seconds: NonZeroU64, at: &str) -> String {
    let at = if at.is_empty() { String::new() } else { format!(", at `{at}`") };
    let advice = match stage {
        "bronze" | "silver" => {
            "what is finished stays, and the next attempt goes on from it; where one batch takes so \
             long, make batches smaller (limits.batch), or the task larger (aws.tasks)"
        }
        _ => "the next attempt begins anew; where it needs more, make the task larger (aws.tasks)",
    };
    format!(
        "stopped: its time limit of {seconds} s is over{at} (--time-limit, or {} in the \
         environment); {advice}",
        model::env::TIME_LIMIT
    )
}

fn speak_now_and_then(
    runtime: &tokio::runtime::Runtime,
    meter: &Meter,
) -> tokio::task::JoinHandle<()> {
    let meter = meter.clone();
    runtime.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tick.tick().await;
            meter.speak();
        }
    })
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn log_to_stderr(common: &Common, format: LogFormat) {
    // the Delta kernel logs as errors what it also returns, a table not made yet among them
    let quiet = "buoyant_kernel=off";
    // what is no filter was refused with the arguments
    let filter = EnvFilter::new(format!("{quiet},{}", common.log));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // a second call in one process (tests) keeps the first one's subscriber
    let _ = match format {
        LogFormat::Text => {
            builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_be_an_older_version() {
        let check = |url: &str, expect| assert_eq!(object(url), expect, "{url}");
        check("s3://b/config/lake.yaml", ("s3://b/config", "lake.yaml", None));
        check("s3://b/c/lake.yaml?versionId=3/L.x=", ("s3://b/c", "lake.yaml", Some("3/L.x=")));
    }

    #[test]
    fn a_configuration_that_is_not_there_is_named() {
        let common = <Common as clap::FromArgMatches>::from_arg_matches(
            &<Common as clap::Args>::augment_args(clap::Command::new("x")).get_matches_from([
                "x",
                "--config",
                "/nowhere/lake.yaml",
            ]),
        );
        let failure =
            Context::open("plan", &common.expect("arguments")).expect_err("nothing there");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(chain(failure.error.as_ref()).contains("`/nowhere/lake.yaml`"));
    }
}
