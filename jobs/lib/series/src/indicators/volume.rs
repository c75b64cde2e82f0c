//! What rests on volumes: on-balance volume, and the session's VWAP.

use super::exact::double;
use crate::bars::Bars;

/// The greatest whole number of 38 digits: what a decimal column holds.
const MAX: i128 = 10_i128.pow(38) - 1;

/// On-balance volume in units of 1e-8: the first bar's volume, then each bar's added where the close rises and
/// taken off where it falls. None from the first bar on whose volume nobody states.
pub(super) fn on_balance(bars: &Bars) -> Vec<Option<i128>> {
    let mut balance = Some(0_i128);
    (0..bars.len())
        .map(|i| {
            let sign = if i == 0 { 1 } else { bars.close[i].cmp(&bars.close[i - 1]) as i128 };
            balance = balance
                .zip(bars.volume[i])
                .and_then(|(balance, volume)| balance.checked_add(sign * volume))
                .filter(|balance| (-MAX..=MAX).contains(balance));
            balance
        })
        .collect()
}

/// The mean price of what was traded in the session up to each bar: quote volume by volume; a bar of which no
/// quote volume is stated counts with its typical price, (high + low + close) / 3. None before the first trade of
/// a session, and from the first bar of a session on whose volume nobody states.
pub(super) fn session_vwap(bars: &Bars) -> Vec<Option<f64>> {
    // of quote asset in units of 1e-16 / 3, of volume in units of 1e-8
    let mut sums = Some((0_i128, 0_i128));
    (0..bars.len())
        .map(|i| {
            if i > 0 && bars.session[i] != bars.session[i - 1] {
                sums = Some((0, 0));
            }
            sums = sums.zip(traded(bars, i)).and_then(|((quote, volume), (q, v))| {
                Some((quote.checked_add(q)?, volume.checked_add(v)?))
            });
            let (quote, volume) = sums.filter(|(_, volume)| *volume > 0)?;
            Some(double(quote) / (double(volume) * 3e8))
        })
        .collect()
}

/// What was traded in a bar: of quote asset in units of 1e-16 / 3, of volume in units of 1e-8.
fn traded(bars: &Bars, i: usize) -> Option<(i128, i128)> {
    let volume = bars.volume[i]?;
    let quote = match bars.quote_volume[i] {
        Some(quote) => quote.checked_mul(300_000_000)?,
        None => [bars.high[i], bars.low[i], bars.close[i]]
            .map(i128::from)
            .iter()
            .sum::<i128>()
            .checked_mul(volume)?,
    };
    Some((quote, volume))
}
