//! What each role's program calls: the one list of it. Keys come from `model::layout`, as the programs
//! themselves make them, and not from the patterns that infra/modules grants: so a key that moves in
//! the code and not in the policy is found. Beside what a role must be able to do stands some of what
//! it must not.

use model::config::aws::STAGES;
use model::schema::Table;
use model::{RunId, Unit, layout};

use crate::names::Names;

/// A question to IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The role's name.
    pub(super) role: String,
    /// For people.
    pub(super) what: &'static str,
    /// Whether the role must be able to, or must not.
    pub(super) may: bool,
    pub(super) actions: &'static [&'static str],
    /// ARNs.
    pub(super) resources: Vec<String>,
    /// Condition keys that the service sends, each with its value.
    pub(super) context: Vec<(&'static str, String)>,
}

/// Where Terraform puts lake.yaml: `config_key` of infra/modules/lake.
const CONFIG: &str = "config/lake.yaml";

const GET: &[&str] = &["s3:GetObject"];
const GET_VERSION: &[&str] = &["s3:GetObjectVersion"];
const PUT: &[&str] = &["s3:PutObject", "s3:AbortMultipartUpload"];
const DELETE: &[&str] = &["s3:DeleteObject"];
const LIST: &[&str] = &["s3:ListBucket"];

/// An action on the lake by its name.
pub(super) fn known(action: &str) -> Option<&'static [&'static str]> {
    const ACTIONS: &[&[&str]] = &[
        GET,
        GET_VERSION,
        LIST,
        DELETE,
        &["s3:DeleteObjectVersion"],
        &["s3:PutObject"],
        &["s3:AbortMultipartUpload"],
    ];
    ACTIONS.iter().copied().find(|actions| **actions == [action])
}

/// A file that somebody has dropped for the unit's source: the folder is `drop` of infra/modules.
const DROPPED: &str = "drop/venue/archive.zip";

/// A unit, a run, and a version of things, as good as any.
const UNIT: &str = "venue/spot/trades/BTCUSDT/2024-01-31";
const RUN: &str = "20240131T235959Z-0a1b2c3d";
const VERSION: u64 = 7;

/// The keys of a lake, as the stages make them.
struct Keys {
    run: RunId,
    unit: Unit,
}

impl Keys {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { run: RUN.parse()?, unit: UNIT.parse()? })
    }

    fn raw(&self) -> String {
        let version = layout::raw_version(None, Some("\"x\""), 0);
        layout::raw(&self.unit, &version, "archive.zip")
    }

    fn fragment(&self, stage: &str) -> String {
        layout::fragment(&self.run, stage, UNIT)
    }

    fn limits(&self) -> String {
        layout::limits(self.unit.source)
    }

    fn batch(&self) -> String {
        layout::batch(&self.run, 1)
    }
}

/// The folder of a key, with its slash.
fn folder_of(key: &str) -> String {
    key.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"))
}

/// A data file of a table.
fn data(table: Table) -> String {
    let partition: Vec<(&str, &str)> =
        table.schema().partitions.iter().map(|column| (*column, sample(column))).collect();
    let file = layout::data_file(&partition, &layout::data_file_name("a", "b", 0));
    format!("{}/{file}", layout::table(table))
}

/// A value of a partition's column.
fn sample(column: &str) -> &'static str {
    match column {
        "source" => "venue",
        "market" => "spot",
        "timeframe" => "1h",
        "date" => "2024-01-31",
        "month" => "2024-01",
        "reason" => "bad_number",
        _ => "BTCUSDT",
    }
}

/// What a commit writes of a table's log: an entry, a checkpoint with its pointer, and the head.
fn log(table: Table) -> Vec<String> {
    let folder = layout::log(table);
    vec![
        layout::log_entry(table, VERSION),
        format!("{folder}/{VERSION:020}.checkpoint.parquet"),
        format!("{folder}/_last_checkpoint"),
        layout::head(table),
    ]
}

