//! What Twelve Data's answers about splits and dividends look like.

use super::super::company;
use super::super::{Ask, Reply, State, fixed};
use super::{Failure, Kind, NEW_YORK, NO_SYMBOL, asset, local};

/// What either costs.
pub(super) const CREDITS: u64 = 20;

/// The answer to a request that is in order. The day ends in New York.
pub(super) fn reply(state: &State, ask: &Ask) -> Result<Reply, Failure> {
    let asset = asset(ask.params.text("symbol")).filter(|asset| asset.kind == Kind::Stock);
    let asset = asset.ok_or_else(|| (404, NO_SYMBOL.to_owned()))?;
    let today = local(NEW_YORK, ask.now).date();
    let rows: Vec<String> = if ask.path == "splits" {
        let splits = company::splits(asset, today).into_iter();
        splits
            .map(|(day, new)| {
                let ratio = fixed(100_000_000 / new.max(1), 5);
                format!(
                    r#"{{"date":"{day}","description":"{new}-for-1 split","ratio":{ratio},"from_factor":{new},"to_factor":1}}"#
                )
            })
            .collect()
    } else {
        let dividends = company::dividends(state.options.seed, asset, today).into_iter();
        dividends
            .map(|paid| {
                format!(r#"{{"ex_date":"{}","amount":{}}}"#, paid.ex, fixed(paid.amount, 5))
            })
            .collect()
    };
    Ok(Reply::json(
        200,
        format!(
            r#"{{"meta":{{"symbol":"{}","name":"{}","currency":"USD","exchange":"{}","mic_code":"{}","exchange_timezone":"{}"}},"{}":[{}]}}"#,
            asset.symbol,
            asset.name,
            asset.exchange,
            asset.mic,
            NEW_YORK.name(),
            ask.path,
            rows.join(",")
        ),
    ))
}
