//! The section `aws:` of a `lake.yaml`: what a deployment needs and no job reads. Terraform reads
//! the same bytes; the defaults of both stand here once, and codegen writes them to
//! infra/contract.json.
//!
//! What a section leaves out keeps its default, inside of its own sections too:
//! `budget: {monthly_usd: 5}` and `tasks: {silver: {…}}` change no other key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};

use super::BadConfig;
use super::task::STORAGE_GIB;

pub use super::task::Task;

/// Seconds for which a task may work; one that works longer counts as stuck and ends itself. Less where
/// all of a run may not take as long.
pub const TASK_SECONDS: u64 = 7_200;

/// Seconds more for which its state in the state machine waits: what ECS may take to start a task and
/// to tell of its end, so that the task's own words come first.
pub const TASK_START_SECONDS: u64 = 600;

/// The stages that run as tasks, in the order in which they work.
pub const STAGES: &[&str] = &["plan", "bronze", "silver", "commit", "gold", "check"];

/// The section `aws:`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// The region, such as `eu-central-1`; the one key without a default.
    pub region: Spanned<String>,
    /// The only account that may be deployed to, 12 digits; default: whichever the credentials
    /// are of.
    #[serde(default)]
    pub account: Option<Spanned<String>>,
    /// The region of the bucket with Terraform's states, where it is another one than `region`:
    /// all environments of an account share that bucket.
    #[serde(default)]
    pub state_region: Option<Spanned<String>>,
    /// What the tasks run on.
    #[serde(default)]
    pub architecture: Architecture,
    /// Who answers for it: the tag `Owner` of every resource.
    #[serde(default = "owner")]
    pub owner: Spanned<String>,
    /// When it runs by itself.
    #[serde(default)]
    pub schedule: Schedule,
    /// When its tables are maintained: checkpoints, and the end of files that nothing needs.
    #[serde(default)]
    pub maintenance: Maintenance,
    /// How tasks reach the source and S3.
    #[serde(default)]
    pub network: Network,
    /// The size of each stage's task.
    #[serde(default)]
    pub tasks: BTreeMap<String, Spanned<Task>>,
    /// Whether bronze and silver run on Fargate Spot, on demand where there is none.
    #[serde(default = "yes")]
    pub spot: bool,
    /// The map over the plan's batches.
    #[serde(default)]
    pub map: Map,
    /// GiB that one query may scan before Athena ends it.
    #[serde(default = "scan_limit_gib")]
    pub scan_limit_gib: Spanned<f64>,
    /// Days for which logs are kept.
    #[serde(default = "log_retention_days")]
    pub log_retention_days: Spanned<u32>,
    /// Days after which raw archives move to Glacier Instant Retrieval.
    #[serde(default = "bronze_glacier_days")]
    pub bronze_glacier_days: Spanned<u32>,
    /// What it may cost.
    #[serde(default)]
    pub budget: Budget,
    /// Who is told, and when data counts as stale.
    #[serde(default)]
    pub alarms: Alarms,
}

/// A default, which stands on no line.
const fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
}

fn owner() -> Spanned<String> {
    unwritten("market-lake".to_owned())
}

const fn yes() -> bool {
    true
}

const fn scan_limit_gib() -> Spanned<f64> {
    unwritten(10.0)
}

const fn log_retention_days() -> Spanned<u32> {
    unwritten(30)
}

const fn bronze_glacier_days() -> Spanned<u32> {
    unwritten(90)
}

/// When a deployment runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// EventBridge Scheduler's expression, UTC: `cron(30 3 * * ? *)` or `rate(1 day)`.
    pub expression: Spanned<String>,
    /// Whether it does.
    pub enabled: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { expression: unwritten("cron(30 3 * * ? *)".to_owned()), enabled: false }
    }
}

/// When a deployment maintains its tables. It does so by itself only where it runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// EventBridge Scheduler's expression, UTC; a time at which no run is at work is best.
    pub expression: Spanned<String>,
    /// Whether it does, where `schedule` is enabled.
    pub enabled: bool,
    /// Days for which replaced data files stay, for time travel; at least 7.
    pub days: Spanned<u32>,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            expression: unwritten("cron(0 12 ? * SUN *)".to_owned()),
            enabled: true,
            days: unwritten(7),
        }
    }
}

/// How tasks reach the source and S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Public subnets without ingress, S3 through a gateway endpoint: costs nothing at rest.
    #[default]
    Public,
    /// Private subnets with a NAT gateway and endpoints: costs by the hour.
    Private,
}

/// What tasks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum Architecture {
    /// Graviton: a fifth cheaper.
    #[default]
    #[serde(rename = "ARM64")]
    Arm64,
    /// Intel and AMD.
    #[serde(rename = "X86_64")]
    X8664,
}

