//! Which form the lines of a unit have. What a form is stands in [`crate::form`].

use model::{Dataset, Unit};

use super::{Market, agg_trades, klines, trades};
use crate::form::Form;

/// The form of a unit's lines; `None` of a market that there is not.
pub(super) fn form_of(unit: &Unit) -> Option<&'static Form> {
    Some(match (unit.dataset, Market::of(unit.market)?) {
        (Dataset::Trades, Market::Spot) => &trades::SPOT,
        (Dataset::Trades, Market::Usdm) => &trades::USDM,
        (Dataset::Trades, Market::Coinm) => &trades::COINM,
        (Dataset::AggTrades, Market::Spot) => &agg_trades::SPOT,
        (Dataset::AggTrades, Market::Usdm) => &agg_trades::USDM,
        (Dataset::AggTrades, Market::Coinm) => &agg_trades::COINM,
        (Dataset::Klines, Market::Spot | Market::Usdm) => &klines::LINEAR,
        (Dataset::Klines, Market::Coinm) => &klines::COINM,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::MadeOf;
    use crate::rows::Slots;
    use model::schema::{ColumnType, PRICE, QUANTITY, Table};

    #[test]
    fn forms_fit_their_tables() {
        for id in [
            "binance/spot/trades/BTCUSDT/2024-01",
            "binance/usdm/trades/BTCUSDT/2024-01",
            "binance/coinm/trades/BTCUSD_PERP/2024-01",
            "binance/spot/agg_trades/BTCUSDT/2024-01",
            "binance/usdm/agg_trades/BTCUSDT/2024-01",
            "binance/coinm/agg_trades/BTCUSD_PERP/2024-01",
            "binance/spot/klines/BTCUSDT/1h/2024-01",
            "binance/usdm/klines/BTCUSDT/1h/2024-01",
            "binance/coinm/klines/BTCUSD_PERP/1h/2024-01",
        ] {
            let unit: Unit = id.parse().expect(id);
            let form = form_of(&unit).expect("a form");
            let columns = Table::of_dataset(unit.dataset).schema().file_columns();
            assert_eq!(form.columns.len(), columns.len(), "{id}");
            let mut used = Slots::default();
            for (from, column) in form.columns.iter().zip(columns) {
                let kind = match from {
                    MadeOf::Long(slot) => {
                        used.longs = used.longs.max(slot + 1);
                        ColumnType::Long
                    }
                    MadeOf::Instant(slot) => {
                        used.longs = used.longs.max(slot + 1);
                        ColumnType::Timestamp
                    }
                    MadeOf::Price(slot) => {
                        used.prices = used.prices.max(slot + 1);
                        PRICE
                    }
                    MadeOf::Amount(slot) => {
                        used.amounts = used.amounts.max(slot + 1);
                        QUANTITY
                    }
                    MadeOf::Flag(slot) => {
                        used.flags = used.flags.max(slot + 1);
                        ColumnType::Boolean
                    }
                    MadeOf::Null => {
                        assert!(column.nullable, "{id}: {}", column.name);
                        column.kind
                    }
                    MadeOf::Valid => ColumnType::Boolean,
                    MadeOf::Issues | MadeOf::Raw => ColumnType::Text,
                };
                assert_eq!(kind, column.kind, "{id}: {}", column.name);
            }
            assert_eq!(used, form.has, "{id}");
        }
    }
}
