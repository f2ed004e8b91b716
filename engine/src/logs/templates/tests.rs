use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::logs::record::{Record, Severity};
use crate::logs::{Lines, StreamLines};
use crate::model::Labels;

const NOW: i64 = 1_795_615_200_000;
const MIN: i64 = 60_000;

fn lines(app: &str, level: u8, said: &[(i64, &str)]) -> Lines {
    let record = |(at, text): &(i64, &str)| Record {
        time: at * 1_000_000,
        severity: Severity(level),
        body: text.as_bytes().to_vec(),
        ..Record::default()
    };
    vec![StreamLines { labels: Labels::of(vec![("app", app)]), records: said.iter().map(record).collect() }]
}

fn errors(said: &[&str]) -> Notes {
    let said: Vec<(i64, &str)> = said.iter().map(|text| (NOW, *text)).collect();
    Notes::of(&lines("web", 17, &said))
}

fn mined(said: &[&str]) -> Vec<(String, u64)> {
    let mut miner = Miner::default();
    miner.observe(&errors(said), NOW);
    let mut found: Vec<(String, u64)> =
        miner.list(None, (0, NOW), 99).into_iter().map(|found| (found.template.text(), found.count)).collect();
    found.sort();
    found
}

#[test]
fn the_words_of_a_line_are_those_that_tell_its_kind() {
    for (text, expected) in [
        ("error: user 42 not found", "error: user <*> not found"),
        ("took 12ms, 3.5% of 10.0.0.7:80", "took <*>, <*> of <*>"),
        ("2026-11-27T12:00:01.5Z [worker-3] failed", "<*> [worker-<*>] failed"),
        ("open /var/log/app.log: permission denied", "open <*>: permission denied"),
        ("GET https://x.org/a?b=1 failed", "GET <*> failed"),
        ("key \"some thing\" and 'other' missing", "key <*> and <*> missing"),
        ("can't read; it's gone", "can't read; it's gone"),
        ("request id=7f3a9c1b-22aa-4c1b-9d0e-0123456789ab gone", "request id=<*> gone"),
        ("0xdeadbeef at 00000000004005d0", "<*> at <*>"),
        (r#"{"level":"error","n":7,"msg":"job 7 \"x\" failed","at":{"msg":"no"}}"#, "job <*> <*> failed"),
        (r#"{"msg":"cut off in the mid"#, "cut off in the mid"),
        (r#"{"a":[1,"x"],"log":"boom\n"}"#, "boom"),
        ("level=error n=3 msg=\"request 3 failed\" took=1s", "request <*> failed"),
        ("level=error error=refused", "refused"),
        ("\n  Traceback (most recent call last):\n  x", "Traceback (most recent call last):"),
        ("db-primary:5432 refused", "db-primary:<*> refused"),
        ("HTTP/1.1 503", "HTTP/<*> <*>"),
        ("a\u{1b}[31mred\u{7}", "a\u{fffd}[<*>\u{fffd}"),
        ("", ""),
    ] {
        assert_eq!(text::words(&text::message(text.as_bytes())).join(" "), expected, "{text}");
    }
    let long = "word ".repeat(100);
    assert_eq!(text::words(&long).len(), text::MAX_WORDS + 1);
    assert_eq!(text::words(&"x".repeat(1 << 20)), [text::ANY]);
}

#[test]
fn lines_of_a_kind_make_one_template_and_others_their_own() {
    assert_eq!(
        mined(&[
            "connection to alpha refused by its peer",
            "connection to beta refused by its peer",
            "connection to gamma refused by its peer",
            "connection refused",
            "connection reset",
        ]),
        [("connection refused".to_owned(), 1), ("connection reset".to_owned(), 1), ("connection to <*> refused by its peer".to_owned(), 3)]
    );
    // Of another level or service it is another kind.
    let mut miner = Miner::default();
    miner.observe(&errors(&["disk full"]), NOW);
    miner.observe(&Notes::of(&lines("web", 13, &[(NOW, "disk full")])), NOW);
    miner.observe(&Notes::of(&lines("db", 17, &[(NOW, "disk full")])), NOW);
    miner.observe(&Notes::of(&lines("db", 9, &[(NOW, "disk full")])), NOW);
    assert_eq!(miner.len(), 3);
    assert_eq!(miner.list(Some("db"), (0, NOW), 9).len(), 1);
    assert!(miner.list(None, (0, NOW - 10 * MIN), 9).is_empty());
}

#[test]
fn lines_are_of_one_kind_only_where_what_they_share_tells_it() {
    let kinds = |lines: &[&str]| mined(lines).len();
    for apart in [
        &["error: 42", "error: timeout", "error: refused"][..],
        &["request failed: 17", "request failed: timeout"],
        &["error: 42 failed", "error: login failed"],
        &["request failed with timeout", "request failed with reset"],
        &["cannot open file: 7", "cannot open file: denied"],
        &["error: cannot open lockfile", "error: cannot open socket"],
        &["ERROR: internal error: timeout", "ERROR: internal error: overflow"],
        &["FATAL: \"x\"", "FATAL: corruption"],
        &["exit 3", "exit signal"],
    ] {
        assert_eq!(kinds(apart), apart.len(), "{apart:?}");
        let mut turned = apart.to_vec();
        turned.reverse();
        assert_eq!(kinds(&turned), apart.len(), "{turned:?}");
    }
    for together in [
        &["error: 42", "error: 43", "error: \"x y\""][..],
        &["job 7 failed", "job alpha failed", "job beta failed"],
        &["user 42 not found", "user alice not found"],
        &["cannot reach host 10.0.0.1", "cannot reach host alpha", "cannot reach host beta"],
        &["cannot reach host alpha", "cannot reach host beta"],
        &["error: user alice has no access", "error: user bob has no access"],
        &["upstream db-1 closed its connection early: 12", "upstream db-2 closed its connection early: reset"],
    ] {
        assert_eq!(kinds(together), 1, "{together:?}: {:?}", mined(together));
    }
}

#[test]
fn a_restart_gives_lines_the_same_ids() {
    let texts = ["error: 42", "error: timeout", "job 7 failed", "job alpha failed", "cannot reach host alpha", "cannot reach host beta"];
    let ids = |miner: &mut Miner| {
        texts.map(|text| {
            let before: BTreeMap<String, u64> = miner.templates.values().map(|one| (one.id.clone(), one.lines)).collect();
            miner.observe(&errors(&[text]), NOW);
            let mut grown = miner.templates.values().filter(|one| before.get(&one.id) != Some(&one.lines)).map(|one| one.id.clone());
            (grown.next(), grown.next())
        })
    };
    let mut miner = Miner::default();
    let first = ids(&mut miner);
    assert!(first.iter().all(|(one, more)| one.is_some() && more.is_none()), "{first:?}");
    let kept: Vec<(String, Vec<u8>)> = miner.changes(true).into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
    assert_eq!(ids(&mut Miner::restored(&kept)), first);
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{first:?}");
}

#[test]
fn a_service_is_named_by_its_labels_and_lines_are_counted_by_level() {
    for (labels, name) in
        [(vec![("job", "j"), ("service_name", "s")], "s"), (vec![("app", ""), ("job", "j")], "j"), (vec![("host", "h")], "unknown")]
    {
        assert_eq!(service_of(&Labels::of(labels)), name);
    }
    let mut all = lines("web", 17, &[(NOW, "a"), (NOW - 5, "b")]);
    all.extend(lines("web", 9, &[(NOW + 7, "c")]));
    all.extend(lines("db", 0, &[(NOW, "")]));
    let notes = Notes::of(&all);
    let heard: Vec<(&str, i64, i64)> = notes.services.iter().map(|heard| (heard.service.as_str(), heard.from, heard.to)).collect();
    assert_eq!(heard, [("web", NOW - 5, NOW + 7), ("db", NOW, NOW)]);
    assert_eq!((notes.services[0].windows.len(), notes.services[1].windows.len()), (2, 1));
    assert_eq!(notes.counts, [(0, "error", 2), (0, "info", 1), (1, "unknown", 1)]);
    assert_eq!(notes.notes.len(), 2);
}

#[test]
fn a_new_kind_is_news_once_its_service_is_known_and_not_again_after_a_restart() {
    let mut miner = Miner::default();
    miner.observe(&errors(&["the first kind"]), NOW);
    assert!(miner.tick(NOW).is_empty(), "the service is not known yet");
    let later = NOW + LEARNING_MS;
    let say = |miner: &mut Miner, at: i64, text: &str| miner.observe(&Notes::of(&lines("web", 17, &[(at, text)])), at.max(later));
    say(&mut miner, later, "another kind of line");
    say(&mut miner, later - 20 * MIN, "an old kind that comes late");
    let news = miner.tick(later);
    assert_eq!(
        news.iter().map(|news| (news.kind, news.template.text())).collect::<Vec<_>>(),
        [(NewsKind::New, "another kind of line".to_owned())]
    );
    assert!(news[0].template.is_new(later) && !news[0].template.is_new(later + LEARNING_MS));

    let kept: Vec<(String, Vec<u8>)> = miner.changes(true).into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
    assert!(miner.changes(true).is_empty(), "nothing changed since");
    let mut again = Miner::restored(&kept);
    let ids = |miner: &Miner| miner.templates.keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!((ids(&again), &again.services), (ids(&miner), &miner.services));
    say(&mut again, later + MIN, "another kind of line");
    assert!(again.tick(later + MIN).is_empty());
    assert_eq!(again.list(None, (0, later + MIN), 9)[0].count, 2);
    say(&mut again, later + MIN, "a third kind of line");
    assert_eq!(again.tick(later + MIN).len(), 1, "the service is still known");
}

#[test]
fn a_service_with_an_hour_of_past_that_comes_at_once_is_known() {
    let mut miner = Miner::default();
    let past: Vec<(i64, &str)> = (1..14).rev().map(|n| (NOW - n * 5 * MIN, "all is well")).collect();
    miner.observe(&Notes::of(&lines("web", 9, &past)), NOW);
    miner.observe(&errors(&["it broke"]), NOW);
    assert_eq!(miner.tick(NOW).len(), 1);
}

#[test]
fn news_is_bounded_by_the_hour() {
    let mut miner = Miner::default();
    miner.observe(&errors(&["known"]), NOW);
    let later = NOW + LEARNING_MS;
    let texts: Vec<String> = (0..100_u8).map(|n| format!("kind x{}{}", char::from(b'a' + n / 10), char::from(b'a' + n % 10))).collect();
    let said: Vec<(i64, &str)> = texts.iter().map(|text| (later, text.as_str())).collect();
    miner.observe(&Notes::of(&lines("web", 17, &said)), later);
    assert_eq!((miner.tick(later).len(), miner.unsaid), (MAX_EVENTS, 100 - MAX_EVENTS as u64));
}

#[test]
fn a_burst_begins_once_and_ends_when_it_is_usual_again() {
    let mut miner = Miner::default();
    let say =
        |miner: &mut Miner, now: i64, count: usize| miner.observe(&Notes::of(&lines("web", 17, &vec![(now, "it broke"); count])), now);
    // Two lines a minute over two hours.
    for minute in 0..120 {
        let now = NOW + minute * MIN;
        say(&mut miner, now, 2);
        assert!(miner.tick(now).is_empty(), "minute {minute}");
    }
    let mut bursts = Vec::new();
    for minute in 120..200 {
        let now = NOW + minute * MIN;
        // Far more for ten minutes.
        say(&mut miner, now, if minute < 130 { 60 } else { 2 });
        bursts.extend(miner.tick(now).into_iter().map(|news| (minute, news.kind, news.lines)));
    }
    assert_eq!(bursts, [(120, NewsKind::Burst, 68)]);
    assert!(miner.templates.values().all(|template| template.burst.is_none()), "it is over");
    // As many again are no burst: they came before.
    for minute in 200..210 {
        say(&mut miner, NOW + minute * MIN, 60);
        assert!(miner.tick(NOW + minute * MIN).is_empty());
    }
}

#[test]
fn what_is_usual_makes_no_burst() {
    let past = |counts: &[u32]| Past::of(counts);
    for (lines, counts, burst) in [
        (100.0, vec![10; 11], false),
        (100.0, vec![10; 12], true),
        (30.0, vec![10; 72], false),
        (40.0, vec![10; 72], true),
        (9.0, vec![0; 72], false),
        (12.0, vec![0; 72], true),
        // What comes in heaps is judged by its heaps.
        (90.0, [vec![0; 11], vec![80]].concat().repeat(6), false),
        (79.0, [vec![0; 71], vec![80]].concat(), false),
    ] {
        assert_eq!(is_burst(lines, &past(&counts)), burst, "{lines} after {counts:?}");
    }
}

#[test]
fn false_alarms_are_as_rare_as_is_said() {
    // A Poisson process of each rate: a million windows would be a few; here not one of 20,000 may be.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for rate in [0.1, 1.0, 5.0, 30.0] {
        let mut poisson = || {
            let (limit, mut product, mut count) = (f64::exp(-rate), uniform(), 0_u32);
            while product > limit {
                product *= uniform();
                count += 1;
            }
            count
        };
        let counts: Vec<u32> = (0..5_000).map(|_| poisson()).collect();
        for windows in counts.windows(73) {
            assert!(!is_burst(f64::from(windows[72]), &Past::of(&windows[..72])), "{rate}: {windows:?}");
        }
    }
}

#[test]
fn a_hundred_thousand_random_lines_stay_within_the_bounds() {
    let mut miner = Miner::default();
    for batch in 0..100_u64 {
        let texts: Vec<String> = (0..1_000_u64)
            .map(|n| {
                let mut word = batch * 1_000 + n;
                let mut next = || {
                    word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let letter = |shift: u64| char::from(b'a' + ((word >> shift) % 26) as u8);
                    [20, 25, 30, 35, 40, 45, 50].map(letter).iter().collect::<String>()
                };
                [next(), next(), next()].join(" ")
            })
            .collect();
        let now = NOW + batch as i64 * 1_000;
        let said: Vec<(i64, &str)> = texts.iter().map(|text| (now, text.as_str())).collect();
        let app = format!("app{}", batch % 50);
        miner.observe(&Notes::of(&lines(&app, 17, &said)), now);
        assert!(miner.len() <= MAX_TEMPLATES);
    }
    assert!(miner.of_service_at_most() <= MAX_OF_SERVICE && miner.evicted > 80_000, "{}", miner.evicted);
    for batch in 0..(MAX_SERVICES as i64 + 100) {
        miner.observe(&Notes::of(&lines(&format!("many{batch}"), 17, &[(NOW + MIN, "a b")])), NOW + MIN);
    }
    assert!(miner.services.len() <= MAX_SERVICES);
    assert!(miner.leaves_agree());
    let written = miner.changes(true);
    assert!(written.len() > 1_000);
}

/// Lines that no line of another kind is near to.
const KINDS: [&str; 5] = ["disk N is full", "cannot reach host N in time", "panic", "worker N exits", "reading N failed with code N"];

proptest! {
    #[test]
    fn the_order_of_lines_of_different_kinds_does_not_matter(order in proptest::collection::vec((0..KINDS.len(), 0..1_000_u32), 1..60)) {
        let texts: Vec<String> = order.iter().map(|(kind, n)| KINDS[*kind].replace('N', &n.to_string())).collect();
        let counts = |texts: &[String]| {
            let mut miner = Miner::default();
            texts.iter().for_each(|text| miner.observe(&errors(&[text]), NOW));
            let all = miner.list(None, (0, NOW), 99).into_iter();
            all.map(|found| (found.template.id.clone(), (found.template.text(), found.count))).collect::<BTreeMap<_, _>>()
        };
        let mut sorted = texts.clone();
        sorted.sort();
        let found = counts(&texts);
        prop_assert_eq!(&found, &counts(&sorted));
        prop_assert_eq!(found.values().map(|(_, count)| count).sum::<u64>(), texts.len() as u64);
    }

    #[test]
    fn any_bytes_are_counted_once_and_keep_the_bounds(said in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..30)) {
        let records = said.iter().map(|body| Record { time: NOW * 1_000_000, severity: Severity(21), body: body.clone(), ..Record::default() });
        let all = vec![StreamLines { labels: Labels::of(vec![("app", "x")]), records: records.collect() }];
        let mut miner = Miner::default();
        miner.observe(&Notes::of(&all), NOW);
        let found = miner.list(None, (0, NOW), 99);
        let counted: u64 = found.iter().map(|found| found.count).sum();
        prop_assert!(counted <= said.len() as u64);
        prop_assert!(found.iter().all(|one| one.template.words.len() <= text::MAX_WORDS + 1 && !one.template.text().contains(char::is_control)));
        prop_assert!(found.iter().all(|one| !one.template.example.text.contains(char::is_control)));
        let kept: Vec<(String, Vec<u8>)> = miner.changes(true).into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
        prop_assert_eq!(Miner::restored(&kept).templates.len(), miner.len());
    }
}