impl Architecture {
    /// As container engines name it: `arm64` or `amd64`.
    pub const fn of_images(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X8664 => "amd64",
        }
    }
}

/// The map over the plan's batches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Map {
    /// Batches at once.
    pub concurrency: Spanned<u32>,
    /// Percent of the batches that may fail for good before the run does.
    pub tolerated_failure_percent: Spanned<u32>,
}

impl Default for Map {
    fn default() -> Self {
        Self { concurrency: unwritten(8), tolerated_failure_percent: unwritten(25) }
    }
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// What carries the environment's tag: nothing until the account's bills know the tag.
    #[default]
    Environment,
    /// All that the account costs.
    Account,
}

/// What a deployment may cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Whether there is a budget; not every account may make one.
    pub enabled: bool,
    /// What it counts.
    pub counts: Counts,
    /// US dollars a month at which the budget warns.
    pub monthly_usd: Spanned<u32>,
    /// Who is warned; default: nobody, the budget is only shown.
    pub email: Option<Spanned<String>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { enabled: true, counts: Counts::default(), monthly_usd: unwritten(20), email: None }
    }
}

/// Who is told of trouble, and when data counts as stale.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alarms {
    /// Who is told; default: nobody, alarms are only shown.
    pub email: Option<Spanned<String>>,
    /// Hours without a check that found the data new enough, after which it counts as stale.
    pub stale_hours: Spanned<u32>,
    /// Hours from the end of the newest whole day until data is not new enough: of the series that
    /// is furthest behind.
    pub lag_hours: Spanned<u32>,
}

impl Default for Alarms {
    fn default() -> Self {
        Self { email: None, stale_hours: unwritten(36), lag_hours: unwritten(72) }
    }
}

impl Aws {
    /// A section in which nothing but the region stands, with the tasks of every stage.
    pub fn defaults(region: &str) -> Self {
        let tasks = STAGES.iter().map(|s| ((*s).to_owned(), unwritten(default_task(s)))).collect();
        Self {
            region: unwritten(region.to_owned()),
            account: None,
            state_region: None,
            architecture: Architecture::default(),
            owner: owner(),
            schedule: Schedule::default(),
            maintenance: Maintenance::default(),
            network: Network::default(),
            tasks,
            spot: yes(),
            map: Map::default(),
            scan_limit_gib: scan_limit_gib(),
            log_retention_days: log_retention_days(),
            bronze_glacier_days: bronze_glacier_days(),
            budget: Budget::default(),
            alarms: Alarms::default(),
        }
    }

    /// The region of the bucket with Terraform's states.
    pub fn states_in(&self) -> &str {
        self.state_region.as_ref().map_or(&self.region.value, |region| &region.value)
    }

    /// The size of a stage's task.
    pub fn task(&self, stage: &str) -> Task {
        self.tasks.get(stage).map_or_else(|| default_task(stage), |task| task.value)
    }
}

/// What a stage's task needs with the default limits.
fn default_task(stage: &str) -> Task {
    let (cpu, memory_mib) = match stage {
        "plan" => (256, 512),
        "bronze" => (512, 1_024),
        "silver" | "gold" | "check" => (1_024, 4_096),
        _ => (512, 2_048),
    };
    Task { cpu, memory_mib, storage_gib: STORAGE_GIB }
}

/// Days that CloudWatch keeps logs for.
const RETENTION: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557,
    2_922, 3_288, 3_653,
];

/// Names of environments that would be those of what stands beside all of them in an account: the
/// roles `market-lake-github-…` and the bucket `market-lake-state-…`.
const TAKEN: [&str; 2] = ["github", "state"];

/// Whether an environment's name fits into those of its resources.
fn is_name(name: &str) -> bool {
    (1..=16).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && !TAKEN.contains(&name)
}

