//! Samples from others: what was acknowledged is there after SIGKILL, what is wrong is named.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

fn values(service: &Service, query: &str) -> Vec<f64> {
    service.samples(query).into_iter().map(|s| s.1).collect()
}

#[test]
fn what_was_acknowledged_is_there_after_sigkill_in_mid_write() {
    let folder = Folder::new();
    let start = now_ms() - 3_000_000;
    let writers = 4;
    let acked: Vec<AtomicU64> = (0..writers).map(|_| AtomicU64::new(0)).collect();
    for round in 0..4u64 {
        let service = folder.start();
        let url = service.url("/api/v1/write");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (writer, acked) in acked.iter().enumerate() {
                let (client, url, stop) = (service.client.clone(), &url, &stop);
                scope.spawn(move || {
                    let name = writer.to_string();
                    while !stop.load(Ordering::Relaxed) {
                        let next = acked.load(Ordering::Relaxed);
                        // One sample of a series known, one of a new series.
                        let t = start + i64::try_from(next).unwrap() * 100;
                        let raw = [
                            series(&[("__name__", "written"), ("writer", &name)], &[(t, next as f64)]),
                            series(&[("__name__", "fresh"), ("writer", &name), ("number", &next.to_string())], &[(t, 1.0)]),
                        ];
                        match write(&client, url, &raw.concat()) {
                            Ok((204, _)) => acked.store(next + 1, Ordering::Relaxed),
                            Ok(other) => panic!("{other:?}"),
                            Err(_) => return,
                        }
                    }
                });
            }
            let goal = (round + 1) * 150;
            eventually("enough was acknowledged", || (acked[0].load(Ordering::Relaxed) >= goal).then_some(()));
            service.kill();
            stop.store(true, Ordering::Relaxed);
        });
        let service = folder.start();
        for (writer, acked) in acked.iter().enumerate() {
            let acked = acked.load(Ordering::Relaxed);
            let kept = values(&service, &format!("written{{writer=\"{writer}\"}}[2h]"));
            let expected: Vec<f64> = (0..acked).map(|n| n as f64).collect();
            assert_eq!(kept[..expected.len()], expected[..], "round {round}, writer {writer}");
            assert!(kept.len() as u64 <= acked + 1, "at most the one that was not answered is there besides");
            let fresh = service.data(&format!("/api/v1/series?match[]=fresh{{writer=\"{writer}\"}}")).as_array().unwrap().len() as u64;
            assert!(fresh >= acked, "{fresh} of {acked} new series");
        }
    }
}

#[test]
fn windows_follow_the_time_of_the_samples_and_the_duplicates_of_a_retry_count_once() {
    let folder = Folder::new();
    let service = folder.start();
    let start = (now_ms() / 3_600_000 - 2) * 3_600_000;
    let samples: Vec<(i64, f64)> = (0..480).map(|n| (start + n * 15_000, (n % 7) as f64)).collect();
    for half in samples.chunks(240) {
        let raw = series(&[("__name__", "brought_in")], half);
        for _ in 0..2 {
            assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
        }
    }
    assert_eq!(service.status()["pipeline"]["duplicate_samples"], 480);
    let windows = |window: &str| {
        let path = format!("/api/v1/windows?match[]=brought_in&window={window}&start={}&end={}", start / 1_000, start / 1_000 + 7_200);
        service.data(&path).as_array().unwrap().clone()
    };
    let minutes = eventually("the closed minutes", || Some(windows("1m")).filter(|w| w.len() == 119));
    for (at, window) in minutes.iter().enumerate() {
        let inside: f64 = samples[at * 4..at * 4 + 4].iter().map(|s| s.1).sum();
        assert_eq!((window["count"].as_f64(), window["sum"].as_f64()), (Some(4.0), Some(inside)), "{window}");
    }
    let hours = eventually("the closed hour", || Some(windows("1h")).filter(|w| w.len() == 1));
    assert_eq!(hours[0]["count"], 240.0);
    assert_eq!(hours[0]["sum"].as_f64(), Some(samples[..240].iter().map(|s| s.1).sum()));
}

