//! An AWS of which a test says what it answers. What no test says anything of is there and empty.

#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The account, region and environment of all tests here.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-central-1";
/// What most names begin with.
pub(crate) const PREFIX: &str = "market-lake-lab";

/// A call as AWS gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service that the signature names.
    pub(crate) service: String,
    /// The call, `DescribeTasks`; of S3 method and path.
    pub(crate) name: String,
    pub(crate) body: String,
}

impl Call {
    fn of(request: &Request) -> Self {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let service = header("authorization")
            .and_then(|text| text.split("Credential=").nth(1)?.split('/').nth(3))
            .unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let path = request.url.path();
        let name = header("x-amz-target")
            .and_then(|target| target.rsplit('.').next())
            .or_else(|| body.strip_prefix("Action=")?.split('&').next())
            .or_else(|| path.split("/operation/").nth(1))
            .map_or_else(|| format!("{} {path}", request.method), ToOwned::to_owned);
        Self { service: service.to_owned(), name, body }
    }

    /// A field of a body in JSON.
    pub(crate) fn field(&self, name: &str) -> Value {
        serde_json::from_str::<Value>(&self.body).unwrap_or_default()[name].clone()
    }
}

/// What a call comes to.
pub(crate) enum Answer {
    Json(Value),
    Xml(String),
    /// Of CloudWatch, which speaks CBOR.
    Cbor(Vec<u8>),
    /// A refusal of a service that speaks JSON.
    Refused(&'static str, &'static str),
    /// A refusal of a service that speaks XML, with its status.
    RefusedXml(u16, &'static str),
}

/// A fake of AWS, and what it was asked.
pub(crate) struct Aws {
    server: MockServer,
    calls: Arc<Mutex<Vec<Call>>>,
}

struct Responder<F> {
    answer: F,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl<F: Fn(&Call) -> Option<Answer> + Send + Sync> Respond for Responder<F> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let call = Call::of(request);
        self.calls.lock().unwrap().push(call.clone());
        let said = (self.answer)(&call).or_else(|| empty(&call));
        let xml =
            |status, body: String| ResponseTemplate::new(status).set_body_raw(body, "text/xml");
        let cbor = |body: Vec<u8>| {
            ResponseTemplate::new(200)
                .insert_header("smithy-protocol", "rpc-v2-cbor")
                .set_body_raw(body, "application/cbor")
        };
        match said {
            Some(Answer::Json(value)) => ResponseTemplate::new(200).set_body_json(value),
            Some(Answer::Cbor(body)) => cbor(body),
            Some(Answer::Xml(body)) => xml(200, body),
            Some(Answer::Refused(code, message)) => ResponseTemplate::new(400)
                .insert_header("x-amzn-errortype", code)
                .set_body_json(json!({ "__type": code, "message": message })),
            Some(Answer::RefusedXml(status, code)) => xml(
                status,
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>x</Message>\
                     </Error></ErrorResponse>"
                ),
            ),
            // an empty map
            None if request.headers.contains_key("smithy-protocol") => cbor(vec![0xa0]),
            None => ResponseTemplate::new(200).set_body_json(json!({})),
        }
    }
}

/// What an account answers in which there is nothing.
fn empty(call: &Call) -> Option<Answer> {
    Some(match (call.service.as_str(), call.name.as_str()) {
        ("sts", _) => Answer::Xml(format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>x</UserId>\
             <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )),
        (_, "GET /_emulator/calls") => Answer::Json(json!([])),
        ("s3", _) => Answer::Xml(
            "<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>".to_owned(),
        ),
        ("glue", "GetDatabase" | "GetTable") => {
            Answer::Refused("EntityNotFoundException", "x not found")
        }
        _ => return None,
    })
}

/// How the program ended, and what it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) told: String,
}

impl Aws {
    /// One that answers as `answer` says, and is empty otherwise.
    pub(crate) async fn start(
        answer: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let server = MockServer::start().await;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let responder = Responder { answer, calls: Arc::clone(&calls) };
        Mock::given(any()).respond_with(responder).mount(&server).await;
        Self { server, calls }
    }

    /// Runs the program.
    pub(crate) fn cloud(&self, args: &[&str]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lake.yaml");
        let yaml = format!(
            "environment: lab\nsources: {{binance: {{url: 'http://127.0.0.1:9', markets: {{spot: \
             {{symbols: [BTCUSDT], range: {{from: 2024-01-01, to: 2024-01-01}}, datasets: \
             {{trades: {{}}}}}}}}}}}}\naws: {{region: {REGION}}}\n"
        );
        std::fs::write(&file, yaml).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_cloud"))
            .args(args)
            .arg("--config")
            .arg(&file)
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", self.server.uri())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), out: text(&output.stdout), told: text(&output.stderr) }
    }

    /// The bodies of a call, as often as it was made.
    pub(crate) fn bodies(&self, name: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.name == name).map(|call| call.body.clone()).collect()
    }

    /// How often a call was made.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| call.name == name).count()
    }
}
