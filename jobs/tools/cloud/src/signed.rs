//! Questions to services of which no more is asked than whether something is there: EC2, SNS,
//! Budgets. Their requests are signed and sent by hand: the SDK of EC2 alone takes longer to compile
//! than all others together. What they answer to, `there` knows.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sts::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use reqwest::redirect::Policy;

use crate::account::Cloud;
use crate::execution::now;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a service is asked that is busy, or does not answer.
const ATTEMPTS: u32 = 4;
/// Where services live that know no regions.
const GLOBAL: &str = "us-east-1";
/// What a form writes in another way: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A question.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The service, as signatures and hosts name it.
    service: &'static str,
    /// Whether it is one for all regions.
    is_global: bool,
    /// The call, of services that speak JSON.
    target: Option<&'static str>,
    body: String,
}

impl Question {
    /// A call of a service that takes forms and answers in XML.
    pub(crate) fn form(
        service: &'static str,
        version: &str,
        action: &str,
        parameter: (&str, &str),
    ) -> Self {
        let (name, value) = parameter;
        let value = percent_encoding::utf8_percent_encode(value, RESERVED);
        let body = format!("Action={action}&Version={version}&{name}={value}");
        Self { service, is_global: false, target: None, body }
    }

    /// A call of a service that speaks JSON.
    pub(crate) fn json(
        service: &'static str,
        target: &'static str,
        body: &serde_json::Value,
    ) -> Self {
        Self { service, is_global: false, target: Some(target), body: body.to_string() }
    }

    /// The same of a service that is one for all regions.
    pub(crate) fn for_all_regions(self) -> Self {
        Self { is_global: true, ..self }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Whether it is one, and no refusal.
    pub(crate) is_good: bool,
    /// Its text: XML or JSON.
    pub(crate) text: String,
}

impl Answer {
    /// The code of a refusal, `InvalidVpcID.NotFound`.
    pub(crate) fn code(&self) -> String {
        let json = serde_json::from_str::<serde_json::Value>(&self.text).ok();
        let code = match &json {
            Some(value) => value["__type"].as_str(),
            None => element(&self.text, "Code"),
        };
        // JSON names the code with its namespace
        code.and_then(|code| code.rsplit('#').next()).unwrap_or_default().to_owned()
    }
}

/// The text of the first element of a name.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Asks; again where the service is busy or does not answer.
pub(crate) async fn ask(cloud: &Cloud, question: &Question) -> anyhow::Result<Answer> {
    let service = question.service;
    let region = if question.is_global { GLOBAL } else { cloud.names.region.as_str() };
    let host = if question.is_global {
        format!("https://{service}.amazonaws.com/")
    } else {
        format!("https://{service}.{region}.amazonaws.com/")
    };
    let url = cloud.identity().endpoint.clone().unwrap_or(host);
    asked(question, &url, region, cloud.credentials())
        .await
        .with_context(|| format!("cannot ask {service}"))
}

async fn asked(
    question: &Question,
    url: &str,
    region: &str,
    provider: Option<SharedCredentialsProvider>,
) -> anyhow::Result<Answer> {
    // credentials that are not there, or have expired, do not come by waiting
    let credentials = provider.context("there are no credentials")?.provide_credentials().await?;
    // a signature is for one host
    let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build()?;
    let mut attempt = 1;
    loop {
        let answer = received(signed(&client, question, url, region, &credentials)?).await;
        let is_passing = match &answer {
            Ok((status, answer)) => *status >= 500 || is_throttled(&answer.code()),
            Err(_) => true,
        };
        if !is_passing || attempt == ATTEMPTS {
            return Ok(answer?.1);
        }
        tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
        attempt += 1;
    }
}

/// Whether a code says that the service was asked too often.
fn is_throttled(code: &str) -> bool {
    ["Throttl", "RequestLimitExceeded", "TooManyRequests"].iter().any(|word| code.contains(word))
}

/// A request with its signature, which is good for some minutes.
fn signed(
    client: &reqwest::Client,
    question: &Question,
    url: &str,
    region: &str,
    credentials: &Credentials,
) -> anyhow::Result<reqwest::RequestBuilder> {
    let kind = match question.target {
        Some(_) => "application/x-amz-json-1.1",
        None => "application/x-www-form-urlencoded; charset=utf-8",
    };
    let mut headers = vec![("content-type", kind)];
    headers.extend(question.target.map(|target| ("x-amz-target", target)));

    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(question.service)
        .time(now().into())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let body = SignableBody::Bytes(question.body.as_bytes());
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), body)?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();

    let mut request = client.post(url).body(question.body.clone());
    for (name, value) in headers.iter().copied().chain(instructions.headers()) {
        request = request.header(name, value);
    }
    Ok(request)
}

