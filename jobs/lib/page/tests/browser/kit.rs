//! A browser, driven: Debian's Chromium by its driver, without a window and without a network.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use page::Page;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Why a step failed.
pub(crate) type Failure = Box<dyn std::error::Error>;
/// What a test's steps end with.
pub(crate) type Steps = Result<(), Failure>;

/// Ends with a failure unless it holds.
macro_rules! ensure {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(format!($($said)+).into());
        }
    };
}
pub(crate) use ensure;

/// What the page's console said, which the client has no word for.
#[derive(Debug)]
struct Log;

impl WebDriverCompatibleCommand for Log {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// A command of Chromium's own.
#[derive(Debug)]
struct Devtools(&'static str, Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

/// A browser that looks at a page.
pub(crate) struct Browser {
    pub(crate) client: Client,
    /// The page's folder.
    pub(crate) folder: PathBuf,
}

/// Whether there is a browser here; says so where there is none, which is a failure where nothing may
/// be skipped.
fn there() -> bool {
    let missing = ["chromium", "chromedriver"].into_iter().find(|program| {
        !std::process::Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    let Some(program) = missing else { return true };
    #[expect(clippy::disallowed_methods, reason = "a test's switch")]
    let must = std::env::var(model::env::REQUIRE_ALL).is_ok_and(|v| v == "1");
    assert!(!must, "no {program}");
    eprintln!("skipped: no {program}");
    false
}

/// Writes a page into a folder.
pub(crate) fn lay(page: &Page, folder: &Path) {
    for file in page::write(page).unwrap() {
        let path = folder.join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
}

/// Starts the driver, which says on which port it listens.
async fn driver(home: &Path) -> Result<(Child, u16), Failure> {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        // what a browser leaves behind goes with the test's folder
        .env("TMPDIR", home)
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let port = loop {
        let line = lines.next_line().await?.ok_or("chromedriver ended")?;
        if let Some((_, port)) = line.split_once("successfully on port ") {
            break port.trim_end_matches('.').parse()?;
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, port))
}

/// Takes steps in a browser of their own, beside a folder with the page, and closes it whatever comes of them.
pub(crate) async fn browse<F>(page: &Page, steps: impl FnOnce(Browser) -> F)
where
    F: Future<Output = Steps>,
{
    if !there() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("page");
    lay(page, &folder);
    let (mut child, port) = driver(home.path()).await.unwrap();
    let profile = format!("--user-data-dir={}", home.path().join("profile").display());
    let capabilities = json!({
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": { "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", "--window-size=1280,900", "--force-device-scale-factor=1", profile,
        ] },
    });
    let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
        .capabilities(capabilities.as_object().cloned().unwrap())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .unwrap();
    let done = steps(Browser { client: client.clone(), folder }).await;
    // a driver that is killed leaves its browser running; so the session is closed first
    let _ = client.close().await;
    let _ = child.kill().await;
    if let Err(error) = done {
        panic!("{error}");
    }
}

impl Browser {
    /// Opens the page from its folder and waits until the market's chart shows bars.
    pub(crate) async fn open(&self, ready: &str) -> Steps {
        let address = format!("file://{}/index.html", self.folder.display());
        self.client.goto(&address).await?;
        self.ready(ready).await
    }

    /// Waits until the market's chart shows the bars of a symbol and timeframe.
    pub(crate) async fn ready(&self, key: &str) -> Steps {
        self.see(&format!("#chart[data-ready='{key}']")).await
    }

    /// Waits for an element.
    pub(crate) async fn see(&self, selector: &str) -> Steps {
        let wait = self.client.wait().at_most(Duration::from_secs(30));
        wait.for_element(Locator::Css(selector)).await.map_err(|e| format!("{selector}: {e}"))?;
        Ok(())
    }

    /// What an expression of JavaScript gives.
    pub(crate) async fn ask(&self, expression: &str) -> Result<Value, Failure> {
        let script = format!("return {expression}");
        Ok(self.client.execute(&script, vec![]).await.map_err(|e| format!("{expression}: {e}"))?)
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) -> Steps {
        for _ in 0..600 {
            if self.ask(&format!("Boolean({expression})")).await? == json!(true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("never came true: {expression}").into())
    }

    /// The text of an element, shown or told.
    pub(crate) async fn text(&self, selector: &str) -> Result<String, Failure> {
        let text =
            self.ask(&format!("document.querySelector({}).textContent", json!(selector))).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the button of a group that says this.
    pub(crate) async fn press(&self, group: &str, says: &str) -> Steps {
        let path = format!("//*[@id='{group}']//button[.='{says}']");
        let button = self.client.find(Locator::XPath(&path)).await?;
        button.click().await?;
        Ok(())
    }

    /// Presses a key where the focus is.
    pub(crate) async fn key(&self, key: &str) -> Steps {
        self.client.active_element().await?.send_keys(key).await?;
        Ok(())
    }

    /// A command of Chromium's own.
    pub(crate) async fn devtools(
        &self,
        command: &'static str,
        parameters: Value,
    ) -> Result<Value, Failure> {
        Ok(self.client.issue_cmd(Devtools(command, parameters)).await?)
    }

    /// How long the page's thread has been busy, ms of its own: others on the machine do not count.
    pub(crate) async fn thread_time(&self) -> Result<f64, Failure> {
        self.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await?;
        let metrics = self.devtools("Performance.getMetrics", json!({})).await?;
        let time = metrics["metrics"].as_array().into_iter().flatten();
        let time = time.clone().find(|m| m["name"] == "ThreadTime");
        Ok(1000.0 * time.and_then(|m| m["value"].as_f64()).ok_or("no ThreadTime")?)
    }

    /// What the console has said since it was last asked: errors and warnings.
    pub(crate) async fn complaints(&self) -> Result<Vec<String>, Failure> {
        let log = self.client.issue_cmd(Log).await?;
        let entries = log.as_array().ok_or("no log")?.iter();
        Ok(entries
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(ToString::to_string)
            .collect())
    }

    /// Keeps a picture of the whole page, `width` pixels wide, under `target/page-screenshots`.
    pub(crate) async fn picture(&self, name: &str, width: u32) -> Steps {
        let metrics = |height: u64| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics(900)).await?;
        // charts follow the width, one after the other
        tokio::time::sleep(Duration::from_millis(700)).await;
        let height =
            self.ask("document.documentElement.scrollHeight").await?.as_u64().unwrap_or(900);
        self.devtools("Emulation.setDeviceMetricsOverride", metrics(height)).await?;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let png = self.client.screenshot().await?;
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        let folder = pictures();
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.png")), png)?;
        Ok(())
    }
}

/// `target/page-screenshots`: two folders above the test's own program.
fn pictures() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("page-screenshots")
}
