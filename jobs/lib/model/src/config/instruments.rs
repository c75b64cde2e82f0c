//! What a configuration says of an instrument: what neither its name nor a listing tells.

use serde::Deserialize;

use crate::decimal::Decimal;
use crate::instrument::{BEGINNING, Facts, Statement};
use crate::{Day, Symbol};

/// What is said of an instrument, from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstrumentConfig {
    /// The first day on which it holds. Only the first of several may lack it.
    pub from: Option<Day>,
    /// What is priced.
    pub base: Option<String>,
    /// What the price counts.
    pub quote: Option<String>,
    /// The national currency of the price (ISO 4217).
    pub currency: Option<String>,
    /// The zone of the venue's hours.
    pub time_zone: Option<String>,
    /// The least step of the price.
    pub tick_size: Option<Decimal>,
    /// The least step of the quantity.
    pub lot_size: Option<Decimal>,
    /// The first day of trading.
    pub listed_from: Option<Day>,
    /// The last day of trading.
    pub listed_to: Option<Day>,
    /// What it was called before.
    pub renamed_from: Option<Symbol>,
    /// What it is called since.
    pub renamed_to: Option<Symbol>,
}

impl InstrumentConfig {
    /// What it states.
    pub fn statement(&self) -> Statement {
        let Self { from, listed_from, listed_to, .. } = *self;
        let Self { tick_size, lot_size, .. } = *self;
        let of = |text: &Option<String>| text.clone();
        let facts = Facts {
            base: of(&self.base),
            quote: of(&self.quote),
            currency: of(&self.currency),
            time_zone: of(&self.time_zone),
            tick_size,
            lot_size,
            listed_from,
            listed_to,
            renamed_from: self.renamed_from.clone(),
            renamed_to: self.renamed_to.clone(),
            // these nobody but a source can know
            status: None,
            contract_type: None,
        };
        Statement { from, goes_on: false, facts }
    }

    fn fault(&self) -> Option<String> {
        for (key, asset) in [("base", &self.base), ("quote", &self.quote)] {
            if let Some(asset) = asset
                && asset.parse::<Symbol>().is_err()
            {
                return Some(format!("{key} `{}`, expected such as BTC", asset.escape_debug()));
            }
        }
        let is_currency =
            |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
        if let Some(currency) = self.currency.as_ref().filter(|text| !is_currency(text)) {
            let found = currency.escape_debug();
            return Some(format!("currency `{found}`, expected three capitals such as USD"));
        }
        let is_zone = |text: &str| {
            (1..=40).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_/+-".contains(&b))
        };
        if let Some(zone) = self.time_zone.as_ref().filter(|text| !is_zone(text)) {
            let found = zone.escape_debug();
            return Some(format!("time_zone `{found}`, expected such as America/New_York"));
        }
        for (key, size) in [("tick_size", self.tick_size), ("lot_size", self.lot_size)] {
            if size.is_some_and(|size| size.units() == 0) {
                return Some(format!("{key} 0, expected more, such as 0.01"));
            }
        }
        if let (Some(from), Some(to)) = (self.listed_from, self.listed_to)
            && from > to
        {
            return Some(format!("listed_from {from} is after listed_to {to}"));
        }
        None
    }
}

/// What is wrong with what is said of one instrument, and with which entry.
pub(super) fn check<'a>(
    told: impl Iterator<Item = &'a InstrumentConfig>,
) -> Result<(), (usize, String)> {
    let mut before: Option<Option<Day>> = None;
    for (place, one) in told.enumerate() {
        let fault = match (before, one.from) {
            (Some(_), None) => Some("only the first entry may lack `from`".to_owned()),
            (Some(Some(before)), Some(from)) if from <= before => {
                Some(format!("from {from}, expected a day after {before}"))
            }
            (_, Some(from)) if from <= Day::new(BEGINNING) => {
                Some(format!("from {from}, expected a day after {BEGINNING}"))
            }
            _ => one.fault(),
        };
        if let Some(why) = fault {
            return Err((place, why));
        }
        before = Some(one.from);
    }
    if before.is_some() { Ok(()) } else { Err((0, "it says nothing".to_owned())) }
}
