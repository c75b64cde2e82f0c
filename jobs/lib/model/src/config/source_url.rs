//! What a source's URL may be: a host that is named whole, and a path. Nothing here asks a host.

/// What is wrong with a source's URL; `None` when nothing is.
pub(super) fn fault(url: &str) -> Option<&'static str> {
    let (is_secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Some("it begins with neither https:// nor http://"),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        // the colons of an IPv6 address are inside of brackets
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let is_path = |c: char| !matches!(c, '?' | '#' | '\\') && !c.is_whitespace() && !c.is_control();
    if authority.contains('@') {
        Some("it has a user's name")
    } else if !is_host(host) {
        Some("it has no host")
    } else if !port.is_none_or(is_port) {
        Some("its port is none")
    } else if !is_secure && !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
        Some("plain http")
    } else if path.contains(['?', '#']) {
        Some("it has a query or a fragment")
    } else if !path.chars().all(is_path) {
        Some("its path has a character that paths have not")
    } else if path.ends_with('/') {
        Some("a slash at its end")
    } else {
        None
    }
}

/// A name of letters, digits, `-` and `.`, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_whole() {
        let check = |url: &str, expect: &str| {
            let got = fault(url).unwrap_or_default();
            assert!(
                if expect.is_empty() { got.is_empty() } else { got.contains(expect) },
                "{url}: {got}"
            );
        };
        for good in [
            "https://data.binance.vision",
            "https://example.org:8443/mirror/of.it",
            "https://xn--bcher-kva.example",
            "https://[2001:db8::1]:443/x",
            "http://127.0.0.1",
            "http://127.0.0.1:18533",
            "http://localhost:1/x",
            "http://[::1]:80",
        ] {
            check(good, "");
        }
        for other in [
            "http://example.org",
            "http://127.0.0.1.evil.org",
            "http://localhost.evil.org:80/x",
            "http://127.0.0.10",
            "http://localhosts",
            "http://[::2]",
        ] {
            check(other, "plain http");
        }
        check("http://127.0.0.1@evil.org", "user's name");
        check("https://user:word@example.org", "user's name");
        check("http://127.0.0.1:80:80", "no host");
        check("https://", "no host");
        check("https:///x", "no host");
        check("https://exa mple.org", "no host");
        check("https://example..org", "no host");
        check("https://bücher.example", "no host");
        check("https://[::1", "no host");
        check("https://example.org:0", "port");
        check("https://example.org:", "port");
        check("https://example.org:+80", "port");
        check("https://example.org:65536", "port");
        check("https://example.org?x", "query");
        check("https://example.org/x#y", "query");
        check("https://example.org/a\\b", "character");
        check("https://example.org/a b", "character");
        check("https://example.org/", "slash");
        check("ftp://example.org", "neither");
        check("HTTPS://example.org", "neither");
        check("", "neither");
    }
}
