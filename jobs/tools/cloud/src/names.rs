//! The names of a deployment, from its environment, account and region. Terraform gives the same
//! ones (infra/modules); with them every command finds its way without Terraform's state.

/// The names of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The environment, `dev`.
    pub(crate) environment: String,
    /// The region, `eu-central-1`.
    pub(crate) region: String,
    /// The account, 12 digits.
    pub(crate) account: String,
}

impl Names {
    /// What most names begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("market-lake-{}", self.environment)
    }

    /// The lake's bucket.
    pub(crate) fn bucket(&self) -> String {
        format!("{}-{}-{}", self.prefix(), self.account, self.region)
    }

    /// The state machine's ARN.
    pub(crate) fn machine(&self) -> String {
        format!(
            "arn:aws:states:{}:{}:stateMachine:{}-pipeline",
            self.region,
            self.account,
            self.prefix()
        )
    }

    /// The ARN of the state machine that maintains the tables.
    pub(crate) fn maintenance(&self) -> String {
        format!(
            "arn:aws:states:{}:{}:stateMachine:{}-maintain",
            self.region,
            self.account,
            self.prefix()
        )
    }

    /// The log group of a stage.
    pub(crate) fn log_group(&self, stage: &str) -> String {
        format!("/market-lake/{}/{stage}", self.environment)
    }

    /// What the names of all ECR repositories begin with.
    pub(crate) fn repositories(&self) -> String {
        format!("market-lake/{}/", self.environment)
    }

    /// The Athena workgroup.
    pub(crate) fn workgroup(&self) -> String {
        self.prefix()
    }

    /// The Glue database of a schema: `market_lake_dev_silver`.
    pub(crate) fn database(&self, schema: &str) -> String {
        format!("market_lake_{}_{schema}", self.environment.replace('-', "_"))
    }

    /// The queue of batches that failed for good.
    pub(crate) fn dead_letters(&self) -> String {
        format!("{}-failed-batches", self.prefix())
    }

    /// The page of an execution in the console.
    pub(crate) fn console(&self, execution: &str) -> String {
        format!(
            "https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}",
            region = self.region
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_terraform_gives_them() {
        let names = Names {
            environment: "my-dev".into(),
            region: "eu-central-1".into(),
            account: "123456789012".into(),
        };
        assert_eq!(names.bucket(), "market-lake-my-dev-123456789012-eu-central-1");
        assert_eq!(
            names.machine(),
            "arn:aws:states:eu-central-1:123456789012:stateMachine:market-lake-my-dev-pipeline"
        );
        assert_eq!(
            names.maintenance(),
            "arn:aws:states:eu-central-1:123456789012:stateMachine:market-lake-my-dev-maintain"
        );
        assert_eq!(names.database("gold"), "market_lake_my_dev_gold");
        assert_eq!(names.log_group("plan"), "/market-lake/my-dev/plan");
    }
}
