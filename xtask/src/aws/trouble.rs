//! What Terraform says of the troubles that people have, turned into one message that tells what to
//! do. Words of Terraform's and AWS's are known here and nowhere else.

use crate::human;

/// Errors of Terraform's that are shown, and lines of each.
const ERRORS: usize = 5;
const ERROR_LINES: usize = 8;
/// What AWS says where the bucket of the states is not there.
pub(super) const NO_BUCKET: &str = "NoSuchBucket";

/// What Terraform says, as one message that tells what to do.
pub(super) fn trouble(what: &str, said: &str) -> String {
    let known = [
        (
            "Error acquiring the state lock",
            "the state is locked: another deployment is at work, or one was killed; wait, or \
             take the lock away as docs/deploy.md tells:",
        ),
        ("Saved plan is stale", "the plan is older than the state: type `cargo xtask plan` again"),
        (
            NO_BUCKET,
            "there is no bucket for the state: type `cargo xtask bootstrap` once an account",
        ),
        ("ExpiredToken", "the credentials have expired: log in again, as with `aws sso login`"),
        (
            "No valid credential sources found",
            "there are no credentials: set AWS_PROFILE, or log in with `aws sso login`",
        ),
        (
            "Failed to get existing workspaces",
            "the state's bucket cannot be read: is this the right account, and may you read it?",
        ),
        (
            "https://token.actions.githubusercontent.com already exists",
            "the account has a provider for GitHub's tokens that another project made; type the \
             same command again with `--oidc-provider \
             arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com`",
        ),
        (
            "has been taken in this account",
            "a role of AWS's own was made in the meantime; type the same command again to go on",
        ),
        (
            "Scope ARN: ",
            "the boundary of this environment's roles is not there: type `cargo xtask bootstrap` \
             with its --env, then the same command again",
        ),
        (
            "Failed to query available provider packages",
            "the AWS provider cannot be fetched: check the network, or set TF_CLI_CONFIG_FILE",
        ),
    ];
    let found = known.iter().find(|(words, _)| said.contains(words)).map(|(_, advice)| *advice);
    if let Some(advice) = found {
        let id = said.lines().find_map(|line| {
            line.trim_start_matches(['│', ' ']).strip_prefix("ID:").map(str::trim)
        });
        return match id {
            Some(id) if advice.ends_with(':') => {
                format!("cannot {what}: {advice} `terraform force-unlock {id}`")
            }
            _ => format!("cannot {what}: {advice}"),
        };
    }
    let errors = errors(said);
    // what AWS refuses of a budget stands alone: all else is there
    if let [error] = errors.as_slice()
        && let Some(refused) = error.iter().find(|line| line.contains("Budgets: CreateBudget"))
    {
        let why = refused
            .rsplit_once("RequestID: ")
            .and_then(|(_, rest)| rest.split_once(", "))
            .map_or(*refused, |(_, why)| why.trim_start_matches("api error "));
        return format!(
            "cannot {what}: AWS lets this account make no budget ({why}), all else is there: write \
             `budget: {{enabled: false}}` into the section aws of lake.yaml, or see \
             docs/deploy.md, 1, and type the same command again"
        );
    }
    let more = errors.len().saturating_sub(ERRORS);
    let mut text = format!("cannot {what}:");
    for error in errors.iter().take(ERRORS) {
        for (i, line) in error.iter().enumerate() {
            let indent = if i == 0 { "\n  " } else { "\n    " };
            text.extend([indent, line]);
        }
    }
    if more > 0 {
        text.extend(["\n  and ", &human::plural(more as u64, "other error")]);
    }
    text
}

/// The errors in what Terraform says, each with the lines that belong to it, without its frame.
/// Where it names none, all it says is one.
fn errors(said: &str) -> Vec<Vec<&str>> {
    let mut errors: Vec<Vec<&str>> = Vec::new();
    let mut is_open = false;
    for line in said.lines() {
        is_open &= !line.starts_with('╵') && !line.trim_start().starts_with("Warning:");
        let line = line.trim_start_matches(['│', '╷', '╵', ' ']).trim();
        if line.starts_with("Error:") {
            is_open = true;
            errors.push(Vec::new());
        }
        if let Some(last) = errors.last_mut().filter(|error| error.len() < ERROR_LINES)
            && is_open
            && !line.is_empty()
        {
            last.push(line);
        }
    }
    if errors.is_empty() {
        errors.push(said.lines().map(str::trim).filter(|l| !l.is_empty()).take(12).collect());
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_troubles_tell_what_to_do() {
        let check = |said: &str, expect: &str| {
            let text = trouble("plan", said);
            assert!(text.contains(expect), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        };
        check("│ Error: Saved plan is stale\n│ ", "type `cargo xtask plan` again");
        check("Error: Error acquiring the state lock\n\nError message: x", "the state is locked");
        check(
            "Error acquiring the state lock\n│   ID:        1-2-3\n",
            "`terraform force-unlock 1-2-3`",
        );
        check("Error: No valid credential sources found", "there are no credentials");
        // Terraform's and AWS's own words
        check(
            "Error: Failed to get existing workspaces: S3 bucket \"b\" does not exist.\n\nError: \
             operation error S3: ListObjectsV2, StatusCode: 404, NoSuchBucket:",
            "there is no bucket for the state: type `cargo xtask bootstrap`",
        );
        check("Error: Failed to get existing workspaces: AccessDenied", "may you read it?");
        check(
            "Error: creating IAM OIDC Provider: operation error IAM: CreateOpenIDConnectProvider, \
             EntityAlreadyExists: Provider with url https://token.actions.githubusercontent.com \
             already exists.",
            "--oidc-provider arn:aws:iam::ACCOUNT",
        );
        check(
            "Error: creating IAM Role (x): operation error IAM: CreateRole, NoSuchEntity: Scope \
             ARN: arn:aws:iam::1:policy/market-lake-boundary-x does not exist or is not attachable.",
            "type `cargo xtask bootstrap`",
        );
        check(
            "Error: creating Budget (market-lake-dev): operation error Budgets: CreateBudget, \
             https response error StatusCode: 400, RequestID: 1-2, api error \
             AccessDeniedException: not eligible",
            "make no budget (AccessDeniedException: not eligible), all else is there: write `budget: \
             {enabled: false}`",
        );
    }

    #[test]
    fn errors_are_told_with_what_belongs_to_them() {
        let one = |name: &str| format!("╷\n│ Error: creating {name}: y\n│ \n│   with a.b,\n╵\n");
        let said = format!("a.b: Creating...\n{}a.c: still\n{}", one("x"), one("z"));
        assert_eq!(
            trouble("apply", &said),
            "cannot apply:\n  Error: creating x: y\n    with a.b,\n  Error: creating z: y\n    \
             with a.b,"
        );
        let many = trouble("apply", &one("x").repeat(ERRORS + 2));
        assert!(many.ends_with("\n  and 2 other errors"), "{many}");
        assert_eq!(trouble("apply", "killed\n"), "cannot apply:\n  killed");
        // without colour there is no frame
        let plain = "\nError: x\n\n  with a.b,\n\nWarning: y\n\nz\n\nError: v\n\nw\n";
        assert_eq!(
            trouble("plan", plain),
            "cannot plan:\n  Error: x\n    with a.b,\n  Error: v\n    w"
        );
    }
}
