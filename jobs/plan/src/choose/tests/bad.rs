//! What is known to be bad: asked for again, and what silver has of it meanwhile.

use super::*;

#[test]
fn bad_archives_are_tried_again_only_when_they_change() {
    let scene = JANUARY;
    for status in ["checksum_mismatch", "corrupt", "missing"] {
        scene.check("2024-01-01", &format!("2024-01-01={status}"), "");
        scene.check("2024-01-01@new", &format!("2024-01-01={status}"), "+2024-01-01");
        scene.check("2024-01-01!", &format!("2024-01-01={status}"), "+2024-01-01");
        // a bad month falls back to its days
        scene.check("2024-01:1 2024-01-01..31", &format!("2024-01={status}"), "+2024-01-01..31");
        // a bad day falls back to its month
        scene.check(
            "2024-01:9000 2024-01-01..31",
            &format!("2024-01-05={status}"),
            "2024-01[+2024-01]",
        );
        let again = Scene { retry_bad: true, ..JANUARY };
        again.check("2024-01-01", &format!("2024-01-01={status}"), "+2024-01-01");
        let choice = scene.choose("2024-01-01", "", &format!("2024-01-01={status}"));
        assert_eq!(choice.known_bad, 1);
        assert!(choice.absent.iter().all(|id| !id.as_str().ends_with("2024-01-01")));
    }
    for usable in ["truncated_suspect", "unverified"] {
        scene.check("2024-01-01", &format!("2024-01-01={usable}"), "=2024-01-01");
    }
    // what is listed and answered 404 is asked for again after a day
    let tomorrow = Scene { hours: 24, ..JANUARY };
    tomorrow.check("2024-01-01", "2024-01-01=missing", "+2024-01-01");
    tomorrow.check("2024-01-01", "2024-01-01=corrupt", "");
    tomorrow.check("", "2024-01-01=missing", "");
}

#[test]
fn what_silver_could_not_read_is_bad_too() {
    let scene = JANUARY;
    let held = "2024-01=ok built:2024-01=~2024-01";
    scene.check("2024-01:1 2024-01-01..31", held, "+2024-01-01..31");
    scene.check("2024-01:1", held, "");
    scene.check("2024-01:1@new 2024-01-01..31", held, "2024-01[+2024-01]");
    let scene = Scene { series: KLINES, window: "2024-01-01..03", ..JANUARY };
    scene.check(
        "2024-01-01..03",
        "2024-01-01..03=ok built:2024-01=2024-01-01+~2024-01-02+2024-01-03",
        "",
    );
}

#[test]
fn what_silver_has_of_a_spoiled_archive_stays_until_it_can_be_read_again() {
    let days = "2024-01-01=ok 2024-01-02=corrupt 2024-01-03=ok \
                built:2024-01=2024-01-01+*2024-01-02+2024-01-03";
    let scene = Scene { series: KLINES, window: "2024-01-01..04", ..JANUARY };
    // asked for again by the next run, with all the rest of its partition
    let mend = "2024-01[=2024-01-01 +2024-01-02 =2024-01-03]";
    scene.check("2024-01-01..03", days, mend);
    let group = &scene.choose("2024-01-01..03", "", days).groups[0];
    assert!(group.units.iter().all(|unit| unit.keeps), "{group:?}");
    // in vain: what is built stays though there is something new, until it is due
    let vain = format!("{days} 2024-01-02=missing");
    scene.check("2024-01-01..03", &vain, "");
    scene.check("2024-01-01..04", &vain, "");
    assert_eq!(scene.choose("2024-01-01..04", "", &vain).known_bad, 1);
    let later = Scene { hours: 24, series: KLINES, window: "2024-01-01..04", ..JANUARY };
    later.check("2024-01-01..03", &vain, mend);
    let retry = Scene { retry_bad: true, series: KLINES, window: "2024-01-01..04", ..JANUARY };
    retry.check("2024-01-01..03", &vain, mend);
    scene.check("2024-01-01 2024-01-02@new 2024-01-03", &vain, mend);
    // the source has it no more
    scene.check("2024-01-01 2024-01-03 2024-01-04", days, "");
    // the month's archive has its rows, if it can be had
    let whole = Scene { series: KLINES, archives: Archives::Monthly, ..JANUARY };
    let listed = "2024-01 2024-01-01 2024-01-03";
    whole.check(listed, days, "2024-01[+2024-01 =2024-01-01..03]");
    let units = &whole.choose(listed, "", days).groups[0].units;
    assert!(units.len() == 3 && units[0].keeps, "{units:?}");
    // the same in part of a month, sooner than the day is asked for again
    scene.check("2024-01 2024-01-01..03", &vain, "2024-01[+2024-01 =2024-01-01..03]");
    // a day of trades is a group of its own
    let trades = "2024-01-01=ok 2024-01-02=corrupt built:2024-01-01=2024-01-01 \
                  built:2024-01-02=*2024-01-02";
    JANUARY.check("2024-01-01..02", trades, "+2024-01-02");
    JANUARY.check("2024-01-01 2024-01-03", trades, "+2024-01-03");
    // a month that was spoiled
    let month = "2024-01=corrupt built:2024-01=*2024-01";
    JANUARY.check("2024-01 2024-01-01..31:1", month, "2024-01[+2024-01]");
    scene.check("2024-01-01..03", month, "");
}

