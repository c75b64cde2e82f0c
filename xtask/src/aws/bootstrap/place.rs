//! Where the bootstrap's own state lies: in the bucket that it makes, so that a second clone finds
//! it. Until there is a bucket it is a file beside the root, and it is put into the bucket by the
//! command that made it, by the next one where that was cut off.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::aws::terraform::Terraform;
use crate::workspace::shown;

/// Makes Terraform keep the state in a file; there while that is wanted, and not in git.
const OVERRIDE: &str = "local_override.tf";
/// Where a former version kept the state, of whatever account.
const FORMER: &str = "terraform.tfstate";
/// A bucket that was just made may not be found at once: so often it is looked for again.
const LOOKS: u32 = 10;
/// And after so long.
const PAUSE: Duration = Duration::from_secs(2);

/// Where the state lies.
#[derive(Debug)]
pub(super) enum Place {
    /// In the bucket.
    Bucket,
    /// In a file, for there is no bucket yet.
    File(File),
}

/// A state in a file. The override goes with it.
#[derive(Debug)]
pub(super) struct File {
    state: PathBuf,
    root: PathBuf,
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.root.join(OVERRIDE));
    }
}

impl File {
    /// Opens the state in a file.
    fn open(terraform: &Terraform, state: PathBuf) -> anyhow::Result<Self> {
        let file = Self { state, root: terraform.root().to_owned() };
        let path = serde_json::to_string(&file.state).context("the state's path is no UTF-8")?;
        // what Terraform would take for an expression
        let path = path.replace("${", "$${").replace("%{", "%%{");
        let text = format!("terraform {{\n  backend \"local\" {{\n    path = {path}\n  }}\n}}\n");
        let to = file.root.join(OVERRIDE);
        fs::write(&to, text).with_context(|| format!("cannot write `{}`", shown(&to)))?;
        terraform.init_beside()?;
        Ok(file)
    }
}

/// What the places hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Whether there is a bucket, and whether a state with something in it is there.
    bucket: Option<bool>,
    /// Whether there is a file whose state has something in it.
    file: bool,
}

/// What is to be done with it.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    /// The bucket has it.
    UseBucket,
    /// The file has it, and the bucket is to.
    Move,
    /// Nothing has it, or the file, and there is no bucket.
    UseFile,
    /// There is a bucket and nobody knows who made it.
    Lost,
}

impl Found {
    const fn then(self) -> Then {
        match (self.bucket, self.file) {
            (None, _) => Then::UseFile,
            // a file beside it is what a command left that was cut off
            (Some(true), _) => Then::UseBucket,
            (Some(false), true) => Then::Move,
            (Some(false), false) => Then::Lost,
        }
    }
}

/// Opens the state, wherever it lies.
pub(super) fn open(terraform: &Terraform, bucket: &str) -> anyhow::Result<Place> {
    let root = terraform.root();
    // left by a command that was killed
    let _ = fs::remove_file(root.join(OVERRIDE));
    let file = file_of(root, bucket);
    let has_bucket = terraform.init_where_there_is_a_bucket()?;
    let found = Found {
        bucket: if has_bucket { Some(has_something(&terraform.pull()?)) } else { None },
        file: file.is_some(),
    };
    match (found.then(), file) {
        (Then::UseFile, file) => {
            let state = file.unwrap_or_else(|| root.join(format!("{bucket}.tfstate")));
            Ok(Place::File(File::open(terraform, state)?))
        }
        (Then::Move, Some(file)) => {
            moved(terraform, &file, bucket)?;
            Ok(Place::Bucket)
        }
        (Then::UseBucket, file) => {
            file.map_or(Ok(()), |file| set_aside(&file))?;
            Ok(Place::Bucket)
        }
        (Then::Lost | Then::Move, _) => bail!(
            "bucket {bucket} is there, and the state of the bootstrap that made it is neither in it \
             nor in {}: type the same command where that was made, by whoever made it, and it is \
             moved into the bucket; where it is lost, `terraform import` takes on what is there \
             (infra/bootstrap/README.md)",
            shown(root)
        ),
    }
}

