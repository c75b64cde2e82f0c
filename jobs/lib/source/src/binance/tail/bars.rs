//! The bars of a day, asked for by their opening times.

use model::Timeframe;
use serde_json::value::RawValue;

use super::{Api, ROWS, instant, refuse, rows};
use crate::questions::{Inquiry, Page, Question};
use crate::rest::{Answer, Refusal, Unaskable, Why, as_field, items};

/// The bars of a day, earliest first.
pub(super) struct Bars {
    pub(super) api: &'static Api,
    pub(super) symbol: String,
    pub(super) timeframe: Timeframe,
    /// Bars that end later are not asked for, in µs since the epoch.
    pub(super) until: i64,
    /// The opening time of the next bar, in µs since the epoch.
    pub(super) next: i64,
}

impl Bars {
    /// Whether a bar has ended by the time up to which is asked. One that has not may change still.
    const fn is_over(&self, open: i64) -> bool {
        open + self.timeframe.micros() <= self.until
    }
}

impl Inquiry for Bars {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        if !self.is_over(self.next) {
            return Ok(None);
        }
        // both ends are of opening times, and included
        let (start, end) = (self.next / 1_000, self.until / 1_000 - 1);
        let (start, end, rows) = (start.to_string(), end.to_string(), ROWS.to_string());
        let parameters = [
            ("symbol", self.symbol.as_str()),
            ("interval", self.timeframe.as_str()),
            ("startTime", start.as_str()),
            ("endTime", end.as_str()),
            ("limit", rows.as_str()),
        ];
        Ok(Some(self.api.question(self.api.klines, &parameters, self.api.klines_weight)))
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        let rows = rows(answer)?;
        let (mut page, mut last, mut open) = (Page::default(), None, 0_u32);
        for row in &rows {
            let fields = items(row).unwrap_or_default();
            let time = fields.first().and_then(|field| instant(field));
            last = last.max(time);
            if time.is_some_and(|time| !self.is_over(time)) {
                open += 1;
                continue;
            }
            line(row, &fields, &mut page.lines);
        }
        if open > 0 {
            page.notes = format!("bars after the time up to which was asked, left out: {open}");
        }
        // a page that is not full is the last one
        self.next = match last {
            Some(last) if rows.len() >= ROWS && last >= self.next => last + self.timeframe.micros(),
            _ if rows.len() >= ROWS => {
                return Err(refuse(
                    Why::NotUnderstood,
                    "a page whose bars are not those asked for",
                ));
            }
            _ => self.until,
        };
        Ok(page)
    }
}

/// Adds a row as a line: its fields as received. What is no list is told as it stands there, and no
/// reader takes it for a row.
fn line(row: &RawValue, fields: &[&RawValue], lines: &mut String) {
    if fields.is_empty() {
        lines.push_str(&as_field(row));
    }
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        lines.push_str(&as_field(field));
    }
    lines.push('\n');
}
