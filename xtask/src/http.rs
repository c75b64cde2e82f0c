//! A request to a server on this machine: the sample servers' and the emulated AWS's own endpoints.
//! Nothing else is asked from here; AWS is `cloud`'s.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail};

/// Sends a request to `url`, `http://HOST:PORT`, and gives the answer's body back; any status but one
/// of 2xx is an error with what was said.
pub(crate) fn send(method: &str, url: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream =
        TcpStream::connect(host).with_context(|| format!("nobody answers at {url}"))?;
    // one write, not a packet for each piece of the text
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("{method} {path} is refused, {status}: {body}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answered(answer: &'static str) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut asked = Vec::new();
            // a request may come in pieces, however it was sent
            while !asked.ends_with(b"\r\n\r\nbody") {
                let mut piece = [0; 1024];
                let n = stream.read(&mut piece).expect("a request");
                assert!(n > 0, "cut off: {}", String::from_utf8_lossy(&asked));
                asked.extend_from_slice(&piece[..n]);
            }
            stream.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8(asked).expect("text")
        });
        let said = send("PUT", &url, "/a/b", "body");
        let asked = server.join().expect("a server");
        assert!(asked.starts_with("PUT /a/b HTTP/1.1\r\n"), "{asked}");
        assert!(asked.ends_with("Content-Length: 4\r\n\r\nbody"), "{asked}");
        said
    }

    #[test]
    fn a_body_comes_back_and_a_refusal_is_told() {
        assert_eq!(answered("HTTP/1.1 200 OK\r\nA: b\r\n\r\nfine").expect("fine"), "fine");
        let error = answered("HTTP/1.1 409 CONFLICT\r\n\r\nis DISABLED").expect_err("refused");
        assert_eq!(error.to_string(), "PUT /a/b is refused, 409: is DISABLED");
    }
}
