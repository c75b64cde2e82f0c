//! Which codes are national currencies (ISO 4217): those that markets of the providers count in. Coins
//! that follow one, such as USDT, are none.

const CURRENCIES: &[&str] = &[
    "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KZT", "MXN", "MYR", "NGN",
    "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY",
    "TWD", "UAH", "USD", "VND", "ZAR",
];

/// The currency of a code, where it is one.
pub(crate) fn currency(code: &str) -> Option<&'static str> {
    CURRENCIES.binary_search(&code).ok().map(|place| CURRENCIES[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_are_no_currencies() {
        assert!(CURRENCIES.is_sorted());
        for code in CURRENCIES {
            assert_eq!(currency(code), Some(*code));
        }
        for none in ["USDT", "USDC", "BTC", "XAU", "", "usd"] {
            assert_eq!(currency(none), None, "{none}");
        }
    }
}
