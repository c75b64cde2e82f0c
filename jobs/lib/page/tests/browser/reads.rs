//! What a reader does: other symbols, timeframes and ranges, zoom, keys, and what is told when a file is not there
//! or was changed.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::actions::{
    InputSource as _, MouseActions, PointerAction, WheelAction, WheelActions,
};
use fantoccini::key::Key;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::{Browser, Failure, browse, ensure};
use crate::made_up;

/// First and last place in view.
async fn window(browser: &Browser) -> Result<(i64, i64), Failure> {
    let zoom =
        "echarts.getInstanceByDom(document.getElementById('chart-plot')).getOption().dataZoom[0]";
    let of = |value: Value| value.as_i64().unwrap_or(-1);
    Ok((
        of(browser.ask(&format!("{zoom}.startValue")).await?),
        of(browser.ask(&format!("{zoom}.endValue")).await?),
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_looks_around() {
    browse(&made_up::page(3), |browser| async move {
        browser.open("BTCUSDT/1d").await?;
        // the symbol
        browser.client.find(Locator::Css("[data-symbol=PEPEUSDT]")).await?.click().await?;
        browser.ready("PEPEUSDT/1d").await?;
        let read = browser.text("#read-price").await?;
        ensure!(read.contains("C 0.0000"), "not the eight digits of this price: {read}");
        browser.until("document.getElementById('plot-change').ariaLabel.includes('PEPEUSDT')").await?;
        ensure!(read.contains(&last_bar(2, 0)), "not {}: {read}", last_bar(2, 0));
        browser.client.find(Locator::Css("[data-symbol=BTCUSDT]")).await?.click().await?;
        browser.ready("BTCUSDT/1d").await?;
        let read = browser.text("#read-price").await?;
        ensure!(read.contains(&last_bar(0, 0)), "not {}: {read}", last_bar(0, 0));

        // by the mouse: what it points at is read, exactly
        let chart = browser.client.find(Locator::Css("#chart")).await?;
        let (x, y, width, _) = chart.rectangle().await?;
        browser.client.execute("window.scrollTo(0, arguments[0] - 80)", vec![json!(y)]).await?;
        let before = browser.text("#read-price").await?;
        let move_to = |x, y| PointerAction::MoveTo { duration: Some(Duration::ZERO), x, y };
        let middle = MouseActions::new("mouse".into()).then(move_to(x + width / 2.0, 200.0));
        browser.client.perform_actions(middle).await?;
        browser
            .until(&format!("document.querySelector('#read-price').textContent !== {}", json!(before)))
            .await?;
        let read = browser.text("#read-price").await?;
        ensure!(exact(&read, 2), "prices without their two digits: {read}");

        // zoom, by Ctrl and the wheel
        let whole = window(&browser).await?;
        let control = fantoccini::actions::KeyActions::new("keys".into())
            .then(fantoccini::actions::KeyAction::Down { value: char::from(Key::Control) });
        let turn = WheelActions::new("wheel".into()).then(WheelAction::Scroll {
            duration: Some(Duration::ZERO),
            x: (x + width / 2.0) as i64,
            y: 200,
            delta_x: 0,
            delta_y: -240,
        });
        browser.client.perform_actions(control).await?;
        browser.client.perform_actions(turn).await?;
        browser.client.release_actions().await?;
        let mut closer = whole;
        for _ in 0..100 {
            closer = window(&browser).await?;
            if closer != whole {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(closer.1 - closer.0 < whole.1 - whole.0, "{closer:?} of {whole:?}");

        // other ranges choose their bars, which come from files beside the page
        browser.press("ranges", "1W").await?;
        browser.ready("BTCUSDT/1h").await?;
        let (from, to) = window(&browser).await?;
        ensure!(to - from == 7 * 24, "{from} to {to}");
        browser.press("ranges", "1D").await?;
        browser.ready("BTCUSDT/1m").await?;
        let points = browser.ask("document.getElementById('chart').dataset.points").await?;
        ensure!(points == json!("43200"), "{points} minutes, the outage among them");
        let read = browser.text("#read-price").await?;
        ensure!(read.contains(&last_bar(0, 2)), "not {}: {read}", last_bar(0, 2));
        browser.press("frames", "1d").await?;
        browser.ready("BTCUSDT/1d").await?;

        // what is shown
        let panes = "echarts.getInstanceByDom(document.getElementById('chart-plot')).getOption().series.map(s => s.id)";
        browser.press("shows", "Bollinger").await?;
        ensure!(browser.ask(panes).await?.to_string().contains("band-upper"), "no band");
        browser.press("shows", "MACD").await?;
        ensure!(!browser.ask(panes).await?.to_string().contains("signal 9"), "the MACD stays");

        // in ratios: what was traded last still lies within its pane
        browser.press("shows", "Log").await?;
        let inside = "(c => { const o = c.getOption(), g = o.grid[0], last = o.dataset[0].source.at(-1)[2],
            y = c.convertToPixel({ yAxisIndex: 0 }, last);
            return o.yAxis[0].type === 'log' && y > g.top + 5 && y < g.top + g.height - 5; })(echarts.getInstanceByDom(document.getElementById('chart-plot')))";
        ensure!(browser.ask(inside).await? == json!(true), "the candles are outside of their pane");
        browser.press("shows", "Log").await?;

        // an anomaly of the list moves the chart
        browser.press("event-kinds", "Anomalies").await?;
        let events = browser.client.find_all(Locator::Css("#events button")).await?;
        ensure!(events.len() > 3, "{} anomalies", events.len());
        events[events.len() - 1].click().await?;
        browser.until("document.getElementById('live').textContent.includes('threshold')").await?;

        // tables behind the charts
        for (id, least) in [("bars-table", 30), ("days-table", 1000), ("coverage-table", 10)] {
            let summary = format!("#{id} summary");
            browser.client.find(Locator::Css(&summary)).await?.click().await?;
            browser.until(&format!("document.querySelectorAll('#{id} tbody tr').length >= {least}")).await?;
        }
        // results of checks, by their kind and by words
        browser.press("check-filter", "Warn 2").await?;
        browser.until("document.querySelectorAll('#checks tbody tr:not([hidden])').length === 2").await?;
        let find = browser.client.find(Locator::Css("#check-find")).await?;
        find.send_keys("fresh").await?;
        browser.until("document.querySelectorAll('#checks tbody tr:not([hidden])').length === 1").await?;

        // a cell of the map says why, where it is pointed at
        let heat = browser.client.find(Locator::Css("#heat-plot")).await?;
        browser.ask("document.getElementById('heat-plot').scrollIntoView({ block: 'center' })").await?;
        let place = browser.ask("(r => [r.x, r.y])(document.getElementById('heat-plot').getBoundingClientRect())").await?;
        let (_, _, wide, _) = heat.rectangle().await?;
        let of = |i: usize| place[i].as_f64().unwrap_or(0.0);
        // the third row's tenth day from the end, of half a year: an outage of the venue
        let (x, y) = (of(0) + (wide - 2.0) * (182.0 - 9.5) / 182.0, of(1) + 22.0 + 2.5 * 17.0);
        for nudge in [0.0, 1.0] {
            let point = MouseActions::new("mouse".into()).then(move_to(x + nudge, y));
            browser.client.perform_actions(point).await?;
        }
        browser.until("[...document.querySelectorAll('.tips')].some(t => t.textContent.includes('outage of the venue'))").await?;

        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}

/// What the chart must say of the last bar of a series, from the figures that the page was made of: its prices, and
/// the first line over it.
fn last_bar(symbol: usize, series: usize) -> String {
    let page = made_up::page(3);
    let instrument = &page.instruments[symbol];
    let series = &instrument.series[series];
    let bar = series.bars.last().unwrap();
    let price = |value| page::words::price(value, instrument.digits);
    let prices = [("O", bar.open), ("H", bar.high), ("L", bar.low), ("C", bar.close)]
        .map(|(name, value)| format!("{name} {}", price(value)))
        .concat();
    let Some(line) = series.indicators.first() else { return prices };
    let before = series.bars[series.bars.len() - 2].close as f64;
    let change = 100.0 * (bar.close as f64 / before - 1.0);
    let sign = if change < 0.0 { "−" } else { "+" };
    let value =
        (line.values.last().unwrap().unwrap() * 10f64.powi(instrument.digits as i32)).round();
    format!("{prices}{sign}{:.2} %{} {}", change.abs(), line.label, price(value as i64))
}

/// Whether all prices of a line of figures have so many digits.
fn exact(read: &str, digits: usize) -> bool {
    ["O ", "H ", "L ", "C "].iter().all(|name| {
        let number = read.split_once(name).map(|(_, rest)| rest).unwrap_or_default();
        let number: String =
            number.chars().take_while(|c| c.is_ascii_digit() || [',', '.'].contains(c)).collect();
        number.split_once('.').is_some_and(|(_, rest)| rest.len() >= digits)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_by_the_keyboard() {
    browse(&made_up::page(3), |browser| async move {
        browser.open("BTCUSDT/1d").await?;
        let focus = |id: &str| format!("document.getElementById('{id}').focus()");
        let said = "document.getElementById('live').textContent";
        let hear = |words: &str| format!("{said}.includes({})", json!(words));

        // the market's chart reads bars, zooms, and goes from event to event
        browser.ask(&focus("chart")).await?;
        browser.key(&Key::Left.to_string()).await?;
        browser.until(&hear("27 Nov 2026: open 1")).await?;
        browser.key(&Key::Left.to_string()).await?;
        browser.until(&hear("26 Nov 2026: open 1")).await?;
        let (from, to) = window(&browser).await?;
        browser.key("+").await?;
        browser.until(&format!(
            "(z => z.endValue - z.startValue < {})(echarts.getInstanceByDom(document.getElementById('chart-plot')).getOption().dataZoom[0])",
            to - from
        )).await?;
        browser.key("p").await?;
        browser.until(&hear("MACD crosses its signal, downwards")).await?;
        let read = browser.text("#read-price").await?;
        ensure!(read.contains("8 Nov 2026"), "the cross is elsewhere: {read}");
        browser.key(&Key::Escape.to_string()).await?;

        // the small charts and the map
        for (id, key, words) in [
            ("plot-change", Key::End, "27 Nov 2026"),
            ("plot-months", Key::End, "Nov 2026"),
            ("plot-points", Key::End, "the last day"),
            ("heat-plot", Key::End, "PEPEUSDT klines 1h, 28 Nov 2026, pending, due 2026-11-29"),
            ("plot-cost", Key::Home, "$0.81"),
        ] {
            browser.see(&format!("#{id}[data-points]")).await?;
            browser.ask(&focus(id)).await?;
            browser.key(&key.to_string()).await?;
            browser.until(&hear(words)).await?;
            // what is told is also shown
            browser.until("[...document.querySelectorAll('.tips')].some(t => t.textContent && getComputedStyle(t).visibility !== 'hidden' && getComputedStyle(t).display !== 'none')").await?;
        }
        // the symbols are one stop, with arrows within
        browser.ask("document.querySelector('#symbols [aria-checked=true]').focus()").await?;
        browser.key(&Key::Right.to_string()).await?;
        browser.ready("ETHUSDT/1d").await?;
        let focused = browser.ask("document.activeElement.dataset.symbol").await?;
        ensure!(focused == json!("ETHUSDT"), "the focus is on {focused}");

        // whatever takes the focus has a name
        let nameless = browser.ask(
            "[...document.querySelectorAll('a, button, input, [tabindex]')].filter(n => !(n.ariaLabel || n.textContent.trim() || n.labels?.length)).map(n => n.outerHTML)",
        ).await?;
        ensure!(nameless == json!([]), "without a name: {nameless}");
        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_minutes_is_zoomed() {
    browse(&made_up::page(1), |browser| async move {
        browser.open("BTCUSDT/1d").await?;
        browser.press("frames", "1m").await?;
        browser.ready("BTCUSDT/1m").await?;
        // all of it, then closer and away again: how long a frame takes is printed, not asserted
        let before = browser.thread_time().await?;
        let times = browser.ask(
            "(() => { const c = echarts.getInstanceByDom(document.getElementById('chart-plot')), n = 43200, out = [];
              for (let i = 0; i < 20; i++) { const t = performance.now();
                c.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, startValue: i * 10, endValue: n - 1 - i * 10 });
                c.getZr().flush(); out.push(Math.round(performance.now() - t)); }
              return out.sort((a, b) => a - b); })()",
        ).await?;
        let took = (browser.thread_time().await? - before) / 20.0;
        eprintln!("43,000 bars, zoomed: {took:.0} ms of the page's thread each; in ms: {times}");
        let (from, to) = window(&browser).await?;
        ensure!((from, to) == (190, 43_009), "{from} to {to}");
        // the words of the time axis stand at their times
        let marks = browser.ask(
            "(c => { const axis = c.getModel().getComponent('xAxis', 1).axis, times = c.getOption().xAxis[1].data;
              return axis.getViewLabels().map(l => [l.formattedLabel, new Date(times[l.tickValue] * 1000).toISOString()]);
            })(echarts.getInstanceByDom(document.getElementById('chart-plot')))",
        ).await?;
        for (words, time) in [("Nov", "2026-11-01T00:00:00.000Z"), ("15 Nov", "2026-11-15T00:00:00.000Z")] {
            let found = marks.as_array().is_some_and(|m| m.contains(&json!([words, time])));
            ensure!(found, "no {words}: {marks}");
        }
        browser.picture("minutes", 1280).await?;
        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told() {
    browse(&made_up::page(1), |browser| async move {
        std::fs::remove_dir_all(browser.folder.join("data"))?;
        browser.open("BTCUSDT/1d").await?;
        browser.press("frames", "1h").await?;
        browser.until("document.getElementById('read-price').textContent.includes('is not beside this page')").await?;
        ensure!(!browser.complaints().await?.is_empty(), "the console is silent about it");

        // a program that is not the one that was written does not run
        let index = browser.folder.join("index.html");
        let html = std::fs::read_to_string(&index)?;
        std::fs::write(&index, html.replacen("Loading bars", "Nothing to see", 1))?;
        browser.client.refresh().await?;
        browser.until("document.readyState === 'complete'").await?;
        ensure!(browser.text("#symbols").await?.is_empty(), "a changed program ran");
        let complaints = browser.complaints().await?;
        ensure!(complaints.iter().any(|c| c.contains("Content Security Policy")), "{complaints:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_serves_it_as_well() {
    browse(&made_up::page(1), |browser| async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let folder = browser.folder.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = vec![0; 4096];
                let many = stream.read(&mut asked).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..many]).into_owned();
                let path = asked.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
                let body = std::fs::read(folder.join(path)).unwrap_or_default();
                let kind = if path.starts_with("data/") { "text/javascript" } else { "text/html; charset=utf-8" };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body).await;
            }
        });
        browser.client.goto(&format!("http://{address}/index.html")).await?;
        browser.ready("BTCUSDT/1d").await?;
        browser.press("ranges", "1D").await?;
        browser.ready("BTCUSDT/1m").await?;
        let complaints = browser.complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:?}");
        Ok(())
    })
    .await;
}
