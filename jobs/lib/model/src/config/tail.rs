//! How a source is asked for what no archive of its holds yet. Which sources can be, and where, is known
//! to their providers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RequestLimits;
use crate::market::{Dataset, Market};

/// The tail of a source's series: what its API says of today, and of days whose archives are not there
/// yet. The archives replace it as they come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// How many minutes after a minute's end it is asked for, 1 to 60.
    pub minutes: u32,
    /// Of which datasets it is asked. Trades are many requests a day, and are asked for where somebody
    /// wants them.
    #[serde(default = "bars")]
    pub datasets: Vec<Dataset>,
    /// The APIs' hosts by market, without a slash at their ends, where they are not the source's own.
    #[serde(default)]
    pub urls: BTreeMap<Market, String>,
    /// What may be asked of each host, in the source's own weights; default: half of what the source
    /// allows.
    #[serde(default)]
    pub limits: Option<RequestLimits>,
}

/// What is asked for where nothing else is said.
fn bars() -> Vec<Dataset> {
    vec![Dataset::Klines]
}
