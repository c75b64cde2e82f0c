//! Which environment a command means: its configuration and its lake.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use model::config::Config;
use model::unit::sha256_hex;

use crate::human;
use crate::workspace::{self, Build, root};

/// The copy of `dev` that `cargo xtask e2e --third` makes and takes away. It is nobody else's
/// environment, also where a test that was killed has left it.
pub(crate) const E2E_COPY: &str = "e2ecopy";

/// A command line that cannot be meant; what it says is for people.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// The arguments that choose an environment.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Choice {
    /// The environment: a folder of infra/envs
    #[arg(long, value_name = "ENV")]
    pub(crate) env: Option<String>,

    /// Another configuration file instead of the environment's
    #[arg(long, value_name = "FILE", env = model::env::CONFIG)]
    pub(crate) config: Option<PathBuf>,

    /// Another lake than the configuration's: a directory or s3://bucket/prefix
    #[arg(long, value_name = "URI", env = model::env::LAKE)]
    pub(crate) lake: Option<String>,

    #[command(flatten)]
    pub(crate) build: Build,
}

/// An environment: its configuration, read and checked, and its lake.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Its name.
    pub(crate) name: String,
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// What the file says.
    pub(crate) config: Config,
    /// SHA-256 of the file.
    pub(crate) config_sha256: String,
    /// The lake's URI: a directory's full path, or a URL.
    pub(crate) lake: String,
}

impl Choice {
    /// The environment chosen, `default` where none is.
    pub(crate) fn open(&self, default: Option<&str>) -> anyhow::Result<Environment> {
        if let (Some(env), Some(config)) = (&self.env, &self.config) {
            bail!(Wrong(format!(
                "--env {} and --config {} (or {} in the environment) name two configurations, \
                 expected one of them",
                human::word(env),
                human::word(&config.display().to_string()),
                model::env::CONFIG
            )));
        }
        let file = match (&self.config, self.env.as_deref().or(default)) {
            (Some(file), _) => absolute(file)?,
            (None, Some(env)) => file_of(env)?,
            (None, None) => {
                bail!(Wrong(format!(
                    "which environment? say --env {} (or --config FILE)",
                    names().join(" | ")
                )))
            }
        };
        Environment::open(&file, self.lake.as_deref())
    }

    /// The words that choose the same environment again, for advice on what to type next.
    pub(crate) fn words(&self, environment: &Environment) -> String {
        // both are read from where the command is given
        let is_root = std::env::current_dir().is_ok_and(|here| here == root());
        let shown = |path: &Path| {
            human::word(&if is_root { workspace::shown(path) } else { path.display().to_string() })
        };
        let words = match &self.config {
            Some(_) => format!("--config {}", shown(&environment.file)),
            None => format!("--env {}", environment.name),
        };
        match &self.lake {
            Some(_) => {
                let lake = environment.directory().map(|lake| shown(&lake));
                format!("{words} --lake {}", lake.unwrap_or_else(|| environment.lake.clone()))
            }
            None => words,
        }
    }

    /// The command that makes the environment's lake on this machine.
    pub(crate) fn how_to_fill(&self, environment: &Environment) -> String {
        match environment.name.as_str() {
            // its exchange runs only there
            "demo" => "cargo xtask demo".to_owned(),
            _ => format!("cargo xtask local run {}", self.words(environment)),
        }
    }
}

