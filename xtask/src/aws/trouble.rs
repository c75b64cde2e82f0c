//! What Terraform says of the troubles that people have, turned into one message that tells what to
//! do. Words of Terraform's and AWS's are known here and nowhere else.

use crate::human;

/// Errors of Terraform's that are shown, and lines of each.
const ERRORS: usize = 5;
const ERROR_LINES: usize = 8;
/// What stands before the reason why a lock cannot be taken.
const REASON: &str = "Error message:";
/// What AWS says where the bucket of the states is not there.
pub(super) const NO_BUCKET: &str = "NoSuchBucket";

/// What Terraform says, as one message that tells what to do.
pub(super) fn trouble(what: &str, said: &str) -> String {
    let lock = lock(said);
    let known = [
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
        // after what keeps a lock from being written, which is said beside it
        ("Error acquiring the state lock", lock.as_str()),
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
            "Moved resource instances excluded by targeting",
            "it was deployed by a former version, in which resources have other addresses: type \
             `cargo xtask plan` and `cargo xtask apply` with its --env, which bring it up to this \
             version, and then the same command again; or use the version that deployed it",
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
        return format!("cannot {what}: {advice}");
    }
    let errors = errors(said);
    // what AWS refuses of a budget stands alone: all else is there
    let is_refused = |line: &&&str| {
        line.contains("Budgets: CreateBudget")
            && ["AccessDenied", "not eligible"].iter().any(|words| line.contains(words))
    };
    if let [error] = errors.as_slice()
        && let Some(refused) = error.iter().find(is_refused)
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

/// Why the state cannot be locked, and what to do.
fn lock(said: &str) -> String {
    // a lock that somebody holds is a condition that failed, whatever else could not be read
    let failed = ["PreconditionFailed", "ConditionalRequestConflict"];
    let is_held = failed.iter().any(|words| said.contains(words));
    if said.contains("AccessDenied") && !is_held {
        return "you may not lock the state: `cargo xtask plan --no-lock` plans without, for roles \
                that may only read; all else needs a role that may write it"
            .to_owned();
    }
    let id = of_lock(said, "ID:");
    if is_held || id.is_some() {
        let by = of_lock(said, "Who:").map_or_else(String::new, |who| format!(" by {who}"));
        let since = of_lock(said, "Created:").map_or_else(String::new, |at| format!(" since {at}"));
        let command = id.map_or_else(String::new, |id| format!(": `terraform force-unlock {id}`"));
        return format!(
            "the state is locked{by}{since}: another deployment is at work, or one was killed; wait, \
             or take the lock away as docs/deploy.md tells{command}"
        );
    }
    let reason: Vec<&str> = said
        .lines()
        .map(bare)
        .skip_while(|line| !line.starts_with(REASON))
        .take_while(|line| !line.is_empty() && !line.starts_with("Terraform acquires"))
        .collect();
    let reason = reason.join(" ");
    match reason.trim_start_matches(REASON).trim() {
        "" => "the state cannot be locked, and Terraform does not say why".to_owned(),
        reason => format!("the state cannot be locked: {reason}"),
    }
}

/// What Terraform says of a lock that is there.
fn of_lock<'a>(said: &'a str, key: &str) -> Option<&'a str> {
    said.lines().find_map(|line| bare(line).strip_prefix(key)).map(str::trim)
}

/// A line without its frame.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['│', '╷', '╵', ' ', '\t']).trim_end()
}

/// The errors in what Terraform says, each with the lines that belong to it, without its frame.
/// Where it names none, all it says is one.
fn errors(said: &str) -> Vec<Vec<&str>> {
    let mut errors: Vec<Vec<&str>> = Vec::new();
    let mut is_open = false;
    for line in said.lines() {
        is_open &= !line.starts_with('╵') && !line.trim_start().starts_with("Warning:");
        let line = bare(line);
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
        let held = "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: resource \
                    temporarily unavailable\n│ Lock Info:\n│   ID:        1-2-3\n│   Path:      \
                    x\n│   Who:       me@here\n│   Created:   2026-01-02 03:04:05 UTC\n";
        check(held, "the state is locked by me@here since 2026-01-02 03:04:05 UTC: another");
        check(held, "docs/deploy.md tells: `terraform force-unlock 1-2-3`");
        // what else keeps it from being locked is told as it is
        check(
            "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: 2 errors occurred:\n│ \
             \t* operation error S3: PutObject, dial tcp: no such host\n│ \t* operation error S3: \
             GetObject, x\n│ \n│ \n│ Terraform acquires a state lock to protect\n",
            "cannot plan: the state cannot be locked: 2 errors occurred: * operation error S3: \
             PutObject, dial tcp: no such host * operation error S3: GetObject, x",
        );
        check("Error: Error acquiring the state lock\n", "Terraform does not say why");
        check(
            "Error: Moved resource instances excluded by targeting\n\nResource instances in your \
             current state have moved to new addresses in the latest configuration.",
            "type `cargo xtask plan` and `cargo xtask apply`",
        );
        check("Error: No valid credential sources found", "there are no credentials");
        // what keeps the lock from being written is no lock
        let put = |why: &str| {
            format!(
                "Error: Error acquiring the state lock\n\nError message: operation error S3: \
                 PutObject, https response error StatusCode: 400, api error {why}\n"
            )
        };
        check(
            &put("ExpiredToken: The provided token has expired."),
            "the credentials have expired",
        );
        check(&put("NoSuchBucket: x"), "type `cargo xtask bootstrap` once an account");
        check(&put("AccessDenied: Access Denied"), "`cargo xtask plan --no-lock`");
        check(
            &put("PreconditionFailed: x\noperation error S3: GetObject, api error AccessDenied: x"),
            "the state is locked",
        );
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
        // any other trouble with a budget is none of the account's
        for why in ["ThrottlingException: Rate exceeded", "DuplicateRecordException: exists"] {
            let said = format!(
                "Error: creating Budget (x): operation error Budgets: CreateBudget, https response \
                 error StatusCode: 400, RequestID: 1-2, {why}"
            );
            let text = trouble("apply the plan", &said);
            assert_eq!(text, format!("cannot apply the plan:\n  {said}"));
        }
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
