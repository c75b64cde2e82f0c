//! Which redirects are followed: few, never from HTTPS to plain HTTP, never to this machine.
//! Hosts are compared as hosts, not as the beginnings of texts.

use reqwest::Url;
use reqwest::redirect::Policy;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

pub(super) fn policy() -> Policy {
    Policy::custom(|attempt| match fault(attempt.previous(), attempt.url()) {
        Some(why) => attempt.error(why),
        None => attempt.follow(),
    })
}

/// What is wrong with going on to `to` after `previous`.
fn fault(previous: &[Url], to: &Url) -> Option<String> {
    let is_secure = |url: &Url| url.scheme() == "https";
    let is_same = |url: &Url| {
        (url.scheme(), url.host(), url.port_or_known_default())
            == (to.scheme(), to.host(), to.port_or_known_default())
    };
    // where it began is configured, and so allowed; this machine's other doors are not
    let is_back = previous.first().is_some_and(is_same);
    let is_downgrade = previous.last().is_some_and(is_secure) && !is_secure(to);
    let shown = shown(to);
    if is_downgrade || !(is_secure(to) || is_here(to) && is_back) {
        Some(format!("redirect to `{shown}`, expected https"))
    } else if is_here(to) && !is_back {
        Some(format!("redirect to `{shown}`, expected another host than this machine"))
    } else if previous.len() > REDIRECTS {
        Some(format!("more than {REDIRECTS} redirects"))
    } else {
        None
    }
}

/// A URL for people: without what may hold a key, a query or a password.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // a URL that can have neither has none
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

/// Whether a URL leads to this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_redirects_may_lead() {
        let check = |way: &[&str], expect: &str| {
            let way: Vec<Url> = way.iter().map(|url| url.parse().expect("url")).collect();
            let (to, previous) = way.split_last().expect("a way");
            let got = fault(previous, to).unwrap_or_default();
            assert!(if expect.is_empty() { got.is_empty() } else { got.contains(expect) }, "{got}");
        };
        let (here, there) = ("http://127.0.0.1:80/a", "https://example.org/a");
        check(&[there, "https://example.com/b"], "");
        check(&[there, "http://example.org/b"], "expected https");
        check(&[there, here], "expected https");
        check(&[there, "https://127.0.0.1/b"], "another host than this machine");
        check(&[there, "https://localhost:8443/b"], "another host than this machine");
        check(&[there, "https://[::1]/b"], "another host than this machine");
        check(&[there, "ftp://example.org/b"], "expected https");
        check(&[here, "http://127.0.0.1/b"], "");
        check(&[here, "http://127.0.0.1:81/b"], "expected https");
        check(&[here, "http://localhost/b"], "expected https");
        check(&[here, "http://127.0.0.1.example.org/b"], "expected https");
        check(&[here, "http://127.0.0.1@example.org/b"], "expected https");
        check(&[here, there], "");
        check(&[here, there, here], "expected https");
        check(
            &[there, "http://me:pass@example.org/b?apikey=K#x"],
            "to `http://example.org/b`, exp",
        );
        check(&[there; 6], "");
        check(&[there; 7], "more than 5 redirects");
    }
}