impl Environment {
    /// Reads a configuration; `lake` goes before what it says of the lake.
    pub(crate) fn open(file: &Path, lake: Option<&str>) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Wrong(format!("cannot read configuration `{}`: {error}", workspace::shown(file)))
        })?;
        let config = source::Providers::ALL.read(&workspace::shown(file), &text)?;
        let name = config.environment.value.clone();
        let lake = match (lake, &config.lake) {
            // the command line's is relative to where the command was given
            (Some(lake), _) if lake.contains("://") => lake.to_owned(),
            (Some(lake), _) => absolute(Path::new(lake))?.display().to_string(),
            // the configuration's is relative to the repository
            (None, Some(lake)) if lake.contains("://") => lake.clone(),
            (None, Some(lake)) => root().join(lake).display().to_string(),
            (None, None) => root().join("target/lake").join(&name).display().to_string(),
        };
        let is_path = lake.starts_with("file://") || !lake.contains("://");
        if is_path && lake.contains(|c: char| c == '%' || c == '\\' || c.is_control()) {
            bail!(Wrong(format!(
                "bad lake {lake:?}, expected a path without %, backslashes and line breaks, and \
                 after file:// the path itself"
            )));
        }
        let config_sha256 = sha256_hex(text.as_bytes());
        Ok(Self { name, file: file.to_owned(), config, config_sha256, lake })
    }

    /// The lake's directory; `None` for one on an object store.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        match self.lake.split_once("://") {
            None => Some(PathBuf::from(&self.lake)),
            Some(("file", path)) => Some(PathBuf::from(path)),
            Some(_) => None,
        }
    }

    /// The lake as people write it.
    pub(crate) fn shown_lake(&self) -> String {
        self.directory().map_or_else(|| self.lake.clone(), |d| workspace::shown(&d))
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("bad path `{}`", path.display()))
}

fn file_of(env: &str) -> anyhow::Result<PathBuf> {
    let file = root().join("infra/envs").join(env).join("lake.yaml");
    if !file.is_file() {
        bail!(Wrong(format!(
            "no environment `{env}`: there is no {}; expected one of {}",
            workspace::shown(&file),
            names().join(", ")
        )));
    }
    Ok(file)
}

/// The environments there are.
pub(crate) fn names() -> Vec<String> {
    names_in(&root().join("infra/envs"))
}

fn names_in(envs: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(envs).into_iter().flatten().flatten();
    let mut names: Vec<String> = folders
        .filter(|entry| entry.path().join("lake.yaml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != E2E_COPY)
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_reads() {
        let names = names();
        assert!(names.contains(&"demo".to_owned()) && names.contains(&"dev".to_owned()));
        for name in names {
            let choice = Choice { env: Some(name.clone()), ..Choice::default() };
            let environment = choice.open(None).unwrap();
            assert_eq!(environment.name, name, "the name in the file is its folder's");
            assert!(environment.directory().is_some(), "{name} runs on this machine");
        }
    }

    #[test]
    fn what_a_killed_test_left_is_no_environment() {
        let envs = tempfile::tempdir().unwrap();
        for name in ["third", E2E_COPY] {
            std::fs::create_dir(envs.path().join(name)).unwrap();
            std::fs::write(envs.path().join(name).join("lake.yaml"), "").unwrap();
        }
        std::fs::create_dir(envs.path().join("empty")).unwrap();
        assert_eq!(names_in(envs.path()), ["third"]);
    }

    #[test]
    fn a_wrong_choice_says_what_there_is() {
        let choice = Choice { env: Some("nowhere".into()), ..Choice::default() };
        let message = choice.open(None).unwrap_err().to_string();
        assert!(message.contains("no environment `nowhere`"), "{message}");
        assert!(message.contains("expected one of demo, dev"), "{message}");
    }

    #[test]
    fn two_configurations_are_refused() {
        let choice = Choice {
            env: Some("demo".into()),
            config: Some(file_of("dev").unwrap()),
            ..Choice::default()
        };
        let error = choice.open(Some("demo")).unwrap_err();
        assert!(error.is::<Wrong>(), "{error}");
        let text = error.to_string();
        assert!(text.contains("--env demo") && text.contains(model::env::CONFIG), "{text}");
    }

    #[test]
    fn lakes_are_directories_or_urls() {
        let check = |lake: &str, directory: Option<&str>| {
            let choice =
                Choice { env: Some("demo".into()), lake: Some(lake.into()), ..Choice::default() };
            let environment = choice.open(None).unwrap();
            assert_eq!(environment.directory(), directory.map(PathBuf::from), "{lake}");
        };
        check("/some/where", Some("/some/where"));
        check("file:///some/where", Some("/some/where"));
        check("s3://bucket/lake", None);
    }
}
