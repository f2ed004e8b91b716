//! The cases of how much it matters that something is down.

use super::*;

fn since(series_of: &str, at: i64) -> Series {
    series(series_of, move |minute| if minute < at { 1.0 } else { 0.0 })
}

fn why(all: Vec<Series>) -> String {
    found(DAY, 1, &all).into_iter().find(|one| one.id == "probe_down:shop").unwrap().why
}

#[test]
fn what_went_down_together_is_named_and_what_did_not_is_counted() {
    let shop = || since("probe_success{target=\"shop\"}", DAY - 100);
    let up = |name: &str| since(&format!("probe_success{{target={name:?}}}"), DAY);
    assert!(why(vec![shop()]).ends_with("of the last day. 100 checks in a row failed."), "{}", why(vec![shop()]));
    let alone = why(vec![shop(), up("api"), up("mail")]);
    assert!(alone.ends_with("Of the 2 other targets and jobs that are watched none went down at the same time."), "{alone}");
    let together = why(vec![
        shop(),
        up("mail"),
        since("probe_success{target=\"api\"}", DAY - 95),
        since("up{job=\"node\",instance=\"db:9100\"}", DAY - 104),
        since("heartbeat_up{heartbeat=\"backup\"}", DAY - 92),
        // Hours before, and a minute ago.
        since("probe_success{target=\"old\"}", DAY - 600),
        since("probe_success{target=\"blip\"}", DAY - 2),
        // Nobody asks it any more.
        gapped("probe_success{target=\"gone\"}", |minute| (minute < DAY - 100).then_some(1.0)),
    ]);
    assert!(
        together.ends_with("Of the 6 other targets and jobs that are watched 3 went down within ten minutes of it: api, backup, node on db:9100. What they share may be the cause."),
        "{together}"
    );
    let one = why(vec![shop(), since("probe_success{target=\"api\"}", DAY - 95)]);
    assert!(one.ends_with("The other target or job that is watched, api, went down within ten minutes of it."), "{one}");
}

#[test]
fn alerts_of_other_things_that_began_since_then_are_named() {
    let firing = |rule: &str, labels: &str, from: i64, until: i64| {
        gapped(&format!("ALERTS{{alertname={rule:?},alertstate=\"firing\"{labels}}}"), move |minute| {
            (from..until).contains(&minute).then_some(1.0)
        })
    };
    let with = |alerts: Vec<Series>| {
        let all = [since("probe_success{target=\"shop\"}", DAY - 100), since("probe_success{target=\"api\"}", DAY - 100)];
        why(all.into_iter().chain(alerts).collect())
    };
    let named = with(vec![
        firing("disk_full", ",mountpoint=\"/\"", DAY - 97, DAY),
        firing("probe_down", ",target=\"shop\"", DAY - 98, DAY),
        firing("probe_down", ",target=\"api\"", DAY - 98, DAY),
        firing("long_ago", "", DAY - 300, DAY),
        firing("over", "", DAY - 90, DAY - 40),
    ]);
    assert!(named.ends_with(" Alerts of other things that began since then: disk_full."), "{named}");
    assert!(!with(Vec::new()).contains("Alerts"));
}