/// The status and the text of what comes back.
async fn received(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Answer)> {
    let answer = request.send().await?;
    let status = answer.status();
    Ok((status.as_u16(), Answer { is_good: status.is_success(), text: answer.text().await? }))
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{any, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// Asks a server once; what came of it, and how often it was asked.
    async fn asks(
        server: &MockServer,
        provider: Option<SharedCredentialsProvider>,
    ) -> (anyhow::Result<Answer>, usize) {
        let question = Question::form("ec2", "2016-11-15", "DescribeVpcs", ("VpcId.1", "vpc-0a"));
        let url = format!("{}/", server.uri());
        let answer = asked(&question, &url, "eu-central-1", provider).await;
        (answer, server.received_requests().await.unwrap_or_default().len())
    }

    fn somebody() -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"))
    }

    #[tokio::test]
    async fn without_credentials_nobody_is_asked() {
        let server = MockServer::start().await;
        let (answer, times) = asks(&server, None).await;
        assert_eq!(answer.unwrap_err().to_string(), "there are no credentials");
        assert_eq!(times, 0);
    }

    #[tokio::test]
    async fn a_service_that_is_busy_is_asked_again() {
        let server = MockServer::start().await;
        let busy = ResponseTemplate::new(400)
            .set_body_string(r#"{"__type":"x#TooManyRequestsException","message":"y"}"#);
        Mock::given(any()).respond_with(busy).up_to_n_times(1).mount(&server).await;
        let good = ResponseTemplate::new(200).set_body_string("good");
        Mock::given(any()).respond_with(good).mount(&server).await;
        let (answer, times) = asks(&server, Some(somebody())).await;
        assert_eq!((answer.unwrap().text.as_str(), times), ("good", 2));
    }

    #[tokio::test]
    async fn credentials_that_have_expired_are_not_sent_again() {
        let server = MockServer::start().await;
        let expired =
            ResponseTemplate::new(403).set_body_string("<Code>ExpiredTokenException</Code>");
        Mock::given(any()).respond_with(expired).mount(&server).await;
        let (answer, times) = asks(&server, Some(somebody())).await;
        assert_eq!((answer.unwrap().code().as_str(), times), ("ExpiredTokenException", 1));
    }

    #[tokio::test]
    async fn a_signed_question_goes_nowhere_else() {
        let server = MockServer::start().await;
        let elsewhere = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
        Mock::given(path("/")).respond_with(elsewhere).mount(&server).await;
        let good = ResponseTemplate::new(200);
        Mock::given(path("/elsewhere")).respond_with(good).mount(&server).await;
        let (answer, times) = asks(&server, Some(somebody())).await;
        assert_eq!((answer.unwrap().is_good, times), (false, 1));
    }

    #[test]
    fn refusals_are_read_in_both_languages() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Answer { is_good: false, text: text.to_owned() }.code(), expect);
        };
        check(
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>x</Message>\
             </Error></Errors></Response>",
            "InvalidVpcID.NotFound",
        );
        check(
            r#"{"__type":"com.amazonaws.x#NotFoundException","Message":"y"}"#,
            "NotFoundException",
        );
        check("gateway", "");
    }

    #[test]
    fn a_form_keeps_an_arn_whole() {
        let all = "a-b.c_d~e:f/g&h=i+j k%l";
        let written = percent_encoding::utf8_percent_encode(all, RESERVED).to_string();
        assert_eq!(written, "a-b.c_d~e%3Af%2Fg%26h%3Di%2Bj%20k%25l");
        let arn = "arn:aws:sns:eu-central-1:111122223333:a";
        let question = Question::form("sns", "2010-03-31", "GetTopicAttributes", ("TopicArn", arn));
        assert_eq!(
            question.body,
            "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1\
             %3A111122223333%3Aa"
        );
    }
}
