//! The pages of docs/reference, made from `model` and from the commands' own help.

use std::fmt::Write as _;

use clap::CommandFactory as _;
use model::config::aws::STAGES;
use model::config::{Archives, Aws, Discovery, Limits, PublicationLag, Recheck};
use model::fragment::ArchiveStatus;
use model::market::{Dataset, Timeframe};
use model::metrics::{self, Metric};
use model::schema::{ColumnType, Issue, RejectReason, Table};
use model::{RunId, Unit, layout as keys};
use serde_json::Value;
use source::{Providers, Takes};

use crate::sample::SOURCE;

const NOTE: &str = "Made by `cargo xtask codegen`; do not edit.";

/// What each page is for.
pub(super) fn readme() -> String {
    format!(
        "# Reference\n\n{NOTE}\n\n\
         | page | what it tells | made from |\n|---|---|---|\n\
         | [tables](tables.md) | every table, column, key and partition | `model::schema` |\n\
         | [layout](layout.md) | where everything lies in a lake | `model::layout` |\n\
         | [configuration](configuration.md) | the keys of `lake.yaml` and their defaults | `model::config` |\n\
         | [indicators](indicators.md) | what each indicator is, with its source | by hand |\n\
         | [signals](signals.md) | what anomalies, signals, features and labels are | by hand |\n\
         | [metrics](metrics.md) | the figures that jobs report | `model::metrics` |\n\
         | [environment](environment.md) | environment variables | `model::env` |\n\
         | [commands](commands.md) | `cargo xtask` | its own help |\n"
    )
}

fn type_name(kind: ColumnType) -> String {
    match kind {
        ColumnType::Boolean => "boolean".into(),
        ColumnType::Int => "int".into(),
        ColumnType::Long => "bigint".into(),
        ColumnType::Double => "double".into(),
        ColumnType::Decimal(precision, scale) => format!("decimal({precision},{scale})"),
        ColumnType::Text => "text".into(),
        ColumnType::Date => "date".into(),
        ColumnType::Timestamp => "timestamp (µs, UTC)".into(),
    }
}

