//! Keys of sources: read where the configuration says that they are, when they are needed, and never
//! told.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use model::Source;
use model::config::KeyPlace;
use model::env;
use source::rest::{BadKey, Key};

/// Bytes of a key's file at most.
const LONGEST: u64 = 4_096;
/// Rights that nobody but the owner of a key's file may have.
const OTHERS: u32 = 0o077;

/// A key that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The variable is not set.
    #[error("no key for {source_name}: the variable {name} is not set, expected the key in it")]
    Unset {
        /// The source.
        source_name: Source,
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("no key for {source_name}: cannot read `{}`", path.display())]
    Unreadable {
        /// The source.
        source_name: Source,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read or write the file.
    #[error(
        "no key for {source_name}: `{0}` has the mode {mode:o}, expected 600 or 400; `chmod 600 {0}` \
         keeps it to its owner",
        path.display()
    )]
    Open {
        /// The source.
        source_name: Source,
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// What is there can be no key.
    #[error("no key for {source_name} at {place}")]
    Bad {
        /// The source.
        source_name: Source,
        /// The place.
        place: String,
        /// Why.
        source: BadKey,
    },
}

/// The key of a source. What lies with AWS is handed over by the container's agent, in a variable;
/// elsewhere it has to be put there.
///
/// # Errors
/// [`NoKey`].
#[expect(clippy::disallowed_methods, reason = "the configuration says which variable holds a key")]
pub fn read(source: Source, place: &KeyPlace) -> Result<Key, NoKey> {
    read_with(source, place, |name| std::env::var(name).ok())
}

fn read_with(
    source_name: Source,
    place: &KeyPlace,
    variable_of: impl Fn(&str) -> Option<String>,
) -> Result<Key, NoKey> {
    let of_variable = |name: String| variable_of(&name).ok_or(NoKey::Unset { source_name, name });
    let text = match place {
        KeyPlace::Env(name) => of_variable(name.clone())?,
        KeyPlace::Ssm(_) | KeyPlace::SecretsManager(_) => of_variable(env::key(source_name))?,
        KeyPlace::File(path) => of_file(source_name, path)?,
    };
    Key::new(&text).map_err(|source| NoKey::Bad { source_name, place: place.to_string(), source })
}

fn of_file(source_name: Source, path: &Path) -> Result<String, NoKey> {
    let unreadable = |source| NoKey::Unreadable { source_name, path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(NoKey::Open { source_name, path: path.to_owned(), mode });
    }
    if !metadata.is_file() || metadata.len() > LONGEST {
        let what = format!("expected a file of at most {LONGEST} bytes");
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const SOURCE: Source = Source::new("twelvedata");

    fn check(place: &str, expect: &str) {
        let place = KeyPlace::try_from(place.to_owned()).expect(place);
        let given = |name: &str| match name {
            "GIVEN" => Some("SECRET0123456789\n".to_owned()),
            "EMPTY" => Some(String::new()),
            name => (name == env::key(SOURCE)).then(|| "SECRET-OF-AWS".to_owned()),
        };
        let found = match read_with(SOURCE, &place, given) {
            Ok(key) => format!("a key, told as {key}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn keys_come_from_variables() {
        assert_eq!(env::key(SOURCE), env::KEY.to_owned() + "TWELVEDATA");
        check("env:GIVEN", "a key, told as ***");
        check("env:EMPTY", "no key for twelvedata at env:EMPTY");
        let unset =
            "no key for twelvedata: the variable NOT_THERE is not set, expected the key in it";
        check("env:NOT_THERE", unset);
        check("ssm:/any/name", "a key, told as ***");
        check("secretsmanager:any", "a key, told as ***");
    }

    #[test]
    fn keys_come_from_files_of_their_owner_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        let place = format!("file:{}", path.display());
        check(&place, &format!("no key for twelvedata: cannot read `{}`", path.display()));
        write(&path, "SECRET0123456789\n").expect("write");
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
            let expect = if fits {
                "a key, told as ***".to_owned()
            } else {
                format!(
                    "no key for twelvedata: `{0}` has the mode {mode:o}, expected 600 or 400; \
                     `chmod 600 {0}` keeps it to its owner",
                    path.display()
                )
            };
            check(&place, &expect);
        }
    }
}
