//! What AWS asks, from ops/prices.yaml: the one place where estimates take prices from.

use serde::Deserialize;

/// Prices in US dollars.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// When they were looked at, such as `2025-11-01`.
    pub date: String,
    /// The region they are of.
    pub region: String,
    /// A TB (10¹² bytes) scanned by Athena.
    pub athena_tb_scanned: f64,
    /// An hour of a virtual CPU (ARM) on Fargate.
    pub fargate_arm_vcpu_hour: f64,
    /// An hour of a GB of memory (ARM) on Fargate.
    pub fargate_arm_gb_hour: f64,
    /// What Spot asks of the price on demand, about.
    pub fargate_spot_share: f64,
    /// A GB in S3 Standard a month.
    pub s3_standard_gb_month: f64,
    /// A GB in Glacier Instant Retrieval a month.
    pub s3_glacier_instant_gb_month: f64,
    /// 1000 writes to S3.
    pub s3_put_1000: f64,
    /// An alarm a month.
    pub cloudwatch_alarm_month: f64,
    /// A dashboard a month, beyond the three that are free.
    pub cloudwatch_dashboard_month: f64,
    /// A metric of our own a month.
    pub cloudwatch_metric_month: f64,
    /// A GB of logs taken in.
    pub cloudwatch_log_gb: f64,
    /// A GB of images a month.
    pub ecr_gb_month: f64,
    /// 1000 state transitions.
    pub state_transition_1000: f64,
    /// An hour of a NAT gateway.
    pub nat_gateway_hour: f64,
    /// An hour of an interface endpoint in one zone.
    pub interface_endpoint_hour: f64,
    /// An hour of a public IPv4 address.
    pub public_address_hour: f64,
    /// A key of our own a month.
    pub kms_key_month: f64,
}

/// What a query is paid for at least, in bytes.
const LEAST_SCAN: u64 = 10_000_000;

impl Prices {
    /// The prices of ops/prices.yaml.
    pub fn known() -> Self {
        // a test reads the same bytes, so this cannot fail in a program that was tested
        serde_saphyr::from_str(include_str!("../../../../ops/prices.yaml"))
            .unwrap_or_else(|error| panic!("ops/prices.yaml: {error}"))
    }

    /// What Athena asks for a query that scanned so many bytes, in dollars.
    pub fn scan(&self, bytes: u64) -> f64 {
        bytes.max(LEAST_SCAN) as f64 / 1e12 * self.athena_tb_scanned
    }

    /// The same in words.
    pub fn scan_words(&self, bytes: u64) -> String {
        format!("${:.5}", self.scan(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_cost_by_the_byte_with_a_minimum() {
        let prices = Prices::known();
        assert_eq!(prices.scan_words(0), "$0.00005");
        assert_eq!(prices.scan_words(1_000_000_000_000), "$5.00000");
    }
}
