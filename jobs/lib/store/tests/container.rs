//! The suite on a server of S3 in a container of its own: versitygw, which `cargo xtask test` has
//! built, in the base image of the jobs. Takes a container engine; `cargo xtask test --only
//! containers` sees to everything, so this file is no part of a plain `cargo test`.

mod suite;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::Lake;
use testcontainers::core::{AccessMode, IntoContainerPort as _, Mount};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

const PORT: u16 = 7070;

/// The server's program among the tools.
fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test's own knobs, registered in model::env")]
    let tools = std::env::var(model::env::TEST_TOOLS).expect("`cargo xtask test` names the tools");
    let folders = std::fs::read_dir(&tools).expect(&tools).flatten();
    folders
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("versitygw"))
        .map(|entry| entry.path().join("versitygw"))
        .find(|program| program.is_file())
        .expect("versitygw among the tools")
}

/// Folders for its data that the image's user may write; one below `data` is a bucket.
fn folders(of: &Path) {
    for folder in ["", "meta", "versions", "data", "data/market-lake-tests"] {
        let path = of.join(folder);
        std::fs::create_dir_all(&path).expect("folder");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("mode");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_a_container() {
    let data = tempfile::tempdir().expect("tempdir");
    folders(data.path());
    let mount = |from: &Path, to: &str| Mount::bind_mount(from.display().to_string(), to);
    let container = GenericImage::new("localhost/market-lake-base", "nonroot")
        .with_exposed_port(PORT.tcp())
        .with_entrypoint("/versitygw")
        .with_cmd([
            "--port",
            ":7070",
            "posix",
            "--sidecar",
            "/lake/meta",
            "--versioning-dir",
            "/lake/versions",
            "/lake/data",
        ])
        .with_env_var("ROOT_ACCESS_KEY", "test")
        .with_env_var("ROOT_SECRET_KEY", "testtest")
        .with_readonly_rootfs(true)
        .with_mount(mount(&program(), "/versitygw").with_access_mode(AccessMode::ReadOnly))
        .with_mount(mount(data.path(), "/lake"))
        .start()
        .await
        .expect("a container of the base image");
    let port = container.get_host_port_ipv4(PORT).await.expect("port");
    let url = format!("http://127.0.0.1:{port}");
    let options = [
        ("aws_endpoint_url", url.as_str()),
        ("aws_access_key_id", "test"),
        ("aws_secret_access_key", "testtest"),
        ("aws_region", "us-east-1"),
        ("aws_allow_http", "true"),
    ];
    let lake = Lake::open_with("s3://market-lake-tests/lake", None, &options).expect("open");
    let answers = async {
        while lake.write("hello", "it answers").await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), answers).await.expect("a server that answers");
    suite::run(&lake).await;
}
