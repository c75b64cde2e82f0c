//! The index of tags names what is gone: what a teardown left is what its own service says is there.

use serde_json::{Value, json};

use crate::aws::{ACCOUNT, Answer, Aws, Call, PREFIX, REGION};

fn arn(rest: &str) -> String {
    let (service, resource) = rest.split_once(' ').unwrap_or((rest, ""));
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn tagged(arns: &[String]) -> Answer {
    let list: Vec<Value> = arns.iter().map(|arn| json!({ "ResourceARN": arn })).collect();
    Answer::Json(json!({ "ResourceTagMappingList": list }))
}

/// What the services say of the things below.
fn services(call: &Call) -> Option<Answer> {
    Some(match (call.service.as_str(), call.name.as_str()) {
        ("ec2", "DescribeVpcs") => Answer::RefusedXml(400, "InvalidVpcID.NotFound"),
        ("ec2", "DescribeNatGateways") => Answer::Xml(
            "<DescribeNatGatewaysResponse><natGatewaySet><item><natGatewayId>nat-0a</natGatewayId>\
             <state>deleted</state></item></natGatewaySet></DescribeNatGatewaysResponse>"
                .to_owned(),
        ),
        ("ec2", "DescribeVpcEndpoints") => Answer::Xml(
            "<DescribeVpcEndpointsResponse><vpcEndpointSet><item><vpcEndpointId>vpce-0a\
             </vpcEndpointId><state>deleting</state></item></vpcEndpointSet>\
             </DescribeVpcEndpointsResponse>"
                .to_owned(),
        ),
        ("ec2", "DescribeSubnets") => Answer::Xml(
            "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-0a</subnetId><state>\
             available</state></item></subnetSet></DescribeSubnetsResponse>"
                .to_owned(),
        ),
        ("ecs", "DescribeTaskDefinition") => {
            Answer::Json(json!({ "taskDefinition": { "status": "INACTIVE" } }))
        }
        ("kms", "DescribeKey") => Answer::Json(json!({ "KeyMetadata": {
            "KeyState": if call.body.contains("key/0a") { "PendingDeletion" } else { "Enabled" },
        } })),
        ("sns", _) => Answer::RefusedXml(403, "AuthorizationError"),
        ("budgets", "DescribeBudget") => Answer::Refused("NotFoundException", "x"),
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_told_apart_from_what_has_tags() {
    let there = [arn("ec2 subnet/subnet-0a"), arn("ec2 vpc-endpoint/vpce-0a"), arn("kms key/0b")];
    let gone = [
        arn("ec2 vpc/vpc-0a"),
        arn("ec2 natgateway/nat-0a"),
        arn(&format!("ecs task-definition/{PREFIX}-gold:3")),
        format!("arn:aws:budgets::{ACCOUNT}:budget/{PREFIX}"),
        arn("glue database/market_lake_lab_gold"),
        arn(&format!("ecs task/{PREFIX}/0a1b")),
        arn("logs log-group:/market-lake/lab/gold"),
        arn("kms key/0a"),
    ];
    let unclear = [arn(&format!("sns {PREFIX}-alarms")), arn("lambda function:x")];
    let all = [there.as_slice(), &gone, &unclear].concat();
    let aws = Aws::start(move |call| match call.name.as_str() {
        "GetResources" => Some(tagged(&all)),
        _ => services(call),
    })
    .await;
    let ended = aws.cloud(&["leftovers", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    let said: Value = serde_json::from_str(&ended.out).expect(&ended.out);
    let sorted = |arns: &[String]| {
        let mut arns = arns.to_vec();
        arns.sort();
        json!(arns)
    };
    assert_eq!(said["left"], sorted(&there), "{said}");
    assert_eq!(said["lagging"], sorted(&gone), "{said}");
    let why = |arn: &String| said["unconfirmed"][arn].as_str().unwrap_or_default().to_owned();
    assert!(why(&unclear[0]).contains("may not ask"), "{said}");
    assert!(why(&unclear[1]).contains("no call is known"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_lags_is_no_leftover() {
    let aws = Aws::start(|call| match call.name.as_str() {
        "GetResources" => Some(tagged(&[arn("ec2 vpc/vpc-0a")])),
        _ => services(call),
    })
    .await;
    let ended = aws.cloud(&["leftovers"]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.told);
    assert!(ended.out.contains("index of tags still names 1 thing"), "{}", ended.out);
    assert!(ended.out.ends_with("nothing of environment lab is left\n"), "{}", ended.out);
}

/// A text, a list and a map in CBOR, each of few bytes or items.
fn text(text: &str) -> Vec<u8> {
    [vec![0x78, text.len() as u8], text.as_bytes().to_vec()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [vec![0x80 + items.len() as u8], items.concat()].concat()
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs = fields.iter().flat_map(|(name, value)| [text(name), value.clone()]);
    [vec![0xa0 + fields.len() as u8], pairs.collect::<Vec<_>>().concat()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_of_both_kinds_and_of_all_pages_are_found() {
    let alarm = |name: &str| arn(&format!("cloudwatch alarm:{PREFIX}-{name}"));
    let (metric, composite) = (alarm("failed-runs"), alarm("anything"));
    let both = json!([composite, metric]);
    let aws = Aws::start(move |call| {
        if call.name != "DescribeAlarms" {
            return None;
        }
        let alarms = |arn: &str| list(&[map(&[("AlarmArn", text(arn))])]);
        Some(Answer::Cbor(if call.body.contains("NextToken") {
            map(&[("CompositeAlarms", alarms(&composite))])
        } else {
            map(&[("MetricAlarms", alarms(&metric)), ("NextToken", text("more"))])
        }))
    })
    .await;
    let ended = aws.cloud(&["leftovers", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.told);
    let said: Value = serde_json::from_str(&ended.out).expect(&ended.out);
    assert_eq!(said["left"], both, "{said}");
    for body in aws.bodies("DescribeAlarms") {
        // who asks for none is told of the first kind alone
        assert!(body.contains("MetricAlarm") && body.contains("CompositeAlarm"), "{body}");
    }
}
