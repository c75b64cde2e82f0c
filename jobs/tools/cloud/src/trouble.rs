//! What AWS said, in words that tell what to do.

use std::error::Error;

use anyhow::anyhow;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

const NO_CREDENTIALS: &str =
    "there are no credentials: set AWS_PROFILE, or log in with `aws sso login` or `aws configure`";

/// Turns a refusal of AWS into one message: what was tried, what AWS said, what to do.
pub(crate) fn told<E, R>(what: &str) -> impl FnOnce(SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let what = what.to_owned();
    move |error| {
        let code = error.code().unwrap_or_default().to_owned();
        let said = error.message().map_or_else(|| root(&error), ToOwned::to_owned);
        match advice(&code, &said) {
            // what the SDK looked for in vain is of no use to people
            Some(NO_CREDENTIALS) => anyhow!("cannot {what}: {NO_CREDENTIALS}"),
            Some(advice) => anyhow!("cannot {what}: {said}; {advice}"),
            None if code.is_empty() => anyhow!("cannot {what}: {said}"),
            None => anyhow!("cannot {what}: {said} ({code})"),
        }
    }
}

/// Whether AWS says that there is no such thing.
pub(crate) fn is_absent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.code().unwrap_or_default();
    ["NotFound", "DoesNotExist", "NoSuch", "NonExistent"].iter().any(|word| code.contains(word))
        // Athena and Glue know one code for much
        || error.message().is_some_and(|m| m.contains("not found") || m.contains("does not exist"))
}

/// Whether a code says that these credentials may not.
pub(crate) fn is_denied(code: &str) -> bool {
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"]
        .contains(&code)
}

/// The last cause of an error, where it says most.
fn root(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}

fn advice(code: &str, said: &str) -> Option<&'static str> {
    let expired =
        ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
    let wrong = [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "AuthFailure",
    ];
    let lower = said.to_lowercase();
    if expired.contains(&code) || (lower.contains("token") && lower.contains("expired")) {
        return Some("log in again, for example with `aws sso login`");
    }
    if wrong.contains(&code) {
        return Some("AWS does not know these credentials: check AWS_PROFILE, or log in again");
    }
    if is_denied(code) {
        return Some(
            "these credentials may not do that: ask for the role that docs/security.md names",
        );
    }
    let none = ["loading credentials", "provided credentials", "no credentials found"];
    if none.iter().any(|words| lower.contains(words)) {
        return Some(NO_CREDENTIALS);
    }
    if lower.contains("dispatch failure") || lower.contains("connect") {
        return Some("AWS does not answer: check the network, the region and AWS_ENDPOINT_URL");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_that_people_have_come_with_advice() {
        let check = |code: &str, said: &str, expect: Option<&str>| {
            let advice = advice(code, said);
            assert_eq!(
                advice.is_some_and(|a| a.contains(expect.unwrap_or_default())),
                expect.is_some(),
                "{code} {said}: {advice:?}"
            );
        };
        check(
            "ExpiredToken",
            "The security token included in the request is expired",
            Some("log in again"),
        );
        check("", "the SSO session token has expired", Some("log in again"));
        check("UnrecognizedClientException", "x", Some("does not know"));
        check("AccessDenied", "x", Some("may not"));
        check(
            "",
            "dispatch failure: other: x: no credentials found in chain. Attempted: y",
            Some("no credentials"),
        );
        check(
            "",
            "dispatch failure: other: an error occurred while loading credentials: x",
            Some("no credentials"),
        );
        check("", "dispatch failure: io error: tcp connect error", Some("does not answer"));
        check("ValidationException", "1 validation error", None);
    }
}
