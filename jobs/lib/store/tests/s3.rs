//! The suite on servers of S3, and what only S3 can do. `python3 ops/s3/servers.py cargo test -p
//! store` starts the servers; without them the tests skip.

mod suite;

use std::net::SocketAddr;

use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};
use store::Lake;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server for tests.
struct Server {
    url: String,
    secret: &'static str,
}

impl Server {
    /// The server whose address stands in a variable; `None`, with the reason printed, where
    /// there is none.
    fn find(variable: &str, secret: &'static str) -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's own knobs, registered in model::env"
        )]
        let (url, required) = (std::env::var(variable), std::env::var(model::env::REQUIRE_ALL));
        if let Ok(url) = url {
            return Some(Self { url, secret });
        }
        let reason = format!("skipped: no {variable}; put `python3 ops/s3/servers.py` before");
        assert!(required.as_deref() != Ok("1"), "{reason}");
        eprintln!("{reason}");
        None
    }

    fn moto() -> Option<Self> {
        Self::find(model::env::TEST_MOTO, "test")
    }

    fn versitygw() -> Option<Self> {
        Self::find(model::env::TEST_VERSITYGW, "testtest")
    }

    /// An empty lake on it.
    fn lake(&self) -> Lake {
        self.lake_at(&self.url)
    }

    /// The same, by another way to it.
    fn lake_at(&self, url: &str) -> Lake {
        let prefix: String = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect();
        let options = [
            ("aws_endpoint_url", url),
            ("aws_access_key_id", "test"),
            ("aws_secret_access_key", self.secret),
            ("aws_region", "us-east-1"),
            ("aws_allow_http", "true"),
            ("no such option", "is passed over"),
        ];
        let uri = format!("s3://market-lake-tests/{prefix}/lake");
        Lake::open_with(&uri, None, &options).expect("open")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moto() {
    let Some(server) = Server::moto() else { return };
    suite::run(&server.lake()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versitygw() {
    let Some(server) = Server::versitygw() else { return };
    suite::run(&server.lake()).await;
}

/// Writing over a version that is no longer the newest is refused.
async fn updates(lake: &Lake) {
    let (objects, path) = (lake.objects(), Path::from("document.json"));
    let put = async |mode: PutMode, text: &str| {
        objects.put_opts(&path, PutPayload::from(text.to_owned()), mode.into()).await
    };
    let first = put(PutMode::Create, "1").await.expect("create");
    let version = |e_tag: Option<String>| PutMode::Update(UpdateVersion { e_tag, version: None });
    put(version(first.e_tag.clone()), "2").await.expect("update");
    let error = put(version(first.e_tag), "3").await.expect_err("an old version");
    assert!(matches!(error, object_store::Error::Precondition { .. }), "{error}");
    let found = objects.get(&path).await.expect("get").bytes().await.expect("bytes");
    assert_eq!(found, "2");
}

#[tokio::test]
async fn updates_on_moto() {
    let Some(server) = Server::moto() else { return };
    updates(&server.lake()).await;
}

#[tokio::test]
async fn updates_on_versitygw() {
    let Some(server) = Server::versitygw() else { return };
    updates(&server.lake()).await;
}

/// What stands for `TRUTH` arrives as `LYING`.
async fn bad_wire(server: &str) -> SocketAddr {
    let target = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.expect("connect");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
                    let received = &mut buffer[..n];
                    if let Some(at) = received.windows(5).position(|w| w == b"TRUTH") {
                        received[at..at + 5].copy_from_slice(b"LYING");
                    }
                    if to_server.write_all(received).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Every object is sent with the SHA-256 of its bytes; one that was changed on the way is
/// refused, and nothing is there. moto would take it.
#[tokio::test(flavor = "multi_thread")]
async fn versitygw_refuses_what_was_changed_on_the_way() {
    let Some(server) = Server::versitygw() else { return };
    let lake = server.lake_at(&format!("http://{}", bad_wire(&server.url).await));
    lake.write("good", "whatever passes unchanged").await.expect("write");
    let error = lake.write("bad", "the TRUTH").await.expect_err("changed on the way");
    let text = format!("{:?}", std::error::Error::source(&error).expect("cause"));
    assert!(text.contains("ContentSHA256Mismatch") || text.contains("BadDigest"), "{text}");
    assert_eq!(lake.head("bad").await.expect("head"), None);

    // the second part of an upload
    let mut staged = lake.stage().expect("stage");
    let mut bytes = vec![b'.'; 12 << 20];
    bytes[9 << 20..(9 << 20) + 5].copy_from_slice(b"TRUTH");
    std::io::Write::write_all(&mut staged, &bytes).expect("write");
    staged.publish("bad").await.expect_err("changed on the way");
    assert_eq!(lake.head("bad").await.expect("head"), None);
}
