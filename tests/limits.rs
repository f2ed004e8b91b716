//! Bounds of queries: what is ordinary passes, what is truly large is refused before it takes much, and says which bound it met.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::remote::{now_ms, series, write};
use common::{Folder, Service, process};
use serde_json::Value;

fn post(service: &Service, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let response = service.client.post(service.url(path)).form(form).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn kib(service: &Service, figure: &str) -> u64 {
    process::status(service.pid(), figure).unwrap() as u64
}

/// Half a million numbers take 4 MiB: small enough for a debug build, and far beyond the bound where they are held often.
#[test]
fn a_query_takes_no_more_memory_than_it_may() {
    let folder = Folder::with_settings("[system]\nenabled = false\n[query]\nmax_bytes = 16777216\n");
    let service = folder.start();
    let rows: Vec<u8> =
        (0..500).flat_map(|n| series(&[("__name__", "m"), ("a", &format!("{n}"))], &[(now_ms() - 60_000, f64::from(n))])).collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &rows).unwrap().0, 204);
    // What a first query takes for good.
    assert_eq!(post(&service, "/api/v1/query", &[("query", "sum_over_time(vector(1)[500s:1ms])")]).0, 200);
    let now = now_ms() / 1_000;
    let (start, end) = ((now - 10_999).to_string(), now.to_string());
    let doubled = format!("{}m{}", "label_replace(".repeat(5), r#", "x", "$1$1yyyyyyyy", "x", "(.*)")"#.repeat(5));
    let joined = format!(r#"label_join(m, "x", "{}", "a", "a") or m"#, "z".repeat(60_000));
    for (range, query) in [
        (false, "vector(1)[4h:1ms]"),
        (false, "vector(1)[1h:1ms]"),
        (false, "sum_over_time(vector(1)[4h:1ms])"),
        (false, "quantile_over_time(0.5, vector(1)[4h:1ms])"),
        (false, "max_over_time(sum_over_time(vector(1)[1s:1s])[4h:1ms])"),
        (false, "sum_over_time(count_values(\"v\", vector(time()))[2h:1s])"),
        (false, "max_over_time(m[2h:1s])"),
        (false, joined.as_str()),
        (true, "count_values(\"v\", vector(time()))"),
        (true, "m"),
        (true, "topk(1000, m)"),
        (true, "sum by (a) (m)"),
        (true, "label_replace(m, \"b\", \"$1\", \"a\", \"(.*)\") or m"),
        (true, "m / on (a) m"),
        (true, "last_over_time(m[5m])"),
        (true, "absent_over_time(vector(1)[2h:1ms])"),
    ] {
        let idle = kib(&service, "VmRSS");
        let _ = std::fs::write(format!("/proc/{}/clear_refs", service.pid()), "5");
        let (status, body) = if range {
            post(&service, "/api/v1/query_range", &[("query", query), ("start", &start), ("end", &end), ("step", "1")])
        } else {
            post(&service, "/api/v1/query", &[("query", query)])
        };
        let (error, query) = (body["error"].as_str().unwrap_or(""), &query[..query.len().min(100)]);
        assert!(
            status == 422 && body["errorType"] == "execution" && error.contains("more than 16 MiB of memory"),
            "{query}: {status} {error}"
        );
        let over = kib(&service, "VmHWM").saturating_sub(idle);
        assert!(over < 48 << 10, "{query} took {over} KiB");
    }
    for query in [doubled.as_str(), "sum(m)", "topk(3, m)", "count_values(\"v\", m)", "max_over_time(m[5m:1s])", "m[5m:10s]"] {
        assert_eq!(post(&service, "/api/v1/query", &[("query", query)]).0, 200, "{query}");
    }
}

#[test]
fn ordinary_queries_meet_no_bound() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    let rows: Vec<u8> = (0..50)
        .flat_map(|n| series(&[("__name__", "m"), ("host", &format!("host-{n}.example.com:9100")), ("job", "x")], &[(now_ms(), 1.0)]))
        .collect();
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &rows).unwrap().0, 204);
    let many = |n: usize, one: &dyn Fn(usize) -> String, between: &str| (0..n).map(one).collect::<Vec<_>>().join(between);
    for (query, wanted) in [
        (format!("count(m{{host=~\"{}\"}})", many(1_500, &|n| format!("host-{n}.example.com:9100"), "|")), "50"),
        (format!("count(m{{host=~\"{}\"}})", many(8_000, &|n| format!("host-{n}\\\\.example\\\\.com:9100"), "|")), "50"),
        (format!("count(m{{host=~\"({})\"}})", many(3_000, &|n| format!("host-{n}.example.com:9100"), "|")), "50"),
        (format!("count({})", many(500, &|n| format!("m{{host=\"host-{n}.example.com:9100\",job=\"x\"}}"), " or ")), "50"),
        (format!("sum({})", many(300, &|n| format!("m{{host=~\".*-{n}[.].*\",job!=\"y\"}}"), " or ")), "50"),
        (format!("# {}\ncount(m)", "-".repeat(2_000)), "50"),
        (format!("count(m{{job!=\"{}\"}})", "or and + - (".repeat(1_000)), "50"),
        ("count(m{job=~\"[[]?x\",host=~\"[\\\\w-.]+:\\\\d{1,255}\",host!~\"/users/{id}\"})".to_owned(), "50"),
        ("count(m{job=~\"(?i)X\"} unless m{host=~\"[a&&b]+\"})".to_owned(), "50"),
        ("count(label_replace(m, \"n\", \"${n}x$$\", \"host\", \"host-(?P<n>1).*\") == on (n) group_left () label_replace(vector(1), \"n\", \"1x$\", \"\", \"\"))".to_owned(), "11"),
    ] {
        let (status, body) = post(&service, "/api/v1/query", &[("query", &query)]);
        assert!(status == 200 && body["data"]["result"][0]["value"][1] == wanted, "{}: {status} {body}", &query[..query.len().min(100)]);
    }
    for (pattern, words) in [
        ("x**", "invalid nested repetition operator: `**`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("[a", "missing closing ]: `[a`"),
        ("x{1001}", "invalid repeat count: `{1001}`"),
    ] {
        let (status, body) = post(&service, "/api/v1/query", &[("query", &format!("m{{a=~\"{pattern}\"}}"))]);
        let error = body["error"].as_str().unwrap_or("");
        assert!(status == 400 && error.contains(words), "{pattern}: {status} {error}");
    }
}
