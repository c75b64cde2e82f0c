//! The registry of environment variables: every one that a program of ours reads, once.
//! Only a job's `main` (through clap) reads them; docs/reference/environment.md is made from here.

use crate::Source;

/// An environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// What it does, with its default.
    pub help: &'static str,
}

/// The lake's URI.
pub const LAKE: &str = "MARKET_LAKE_URI";
/// The path of `lake.yaml`.
pub const CONFIG: &str = "MARKET_LAKE_CONFIG";
/// The run's id.
pub const RUN: &str = "MARKET_LAKE_RUN";
/// The form of a job's log lines.
pub const LOG_FORMAT: &str = "MARKET_LAKE_LOG_FORMAT";
/// The log filter.
pub const LOG: &str = "MARKET_LAKE_LOG";
/// The folder for temporary files.
pub const TEMP: &str = "MARKET_LAKE_TEMP";
/// The seconds after which a job ends itself.
pub const TIME_LIMIT: &str = "MARKET_LAKE_TIME_LIMIT";
/// The memory that a query may take.
pub const QUERY_MEMORY: &str = "MARKET_LAKE_QUERY_MEMORY_MIB";
/// The proxy to sources.
pub const PROXY: &str = "MARKET_LAKE_PROXY";
/// How the variables begin in which a deployment hands over the keys of sources; the source's name in
/// capitals follows.
pub const KEY: &str = "MARKET_LAKE_KEY_";
/// The variable in which a deployment hands a source's key over: `MARKET_LAKE_KEY_TWELVEDATA`.
pub fn key(source: Source) -> String {
    KEY.to_owned() + &source.as_str().to_ascii_uppercase()
}

/// Where tests look for real files.
pub const SHARED: &str = "MARKET_LAKE_SHARED";
/// Whether a test that cannot run is a failure.
pub const REQUIRE_ALL: &str = "MARKET_LAKE_REQUIRE_ALL";
/// How many kills the kill tests make.
pub const KILLS: &str = "MARKET_LAKE_KILLS";
/// How many requests a provider the test of limits makes.
pub const REQUESTS: &str = "MARKET_LAKE_REQUESTS";
/// How many power cuts the test of them makes.
pub const CUTS: &str = "MARKET_LAKE_CUTS";
/// How many damages the damage test does.
pub const DAMAGES: &str = "MARKET_LAKE_DAMAGES";
/// The Python whose readers the tests compare with.
pub const PYTHON: &str = "MARKET_LAKE_PYTHON";
/// The address of a moto server, for the store's tests.
pub const TEST_MOTO: &str = "MARKET_LAKE_TEST_MOTO";
/// The address of a versitygw server, for the store's tests.
pub const TEST_VERSITYGW: &str = "MARKET_LAKE_TEST_VERSITYGW";
/// The folder of programs for tests.
pub const TEST_TOOLS: &str = "MARKET_LAKE_TEST_TOOLS";

/// All of them.
pub const ALL: &[Var] = &[
    Var { name: LAKE, help: "where the lake lies: a directory, file:///… or s3://bucket/prefix" },
    Var {
        name: CONFIG,
        help: "the environment's lake.yaml: a path or s3://bucket/key[?versionId=…]",
    },
    Var { name: RUN, help: "the run's id; every stage of a run gets the same one" },
    Var { name: LOG_FORMAT, help: "`text` (default on a terminal) or `json`" },
    Var { name: LOG, help: "log filter, such as `info` (default) or `bronze=debug`" },
    Var {
        name: TEMP,
        help: "folder for spill and staging files; default: inside a directory lake, else the system's",
    },
    Var {
        name: TIME_LIMIT,
        help: "seconds after which a job ends itself with exit code 1; none by default; in AWS two hours, or less where limits.run.timeout_seconds is less",
    },
    Var {
        name: QUERY_MEMORY,
        help: "MiB that a query may take before it spills; default: half of the memory, 2048 at most",
    },
    Var { name: PROXY, help: "the proxy on the way to sources; none by default" },
    Var {
        name: "MARKET_LAKE_KEY_<SOURCE>",
        help: "the key of a source whose `key` is an `ssm:` or `secretsmanager:` one, its name in capitals; a deployment sets it, elsewhere you do",
    },
    Var {
        name: SHARED,
        help: "folder of real exchange files that tests use; default ../shared; tests skip without it",
    },
    Var { name: REQUIRE_ALL, help: "`1`: a test that would skip fails instead (set in CI)" },
    Var { name: DAMAGES, help: "files that the damage test damages; default 6" },
    Var { name: KILLS, help: "kills that the kill tests make; default 30" },
    Var {
        name: REQUESTS,
        help: "requests a provider that bronze's test of limits makes under faults; default 200; from 1000 on it takes minutes",
    },
    Var { name: CUTS, help: "power cuts that the test of them makes; default 12" },
    Var {
        name: PYTHON,
        help: "a Python with duckdb, polars and deltalake, for the readers' test; `cargo xtask test` sets it",
    },
    Var {
        name: TEST_MOTO,
        help: "address of a moto server with the bucket market-lake-tests; ops/s3/servers.py sets it",
    },
    Var {
        name: TEST_VERSITYGW,
        help: "address of a versitygw server with the bucket market-lake-tests; ops/s3/servers.py sets it",
    },
    Var {
        name: TEST_TOOLS,
        help: "folder of programs that tests start in containers; `cargo xtask test` sets it",
    },
];

/// A log filter that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad log filter `{found}` (--log, or {LOG} in the environment), expected error, warn, info, \
     debug, trace or off, or a program's such as bronze=debug, several with commas"
)]
pub struct BadFilter {
    /// What was found.
    pub found: String,
}

/// Checks a log filter: levels, and programs' own, with commas. A name without a level is refused:
/// it would silence everything else.
///
/// # Errors
/// [`BadFilter`].
pub fn log_filter(text: &str) -> Result<String, BadFilter> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let is_name = |word: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        !word.is_empty() && word.chars().all(plain)
    };
    let is_good = |part: &str| match part.trim().split_once('=') {
        None => is_level(part.trim()),
        Some((name, level)) => is_name(name) && is_level(level),
    };
    if text.split(',').all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(BadFilter { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels() {
        for good in ["info", "WARN", "off", "warn,bronze=debug", "info, delta_kernel::log=error"] {
            assert_eq!(log_filter(good).as_deref(), Ok(good));
        }
        for bad in
            ["", "garbage", "bronze", "bronze=loud", "=info", "info,", "a b=info", "\u{fffd}"]
        {
            let error = log_filter(bad).expect_err(bad).to_string();
            assert!(error.contains(&format!("`{bad}`")) && error.contains(LOG), "{error}");
        }
    }
}