#[test]
fn a_bad_request_is_answered_with_what_was_kept_and_what_would_be_right() {
    let folder = Folder::with_settings("[store]\nmax_series = 500\n");
    let service = folder.start();
    let url = service.url("/api/v1/write");
    let now = now_ms();
    let good = series(&[("__name__", "good")], &[(now, 1.0)]);
    let nameless = series(&[("job", "x")], &[(now, 1.0), (now + 1, 1.0)]);
    let (status, text) = write(&service.client, &url, &[nameless, good].concat()).unwrap();
    assert_eq!(status, 400);
    assert!(text.contains("1 samples were kept, 2 were not: series 0 {job=\\\"x\\\"}: a series needs a metric name"), "{text}");
    assert_eq!(values(&service, "good[5m]"), [1.0]);
    let ancient = series(&[("__name__", "good")], &[(now - 40 * 86_400_000, 1.0), (now + 86_400_000, 1.0), (now - 4_000_000, 1.0)]);
    let (status, text) = write(&service.client, &url, &ancient).unwrap();
    assert!(
        status == 400 && text.contains("store.retention") && text.contains("sender's clock") && text.contains("store.out_of_order"),
        "{text}"
    );
    let many: Vec<u8> = (0..600).flat_map(|n| series(&[("__name__", "many"), ("n", &n.to_string())], &[(now, 1.0)])).collect();
    let (status, text) = write(&service.client, &url, &many).unwrap();
    assert!(status == 400 && text.contains("store.max_series"), "{text}");
    assert_eq!(write(&service.client, &url, &series(&[("__name__", "good")], &[(now + 2, 2.0)])).unwrap().0, 204, "old ones go on");
    assert_eq!(write(&service.client, &url, &[0x0a, 0x09, 1]).unwrap().0, 400);
    let post = |encoding: &str, kind: &str, body: Vec<u8>| {
        let request = service.client.post(&url).header("content-encoding", encoding).header("content-type", kind).body(body);
        request.send().unwrap().status().as_u16()
    };
    assert_eq!(post("zstd", "application/x-protobuf", vec![1]), 415);
    assert_eq!(post("snappy", "application/json", vec![1]), 415);
    assert_eq!(post("snappy", "application/x-protobuf;proto=io.prometheus.write.v2.Request", vec![1]), 415);
    assert_eq!(post("snappy", "application/x-protobuf", vec![0xff; 64]), 400);
    // A few bytes that claim to hold a gigabyte.
    assert_eq!(post("snappy", "application/x-protobuf", vec![0x80, 0x80, 0x80, 0x80, 0x04, 0]), 413);
    assert_eq!(post("snappy", "application/x-protobuf", vec![0; 9 << 20]), 413);
}

#[test]
fn remote_write_loses_no_label_and_is_read_whatever_its_client_calls_it() {
    let folder = Folder::new();
    let service = folder.start();
    let now = now_ms();
    // Empty labels before the one in which two series differ.
    let empty: Vec<String> = (0..2_000).map(|n| format!("a{n:04}")).collect();
    let full: Vec<String> = (0..44).map(|n| format!("b{n:02}")).collect();
    let of = |last: &str| {
        let pairs: Vec<(&str, &str)> = [("__name__", "lost")]
            .into_iter()
            .chain(empty.iter().map(|name| (name.as_str(), "")))
            .chain(full.iter().map(|name| (name.as_str(), "v")))
            .chain([("zz", last)])
            .collect();
        series(&pairs, &[(now, 1.0)])
    };
    let url = service.url("/api/v1/write");
    assert_eq!(write(&service.client, &url, &[of("one"), of("two")].concat()).unwrap().0, 204);
    assert_eq!(service.query("count by (zz) (lost)").len(), 2);
    // What cannot be kept is refused and named, the rest is kept.
    let twice = series(&[("__name__", "twice"), ("a", "1"), ("a", "2")], &[(now, 1.0)]);
    let (status, text) = write(&service.client, &url, &[twice, series(&[("__name__", "kept")], &[(now, 1.0)])].concat()).unwrap();
    assert!(status == 400 && text.contains("1 samples were kept, 1 were not") && text.contains("`a` is given twice"), "{status} {text}");
    assert_eq!((service.query("kept").len(), service.query("twice").len()), (1, 0));
    for (at, headers) in [
        &[][..],
        &[("content-encoding", "snappy")],
        &[("content-type", "application/x-protobuf")],
        &[("content-type", "application/x-protobuf;proto=prometheus.WriteRequest"), ("content-encoding", "SNAPPY")],
        &[("content-type", "application/octet-stream")],
    ]
    .into_iter()
    .enumerate()
    {
        let raw = series(&[("__name__", "headers"), ("at", &at.to_string())], &[(now, 1.0)]);
        let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
        let request = headers.iter().fold(service.client.post(&url).body(body), |request, (name, value)| request.header(*name, *value));
        assert_eq!(request.send().unwrap().status(), 204, "{headers:?}");
    }
    assert_eq!(service.query("headers").len(), 5);
}

#[test]
fn plain_json_is_kept_and_its_mistakes_are_named() {
    let folder = Folder::new();
    let service = folder.start();
    let post = |body: &Value| -> (u16, Value) {
        let response = service.client.post(service.url("/api/v1/ingest")).json(body).send().unwrap();
        (response.status().as_u16(), response.json().unwrap())
    };
    let sample = json!({"name": "depth", "labels": {"queue": "mail"}, "value": 3});
    let (status, answer) = post(&json!({"samples": [sample, {"name": "depth", "value": "NaN", "time": now_ms() as f64 / 1e3}]}));
    assert_eq!((status, &answer["data"]["kept"]), (200, &json!(2)));
    assert_eq!(service.query("depth{queue=\"mail\"}")[0]["value"][1], "3");
    for (body, part) in [
        (json!({"samples": [{"name": "a", "value": "three"}]}), "samples[0]: `value`"),
        (json!({"samples": [{"name": "", "value": 1}]}), "a series needs a metric name"),
        (json!({"samples": [{"name": "a", "value": 1, "time": "soon"}]}), "`soon` is not a time"),
        (json!({"samples": [{"nam": "a", "value": 1}]}), "nam"),
        (json!([1]), "send {"),
    ] {
        let (status, answer) = post(&body);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(part), "{body}: {answer}");
    }
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "samples", "match": ["depth"]}));
    socket.wait_for("the snapshot", |v| v["type"] == "snapshot");
    post(&json!({"samples": [{"name": "depth", "labels": {"queue": "mail"}, "value": 4}]}));
    let update = socket.wait_for("it is shown live", |v| v["type"] == "update");
    assert_eq!(update["data"][0]["values"][0][1], "4");
}