fn quoted<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{}`", w.as_ref())).collect();
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

/// The sources with their markets, a row each.
fn sources() -> String {
    let mut rows = String::new();
    for provider in Providers::ALL.iter() {
        for market in provider.markets() {
            let datasets = quoted(provider.datasets(*market).iter().map(|word| word.as_str()));
            let _ = writeln!(rows, "| `{}` | `{market}` | {datasets} |", provider.name());
        }
    }
    rows
}

/// The tables.
pub(super) fn tables() -> String {
    let mut page = format!(
        "# Tables\n\n{NOTE}\n\nEvery table is a Delta table in the folder of its name \
         ([layout](layout.md)). Prices are exact decimals in the quote asset, quantities in the \
         base asset; instants are UTC. A `?` after a type: may be null.\n\n"
    );
    for table in Table::ALL {
        let _ = writeln!(page, "- [{table}](#{}): {}", anchor(table.as_str()), table.schema().doc);
    }
    for table in Table::ALL {
        let schema = table.schema();
        let _ = write!(
            page,
            "\n## {table}\n\n{}.\n\nKey: {}. Partitions: {}.\n",
            capital(schema.doc),
            quoted(schema.key),
            quoted(schema.partitions)
        );
        if !schema.constraints.is_empty() {
            let rules: Vec<String> =
                schema.constraints.iter().map(|(name, sql)| format!("{name} (`{sql}`)")).collect();
            let _ = writeln!(page, "Constraints: {}.", rules.join(", "));
        }
        page.push_str("\n| column | type | meaning |\n|---|---|---|\n");
        for column in schema.columns {
            let null = if column.nullable { "?" } else { "" };
            let meaning = column.doc.replace('|', "\\|");
            let _ = writeln!(
                page,
                "| `{}` | {}{null} | {meaning} |",
                column.name,
                type_name(column.kind)
            );
        }
    }
    let _ = write!(
        page,
        "\n## Words\n\n| where | words |\n|---|---|\n\
         | `silver.rejects.reason` | {} |\n\
         | `issues` | {} |\n\
         | `issues` of rows that are valid all the same | {} |\n\
         | `bronze.archives.status` | {} |\n",
        quoted(RejectReason::ALL.iter().map(|w| w.as_str())),
        quoted(Issue::ALL.iter().map(|w| w.as_str())),
        quoted(Issue::ALL.iter().filter(|i| i.is_harmless()).map(|w| w.as_str())),
        quoted(ArchiveStatus::ALL.iter().map(|w| w.as_str())),
    );
    page
}

fn anchor(heading: &str) -> String {
    heading.replace('.', "")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// Where everything lies, by example.
pub(super) fn layout() -> anyhow::Result<String> {
    let run: RunId = "20250102T030405Z-0a1b2c3d".parse()?;
    let unit: Unit = format!("{SOURCE}/spot/klines/BTCUSDT/1h/2024-12-31").parse()?;
    let version = keys::raw_version(Some(&"4a6836ceae18ee15".repeat(4)), Some("\"etag\""), 0);
    let partition = [
        ("source", SOURCE),
        ("market", "spot"),
        ("symbol", "BTCUSDT"),
        ("timeframe", "1h"),
        ("month", "2024-12"),
    ];
    let file = keys::data_file(&partition, &keys::data_file_name("group", "inputs", 0));
    let dropped = Providers::ALL.iter().find(|provider| provider.takes() == Takes::Dropped);
    let dropped = dropped.map_or_else(String::new, |of| format!("{}/", keys::drop(of.name())));
    let rows = [
        (
            "an archive as received; never overwritten",
            keys::raw(&unit, &version, "BTCUSDT-1h-2024-12-31.zip"),
        ),
        ("files that a person drops for a source that cannot be asked; only read", dropped),
        ("extracts of the ledger that `plan` reads; a cache", keys::index(7)),
        ("the log of a table", format!("{}/_delta_log/", keys::table(Table::Klines))),
        ("a data file of a table", format!("{}/{file}", keys::table(Table::Klines))),
        ("what a run will do", keys::plan(&run)),
        ("one batch of it", keys::batch(&run, 1)),
        ("what bronze did for one archive", keys::fragment(&run, "bronze", unit.id().as_str())),
        ("what silver did for one group", keys::fragment(&run, "silver", "group")),
        (
            "how what an API said of a day differs from its archive",
            keys::fragment(&run, keys::TAIL, unit.id().as_str()),
        ),
        ("what gold did for one symbol", keys::fragment(&run, "gold", "symbol")),
        ("what gold must rebuild", keys::dirty(&run)),
        ("the same, until it is rebuilt", keys::owed(&run)),
        ("what the run came to; a run that has one is finished", keys::summary(&run)),
        ("who works on the run (directory lakes)", format!("{}/lock", keys::run(&run))),
        ("spill and staging; may be deleted after 7 days", format!("{}/", keys::TEMP)),
    ];
    let mut page = format!(
        "# Layout of a lake\n\n{NOTE}\n\nA lake is a directory or a prefix of a bucket; the keys \
         are the same. `model::layout` is the only place that builds them.\n\n\
         | what | key, for example |\n|---|---|\n"
    );
    for (what, key) in rows {
        let _ = writeln!(page, "| {what} | `{key}` |");
    }
    page.push_str("\n| table | folder | partitions |\n|---|---|---|\n");
    for table in Table::ALL {
        let partitions =
            table.schema().partitions.iter().fold(String::new(), |mut text, column| {
                let _ = write!(text, "{column}=…/");
                text
            });
        let _ = writeln!(page, "| {table} | `{}/` | `{partitions}` |", keys::table(*table));
    }
    Ok(page.replace("``", ""))
}

/// The environment variables.
pub(super) fn environment() -> String {
    let mut page = format!(
        "# Environment variables\n\n{NOTE}\n\nOnly a program's `main` reads them; an argument \
         goes before its variable. On S3 the usual AWS variables apply too.\n\n\
         | variable | meaning |\n|---|---|\n"
    );
    for var in model::env::ALL {
        let _ = writeln!(page, "| `{}` | {} |", var.name, var.help);
    }
    page
}

/// A section as YAML of one line.
fn default_of(section: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(section)?.replace('"', "").replace(':', ": ").replace(',', ", "))
}

/// The keys of `lake.yaml`.
pub(super) fn configuration() -> anyhow::Result<String> {
    let mut page = format!(
        "# Configuration: `lake.yaml`\n\n{NOTE}\n\nOne file an environment, \
         `infra/envs/<env>/lake.yaml`. [dev](../../infra/envs/dev/lake.yaml) is written to be \
         read first. A key that is unknown, doubled, impossible or badly formed is refused with \
         file, line, what was found and what was expected.\n\n\
         | key | meaning |\n|---|---|\n"
    );
    let lag = PublicationLag::default();
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let archives = [Archives::Auto, Archives::Daily, Archives::Monthly];
    let discovery = [Discovery::Listing, Discovery::Probe];
    let words = |values: Vec<Value>| quoted(values.into_iter().map(word));
    let archives = words(archives.map(|a| serde_json::to_value(a).unwrap_or_default()).to_vec());
    let discovery = words(discovery.map(|d| serde_json::to_value(d).unwrap_or_default()).to_vec());
    let gold = model::config::Gold::default();
    let rows = [
        ("environment", "its name; that of its folder".to_owned()),
        ("lake", "where the lake lies: a directory, `file:///…` or `s3://bucket/prefix`; default `target/lake/<environment>`".into()),
        ("sources.<source>.url", "the host of the archives or of the API: https, or http on this machine".into()),
        ("sources.<source>.key", "of an API: where its key is, `env:NAME`, `file:/PATH` (its owner's alone), `ssm:NAME` or `secretsmanager:NAME`; never the key itself".into()),
        ("sources.<source>.limits", "of an API: what may be asked, all runs together: `requests_per_second`, `per_minute`, `per_day` (credits), `concurrency`, `day_ends` (the zone whose midnight ends the provider's day); without it the provider's free plan".into()),
        ("sources.<source>.listing_url", "of archives: the S3-style listing; default: the host itself".into()),
        ("sources.<source>.discovery", format!("of archives: how to find out what there is: {discovery} (the first is the default)")),
        ("sources.<source>.clock", "by which clock the files that are dropped for it are written: `[{from: DAY, to: DAY, rule: RULE}]`, ranges of days in their order, each open where `from` or `to` is left out; see [sources](../sources.md#dropped-files)".into()),
        ("sources.<source>.recheck", format!("of an API: a day or month that is held is asked for again, a day after it was asked for last, until that was so many days after its end, at most {}; 0: never; default `{{days: {}}}`", Recheck::MOST_DAYS, Recheck::default().days)),
        ("sources.<source>.instruments", "of a source that tells what its instruments are: asks it once a day, `{}`; `urls: {<market>: URL}` where the APIs' hosts are others; see [sources](../sources.md#asked-for-instruments)".into()),
        ("sources.<source>.tail", "of archives whose source has an API too: asks it for what no archive holds yet, `{minutes: N}`, so many minutes (1 to 60) after a minute's end; `datasets: [klines, agg_trades]` of which, default `[klines]`; `urls: {<market>: URL}` where the APIs' hosts are others, `limits` for each of them as above, in its own weights, default half of what it allows; see [sources](../sources.md#up-to-the-minute)".into()),
        ("sources.<source>.publication_lag", format!("days after its period for which an archive that is not there is pending and not missing: `{{daily_days: {}, monthly_days: {}}}`", lag.daily_days, lag.monthly_days)),
        ("sources.<source>.schedule", "when a deployment runs this source by itself, and `aws.schedule` the others: EventBridge Scheduler's expression, UTC, such as `rate(1 hour)`; on and off with `aws.schedule.enabled`".into()),
        ("sources.<source>.markets.<market>", "a market of the source's, see below".to_owned()),
        ("….symbols", "symbols as the source writes them: `[BTCUSDT, 币安人生USDT]`; 1 to 30 letters and digits of any script, `_` and `.` inside, of ASCII's letters the capital ones, composed (NFC); no two that differ only in case or Unicode form".into()),
        ("….range", "`{from: DAY, to: DAY}` (both included), `{from: DAY}` up to yesterday, or `{last_days: N}`; of what has a tail up to today".into()),
        ("….datasets.<dataset>", format!("one of {}, with `{{}}` or what follows", quoted(Dataset::ALL.iter().map(|w| w.as_str())))),
        ("….datasets.<dataset>.archives", format!("{archives} (the first, the cheapest set, is the default)")),
        ("….datasets.<bars>.timeframes", format!("of klines, at least one of {}", quoted(Timeframe::ALL.iter().map(|w| w.as_str())))),
        ("….datasets.<dataset>.every", "of what a source tells of now alone (`fundamentals`, `last_quotes`: `1d`; `splits`, `dividends`: `7d`): days from one asking to the next, `1d` to `366d`; see [sources](../sources.md#what-a-source-tells-of-now)".into()),
        ("….datasets.<dataset>.recheck", "as the source's, for this dataset alone and instead of it; not of what a source tells of now alone".into()),
        (
            "….until",
            "when its symbols end, as `2025-01-31` (the last day) or `2025-01-31T09:00` (UTC); \
             dated contracts (`BTCUSD_210625`) end by their name, at 08:00. Of what comes after \
             the end nothing is wanted, and nothing is missing"
                .into(),
        ),
        (
            "….overrides.<SYMBOL>",
            "`range`, `until` and `datasets` of one symbol, instead of the market's".into(),
        ),
        (
            "….price_bounds",
            "between which prices rows lie: `{min: 0.01, max: 1000000}`, either may be left out; a row with \
             another is flagged `price_out_of_bounds`. Default: those for shares, none for others; `{}` takes \
             them away"
                .into(),
        ),
        ("gold.timeframes", format!("of which bars indicators, anomalies, signals, features and labels are made: of {}; default `[1h, 1d]`", quoted(Timeframe::GOLD.iter().map(|w| w.as_str())))),
        ("gold.indicators", format!("the periods, each key with its default: `{}`; see [indicators](indicators.md)", default_of(&gold.indicators)?)),
        ("gold.anomalies", format!("from where on something is unusual, each key with its default: `{}`; see [signals](signals.md)", default_of(&gold.anomalies)?)),
        ("gold.anomalies_of", "the same of single symbols and timeframes, a list of `{symbol: BTCUSDT, timeframe: 1h, anomalies: {…}}`, either left out for any; the first that fits counts, whole".into()),
        ("gold.signals", format!("what gives a signal, each key with its default: `{}`; see [signals](signals.md)", default_of(&gold.signals)?)),
        (
            "….instruments.<SYMBOL>",
            "what neither name nor listing tells: a list of `{from: DAY, tick_size: 0.01, lot_size: 0.001, \
             base, quote, currency, time_zone, listed_from, listed_to, renamed_from, renamed_to}`, each \
             holding from its day on, only the first without; see \
             [sources](../sources.md#instruments)"
                .into(),
        ),
    ];
    for (key, meaning) in rows {
        let _ = writeln!(page, "| `{key}` | {meaning} |");
    }
    let _ = write!(
        page,
        "\n## Sources\n\n| source | market | datasets |\n|---|---|---|\n{}\n## Limits\n\nEvery limit has \
         a default.\n\n",
        sources()
    );
    page.push_str("| key | default | meaning |\n|---|---|---|\n");
    let defaults = serde_json::to_value(Limits::default())?;
    for (section, keys) in defaults.as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let path = format!("limits.{section}.{key}");
            let meaning = LIMITS.iter().find(|(k, _)| *k == path).map(|(_, m)| *m);
            let meaning = anyhow::Context::with_context(meaning, || {
                format!("say in xtask/src/codegen/reference.rs what `{path}` means")
            })?;
            let _ = writeln!(page, "| `{path}` | {value} | {meaning} |");
        }
    }
    page.push_str(
        "\n## Deployments\n\nThe section `aws:` is read by Terraform and by the commands that \
         deploy; an environment without it runs on this machine alone. `aws.region` has no \
         default; what is left out elsewhere keeps its own.\n\n\
         | key | default | meaning |\n|---|---|---|\n",
    );
    let mut defaults = Vec::new();
    flatten(&mut defaults, "aws", &serde_json::to_value(Aws::defaults(""))?);
    for (path, value) in defaults {
        let meaning = AWS.iter().find(|(k, _)| *k == path).map(|(_, m)| *m);
        let meaning = anyhow::Context::with_context(meaning, || {
            format!("say in xtask/src/codegen/reference.rs what `{path}` means")
        })?;
        let value = match (path.as_str(), value) {
            ("aws.region", _) => "must be given".to_owned(),
            (_, Value::Null) => "none".to_owned(),
            (_, Value::String(text)) => format!("`{text}`"),
            (_, value) => value.to_string(),
        };
        let _ = writeln!(page, "| `{path}` | {value} | {meaning} |");
    }
    page.push_str("\n| task of | cpu | memory_mib | storage_gib |\n|---|---|---|---|\n");
    for stage in STAGES {
        let task = Aws::defaults("").task(stage);
        let _ = writeln!(
            page,
            "| {stage} | {} | {} | {} |",
            task.cpu, task.memory_mib, task.storage_gib
        );
    }
    Ok(page)
}

