//! What would wait is told with what to type; what nobody tells stops no deployment.

use serde_json::json;

use crate::aws::{Answer, Aws};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_a_quota_is_told() {
    let aws = Aws::start(|call| match (call.name.as_str(), call.field("QuotaCode").as_str()) {
        // of Spot the account has none of its own, so the default holds
        ("GetServiceQuota", Some("L-36FBB829")) => {
            Some(Answer::Refused("NoSuchResourceException", "x"))
        }
        ("GetAWSDefaultServiceQuota", Some("L-36FBB829")) => {
            Some(Answer::Json(json!({ "Quota": { "Value": 6.0 } })))
        }
        ("GetServiceQuota", Some("L-3032A538")) => {
            Some(Answer::Refused("AccessDeniedException", "x"))
        }
        _ => None,
    })
    .await;
    let ended = aws.cloud(&["quotas"]);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[0].contains("not known here") && lines[0].contains("AccessDenied"), "{lines:?}");
    assert!(lines[0].contains("L-3032A538"), "{lines:?}");
    // 8 tasks at once by default
    assert!(lines[1].contains("the account may have 6, so 2 of them would wait"), "{lines:?}");
    assert!(lines[2].contains("--quota-code L-36FBB829 --desired-value 8"), "{lines:?}");
    assert!(lines[2].contains("aws.map.concurrency: 6"), "{lines:?}");
}