/// Puts a state that lies in a file into the bucket, where there is one by now.
pub(super) fn close(place: Place, terraform: &Terraform, bucket: &str) -> anyhow::Result<()> {
    let Place::File(file) = place else { return Ok(()) };
    let state = file.state.clone();
    drop(file);
    // what was not made leaves no state
    if !read(&state).as_ref().is_some_and(has_something) {
        return Ok(());
    }
    let made = read(&state).is_some_and(|state| makes(&state, bucket));
    for look in 0.. {
        if terraform.init_where_there_is_a_bucket()? {
            return moved(terraform, &state, bucket);
        }
        if !made || look >= LOOKS {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    bail!(
        "the state stays in {} until there is a bucket: keep it, and type the same command again",
        shown(&state)
    )
}

/// Puts a state into the bucket that is open, and sees it there.
fn moved(terraform: &Terraform, file: &Path, bucket: &str) -> anyhow::Result<()> {
    terraform.push(file)?;
    if !has_something(&terraform.pull()?) {
        bail!(
            "the state of the bootstrap did not come to bucket {bucket}; it is in {}",
            shown(file)
        );
    }
    if file.file_name().is_some_and(|name| name == FORMER) {
        set_aside(file)?;
    } else {
        // what Terraform noted before its last change lies beside it
        for file in [file, &file.with_extension("tfstate.backup")] {
            let _ = fs::remove_file(file);
        }
    }
    eprintln!("the state of the bootstrap is in bucket {bucket}, beside those of the environments");
    Ok(())
}

/// Takes a file out of the way that somebody may want to read.
fn set_aside(file: &Path) -> anyhow::Result<()> {
    let to = file.with_extension("tfstate.moved");
    fs::rename(file, &to).with_context(|| format!("cannot rename `{}`", shown(file)))
}

/// The file with the state of the bootstrap that made, or is to make, a bucket. A former version
/// kept the state of any account under one name, so it says whose it is.
fn file_of(root: &Path, bucket: &str) -> Option<PathBuf> {
    let own = root.join(format!("{bucket}.tfstate"));
    let former = root.join(FORMER);
    if read(&own).as_ref().is_some_and(has_something) {
        return Some(own);
    }
    read(&former).is_some_and(|state| makes(&state, bucket)).then_some(former)
}

fn read(file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Whether a state knows of a resource.
fn has_something(state: &Value) -> bool {
    state["resources"]
        .as_array()
        .is_some_and(|all| all.iter().any(|resource| resource["mode"] == "managed"))
}

/// Whether a state has made a bucket.
fn makes(state: &Value, bucket: &str) -> bool {
    state["resources"].as_array().into_iter().flatten().any(|resource| {
        resource["mode"] == "managed"
            && resource["type"] == "aws_s3_bucket"
            && resource["instances"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|instance| instance["attributes"]["bucket"] == bucket)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BUCKET: &str = "market-lake-state-111122223333-eu-central-1";

    fn state(bucket: &str) -> Value {
        json!({ "version": 4, "resources": [
            { "mode": "data", "type": "aws_caller_identity", "instances": [{}] },
            { "mode": "managed", "type": "aws_s3_bucket",
              "instances": [{ "attributes": { "bucket": bucket } }] },
        ] })
    }

    #[test]
    fn a_state_is_never_made_a_second_time() {
        let check = |bucket: Option<bool>, file: bool, expect: Then| {
            assert_eq!(Found { bucket, file }.then(), expect, "{bucket:?} {file}");
        };
        check(None, false, Then::UseFile);
        check(None, true, Then::UseFile);
        check(Some(true), false, Then::UseBucket);
        check(Some(true), true, Then::UseBucket);
        check(Some(false), true, Then::Move);
        check(Some(false), false, Then::Lost);
    }

    #[test]
    fn a_file_of_another_account_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, state: &Value| {
            fs::write(root.path().join(name), state.to_string()).unwrap();
        };
        let found =
            || file_of(root.path(), BUCKET).map(|file| file.file_name().unwrap().to_owned());
        assert_eq!(found(), None);
        write(FORMER, &state("market-lake-state-444455556666-eu-central-1"));
        assert_eq!(found(), None);
        write(FORMER, &state(BUCKET));
        assert_eq!(found(), Some(FORMER.into()));
        // one of the first command goes before, once something is in it
        let own = format!("{BUCKET}.tfstate");
        write(&own, &json!({ "version": 4, "resources": [] }));
        assert_eq!(found(), Some(FORMER.into()));
        write(&own, &state(BUCKET));
        assert_eq!(found(), Some((&own).into()));
    }

    #[test]
    fn a_state_that_only_asked_has_nothing() {
        let asked = json!({ "resources": [{ "mode": "data", "type": "aws_partition" }] });
        assert!(!has_something(&asked) && !has_something(&Value::Null));
        assert!(has_something(&state(BUCKET)));
        assert!(makes(&state(BUCKET), BUCKET) && !makes(&state("x"), BUCKET));
    }
}
