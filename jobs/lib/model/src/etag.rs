//! ETags, by which a host tells one version of an archive from another.

/// Whether two ETags are of the same bytes, as far as they tell: listings and headers quote them
/// differently, and whoever stands in between may call them weak.
pub fn same_etag(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_weakness_tell_nothing_apart() {
        for other in ["a-1", "\"a-1\"", "W/\"a-1\""] {
            assert!(same_etag("\"a-1\"", other) && same_etag(other, "a-1"), "{other}");
        }
        assert!(!same_etag("\"a-1\"", "\"a-2\""));
        assert!(!same_etag("\"a\"", "\"A\""));
    }
}