/// Every key below `path`, with its value. Tasks have a table of their own.
fn flatten(keys: &mut Vec<(String, Value)>, path: &str, value: &Value) {
    match value {
        Value::Object(_) if path == "aws.tasks" => {
            keys.push((path.to_owned(), Value::String("see below".into())));
        }
        Value::Object(object) => {
            for (key, value) in object {
                flatten(keys, &format!("{path}.{key}"), value);
            }
        }
        value => keys.push((path.to_owned(), value.clone())),
    }
}

/// What each key of `aws:` means; [`configuration`] fails where one is not here.
const AWS: &[(&str, &str)] = &[
    ("aws.region", "the region, such as `eu-central-1`"),
    ("aws.account", "the only account that may be deployed to, 12 digits in quotes"),
    (
        "aws.state_region",
        "the region of the bucket with Terraform's states, where it is another one than `aws.region`",
    ),
    ("aws.architecture", "what the tasks run on: `ARM64` or `X86_64`"),
    ("aws.owner", "the tag `Owner` of every resource"),
    ("aws.schedule.expression", "when it runs by itself, UTC: `cron(…)` or `rate(…)`"),
    ("aws.schedule.enabled", "whether it does"),
    (
        "aws.network",
        "`public`: public subnets without ingress, nothing to pay at rest; `private`: NAT and endpoints",
    ),
    (
        "aws.tasks",
        "the size of a stage's task: `{silver: {cpu: 1024, memory_mib: 4096, storage_gib: 60}}`; disk beyond 20 GiB costs by the hour",
    ),
    ("aws.spot", "bronze and silver on Fargate Spot, on demand where there is none"),
    ("aws.map.concurrency", "batches at once"),
    (
        "aws.map.tolerated_failure_percent",
        "percent of the batches that may fail for good before the run does",
    ),
    ("aws.scan_limit_gib", "GiB that one query may scan before Athena ends it"),
    ("aws.log_retention_days", "days for which logs are kept"),
    ("aws.bronze_glacier_days", "days after which raw archives move to Glacier Instant Retrieval"),
    (
        "aws.budget.enabled",
        "whether there is a budget; [not every account may make one](../deploy.md#1-once-an-account)",
    ),
    ("aws.budget.counts", "what it counts: `environment`, by its tag, or `account`, all of it"),
    ("aws.budget.monthly_usd", "US dollars a month at which the budget warns"),
    ("aws.budget.email", "who is warned"),
    ("aws.alarms.email", "who is told of alarms"),
    (
        "aws.alarms.stale_hours",
        "hours without a check that found the data new enough, after which it counts as stale",
    ),
    (
        "aws.alarms.lag_hours",
        "hours from the end of the newest whole day until data is not new enough",
    ),
    ("aws.maintenance.expression", "when the tables are maintained, UTC"),
    ("aws.maintenance.enabled", "whether they are, where `aws.schedule.enabled` is"),
    ("aws.maintenance.days", "days for which replaced data files stay, at least 7"),
];

