//! `gold.indicators`: a row a bar, in files of a month each. What an indicator is, is in [`series::indicators`].
//!
//! A value may rest on all bars before it, and on none after it. So of months before the first one that was
//! made anew nothing changes, and of all others everything may.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, RecordBatch};
use model::schema::Table;
use series::indicators::Indicators;

use crate::analysis::Analysis;
use crate::columns::{instants, prices, words};
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let settings = piece.workshop.settings.indicators.words();
        let rows = |of| rows(&analysis, &settings, of);
        let (first, opens) = (piece.first_month(), &analysis.bars.open_us);
        piece.replace_months(Table::Indicators, timeframe, first, opens, rows).await?;
    }
    piece.drop_others(Table::Indicators).await
}

fn rows(analysis: &Analysis, settings: &str, of: Range<usize>) -> anyhow::Result<RecordBatch> {
    let Analysis { bars, indicators, .. } = analysis;
    let Indicators {
        sma_short,
        sma_long,
        ema_fast,
        ema_slow,
        ema_short,
        ema_long,
        macd,
        macd_signal,
        macd_histogram,
        rsi,
        bollinger_middle,
        bollinger_upper,
        bollinger_lower,
        bollinger_width,
        atr,
        roc,
        obv,
        session_vwap,
        volatility_short,
        volatility_long,
        bars_short,
        bars_long,
        bars_unbroken,
    } = indicators;
    let obv: Decimal128Array = obv[of.clone()].iter().copied().collect();
    let doubles = |values: &Vec<Option<f64>>| -> ArrayRef {
        Arc::new(values[of.clone()].iter().copied().collect::<Float64Array>())
    };
    let counts =
        |values: &Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(values[of.clone()].to_vec())) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("open_time", instants(bars.open_us[of.clone()].iter().copied())),
        ("close", prices(&bars.close[of.clone()])?),
        ("sma_short", doubles(sma_short)),
        ("sma_long", doubles(sma_long)),
        ("ema_fast", doubles(ema_fast)),
        ("ema_slow", doubles(ema_slow)),
        ("ema_short", doubles(ema_short)),
        ("ema_long", doubles(ema_long)),
        ("macd", doubles(macd)),
        ("macd_signal", doubles(macd_signal)),
        ("macd_histogram", doubles(macd_histogram)),
        ("rsi", doubles(rsi)),
        ("bollinger_middle", doubles(bollinger_middle)),
        ("bollinger_upper", doubles(bollinger_upper)),
        ("bollinger_lower", doubles(bollinger_lower)),
        ("bollinger_width", doubles(bollinger_width)),
        ("atr", doubles(atr)),
        ("roc", doubles(roc)),
        ("obv", Arc::new(obv.with_precision_and_scale(38, 8)?)),
        ("session_vwap", doubles(session_vwap)),
        ("volatility_short", doubles(volatility_short)),
        ("volatility_long", doubles(volatility_long)),
        ("bars_short", counts(bars_short)),
        ("bars_long", counts(bars_long)),
        ("bars_unbroken", counts(bars_unbroken)),
        ("settings", words(std::iter::repeat_n(settings, of.len()))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}