#[test]
fn an_overloaded_service_asks_for_a_retry_and_keeps_nothing_of_the_request() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    // The store hangs for a while at its first commit of a request.
    let service = folder.start_with(&[], &[("FAILPOINTS", "store::commit=1*off->1*sleep(4000)")]);
    let (url, now) = (service.url("/api/v1/write"), now_ms());
    let answers: Vec<(u16, bool, String)> = std::thread::scope(|scope| {
        let send = |number: usize| {
            let (client, url) = (service.client.clone(), &url);
            move || {
                let raw = series(&[("__name__", "pressed"), ("number", &number.to_string())], &[(now, 1.0)]);
                let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
                let request = client.post(url).header("content-encoding", "snappy").header("content-type", "application/x-protobuf");
                let response = request.body(body).send().unwrap();
                let again = response.headers().get("retry-after").is_some_and(|v| v.to_str().unwrap().parse::<u64>().is_ok());
                (response.status().as_u16(), again, response.text().unwrap())
            }
        };
        let threads: Vec<_> = (0..200).map(|number| scope.spawn(send(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.0 == 503).collect();
    assert!(!refused.is_empty(), "200 at once are more than wait");
    assert!(refused.iter().all(|(_, again, text)| *again && text.contains("wait for the store")), "{refused:?}");
    for (number, (status, ..)) in answers.iter().enumerate() {
        let kept = values(&service, &format!("pressed{{number=\"{number}\"}}[5m]")).len();
        assert_eq!((kept, *status == 204), (usize::from(*status == 204), kept == 1), "request {number} was answered {status}");
    }
}

/// Values of every size and kind, the same each time.
fn odd_values() -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut values: Vec<f64> = (0..4_000).map(|_| f64::from_bits(next())).filter(|v| v.is_finite()).collect();
    values.extend((0..4_000).map(|_| (next() as f64 / u64::MAX as f64 - 0.5) * 10f64.powi((next() % 12) as i32 - 3)));
    values.extend([0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, 0.1 + 0.2, 9_007_199_254_740_993.0, 1e21, 1e-7]);
    values
}

#[test]
fn values_survive_export_and_import_bit_for_bit_and_sent_twice_count_once() {
    let folder = Folder::with_settings("[system]\nenabled = false\n[containers]\nenabled = false\n[store]\nout_of_order = \"1d\"\n");
    let service = folder.start();
    let start = now_ms() - 20_000_000;
    let values = odd_values();
    let samples: Vec<(i64, f64)> = values.iter().enumerate().map(|(at, v)| (start + at as i64 * 1_000, *v)).collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &series(&[("__name__", "sent")], &samples)).unwrap().0, 204);
    let export = |name: &str, format: &str| service.get(&format!("/api/v1/export?match[]={name}&format={format}")).text().unwrap();
    let import = |format: &str, text: String| {
        let response = service.client.post(service.url(&format!("/api/v1/import?format={format}"))).body(text).send().unwrap();
        let (status, body): (_, Value) = (response.status().as_u16(), response.json().unwrap());
        assert_eq!((status, &body["data"]["kept"]), (200, &json!(values.len())), "{body}");
    };
    for format in ["jsonl", "csv"] {
        let first = export("sent", format);
        let name = format!("back_{format}");
        import(format, first.replace("sent", &name));
        assert_eq!(export(&name, format), first.replace("sent", &name), "{format}: the same text again");
        // By another way: the values themselves.
        let duplicates = || service.status()["pipeline"]["duplicate_samples"].as_u64().unwrap();
        let before = duplicates();
        let raw = series(&[("__name__", &name)], &samples);
        assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
        assert_eq!(duplicates() - before, values.len() as u64, "{format}: every one is the sample that is there");
    }
    // Numbers as a client writes them.
    for chunk in samples.chunks(1_000) {
        let list: Vec<Value> = chunk.iter().map(|(t, v)| json!({"name": "ingested", "time": *t as f64 / 1e3, "value": v})).collect();
        let sent = service.client.post(service.url("/api/v1/ingest")).json(&json!({"samples": list})).send().unwrap();
        assert!(sent.status().is_success());
    }
    assert_eq!(export("ingested", "csv"), export("sent", "csv").replace("sent", "ingested"));
}