#[test]
fn what_a_spoiled_archive_keeps_back_is_told() {
    let told = |scene: &Scene, listed: &str, held: &str| -> Vec<String> {
        let choice = scene.choose(listed, "", held);
        choice.kept_back.iter().map(ToString::to_string).collect()
    };
    let scene = Scene { series: KLINES, window: "2024-01-01..05", ..JANUARY };
    let days = "2024-01-01=ok 2024-01-02=corrupt 2024-01-03=ok \
                built:2024-01=2024-01-01+*2024-01-02+2024-01-03";
    // there is nothing new, or it may be mended
    let none: [&str; 0] = [];
    assert_eq!(told(&scene, "2024-01-01 2024-01-03", days), none);
    assert_eq!(told(&scene, "2024-01-01..05", days), none);
    assert_eq!(told(&scene, "2024-01 2024-01-01 2024-01-03..05", days), none);
    // the source has it no more
    let new = "2024-01-01 2024-01-03..05";
    let start = "binance/usdm/klines/BTCUSDT/1h 2024-01 stays as it is, and what is new of";
    assert_eq!(
        told(&scene, new, days),
        [format!(
            "{start} 2 days waits: the archive of 2024-01-02 can no longer be read, and the source \
             does not list it"
        )]
    );
    // it was asked for in vain, and a held day was never built
    let vain = format!("{days} 2024-01-02=missing 2024-01-04=ok");
    assert_eq!(
        told(&scene, "2024-01-01..04", &vain),
        [format!(
            "{start} 1 day waits: the archive of 2024-01-02 can no longer be read, and a later run \
             asks for it again"
        )]
    );
    // neither is looked for
    let late = Scene { series: KLINES, window: "2024-01-04..05", ..JANUARY };
    assert_eq!(
        told(&late, "2024-01-04..05", days),
        [format!(
            "{start} 2 days waits: the archive of 2024-01-02 can no longer be read, and this plan \
             does not look for it"
        )]
    );
    // all at once, the month's own among them
    let many = "2024-01=corrupt 2024-01-01=corrupt 2024-01-02=ok 2024-01-03=corrupt \
                built:2024-01=*2024-01+*2024-01-01+*2024-01-03";
    assert_eq!(
        told(&scene, "2024-01-02 2024-01-04..05", many),
        [format!(
            "{start} 3 days waits: the archives of 2024-01 and 2 more can no longer be read, and \
             the source does not list them"
        )]
    );
    // a day of trades waits for no other
    let trades = "2024-01-02=corrupt built:2024-01-02=*2024-01-02";
    assert_eq!(told(&JANUARY, "2024-01-03", trades), none);
}

#[test]
fn a_spoiled_day_of_klines_is_mended_by_its_month_though_days_are_cheaper() {
    let scene = Scene { series: KLINES, ..JANUARY };
    let mend = "2024-01[+2024-01 =2024-01-01..28]";
    let listed = "2024-01:2000 2024-01-01..04 2024-01-06..31";
    let held = "2024-01-01..28=ok 2024-01-05=corrupt \
                built:2024-01=2024-01-01..04+*2024-01-05+2024-01-06..28";
    // three days are new and small
    scene.check(listed, held, mend);
    let units = &scene.choose(listed, "", held).groups[0].units;
    assert!(units.len() == 28 && units[0].keeps, "{units:?}");
    // no day is new
    let all = "2024-01-01..31=ok 2024-01-05=corrupt \
               built:2024-01=2024-01-01..04+*2024-01-05+2024-01-06..31";
    scene.check(listed, all, "2024-01[+2024-01 =2024-01-01..31]");
    // once it is built with the month there is nothing to do
    let mended = "2024-01=ok 2024-01-01..28=ok 2024-01-05=corrupt \
                  built:2024-01=2024-01+2024-01-01..04+2024-01-06..28";
    scene.check(listed, mended, "");
    // a month that is bad itself is asked for no more than any other
    scene.check(listed, &format!("{held} 2024-01=corrupt"), "");
    let missing = format!("{held} 2024-01=missing");
    scene.check(listed, &missing, "");
    Scene { hours: 24, ..scene }.check(listed, &missing, mend);
    // one that came and was not built is built
    let came = "2024-01[=2024-01 =2024-01-01..28]";
    scene.check(listed, &format!("{held} 2024-01=ok"), came);
    // nothing is taken of a month that is not listed
    scene.check("2024-01-01..04 2024-01-06..31", held, "");
}
