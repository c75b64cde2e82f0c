//! Exact amounts as whole numbers of 1e-8, and how they are read and printed.
//! No floats anywhere: what is printed here is what a table must hold later.

/// How many units of an amount make one: amounts count hundred-millionths.
pub const ONE: i64 = 100_000_000;

/// The powers of ten from 1 to 1e8.
pub(crate) const TENS: [i64; 9] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Two digits for every number below a hundred.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0;
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

/// Reads `0.01`, `96000`, `1000000000000` as units of 1e-8; `None` for anything else, for more
/// than eight decimals and for what does not fit.
pub fn parse(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || part.len() > 8 || !digits(whole) || !digits(part) {
        return None;
    }
    if text.ends_with('.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    Some(whole * i128::from(ONE) + fraction * i128::from(TENS[8 - part.len()]))
}

/// The amount with all eight decimals, as text.
pub fn text(amount: i128) -> String {
    let mut out = Vec::with_capacity(32);
    push_fixed(&mut out, amount, 8);
    String::from_utf8_lossy(&out).into_owned()
}

/// How many decimals an amount needs, 0 to 8.
pub(crate) fn decimals(amount: i64) -> u8 {
    (0..8).find(|d| amount % TENS[8 - usize::from(*d)] == 0).unwrap_or(8)
}

/// Appends `value` in decimal.
pub(crate) fn push_int(out: &mut Vec<u8>, value: u64) {
    let mut buffer = [0_u8; 20];
    let mut at = buffer.len();
    let mut rest = value;
    while rest >= 100 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest >= 10 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[rest as usize]);
    } else {
        at -= 1;
        buffer[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&buffer[at..]);
}

/// Appends `amount` with `decimals` decimals. Digits beyond them must be zero: the market
/// makes no amount finer than its tick and step, and nothing is rounded in print.
pub(crate) fn push_fixed(out: &mut Vec<u8>, amount: i128, decimals: u8) {
    if amount < 0 {
        out.push(b'-');
    }
    let units = amount.unsigned_abs();
    debug_assert_eq!(units % TENS[8 - usize::from(decimals)] as u128, 0, "digits lost in print");
    let one = ONE as u64;
    let fraction = if let Ok(small) = u64::try_from(units) {
        push_int(out, small / one);
        small % one
    } else {
        let whole = units / u128::from(one);
        if let Ok(whole) = u64::try_from(whole) {
            push_int(out, whole);
        } else {
            out.extend_from_slice(whole.to_string().as_bytes());
        }
        (units % u128::from(one)) as u64
    };
    if decimals == 0 {
        return;
    }
    let mut digits = [0_u8; 9];
    digits[0] = b'.';
    for (i, shift) in [1_000_000, 10_000, 100, 1].into_iter().enumerate() {
        let pair = PAIRS[(fraction / shift % 100) as usize];
        digits[1 + 2 * i..3 + 2 * i].copy_from_slice(&pair);
    }
    out.extend_from_slice(&digits[..=usize::from(decimals)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_and_print_exactly() {
        let check = |input: &str, expect: Option<&str>| {
            assert_eq!(parse(input).map(text).as_deref(), expect, "{input}");
        };
        check("0.00000001", Some("0.00000001"));
        check("1000000000000", Some("1000000000000.00000000"));
        check("96000.5", Some("96000.50000000"));
        check("12345678901234567890", Some("12345678901234567890.00000000"));
        check("0", Some("0.00000000"));
        check("0.000000001", None);
        check("-1", None);
        check("1.", None);
        check(".5", None);
        check("1e3", None);
        check("", None);
    }

    #[test]
    fn decimals_are_cut_where_they_end() {
        let check = |amount: &str, decimals_: u8, expect: &str| {
            let mut out = Vec::new();
            push_fixed(&mut out, parse(amount).unwrap(), decimals_);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check("37713", 2, "37713.00");
        check("0.157", 3, "0.157");
        check("5164158.0243", 5, "5164158.02430");
        check("42", 0, "42");
        assert_eq!(decimals(ONE), 0);
        assert_eq!(decimals(ONE / 100), 2);
        assert_eq!(decimals(1), 8);
    }

    #[test]
    fn whole_numbers_print_as_the_standard_library_does() {
        for value in [0, 9, 10, 99, 100, 101, 12_345, u64::MAX] {
            let mut out = Vec::new();
            push_int(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
