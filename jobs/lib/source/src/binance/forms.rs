//! Which form the lines of a unit have. What a form is stands in [`crate::form`].

use model::{Dataset, Unit};

use super::{Market, agg_trades, funding, klines, metrics, price_klines, quotes, trades};
use crate::form::Form;

/// The form of a unit's lines; `None` of what the market does not have.
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
        (_, Market::Spot) => return None,
        (Dataset::MarkKlines | Dataset::IndexKlines, _) => &price_klines::PRICE,
        (Dataset::PremiumKlines, _) => &price_klines::PREMIUM,
        (Dataset::Funding, _) => &funding::FORM,
        (Dataset::Quotes, _) => &quotes::FORM,
        (Dataset::Metrics, _) => &metrics::FORM,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::MadeOf;
    use crate::rows::Slots;
    use model::schema::{ColumnType, FINE, PRICE, QUANTITY, Table};

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
            "binance/usdm/mark_klines/BTCUSDT/1h/2024-01",
            "binance/coinm/premium_klines/BTCUSD_PERP/1h/2024-01",
            "binance/usdm/funding/BTCUSDT/2024-01",
            "binance/usdm/quotes/BTCUSDT/2024-01",
            "binance/usdm/metrics/BTCUSDT/2024-01-01",
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
                    MadeOf::MaybePrice(slot) => {
                        assert!(column.nullable, "{id}: {}", column.name);
                        used.prices = used.prices.max(slot + 1);
                        PRICE
                    }
                    MadeOf::MaybeFine(slot) => {
                        assert!(column.nullable, "{id}: {}", column.name);
                        used.amounts = used.amounts.max(slot + 1);
                        FINE
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
            // the instant that decides the partition may be none of the columns
            used.longs = used.longs.max(form.time + 1);
            assert_eq!(used, form.has, "{id}");
        }
    }
}
