//! The door to AWS: configuration, credentials, clients, and whether this is the right account.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use model::config::Aws;
use model::exit::Exit;
use serde::Serialize;

use crate::names::Names;
use crate::trouble::told;

/// A command line or configuration that cannot be meant, with its exit code.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// The exit code of an error.
pub(crate) fn exit(error: &anyhow::Error) -> Exit {
    let usage = error.is::<Wrong>() || error.is::<model::config::BadConfig>();
    if usage { Exit::Usage } else { Exit::Failed }
}

/// Whose credentials these are.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Identity {
    /// The account.
    pub(crate) account: String,
    /// Who.
    pub(crate) arn: String,
    /// The region that the environment is in.
    pub(crate) region: String,
    /// The environment.
    pub(crate) environment: String,
    /// The endpoint, where it is not AWS itself.
    pub(crate) endpoint: Option<String>,
}

/// One deployment in one account.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    /// Its names.
    pub(crate) names: Names,
    /// The section `aws:` of its configuration.
    pub(crate) aws: Aws,
    sdk: SdkConfig,
    identity: Identity,
}

impl Cloud {
    /// Reads the configuration and asks whose credentials these are.
    pub(crate) async fn open(file: &Path) -> anyhow::Result<Self> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read configuration `{name}`"))?;
        let config = source::Providers::ALL.read(&name, &text)?;
        let environment = config.environment.value.clone();
        let Some(aws) = config.aws else {
            bail!(Wrong(format!(
                "{name} has no section `aws:`, so environment {environment} is not deployed; add \
                 `aws: {{region: eu-central-1}}` or choose another environment"
            )));
        };
        let region = aws.region.value.clone();
        #[expect(clippy::disallowed_methods, reason = "the SDKs' own variable, not one of ours")]
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let timeout = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_mins(2));
        // an emulator that is not there is not there a second later either
        let attempts = if endpoint.is_some() { 2 } else { 5 };
        let sdk = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.clone()))
            .timeout_config(timeout.build())
            .retry_config(RetryConfig::standard().with_max_attempts(attempts))
            .load()
            .await;
        let caller = aws_sdk_sts::Client::new(&sdk)
            .get_caller_identity()
            .send()
            .await
            .map_err(told("ask AWS whose credentials these are"))?;
        let account = caller.account().unwrap_or_default().to_owned();
        if let Some(wanted) = aws.account.as_ref().filter(|wanted| wanted.value != account) {
            bail!(Wrong(format!(
                "wrong account: the credentials are of {account}, {name} says aws.account {}; \
                 choose other credentials with AWS_PROFILE",
                wanted.value
            )));
        }
        let identity = Identity {
            account: account.clone(),
            arn: caller.arn().unwrap_or_default().to_owned(),
            region: region.clone(),
            environment: environment.clone(),
            endpoint,
        };
        Ok(Self { names: Names { environment, region, account }, aws, sdk, identity })
    }

    /// The page of an execution in the console; none where AWS is an emulated one.
    pub(crate) fn console(&self, execution: &str) -> Option<String> {
        self.identity.endpoint.is_none().then(|| self.names.console(execution))
    }

    /// Whose credentials these are.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What requests are signed with that no SDK makes.
    pub(crate) fn credentials(&self) -> Option<aws_sdk_sts::config::SharedCredentialsProvider> {
        self.sdk.credentials_provider()
    }

    /// How often calls are tried of which AWS takes few a second, as of tests and simulations.
    fn patience(&self) -> RetryConfig {
        let attempts = if self.identity.endpoint.is_some() { 2 } else { 12 };
        RetryConfig::standard().with_max_attempts(attempts)
    }

    /// Roles and their policies.
    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(&self.sdk).retry_config(self.patience());
        aws_sdk_iam::Client::from_conf(config.build())
    }

    /// How much of a service the account may use.
    pub(crate) fn quotas(&self) -> aws_sdk_servicequotas::Client {
        aws_sdk_servicequotas::Client::new(&self.sdk)
    }

    /// Step Functions.
    pub(crate) fn sfn(&self) -> aws_sdk_sfn::Client {
        let config = aws_sdk_sfn::config::Builder::from(&self.sdk).retry_config(self.patience());
        aws_sdk_sfn::Client::from_conf(config.build())
    }

    /// S3; by path where it is not AWS's own.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(self.identity.endpoint.is_some());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Logs.
    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.sdk)
    }

    /// Alarms.
    pub(crate) fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(&self.sdk)
    }

    /// Queues.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    /// SQL.
    pub(crate) fn athena(&self) -> aws_sdk_athena::Client {
        aws_sdk_athena::Client::new(&self.sdk)
    }

    /// The catalog.
    pub(crate) fn glue(&self) -> aws_sdk_glue::Client {
        aws_sdk_glue::Client::new(&self.sdk)
    }

    /// Images.
    pub(crate) fn ecr(&self) -> aws_sdk_ecr::Client {
        aws_sdk_ecr::Client::new(&self.sdk)
    }

    /// Clusters and task definitions.
    pub(crate) fn ecs(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.sdk)
    }

    /// Resources by tag.
    pub(crate) fn tagging(&self) -> aws_sdk_resourcegroupstagging::Client {
        aws_sdk_resourcegroupstagging::Client::new(&self.sdk)
    }
}