/// The metrics that jobs report.
pub(super) fn metrics() -> String {
    let mut page = format!(
        "# Metrics\n\n{NOTE}\n\nA job that logs JSON ends with a line of CloudWatch's Embedded \
         Metric Format: namespace `{}`, dimensions {}. The dashboard shows every metric; \
         `model::metrics` is the one list of them.\n\n\
         | metric | unit | reported by | shown as |\n|---|---|---|---|\n",
        metrics::NAMESPACE,
        quoted(metrics::DIMENSIONS),
    );
    for metric in Metric::ALL {
        let _ = writeln!(
            page,
            "| `{metric}` | {} | {} | {} ({}) |",
            metric.unit(),
            metric.stages().join(", "),
            metric.title(),
            metric.statistic()
        );
    }
    page
}

/// What each limit means; [`configuration`] fails where one is not here.
const LIMITS: &[(&str, &str)] = &[
    ("limits.download.concurrency", "archives at once in one worker"),
    ("limits.download.attempts", "attempts an archive, the first included"),
    (
        "limits.download.backoff_ms",
        "wait before the second attempt, in ms; doubled for each further one, with jitter",
    ),
    (
        "limits.download.max_backoff_ms",
        "longest wait between attempts, in ms; a longer Retry-After ends the attempts",
    ),
    (
        "limits.download.idle_timeout_seconds",
        "seconds without a byte after which a connection counts as cut",
    ),
    (
        "limits.download.total_timeout_seconds",
        "seconds an archive may take in all, attempts included",
    ),
    (
        "limits.download.answer_timeout_seconds",
        "seconds the answer to a small request may take with its body: a page of a listing, a head, \
         a checksum file",
    ),
    ("limits.download.archive_mib", "MiB an archive may have at most"),
    (
        "limits.download.listing_pages",
        "pages of one series' listing that are read at most; a page has up to 1000 keys",
    ),
    (
        "limits.download.listing_idle_pages",
        "pages in a row without an archive of the series after which its listing is given up",
    ),
    ("limits.silver.workers", "groups at once in one worker; 0 means one a core"),
    (
        "limits.silver.memory_mib",
        "MiB of rows that all groups at work in a process may hold before they spill to disk",
    ),
    ("limits.silver.row_group_rows", "without effect: row groups have 1048576 rows"),
    ("limits.batch.mib", "MiB of archives a batch; a larger group is a batch of its own"),
    ("limits.batch.units", "archives a batch"),
    ("limits.run.concurrency", "batches at once"),
    (
        "limits.run.attempts",
        "times a stage or batch is tried when the source does not answer or a race was lost",
    ),
    ("limits.run.timeout_seconds", "seconds after which a run is ended"),
];