fn of_zones(zones: &[&str]) -> Vec<Table> {
    Table::ALL.iter().copied().filter(|table| zones.contains(&table.zone())).collect()
}

fn datas(zones: &[&str]) -> Vec<String> {
    of_zones(zones).into_iter().map(data).collect()
}

fn logs(zones: &[&str]) -> Vec<String> {
    of_zones(zones).into_iter().flat_map(log).collect()
}

fn log_folders(zones: &[&str]) -> Vec<String> {
    of_zones(zones).into_iter().map(|table| layout::log(table) + "/").collect()
}

/// Every zone that has tables.
const ALL: &[&str] = &["bronze", "silver", "gold", "ops"];

/// The list, in the order of the stages.
pub(super) fn all(names: &Names) -> anyhow::Result<Vec<Call>> {
    let keys = Keys::new()?;
    let mut calls = Calls { names, calls: Vec::new() };
    calls.plan(&keys);
    calls.bronze(&keys);
    calls.silver(&keys);
    calls.commit(&keys);
    calls.gold(&keys);
    calls.check(&keys);
    calls.maintain(&keys);
    for stage in STAGES {
        calls.execution(stage);
    }
    calls.machines(&keys);
    Ok(calls.calls)
}

struct Calls<'a> {
    names: &'a Names,
    calls: Vec<Call>,
}

