//! Questions to services of which no more is asked than whether something is there: EC2, SNS,
//! Budgets. Their requests are signed and sent by hand: the SDK of EC2 alone takes longer to compile
//! than all others together. What they answer to, `there` knows.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sts::config::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use crate::account::Cloud;
use crate::execution::now;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a service is asked that is busy, or does not answer.
const ATTEMPTS: u32 = 4;
/// Where services live that know no regions.
const GLOBAL: &str = "us-east-1";

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
        // names and ARNs hold nothing else that a form would take for its own
        let value = value.replace('%', "%25").replace('+', "%2B").replace('&', "%26");
        let value = value.replace(':', "%3A").replace('/', "%2F");
        let body = format!("Action={action}&Version={version}&{name}={value}");
        Self { service, is_global: false, target: None, body }
    }

    /// A call of a service for all regions that speaks JSON.
    pub(crate) fn json(
        service: &'static str,
        target: &'static str,
        body: &serde_json::Value,
    ) -> Self {
        Self { service, is_global: true, target: Some(target), body: body.to_string() }
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
    let mut attempt = 1;
    loop {
        let answer = ask_once(cloud, question).await;
        let is_passing = match &answer {
            Ok((status, answer)) => *status >= 500 || is_throttled(&answer.code()),
            Err(_) => true,
        };
        if !is_passing || attempt == ATTEMPTS {
            return answer
                .map(|(_, answer)| answer)
                .with_context(|| format!("cannot ask {service}"));
        }
        tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
        attempt += 1;
    }
}

fn is_throttled(code: &str) -> bool {
    code.contains("Throttl") || code.contains("RequestLimitExceeded")
}

async fn ask_once(cloud: &Cloud, question: &Question) -> anyhow::Result<(u16, Answer)> {
    let service = question.service;
    let region = if question.is_global { GLOBAL } else { cloud.names.region.as_str() };
    let host = if question.is_global {
        format!("https://{service}.amazonaws.com/")
    } else {
        format!("https://{service}.{region}.amazonaws.com/")
    };
    let url = cloud.identity().endpoint.clone().unwrap_or(host);
    let kind = match question.target {
        Some(_) => "application/x-amz-json-1.1",
        None => "application/x-www-form-urlencoded; charset=utf-8",
    };
    let mut headers = vec![("content-type", kind)];
    headers.extend(question.target.map(|target| ("x-amz-target", target)));

    let provider = cloud.credentials().context("there are no credentials")?;
    let identity = provider.provide_credentials().await?.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now().into())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let body = SignableBody::Bytes(question.body.as_bytes());
    let signable = SignableRequest::new("POST", url.as_str(), headers.iter().copied(), body)?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();

    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut request = client.post(&url).body(question.body.clone());
    for (name, value) in headers.iter().copied().chain(instructions.headers()) {
        request = request.header(name, value);
    }
    let answer = request.send().await?;
    let status = answer.status();
    Ok((status.as_u16(), Answer { is_good: status.is_success(), text: answer.text().await? }))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let arn = "arn:aws:sns:eu-central-1:111122223333:a";
        let question = Question::form("sns", "2010-03-31", "GetTopicAttributes", ("TopicArn", arn));
        assert_eq!(
            question.body,
            "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1\
             %3A111122223333%3Aa"
        );
    }
}
