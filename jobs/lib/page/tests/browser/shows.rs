//! What a page shows: all that it has, in each theme and width; and in words what it has not.

use page::{Page, Verdict};
use serde_json::json;

use crate::kit::{browse, ensure};
use crate::made_up;

/// Charts beside the market's, by their elements.
const PLOTS: [&str; 7] = [
    "plot-change",
    "plot-volume",
    "plot-months",
    "plot-points",
    "heat-plot",
    "plot-time",
    "plot-cost",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_without_a_complaint() {
    browse(&made_up::page(10), |browser| async move {
        browser.open("BTCUSDT/1d").await?;
        let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
        browser.until(paint).await?;
        let first = browser.ask(paint).await?;
        let ready = browser.ask("performance.getEntriesByName('market')[0]?.startTime").await?;
        eprintln!("first paint after {first} ms, the market's chart after {ready} ms");

        // each chart has its data, and says what it shows
        for id in PLOTS {
            browser.see(&format!("#{id}[data-points]:not([data-points='0'])")).await?;
            let drawn = format!(
                "echarts.getInstanceByDom(document.getElementById('{id}')).getOption().series[0].data.length"
            );
            let points = browser.ask(&format!("document.getElementById('{id}').dataset.points")).await?;
            ensure!(json!(browser.ask(&drawn).await?.to_string()) == points, "{id}: not {points}");
            let label = browser.ask(&format!("document.getElementById('{id}').ariaLabel")).await?;
            ensure!(label.as_str().is_some_and(|l| l.len() > 20), "{id}: {label}");
            ensure!(colours(id, &browser).await? > 8, "{id} is blank");
        }
        let market = "echarts.getInstanceByDom(document.getElementById('chart-plot')).getOption()";
        ensure!(
            browser.ask(&format!("{market}.dataset[0].source.length")).await? == json!(1095),
            "the market's chart has not its days"
        );
        // what is drawn is what the bars say: place, open, close, low, high
        let drawn = "(c => { const d = c.getModel().getSeriesByIndex(0).getData(), i = d.count() - 1;
            return [1094, 'open', 'close', 'lowest', 'highest'].map(k => k === 1094 ? d.get(d.mapDimension('x'), i) : d.get(k, i));
            })(echarts.getInstanceByDom(document.getElementById('chart-plot')))";
        let page = made_up::page(1);
        let bar = page.instruments[0].series[0].bars[1094];
        let told = json!([1094, bar.open, bar.close, bar.low, bar.high]);
        ensure!(browser.ask(drawn).await? == told, "{} is drawn for {told}", browser.ask(drawn).await?);
        let names = browser.ask(&format!("{market}.series.map(s => s.id)")).await?;
        for id in ["candles", "volume-up", "volume-down", "SMA 20", "SMA 50", "RSI 14", "signal 9", "events"] {
            ensure!(names.as_array().is_some_and(|n| n.contains(&json!(id))), "no {id}: {names}");
        }
        ensure!(colours("chart-plot", &browser).await? > 8, "the market's chart is blank");

        let says = |selector: &'static str, part: &'static str| {
            let browser = &browser;
            async move {
                let text = browser.text(selector).await?;
                if text.contains(part) { Ok(()) } else { Err(format!("{selector}: {text}")) }
                    .map_err(crate::kit::Failure::from)
            }
        };
        says("h1", "days that are due are whole; one check fails.").await?;
        says("#sum", "it adds up").await?;
        // a reject's text is text
        says("#rejects", "0.00001841</script><b>x").await?;
        says("#checks", "bars_equal_klines").await?;
        says("#runs-table", "not committed").await?;
        says("#certificate", "No certificate").await?;
        says("#coverage-legend", "missing").await?;
        let dots = browser.ask("document.querySelectorAll('#checks .past i').length").await?;
        ensure!(dots == json!(10 * 14), "{dots} results of former runs");

        // nothing is wider than a phone
        for (name, width) in [("wide", 1400), ("tablet", 800), ("phone", 390)] {
            browser.picture(&format!("light-{name}"), width).await?;
        }
        browser
            .devtools(
                "Emulation.setDeviceMetricsOverride",
                json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true }),
            )
            .await?;
        browser.until("document.documentElement.scrollWidth === 390").await?;
        browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;

        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}

/// Colours of a chart's canvas: a canvas can be blank with a quiet console.
async fn colours(id: &str, browser: &crate::kit::Browser) -> Result<u64, crate::kit::Failure> {
    let count = format!(
        "(() => {{ const k = document.querySelector('#{id} canvas'), s = new Set();
          const d = k.getContext('2d').getImageData(0, 0, k.width, k.height).data;
          for (let i = 0; i < d.length; i += 4) s.add(d[i] << 24 | d[i + 1] << 16 | d[i + 2] << 8 | d[i + 3]);
          return s.size; }})()"
    );
    Ok(browser.ask(&count).await?.as_u64().unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_theme_is_the_readers() {
    browse(&made_up::page(3), |browser| async move {
        browser.open("BTCUSDT/1d").await?;
        let candles = "echarts.getInstanceByDom(document.getElementById('chart-plot')).getOption().series[0].itemStyle.color0";
        let ground = "getComputedStyle(document.body).backgroundColor";
        let light = (browser.ask(candles).await?, browser.ask(ground).await?);
        let words = |id: &str| format!(
            "echarts.getInstanceByDom(document.getElementById('{id}')).getOption().{}.color",
            if id == "heat-plot" { "xAxis[0].axisLabel" } else { "yAxis[0].axisLabel" }
        );
        for id in PLOTS {
            browser.see(&format!("#{id}[data-points]")).await?;
        }
        let muted = browser.ask(&words(PLOTS[0])).await?;
        // the system's
        let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
        browser.devtools("Emulation.setEmulatedMedia", dark).await?;
        browser.until(&format!("{candles} !== {}", light.0)).await?;
        ensure!(browser.ask(ground).await? != light.1, "the ground stays {}", light.1);
        for id in PLOTS {
            browser.until(&format!("{} !== {muted}", words(id))).await?;
        }
        browser.picture("dark-wide", 1400).await?;
        browser.picture("dark-phone", 390).await?;
        // the reader's own
        browser.client.find(fantoccini::Locator::Css("#theme")).await?.click().await?;
        browser.until(&format!("{candles} === {}", light.0)).await?;
        ensure!(browser.text("#theme").await? == "Light", "the button says something else");
        ensure!(browser.ask(ground).await? == light.1, "the ground is not light");
        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_page_says_why_it_is_empty() {
    let page = Page { environment: "new".into(), verdict: Verdict::default(), ..Page::default() };
    browse(&page, |browser| async move {
        let address = format!("file://{}/index.html", browser.folder.display());
        browser.client.goto(&address).await?;
        browser.until("document.getElementById('bench').textContent.includes('No bars')").await?;
        for (selector, words) in [
            ("h1", "No day is due yet"),
            ("#market", "No bars yet"),
            ("#coverage", "No day has been looked at yet"),
            ("#checks", "No check has run yet"),
            ("#rejects", "None: every line"),
            ("#certificate", "No certificate"),
            ("#runs", "No run yet"),
        ] {
            let text = browser.text(selector).await?;
            ensure!(text.contains(words), "{selector}: {text}");
        }
        // what would be empty is not there either
        let shown = "['symbols', 'plots', 'days-table', 'run-plots', 'check-tools', 'coverage-legend'].filter(id => document.getElementById(id).offsetHeight)";
        ensure!(browser.ask(shown).await? == json!([]), "shown: {}", browser.ask(shown).await?);
        browser.picture("empty", 1000).await?;
        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}
