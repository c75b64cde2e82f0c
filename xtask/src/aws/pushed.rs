//! Images that were pushed from here and are not deployed yet. They are known from the push to the
//! apply that deploys them; at all other times the deployed ones are those that the state names,
//! for GitHub or somebody else may have deployed in the meantime.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Its file, in the folder of the environment.
const FILE: &str = "pushed.json";

/// What was pushed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pushed {
    /// The references by digest, by stage.
    images: Value,
    /// Those that were deployed at that time; `null` where there were none.
    over: Option<Value>,
}

/// Images as Terraform puts them out; none where there is none.
fn some(images: &Value) -> Option<Value> {
    let has_some = images.as_object().is_some_and(|images| !images.is_empty());
    has_some.then(|| images.clone())
}

/// Notes what was pushed: `said`, a variable file of Terraform. `deployed`: what Terraform puts out.
pub(super) fn note(folder: &Path, said: &[u8], deployed: &Value) -> anyhow::Result<()> {
    let mut said: Value =
        serde_json::from_slice(said).context("what `xtask images push` says is no JSON")?;
    let pushed = Pushed { images: said["images"].take(), over: some(deployed) };
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let file = folder.join(FILE);
    fs::write(&file, serde_json::to_string(&pushed)?)
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// The images that a plan takes. `deployed`: what Terraform puts out.
pub(super) fn images(folder: &Path, deployed: &Value) -> Option<Value> {
    let pushed = fs::read(folder.join(FILE)).ok();
    let pushed: Option<Pushed> = pushed.and_then(|text| serde_json::from_slice(&text).ok());
    let deployed = some(deployed);
    match pushed {
        Some(pushed) if is_next(&pushed, deployed.as_ref()) => Some(pushed.images),
        Some(_) => {
            eprintln!(
                "since images were pushed from here others were deployed from elsewhere, which stay"
            );
            forget(folder);
            deployed
        }
        None => deployed,
    }
}

/// Whether nothing else has been deployed since; what was pushed may be, in part.
fn is_next(pushed: &Pushed, deployed: Option<&Value>) -> bool {
    pushed.over.as_ref() == deployed || Some(&pushed.images) == deployed
}

/// What was pushed is deployed, or gone.
pub(super) fn forget(folder: &Path) {
    let _ = fs::remove_file(folder.join(FILE));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_pushed_goes_before_what_is_deployed_until_that_changes() {
        let folder = tempfile::tempdir().unwrap();
        let of = |digest: &str| json!({ "silver": digest });
        let push = |digest: &str, deployed: &Value| {
            let said = json!({ "images": of(digest) }).to_string();
            note(folder.path(), said.as_bytes(), deployed).unwrap();
        };
        let taken = |deployed: &Value| images(folder.path(), deployed);
        // nothing was pushed from here
        assert_eq!(taken(&Value::Null), None);
        assert_eq!(taken(&json!({})), None);
        assert_eq!(taken(&of("a")), Some(of("a")));
        // before the first deployment
        push("b", &json!({}));
        assert_eq!(taken(&Value::Null), Some(of("b")));
        // over another, also where an apply came to an end in the middle
        push("b", &of("a"));
        assert_eq!(taken(&of("a")), Some(of("b")));
        assert_eq!(taken(&of("b")), Some(of("b")));
        // somebody else has deployed: that is never rolled back
        assert_eq!(taken(&of("c")), Some(of("c")));
        assert_eq!(taken(&of("a")), Some(of("a")), "what was overtaken is forgotten");
        push("b", &of("a"));
        forget(folder.path());
        assert_eq!(taken(&of("a")), Some(of("a")));
    }
}
