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
    let mut sums = Some(Sums::default());
    (0..bars.len())
        .map(|i| {
            if i > 0 && bars.session[i] != bars.session[i - 1] {
                sums = Some(Sums::default());
            }
            sums = sums.and_then(|sums| sums.plus(bars, i));
            sums.and_then(Sums::mean)
        })
        .collect()
}

/// What was traded in a session so far.
#[derive(Default, Clone, Copy)]
struct Sums {
    /// The volume, in units of 1e-8.
    volume: i128,
    /// The stated quote volume, in units of 1e-8.
    quote: i128,
    /// High + low + close times volume of the bars of which none is stated: in units of 1e-16 / 3.
    typical: i128,
}

impl Sums {
    fn plus(self, bars: &Bars, i: usize) -> Option<Self> {
        let Self { mut quote, mut typical, .. } = self;
        let volume = bars.volume[i]?;
        if let Some(stated) = bars.quote_volume[i] {
            quote = quote.checked_add(stated)?;
        } else {
            let prices = [bars.high[i], bars.low[i], bars.close[i]].map(i128::from);
            typical = typical.checked_add(prices.iter().sum::<i128>().checked_mul(volume)?)?;
        }
        Some(Self { volume: self.volume.checked_add(volume)?, quote, typical })
    }

    fn mean(self) -> Option<f64> {
        let Self { volume, quote, typical } = self;
        if volume <= 0 {
            None
        } else if typical == 0 {
            Some(double(quote) / double(volume))
        } else {
            let all = quote.checked_mul(300_000_000)?.checked_add(typical)?;
            Some(double(all) / (double(volume) * 3e8))
        }
    }
}