/// The commands, in their own words.
pub(super) fn commands() -> String {
    let mut page = format!("# Commands\n\n{NOTE}\n");
    // the same on every terminal and in every environment
    let mut root = same_everywhere(crate::Cli::command()).term_width(100);
    root.build();
    describe(&mut page, &mut root, "cargo xtask", 2);
    page
}

fn same_everywhere(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(same_everywhere)
}

fn describe(page: &mut String, command: &mut clap::Command, name: &str, depth: usize) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        page,
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(depth),
        help.join("\n").trim()
    );
    for sub in command.get_subcommands_mut() {
        let name = format!("{name} {}", sub.get_name());
        describe(page, sub, &name, depth.min(3) + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_variable_and_command_is_on_its_page() {
        let tables = tables();
        for table in Table::ALL {
            assert!(tables.contains(&format!("\n## {table}\n")), "{table}");
            for column in table.schema().columns {
                assert!(tables.contains(&format!("| `{}` |", column.name)), "{table}");
            }
        }
        let environment = environment();
        for var in model::env::ALL {
            assert!(environment.contains(var.name), "{}", var.name);
        }
        let commands = commands();
        for command in crate::Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(commands.contains(&format!("cargo xtask {name}\n")), "{name}");
        }
    }

    #[test]
    fn every_limit_is_explained_and_every_explanation_is_of_a_limit() {
        let page = configuration().unwrap();
        for (key, _) in LIMITS {
            assert!(page.contains(&format!("| `{key}` | ")), "{key}");
        }
    }
}