/// What types cannot say of the section.
pub(super) fn check(file: &str, name: &Spanned<String>, aws: &Aws) -> Result<(), BadConfig> {
    let refuse = |at: Location, message: String| BadConfig {
        file: file.to_owned(),
        line: at.line(),
        message,
    };
    let words = |ok: bool, value: &Spanned<String>, key: &str, expected: &str| {
        if ok {
            return Ok(());
        }
        let message = format!("bad aws.{key} `{}`, expected {expected}", value.value);
        Err(refuse(value.referenced, message))
    };
    if !is_name(&name.value) {
        let message = format!(
            "bad environment `{}` beside a section aws, expected 1 to 16 of a-z and 0-9 with a \
             letter first, other than {}",
            name.value,
            TAKEN.join(" and ")
        );
        return Err(refuse(name.referenced, message));
    }
    let region = &aws.region;
    words(is_region(&region.value), region, "region", "one such as eu-central-1")?;
    if let Some(region) = &aws.state_region {
        words(is_region(&region.value), region, "state_region", "one such as eu-central-1")?;
    }
    if let Some(account) = &aws.account {
        let ok = account.value.len() == 12 && account.value.bytes().all(|b| b.is_ascii_digit());
        words(ok, account, "account", "12 digits in quotes")?;
    }
    let owner = &aws.owner;
    let ok = (1..=64).contains(&owner.value.len())
        && owner.value.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b));
    words(ok, owner, "owner", "1 to 64 letters, digits and any of _.:/=+-@")?;
    for (key, expression) in [
        ("schedule.expression", &aws.schedule.expression),
        ("maintenance.expression", &aws.maintenance.expression),
    ] {
        words(is_expression(&expression.value), expression, key, EXPRESSIONS)?;
    }
    for (key, email) in [("budget.email", &aws.budget.email), ("alarms.email", &aws.alarms.email)] {
        let Some(email) = email else { continue };
        let ok = email.value.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !email.value.contains(char::is_whitespace)
        });
        words(ok, email, key, "an address such as you@example.com")?;
    }
    for (stage, task) in &aws.tasks {
        if !STAGES.contains(&stage.as_str()) {
            let message = format!(
                "aws.tasks of unknown stage `{stage}`, expected one of {}",
                STAGES.join(", ")
            );
            return Err(refuse(task.referenced, message));
        }
        if let Some(fault) = task.value.fault() {
            return Err(refuse(task.referenced, format!("aws.tasks.{stage}: {fault}")));
        }
    }
    let limit = &aws.scan_limit_gib;
    if !(0.01..=102_400.0).contains(&limit.value) {
        let message = format!("bad aws.scan_limit_gib {}, expected 0.01 to 102400", limit.value);
        return Err(refuse(limit.referenced, message));
    }
    let days = &aws.log_retention_days;
    if !RETENTION.contains(&days.value) {
        let all: Vec<String> = RETENTION.iter().map(u32::to_string).collect();
        let message = format!(
            "bad aws.log_retention_days {}, expected one of {}",
            days.value,
            all.join(", ")
        );
        return Err(refuse(days.referenced, message));
    }
    let rows = [
        ("bronze_glacier_days", &aws.bronze_glacier_days, 1, 36_500),
        ("map.concurrency", &aws.map.concurrency, 1, 1_000),
        ("map.tolerated_failure_percent", &aws.map.tolerated_failure_percent, 0, 100),
        ("budget.monthly_usd", &aws.budget.monthly_usd, 1, 1_000_000),
        // CloudWatch looks back a week at most
        ("alarms.stale_hours", &aws.alarms.stale_hours, 1, 168),
        ("alarms.lag_hours", &aws.alarms.lag_hours, 1, 10_000),
        ("maintenance.days", &aws.maintenance.days, 7, 36_500),
    ];
    for (key, value, least, most) in rows {
        if !(least..=most).contains(&value.value) {
            let message = format!("bad aws.{key} {}, expected {least} to {most}", value.value);
            return Err(refuse(value.referenced, message));
        }
    }
    Ok(())
}

/// Expressions that do, for `expected …`.
pub(super) const EXPRESSIONS: &str = "cron(30 3 * * ? *) or rate(1 day)";

/// Whether a text has the form of a schedule's expression.
pub(super) fn is_expression(text: &str) -> bool {
    let inside =
        ["cron(", "rate("].iter().find_map(|form| text.strip_prefix(form)?.strip_suffix(')'));
    inside.is_some_and(|inside| !inside.trim().is_empty())
}

/// Whether a text has the form of a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    parts.len() >= 3
        && parts[..parts.len() - 1].iter().all(|part| letters(part))
        && parts.last().is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::parse;

    const REST: &str = "\
environment: dev
sources:
  binance:
    url: https://data.binance.vision
    markets:
      spot: {symbols: [BTCUSDT], range: {last_days: 3}, datasets: {trades: {}}}
aws:
  region: eu-central-1