impl Calls<'_> {
    fn arn(&self, service: &str, resource: &str) -> String {
        let Names { region, account, .. } = self.names;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }

    fn bucket(&self) -> String {
        format!("arn:aws:s3:::{}", self.names.bucket())
    }

    /// A call on keys of the lake, by the task `name`.
    fn lake(
        &mut self,
        name: &str,
        may: bool,
        what: &'static str,
        actions: &'static [&'static str],
        keys: Vec<String>,
    ) {
        let role = format!("{}-{name}-task", self.names.prefix());
        let resources = keys.into_iter().map(|key| format!("{}/{key}", self.bucket())).collect();
        let context = Vec::new();
        self.calls.push(Call { role, what, may, actions, resources, context });
    }

    /// Listings below prefixes, by the task `name`.
    fn lists(&mut self, name: &str, may: bool, what: &'static str, prefixes: Vec<String>) {
        let role = format!("{}-{name}-task", self.names.prefix());
        for prefix in prefixes {
            self.calls.push(Call {
                role: role.clone(),
                what,
                may,
                actions: LIST,
                resources: vec![self.bucket()],
                context: vec![("s3:prefix", prefix)],
            });
        }
    }

    /// What every task reads: its configuration, in the version that it was deployed with.
    fn configured(&mut self, name: &str) {
        self.lake(name, true, "read its lake.yaml", GET_VERSION, vec![CONFIG.to_owned()]);
    }

    fn plan(&mut self, keys: &Keys) {
        let name = "plan";
        self.configured(name);
        let extract = vec![layout::index(VERSION), layout::plan(&keys.run)];
        self.lake(name, true, "read the extract, and its own plan again", GET, extract);
        self.lake(name, true, "read logs and heads of all tables", GET, logs(ALL));
        let folders = [layout::INDEX, layout::OWED].map(|folder| format!("{folder}/"));
        self.lists(name, true, "list extracts and debts", folders.to_vec());
        self.lake(name, true, "read dropped files", GET, vec![DROPPED.to_owned()]);
        self.lists(name, true, "list dropped files", vec![folder_of(DROPPED)]);
        self.lists(name, true, "list the tables' logs", log_folders(ALL));
        let plan = vec![layout::plan(&keys.run), keys.batch()];
        self.lake(name, true, "write plan and batches", PUT, plan);
        self.lake(name, false, "write a table's log", PUT, logs(&["silver"]));
        self.lake(name, false, "write data", PUT, datas(ALL));
        let dropped = DROPPED.to_owned();
        let others = vec![dropped.clone(), keys.limits()];
        self.lake(name, false, "write dropped files and what was asked", PUT, others);
        let all = vec![keys.batch(), keys.raw(), dropped];
        self.lake(name, false, "delete anything", DELETE, all);
    }

    fn bronze(&mut self, keys: &Keys) {
        let name = "bronze";
        self.configured(name);
        let read = vec![keys.batch(), layout::index(VERSION), keys.raw()];
        self.lake(name, true, "read its batch and raw objects", GET, read);
        let read = vec![keys.limits(), DROPPED.to_owned()];
        self.lake(name, true, "read what was asked of a source, and dropped files", GET, read);
        let folders =
            vec![layout::fragments(&keys.run, name) + "/", layout::raw_unit(&keys.unit) + "/"];
        self.lists(name, true, "list fragments and versions", folders);
        self.lists(name, true, "list dropped files", vec![folder_of(DROPPED)]);
        self.lake(name, true, "keep what was asked of a source", PUT, vec![keys.limits()]);
        self.lake(name, false, "write dropped files", PUT, vec![DROPPED.to_owned()]);
        let written = vec![keys.raw(), keys.fragment(name)];
        self.lake(name, true, "write raw objects and fragments", PUT, written);
        self.lake(name, false, "write a table's log", PUT, logs(ALL));
        self.lake(name, false, "write data", PUT, datas(ALL));
        self.lake(name, false, "delete raw objects", DELETE, vec![keys.raw()]);
    }

    fn silver(&mut self, keys: &Keys) {
        let name = "silver";
        self.configured(name);
        let read = vec![keys.batch(), keys.fragment("bronze"), keys.fragment(name), keys.raw()];
        self.lake(name, true, "read its batch, fragments and raw objects", GET, read);
        let folders = ["bronze", name].map(|stage| layout::fragments(&keys.run, stage) + "/");
        self.lists(name, true, "list fragments", folders.to_vec());
        self.lists(name, false, "list tables", log_folders(&["silver"]));
        self.lake(name, true, "write data of silver", PUT, datas(&["silver"]));
        let written = vec![keys.fragment(name), keys.fragment(layout::TAIL)];
        self.lake(name, true, "write fragments, and what it says of tails", PUT, written);
        self.lake(name, false, "write a table's log", PUT, logs(ALL));
        self.lake(name, false, "write raw objects", PUT, vec![keys.raw()]);
        self.lake(name, false, "delete data", DELETE, datas(&["silver"]));
    }

    fn commit(&mut self, keys: &Keys) {
        let name = "commit";
        self.configured(name);
        let mut read = vec![layout::plan(&keys.run), keys.batch(), layout::index(VERSION)];
        read.extend(["bronze", "silver", "gold"].map(|stage| keys.fragment(stage)));
        self.lake(name, true, "read what the run's workers did", GET, read);
        self.lake(name, true, "read all tables", GET, [logs(ALL), datas(ALL)].concat());
        let mut folders = log_folders(ALL);
        folders.extend(["bronze", "silver", "gold"].map(|s| layout::fragments(&keys.run, s) + "/"));
        folders.extend([layout::INDEX, layout::OWED].map(|folder| format!("{folder}/")));
        self.lists(name, true, "list fragments, logs, extracts and debts", folders);
        let instruments = data(Table::Instruments);
        let small = [logs(ALL), datas(&["bronze", "ops"]), vec![instruments.clone()]].concat();
        self.lake(name, true, "write logs of all tables, data of the small ones", PUT, small);
        let run = &keys.run;
        let owed =
            vec![layout::index(VERSION), layout::dirty(run), layout::taken(run), layout::owed(run)];
        self.lake(name, true, "write the extract, what is dirty and owed", PUT, owed);
        let over = vec![layout::index(VERSION), layout::owed(&keys.run)];
        self.lake(name, true, "delete old extracts and paid debts", DELETE, over);
        // what plans tell of instruments no worker makes files of
        let made = datas(&["silver", "gold"]).into_iter().filter(|key| *key != instruments);
        self.lake(name, false, "write data of silver and gold", PUT, made.collect());
        let kept = [datas(ALL), logs(ALL), vec![keys.raw()]].concat();
        self.lake(name, false, "delete of tables or raw objects", DELETE, kept);
    }

    fn gold(&mut self, keys: &Keys) {
        let name = "gold";
        self.configured(name);
        let run = vec![layout::dirty(&keys.run), layout::taken(&keys.run), keys.fragment(name)];
        self.lake(name, true, "read what is dirty, and its fragments", GET, run);
        let zones = &["silver", "gold"];
        self.lake(name, true, "read silver and gold", GET, [logs(zones), datas(zones)].concat());
        self.lists(name, true, "list logs of silver and gold", log_folders(zones));
        self.lake(name, true, "write data of gold", PUT, datas(&["gold"]));
        self.lake(name, true, "write fragments", PUT, vec![keys.fragment(name)]);
        self.lake(name, false, "write a table's log", PUT, logs(ALL));
        self.lake(name, false, "write data of silver", PUT, datas(&["silver"]));
        self.lake(name, false, "delete data", DELETE, datas(zones));
    }

    fn check(&mut self, keys: &Keys) {
        let name = "check";
        self.configured(name);
        let run = &keys.run;
        let tail = keys.fragment(layout::TAIL);
        let read = vec![layout::plan(run), layout::dirty(run), tail, layout::index(VERSION)];
        self.lake(name, true, "read the plan, what was dirty, of tails, the extract", GET, read);
        self.lake(name, true, "read all tables", GET, [logs(ALL), datas(ALL)].concat());
        let mut folders = log_folders(ALL);
        folders.push(format!("{}/", layout::INDEX));
        folders.push(format!("{}/", layout::fragments(run, layout::TAIL)));
        self.lists(name, true, "list logs, extracts and what is said of tails", folders);
        let own = [Table::Coverage, Table::Checks];
        let written = own.into_iter().flat_map(|table| {
            let mut keys = log(table);
            keys.push(data(table));
            keys
        });
        let mut written: Vec<String> = written.collect();
        written.push(layout::verdict(run));
        self.lake(name, true, "write coverage, checks and its verdict", PUT, written);
        self.lake(name, false, "write other tables", PUT, logs(&["bronze", "silver", "gold"]));
        self.lake(name, false, "delete data", DELETE, datas(ALL));
    }

    fn maintain(&mut self, keys: &Keys) {
        let name = "maintain";
        self.configured(name);
        self.lake(name, true, "read all tables", GET, [logs(ALL), datas(ALL)].concat());
        self.lists(name, true, "list the tables' logs", log_folders(ALL));
        self.lake(name, true, "write checkpoints", PUT, logs(ALL));
        let small = datas(&["bronze", "ops"]);
        self.lake(name, true, "merge the files of small tables", PUT, small);
        let run = vec![layout::index(VERSION), keys.batch(), keys.fragment("silver")];
        self.lake(name, true, "delete what runs left", DELETE, run);
        let mut over = datas(ALL);
        over.extend(of_zones(ALL).into_iter().map(|table| layout::log_entry(table, VERSION)));
        self.lake(name, true, "delete data and log entries that nothing needs", DELETE, over);
        let heads = of_zones(ALL).into_iter().map(layout::head).collect();
        self.lake(name, false, "delete the heads that tell of a loss", DELETE, heads);
        self.lake(name, false, "delete raw objects", DELETE, vec![keys.raw()]);
        self.lake(name, false, "write data of silver and gold", PUT, datas(&["silver", "gold"]));
    }

    fn push(
        &mut self,
        role: &str,
        may: bool,
        what: &'static str,
        actions: &'static [&'static str],
        resources: Vec<String>,
        context: Vec<(&'static str, String)>,
    ) {
        let role = format!("{}-{role}", self.names.prefix());
        self.calls.push(Call { role, what, may, actions, resources, context });
    }

    /// What ECS does to start a task.
    fn execution(&mut self, stage: &str) {
        const PULL: &[&str] =
            &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
        const WRITE: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
        let role = format!("{stage}-execution");
        let all = vec!["*".to_owned()];
        self.push(&role, true, "log in", &["ecr:GetAuthorizationToken"], all, vec![]);
        let image = self.arn("ecr", &format!("repository/{}{stage}", self.names.repositories()));
        self.push(&role, true, "pull the image", PULL, vec![image], vec![]);
        let group = self.names.log_group(stage);
        let stream = self.arn("logs", &format!("log-group:{group}:log-stream:run/{stage}/0a1b"));
        self.push(&role, true, "write logs", WRITE, vec![stream], vec![]);
        let data = vec![format!("{}/{}", self.bucket(), data(Table::Trades))];
        self.push(&role, false, "read the lake", GET, data, vec![]);
        // keys of sources lie below the environment's name, and are for one stage at most
        let secret = self.arn("secretsmanager", "secret:other-AbCdEf");
        let read = &["secretsmanager:GetSecretValue"];
        self.push(&role, false, "read a secret of somebody else", read, vec![secret], vec![]);
    }

    /// What the state machines do in their states, and what starts them.
    fn machines(&mut self, keys: &Keys) {
        const WATCH: &[&str] = &["ecs:DescribeTasks", "ecs:StopTask"];
        const RULE: &[&str] = &["events:DescribeRule", "events:PutRule", "events:PutTargets"];
        const START: &[&str] = &["states:StartExecution"];
        const ITEMS: &[&str] = &["states:DescribeExecution", "states:StopExecution"];
        let prefix = self.names.prefix();
        let cluster = self.arn("ecs", &format!("cluster/{prefix}"));
        let on = vec![("ecs:cluster", cluster)];
        let elsewhere = vec![("ecs:cluster", self.arn("ecs", "cluster/other"))];
        let to_ecs = vec![("iam:PassedToService", "ecs-tasks.amazonaws.com".to_owned())];
        let task = self.arn("ecs", &format!("task/{prefix}/0a1b2c3d"));
        let rule = self.arn("events", "rule/StepFunctionsGetEventsForECSTaskRule");
        let topic = self.arn("sns", &format!("{prefix}-alarms"));
        let revision = |name: &str| self.arn("ecs", &format!("task-definition/{prefix}-{name}:7"));
        let role = |name: &str| format!("arn:aws:iam::{}:role/{prefix}-{name}", self.names.account);
        let stages: Vec<String> = STAGES.iter().map(|stage| revision(stage)).collect();
        let roles: Vec<String> = STAGES
            .iter()
            .flat_map(|stage| [role(&format!("{stage}-task")), role(&format!("{stage}-execution"))])
            .collect();
        let (care, care_roles) =
            (vec![revision("maintain")], vec![role("maintain-task"), role("commit-execution")]);
        let stranger = vec![role("other")];

        for (machine, tasks, passed, others) in
            [("pipeline", &stages, roles, &care), ("maintain", &care, care_roles, &stages)]
        {
            let own = tasks.clone();
            self.push(machine, true, "start its tasks", &["ecs:RunTask"], own.clone(), on.clone());
            let far = elsewhere.clone();
            self.push(machine, false, "start them in another cluster", &["ecs:RunTask"], own, far);
            let others = others.clone();
            self.push(machine, false, "start other tasks", &["ecs:RunTask"], others, on.clone());
            let passing = &["iam:PassRole"];
            self.push(machine, true, "pass the tasks' roles", passing, passed, to_ecs.clone());
            let stranger = stranger.clone();
            self.push(machine, false, "pass another role", passing, stranger, to_ecs.clone());
            self.push(machine, true, "watch and stop tasks", WATCH, vec![task.clone()], vec![]);
            self.push(machine, true, "hear of a task's end", RULE, vec![rule.clone()], vec![]);
            let publish = &["sns:Publish"];
            self.push(machine, true, "tell how it ended", publish, vec![topic.clone()], vec![]);
        }

        let name = "pipeline";
        let machine = self.names.machine();
        let item = machine.replace(":stateMachine:", ":execution:") + "/batches:0a1b";
        self.push(name, true, "start items of its maps", START, vec![machine.clone()], vec![]);
        self.push(name, true, "watch and stop items", ITEMS, vec![item], vec![]);
        let batches = layout::run(&keys.run) + "/batches/";
        let (bucket, prefix) = (vec![self.bucket()], vec![("s3:prefix", batches)]);
        self.push(name, true, "list a run's batches", LIST, bucket, prefix);
        let dirty = vec![format!("{}/{}", self.bucket(), layout::dirty(&keys.run))];
        self.push(name, true, "read what is dirty", GET, dirty, vec![]);
        let summary = vec![format!("{}/{}", self.bucket(), layout::summary(&keys.run))];
        self.push(name, true, "close a run", &["s3:PutObject"], summary, vec![]);
        let queue = vec![self.arn("sqs", &self.names.dead_letters())];
        self.push(name, true, "set a batch aside", &["sqs:SendMessage"], queue, vec![]);
        let raw = vec![format!("{}/{}", self.bucket(), keys.raw())];
        self.push(name, false, "delete of the lake", DELETE, raw, vec![]);

        let both = vec![machine, self.names.maintenance()];
        self.push("scheduler", true, "start both machines", START, both.clone(), vec![]);
        let stop = &["states:StopExecution"];
        self.push("scheduler", false, "stop anything", stop, both, vec![]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { environment: "dev".into(), region: "eu-central-1".into(), account: "1".repeat(12) }
    }

    #[test]
    fn every_role_is_asked_for_what_it_may_and_may_not() {
        let calls = all(&names()).unwrap();
        let mut roles: Vec<&str> = calls.iter().map(|call| call.role.as_str()).collect();
        roles.sort_unstable();
        roles.dedup();
        // a task's role and one to start it for each stage, the maintenance's, two machines, schedule
        assert_eq!(roles.len(), 2 * STAGES.len() + 1 + 2 + 1, "{roles:?}");
        for role in roles {
            for may in [true, false] {
                assert!(calls.iter().any(|c| c.role == role && c.may == may), "{role} {may}");
            }
        }
        assert!(calls.iter().all(|call| !call.resources.is_empty() && !call.actions.is_empty()));
    }

    #[test]
    fn keys_are_those_of_the_code() {
        let calls = all(&names()).unwrap();
        let of = |role: &str, what: &str| {
            let role = format!("market-lake-dev-{role}");
            let found = calls.iter().find(|call| call.role == role && call.what == what);
            found.unwrap().resources.clone()
        };
        let bucket = "arn:aws:s3:::market-lake-dev-111111111111-eu-central-1";
        assert!(of("silver-task", "write data of silver")[1].starts_with(&format!(
            "{bucket}/silver/agg_trades/source=venue/market=spot/symbol=BTCUSDT/date=2024-01-31/"
        )));
        assert_eq!(
            of("pipeline", "close a run"),
            [format!("{bucket}/runs/20240131T235959Z-0a1b2c3d/summary.json")]
        );
    }

    #[test]
    fn tasks_read_a_version_of_the_lake_yaml_that_terraform_writes() {
        let variables = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|above| above.join("infra/modules/lake/variables.tf"))
            .find(|file| file.is_file())
            .unwrap();
        let text = std::fs::read_to_string(variables).unwrap();
        let key = text.split("variable \"config_key\"").nth(1).unwrap();
        let key = key.split('}').next().unwrap();
        assert!(key.contains(&format!("\"{CONFIG}\"")), "{key}");

        let calls = all(&names()).unwrap();
        let read = |call: &&Call| call.may && call.resources[0].ends_with("/lake.yaml");
        let read: Vec<&Call> = calls.iter().filter(read).collect();
        // the stages, and the maintenance
        assert_eq!(read.len(), STAGES.len() + 1);
        for call in read {
            let key = call.resources[0].split_once('/').unwrap().1;
            assert_eq!((call.actions, key), (GET_VERSION, CONFIG), "{}", call.role);
        }
    }
}
