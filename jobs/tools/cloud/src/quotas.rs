//! Whether the account may run as many tasks at once as the environment wants: Fargate's quotas of
//! virtual processors, of which a new account has few. Nothing fails for it at once, so it is told
//! before a deployment: what is above waits, and a batch that waits for too long is set aside.

use aws_sdk_servicequotas::error::ProvideErrorMetadata as _;
use aws_sdk_servicequotas::types::ServiceQuota;
use model::config::Aws;
use serde::Serialize;

use crate::account::Cloud;
use crate::trouble::is_absent;

/// The service, as quotas name it.
const SERVICE: &str = "fargate";
/// Units of a task's `cpu` in a virtual processor.
const VCPU: f64 = 1_024.0;
/// The stages that one map runs many tasks of: those over batches, and that over symbols.
const MAPPED: [&str; 3] = ["bronze", "silver", "gold"];
/// Those of them that may run on Spot.
const ON_SPOT: [&str; 2] = ["bronze", "silver"];

/// One of the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Kind {
    OnDemand,
    Spot,
}

impl Kind {
    const fn code(self) -> &'static str {
        match self {
            Self::OnDemand => "L-3032A538",
            Self::Spot => "L-36FBB829",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::OnDemand => "Fargate on demand",
            Self::Spot => "Fargate Spot",
        }
    }
}

/// What an environment wants of a quota.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Wish {
    kind: Kind,
    /// The stage that wants most.
    stage: &'static str,
    /// Tasks at once.
    tasks: u32,
    /// Virtual processors of a task.
    vcpu: f64,
}

impl Wish {
    fn all(&self) -> f64 {
        f64::from(self.tasks) * self.vcpu
    }
}

/// What an environment wants at most at one time: of each kind the stage with the largest tasks.
fn wishes(aws: &Aws) -> Vec<Wish> {
    let tasks = aws.map.concurrency.value;
    let of = |kind, stages: &[&'static str]| {
        let vcpu = |stage: &str| f64::from(aws.task(stage).cpu) / VCPU;
        let largest = stages.iter().copied().max_by(|a, b| vcpu(a).total_cmp(&vcpu(b)))?;
        Some(Wish { kind, stage: largest, tasks, vcpu: vcpu(largest) })
    };
    let (spot, on_demand): (Vec<&str>, Vec<&str>) =
        MAPPED.iter().copied().partition(|stage| aws.spot && ON_SPOT.contains(stage));
    [of(Kind::OnDemand, &on_demand), of(Kind::Spot, &spot)].into_iter().flatten().collect()
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Told {
    #[serde(flatten)]
    wish: Wish,
    /// Virtual processors that the account may have; none where nobody tells.
    quota: Option<f64>,
    /// In words.
    words: String,
}

/// `quotas`: always exit code 0, for what waits is no failure.
pub(crate) async fn quotas(cloud: &Cloud, json: bool) -> anyhow::Result<u8> {
    let mut all = Vec::new();
    for wish in wishes(&cloud.aws) {
        let (quota, words) = match quota(cloud, wish.kind).await {
            Ok(quota) => (Some(quota), judged(&wish, quota, &cloud.names.region)),
            Err(why) => (None, not_told(&wish, &why)),
        };
        all.push(Told { wish, quota, words });
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        for told in &all {
            println!("{}", told.words);
        }
    }
    Ok(0)
}

/// A quota of the account; the reason in words where nobody tells it.
async fn quota(cloud: &Cloud, kind: Kind) -> Result<f64, String> {
    let client = cloud.quotas();
    let call = client.get_service_quota().service_code(SERVICE).quota_code(kind.code());
    let why = match call.send().await {
        Ok(answer) => match answer.quota().and_then(ServiceQuota::value) {
            Some(value) => return Ok(value),
            None => "the answer holds no value".to_owned(),
        },
        // an account that never asked for more may have none of its own
        Err(error) if is_absent(&error) => {
            let call = client.get_aws_default_service_quota();
            let answer = call.service_code(SERVICE).quota_code(kind.code()).send().await;
            match answer.map(|answer| answer.quota().and_then(ServiceQuota::value)) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => "the answer holds no value".to_owned(),
                Err(error) => error.code().unwrap_or("no answer").to_owned(),
            }
        }
        Err(error) => error.code().unwrap_or("no answer").to_owned(),
    };
    Err(why)
}

fn judged(wish: &Wish, quota: f64, region: &str) -> String {
    let (kind, all) = (wish.kind.words(), wish.all());
    let wanted = format!(
        "{} tasks of {} with {} vCPU each want {} vCPU of {kind}",
        wish.tasks, wish.stage, wish.vcpu, all
    );
    let has = quota;
    if all <= quota {
        return format!("quota: {wanted}; the account may have {has}");
    }
    let fit = (quota / wish.vcpu).floor() as u32;
    let advice = if fit == 0 {
        String::new()
    } else {
        format!(", or set `aws.map.concurrency: {fit}` in lake.yaml")
    };
    format!(
        "quota: {wanted}; the account may have {has}, so {} of them would wait\n  ask for more with \
         `aws service-quotas request-service-quota-increase --service-code {SERVICE} --quota-code {} \
         --desired-value {} --region {region}`{advice}",
        wish.tasks.saturating_sub(fit),
        wish.kind.code(),
        all.ceil()
    )
}

fn not_told(wish: &Wish, why: &str) -> String {
    format!(
        "quota: not known here whether {} vCPU of {} are within the account's ({why}); Service \
         Quotas in the console tells, AWS Fargate, {}",
        wish.all(),
        wish.kind.words(),
        wish.kind.code()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(kind: Kind, tasks: u32, vcpu: f64) -> Wish {
        Wish { kind, stage: "silver", tasks, vcpu }
    }

    #[test]
    fn what_is_wanted_is_the_largest_stage_of_each_kind() {
        let mut aws = Aws::defaults("eu-central-1");
        aws.map.concurrency.value = 16;
        let of = |aws: &Aws| -> Vec<(Kind, &str, u32)> {
            wishes(aws).iter().map(|w| (w.kind, w.stage, w.tasks)).collect()
        };
        assert_eq!(of(&aws), [(Kind::OnDemand, "gold", 16), (Kind::Spot, "silver", 16)]);
        aws.spot = false;
        let all = of(&aws);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].0, Kind::OnDemand);
    }

    #[test]
    fn what_would_wait_is_told_with_what_to_type() {
        let text = judged(&wish(Kind::Spot, 16, 2.0), 6.0, "eu-central-1");
        assert_eq!(
            text,
            "quota: 16 tasks of silver with 2 vCPU each want 32 vCPU of Fargate Spot; the account \
             may have 6, so 13 of them would wait\n  ask for more with `aws service-quotas \
             request-service-quota-increase --service-code fargate --quota-code L-36FBB829 \
             --desired-value 32 --region eu-central-1`, or set `aws.map.concurrency: 3` in lake.yaml"
        );
        let text = judged(&wish(Kind::OnDemand, 2, 0.5), 6.0, "x");
        assert_eq!(
            text,
            "quota: 2 tasks of silver with 0.5 vCPU each want 1 vCPU of Fargate on demand; the \
             account may have 6"
        );
        let text = judged(&wish(Kind::OnDemand, 2, 2.0), 0.0, "x");
        assert!(
            text.contains("so 2 of them would wait") && !text.contains("concurrency"),
            "{text}"
        );
    }
}