";

    /// The section with these lines in it, which begin on line 9.
    fn read(lines: &str) -> Result<Aws, BadConfig> {
        let config = parse(&format!("{REST}{lines}"))?;
        Ok(config.aws.expect("a section"))
    }

    fn check(lines: &str, line: u64, expect: &str) {
        let error = read(lines).expect_err(lines);
        assert!(error.message.contains(expect), "{lines}: {error}");
        assert_eq!((error.file.as_str(), error.line), ("lake.yaml", line), "{lines}: {error}");
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let mut aws = read("").expect("good");
        assert_eq!(aws.task("silver"), Task { cpu: 1_024, memory_mib: 4_096, storage_gib: 20 });
        aws.region = unwritten(aws.region.value);
        aws.tasks = Aws::defaults("x").tasks;
        assert_eq!(aws, Aws::defaults("eu-central-1"));
        let aws = read(
            "  account: \"012345678901\"\n  tasks: {silver: {cpu: 2048, memory_mib: 8192}}\n  \
             budget: {monthly_usd: 5}\n  network: private\n  map: {concurrency: 3}\n",
        )
        .expect("good");
        assert_eq!(aws.task("silver").cpu, 2_048);
        assert_eq!(aws.task("plan"), default_task("plan"));
        assert_eq!((aws.budget.monthly_usd.value, aws.map.concurrency.value), (5, 3));
        assert_eq!(aws.map.tolerated_failure_percent.value, 25);
        assert_eq!(aws.network, Network::Private);
        assert_eq!((aws.budget.enabled, aws.budget.counts), (true, Counts::Environment));
        let aws = read("  budget: {enabled: false, counts: account}\n").expect("good");
        assert_eq!((aws.budget.enabled, aws.budget.counts), (false, Counts::Account));
        assert_eq!(aws.budget.monthly_usd.value, 20);
    }

    #[test]
    fn defaults_are_right_themselves() {
        super::check("x", &unwritten("dev".to_owned()), &Aws::defaults("eu-central-1"))
            .expect("good");
        for stage in STAGES {
            assert_eq!(default_task(stage).fault(), None, "{stage}");
        }
    }

    #[test]
    fn words_are_refused_with_their_line() {
        check("  colour: red", 9, "unknown field `colour`");
        check("  owner: \"a\\nb\"", 9, "bad aws.owner");
        check("  account: \"123\"", 9, "bad aws.account `123`, expected 12 digits");
        check("  network: hidden", 9, "hidden");
        check(
            "  schedule:\n    enabled: true\n    expression: daily",
            11,
            "`daily`, expected cron(",
        );
        check("  schedule: {expression: rate()}", 9, "bad aws.schedule.expression");
        check("  maintenance: {expression: weekly}", 9, "bad aws.maintenance.expression `weekly`");
        check("  budget: {counts: all}", 9, "all");
        check("  budget: {email: nobody}", 9, "bad aws.budget.email `nobody`");
        check("  spot: true\n  alarms: {email: a b@c.d}", 10, "bad aws.alarms.email");
        let text = REST.replace("eu-central-1", "Frankfurt");
        let error = parse(&text).expect_err("bad");
        assert_eq!((error.line, error.message.contains("bad aws.region `Frankfurt`")), (8, true));
    }

    #[test]
    fn figures_are_refused_with_their_line() {
        check("  tasks:\n    silver: {cpu: 300, memory_mib: 512}", 10, "tasks.silver: bad cpu 300");
        check("  tasks: {gold: {cpu: 1024, memory_mib: 512}}", 9, "expected 2048 to 8192");
        check("  tasks: {gold: {cpu: 256, memory_mib: 1536}}", 9, "bad memory_mib 1536");
        check("  tasks: {query: {cpu: 256, memory_mib: 512}}", 9, "unknown stage `query`");
        check("  tasks: {gold: {cpu: 8192, memory_mib: 17408}}", 9, "in steps of 4096");
        for gib in [0, 19, 201] {
            let line =
                format!("  tasks: {{gold: {{cpu: 256, memory_mib: 512, storage_gib: {gib}}}}}");
            check(&line, 9, &format!("bad storage_gib {gib}, expected 20 to 200"));
        }
        check("  scan_limit_gib: 0", 9, "bad aws.scan_limit_gib 0, expected 0.01");
        check("  log_retention_days: 2", 9, "bad aws.log_retention_days 2, expected one of 1, 3");
        check("  bronze_glacier_days: 0", 9, "bad aws.bronze_glacier_days 0");
        check("  map: {concurrency: 0}", 9, "bad aws.map.concurrency 0, expected 1 to 1000");
        check("  map:\n    tolerated_failure_percent: 101", 10, "expected 0 to 100");
        check("  alarms: {stale_hours: 0}", 9, "bad aws.alarms.stale_hours 0");
        check(
            "  alarms: {stale_hours: 169}",
            9,
            "bad aws.alarms.stale_hours 169, expected 1 to 168",
        );
        check("  alarms: {lag_hours: 0}", 9, "bad aws.alarms.lag_hours 0");
        check("  maintenance: {days: 6}", 9, "bad aws.maintenance.days 6, expected 7 to 36500");
        check("  budget: {monthly_usd: 0}", 9, "bad aws.budget.monthly_usd 0");
    }
}
