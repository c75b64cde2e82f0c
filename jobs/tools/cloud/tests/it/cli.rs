//! The troubles that people have with an account, each as the program tells it: one line that says
//! what to do, and an exit code.

#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

use std::process::Command;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const LAKE: &str = "environment: lab\nsources: {binance: {url: 'http://127.0.0.1:9', markets: {spot: \
                    {symbols: [BTCUSDT], range: {from: 2024-01-01, to: 2024-01-01}, datasets: \
                    {trades: {}}}}}}\n";

struct Ended {
    code: Option<i32>,
    told: String,
}

/// Asks whose credentials these are, with these variables and no others of AWS.
fn whoami(yaml: &str, variables: &[(&str, &str)]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lake.yaml");
    std::fs::write(&file, yaml).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cloud"))
        .args(["whoami", "--config"])
        .arg(&file)
        .env_clear()
        .env("HOME", folder.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Ended { code: output.status.code(), told }
}

fn check(ended: &Ended, code: i32, expect: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.told);
    assert_eq!(ended.told.trim().lines().count(), 1, "{}", ended.told);
    for words in expect {
        assert!(ended.told.contains(words), "expected `{words}` in: {}", ended.told);
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

fn deployed(more: &str) -> String {
    format!("{LAKE}aws: {{region: eu-central-1{more}}}\n")
}

/// A server that gives one answer to everything.
async fn says(status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body.to_owned(), "text/xml");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[test]
fn an_environment_must_be_named_and_deployed() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_cloud")).arg("whoami").env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    check(&whoami(LAKE, &[]), 2, &["has no section `aws:`", "aws: {region: eu-central-1}"]);
    check(&whoami(&deployed(", regoin: x"), &[]), 2, &["regoin"]);
}

#[test]
fn without_credentials_it_says_how_to_get_them() {
    check(&whoami(&deployed(""), &[]), 1, &["there are no credentials", "aws sso login"]);
}

#[test]
fn an_aws_that_does_not_answer_is_named() {
    let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    check(&whoami(&deployed(""), &variables), 1, &["AWS does not answer", "AWS_ENDPOINT_URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_are_to_be_renewed() {
    let server = says(
        403,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security \
         token included in the request is expired</Message></Error></ErrorResponse>",
    )
    .await;
    let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", &server.uri())];
    check(&whoami(&deployed(""), &variables), 1, &["expired", "log in again"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_refused() {
    let server = says(
        200,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/x</Arn><UserId>x</UserId>\
         <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
    )
    .await;
    let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", &server.uri())];
    let ended = whoami(&deployed(", account: '444455556666'"), &variables);
    check(&ended, 2, &["wrong account", "111122223333", "444455556666", "AWS_PROFILE"]);
    let ended = whoami(&deployed(", account: '111122223333'"), &variables);
    assert_eq!((ended.code, ended.told.as_str()), (Some(0), ""));
}
