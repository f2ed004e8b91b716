//! How clients of Prometheus ask: where they put parameters, what they leave empty, which methods, headers and slashes they use.
//!
//! One row is one habit: method, address, headers, body, and what the answer must have. What is expected is what Prometheus answers,
//! but for HEAD and slashes, where it refuses or leads astray.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::process::Command;

use common::remote::{now_ms, series, write};
use common::{Folder, Service};
use reqwest::Method;
use serde_json::{Value, json};

const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n[taskmaster]\nenabled = false\n";
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];
const MULTIPART: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=xx")];
const NOTHING: &[(&str, &str)] = &[];
const ONE: &str = "--xx\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n1\r\n--xx--\r\n";
/// `warnings` of an answer that was cut.
const CUT: &str = "results truncated due to limit";

/// Method, address, headers, body; status, a place in the answer, and what stands there.
type Habit<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str, Value);

/// `old` has samples from three to two hours ago, `gap` those and one of now, `new` the last minute.
fn service() -> (Folder, Service, i64) {
    let folder = Folder::with_settings(QUIET);
    let service = folder.start();
    let now = now_ms();
    let minutes = |from: i64, to: i64| (from..to).map(|minute| (now + minute * 60_000, 1.0)).collect::<Vec<_>>();
    let raw = [
        series(&[("__name__", "old"), ("job", "a")], &minutes(-180, -120)),
        series(&[("__name__", "gap"), ("job", "b")], &[minutes(-180, -120), minutes(0, 1)].concat()),
        series(&[("__name__", "new"), ("job", "c"), ("k8s.namespace.name", "prod")], &minutes(-1, 1)),
    ];
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw.concat()).unwrap().0, 204);
    (folder, service, now)
}

fn ask(service: &Service, (method, address, headers, body, ..): &Habit<'_>) -> (u16, reqwest::header::HeaderMap, String) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let url = service.url(&address.replace("match[]", "match%5B%5D"));
    let mut request = service.client.request(method, url);
    for (name, value) in *headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.body((*body).to_owned());
    }
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.headers().clone(), answer.text().unwrap())
}

fn check(service: &Service, habits: &[Habit<'_>]) {
    for habit in habits {
        let (method, address, headers, body, status, pointer, expected) = habit;
        let (came, _, text) = ask(service, habit);
        let exchange = format!("{method} {address} {headers:?} {body:?}: {came} {text}");
        assert_eq!(came, *status, "{exchange}");
        let answer: Value = if pointer.is_empty() { json!(null) } else { serde_json::from_str(&text).unwrap() };
        let found = if pointer.is_empty() { &Value::Null } else { answer.pointer(pointer).unwrap_or(&Value::Null) };
        match expected {
            // A message holds the words; another text is equal.
            Value::String(words) if pointer == &"/error" => assert!(found.as_str().unwrap_or("").contains(words.as_str()), "{exchange}"),
            expected => assert_eq!(found, expected, "{exchange}"),
        }
    }
}

#[test]
fn parameters_count_wherever_they_stand_and_whatever_the_body_is() {
    let (_folder, service, _) = service();
    const VALUE: &str = "/data/result/1";
    check(
        &service,
        &[
            // vmalert: parameters in the address, no body, a type all the same.
            ("POST", "/api/v1/query?query=vector(1)&step=300s", JSON, "", 200, "/data/result/0/value/1", json!("1")),
            ("POST", "/api/v1/query?query=1", TEXT, "", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", NOTHING, "", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", FORM, "", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", &[("content-type", "multipart/form-data")], "", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", MULTIPART, "", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", &[("content-type", "nonsense")], "x=y", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", JSON, "{\"query\":\"2\"}", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=1", NOTHING, "query=2", 200, VALUE, json!("1")),
            ("POST", "/api/v1/query", JSON, "{\"query\":\"2\"}", 400, "/errorType", json!("bad_data")),
            ("POST", "/api/v1/query?query=1", &[FORM[0], ("content-encoding", "gzip")], "", 200, VALUE, json!("1")),
            // A form comes before the address, a multipart form after it; of several the first counts.
            ("POST", "/api/v1/query?query=2", FORM, "query=1", 200, VALUE, json!("1")),
            (
                "POST",
                "/api/v1/query?query=2",
                &[("content-type", "application/X-WWW-form-urlencoded; charset=UTF-8")],
                "query=1",
                200,
                VALUE,
                json!("1"),
            ),
            ("POST", "/api/v1/query", MULTIPART, ONE, 200, VALUE, json!("1")),
            ("POST", "/api/v1/query?query=2", MULTIPART, ONE, 200, VALUE, json!("2")),
            ("GET", "/api/v1/query?query=1&query=2", NOTHING, "", 200, VALUE, json!("1")),
            ("GET", "/api/v1/query?query=1%2B1", NOTHING, "", 200, VALUE, json!("2")),
            ("GET", "/api/v1/query?query=1%20%2B%201&unknown=x&nocache=1", NOTHING, "", 200, VALUE, json!("2")),
            ("GET", "/api/v1/query?query=1&foo=%zz", NOTHING, "", 200, VALUE, json!("1")),
            ("GET", "/api/v1/query?query=1;a=b", NOTHING, "", 400, "/error", json!("a `;`")),
            ("GET", "/api/v1/series?match[]=new&foo=%zz", NOTHING, "", 400, "/error", json!("error parsing form values")),
            // The same for all that is asked by POST.
            ("POST", "/api/v1/query_range?query=1&start=0&end=10&step=5", JSON, "", 200, "/data/result/0/values/2", json!([10, "1"])),
            ("POST", "/api/v1/query_range?query=1&start=0", FORM, "end=10&step=5", 200, "/data/result/0/values/2", json!([10, "1"])),
            ("POST", "/api/v1/series?match[]=old", TEXT, "", 200, "/data/0/job", json!("a")),
            ("POST", "/api/v1/series?match[]=old", FORM, "match%5B%5D=new", 200, "/data/1/__name__", json!("new")),
            ("POST", "/api/v1/labels", JSON, "{}", 200, "/data/1", json!("job")),
            ("POST", "/api/v1/format_query?query=1%2B1", JSON, "", 200, "/data", json!("1 + 1")),
            ("POST", "/api/v1/parse_query?query=vector(1)", TEXT, "", 200, "/data/type", json!("call")),
            ("POST", "/api/v1/query_exemplars?query=new&start=&end=", JSON, "", 200, "/data", json!([])),
        ],
    );
    // A body that nobody reads leaves the connection as it was.
    for _ in 0..3 {
        let answer =
            service.client.post(service.url("/api/v1/query?query=1")).header("content-type", "text/plain").body("x".repeat(100_000));
        assert_eq!(answer.send().unwrap().status(), 200);
    }
}

#[test]
fn empty_parameters_are_none_and_times_and_lengths_are_those_of_prometheus() {
    let (_folder, service, _) = service();
    let bad = json!("bad_data");
    let value = |v: &str| json!(v);
    check(
        &service,
        &[
            ("GET", "/api/v1/query?query=new&time=", NOTHING, "", 200, "/data/result/0/value/1", value("1")),
            ("GET", "/api/v1/query?query=1&timeout=&limit=&lookback_delta=&stats=", NOTHING, "", 200, "/data/stats", json!(null)),
            ("GET", "/api/v1/query?query=new&lookback_delta=0", NOTHING, "", 200, "/data/result/0/value/1", value("1")),
            ("GET", "/api/v1/query?query=", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/labels?start=&end=&limit=", NOTHING, "", 200, "/data/0", value("__name__")),
            ("GET", "/api/v1/series?match[]=old&start=&end=", NOTHING, "", 200, "/data/0/job", value("a")),
            ("GET", "/api/v1/series?match[]=", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/series", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/label/job/values?start=&end=&limit=", NOTHING, "", 200, "/data", json!(["a", "b", "c"])),
            ("GET", "/api/v1/metadata?metric=&limit=", NOTHING, "", 200, "/status", value("success")),
            ("GET", "/api/v1/rules?type=&exclude_alerts=", NOTHING, "", 200, "/data/groups/0/name", value("taskpulse")),
            ("GET", "/api/v1/query_range?query=1&start=&end=10&step=5", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/query_range?query=1&start=0&end=&step=5", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/query_range?query=1&start=0&end=10&step=", NOTHING, "", 400, "/errorType", bad.clone()),
            // Times.
            ("GET", "/api/v1/query?query=time()&time=1.5e9", NOTHING, "", 200, "/data/result/1", value("1500000000")),
            ("GET", "/api/v1/query?query=time()&time=-5", NOTHING, "", 200, "/data/result/1", value("-5")),
            ("GET", "/api/v1/query?query=time()&time=1500000000.25", NOTHING, "", 200, "/data/result/1", value("1500000000.25")),
            ("GET", "/api/v1/query?query=time()&time=2017-07-14T04:40:00%2B02:00", NOTHING, "", 200, "/data/result/1", value("1500000000")),
            ("GET", "/api/v1/query?query=time()&time=2017-07-14T02:40:00.5Z", NOTHING, "", 200, "/data/result/1", value("1500000000.5")),
            // A `+` of an address is a space.
            ("GET", "/api/v1/query?query=time()&time=2017-07-14T04:40:00+02:00", NOTHING, "", 400, "/error", value("is not a time")),
            ("GET", "/api/v1/query?query=1&time=yesterday", NOTHING, "", 400, "/error", value("is not a time")),
            // Lengths of time.
            ("GET", "/api/v1/query_range?query=1&start=0&end=10&step=0.5", NOTHING, "", 200, "/data/result/0/values/1/0", json!(0.5)),
            ("GET", "/api/v1/query_range?query=1&start=0&end=10&step=1e1", NOTHING, "", 200, "/data/result/0/values/1/0", json!(10)),
            ("GET", "/api/v1/query_range?query=1&start=0&end=7200&step=1h30m", NOTHING, "", 200, "/data/result/0/values/1/0", json!(5_400)),
            ("GET", "/api/v1/query_range?query=1&start=0&end=10&step=1.5h", NOTHING, "", 400, "/errorType", bad.clone()),
            (
                "GET",
                "/api/v1/query_range?query=1&start=0&end=10&step=-5",
                NOTHING,
                "",
                400,
                "/error",
                value("zero or negative query resolution"),
            ),
            ("GET", "/api/v1/query?query=1&timeout=30m1h", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/query?query=1&timeout=1.5", NOTHING, "", 200, "/data/result/1", value("1")),
            ("GET", "/api/v1/query?query=1&timeout=0", NOTHING, "", 503, "/errorType", value("timeout")),
            ("GET", "/api/v1/query?query=1&stats=all", NOTHING, "", 200, "/data/stats/samples/totalQueryableSamples", json!(0)),
            ("GET", "/api/v1/query_range?query=1&start=10&end=5&step=1", NOTHING, "", 400, "/errorType", bad),
            // 11,000 steps, which are 11,001 points.
            (
                "GET",
                "/api/v1/query_range?query=1&start=0&end=11000&step=1",
                NOTHING,
                "",
                200,
                "/data/result/0/values/11000",
                json!([11_000, "1"]),
            ),
            ("GET", "/api/v1/query_range?query=1&start=0&end=11000.9&step=1", NOTHING, "", 200, "/data/result/0/values/11001", json!(null)),
            (
                "GET",
                "/api/v1/query_range?query=1&start=0&end=11001&step=1",
                NOTHING,
                "",
                400,
                "/error",
                value("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"),
            ),
        ],
    );
}

#[test]
fn limits_cut_and_say_so() {
    let (_folder, service, _) = service();
    let cut = json!([CUT]);
    let limit = |name: &str| json!(format!("invalid parameter \"{name}\""));
    check(
        &service,
        &[
            ("GET", "/api/v1/series?match[]={job!=\"\"}&limit=1", NOTHING, "", 200, "/data/1", json!(null)),
            ("GET", "/api/v1/series?match[]={job!=\"\"}&limit=1", NOTHING, "", 200, "/warnings", cut.clone()),
            ("POST", "/api/v1/series", FORM, "match%5B%5D={job!=\"\"}&limit=2", 200, "/warnings", cut.clone()),
            ("GET", "/api/v1/series?match[]={job!=\"\"}&limit=3", NOTHING, "", 200, "/warnings", json!(null)),
            ("GET", "/api/v1/series?match[]={job!=\"\"}&limit=0", NOTHING, "", 200, "/data/2/job", json!("c")),
            ("GET", "/api/v1/labels?limit=1", NOTHING, "", 200, "/data", json!(["__name__"])),
            ("GET", "/api/v1/labels?limit=1", NOTHING, "", 200, "/warnings", cut.clone()),
            ("GET", "/api/v1/label/job/values?limit=2", NOTHING, "", 200, "/data", json!(["a", "b"])),
            ("GET", "/api/v1/label/job/values?limit=2", NOTHING, "", 200, "/warnings", cut.clone()),
            ("GET", "/api/v1/label/job/values?limit=3", NOTHING, "", 200, "/warnings", json!(null)),
            ("GET", "/api/v1/query?query={job!=\"\"}&limit=1", NOTHING, "", 200, "/warnings", cut.clone()),
            ("GET", "/api/v1/query?query=1&limit=1", NOTHING, "", 200, "/warnings", json!(null)),
            ("GET", "/api/v1/metadata?limit=2", NOTHING, "", 200, "/warnings", cut.clone()),
            ("GET", "/api/v1/metadata?limit=0", NOTHING, "", 200, "/data", json!({})),
            ("GET", "/api/v1/metadata?limit=-1", NOTHING, "", 200, "/warnings", json!(null)),
            ("GET", "/api/v1/rules?limit=1", NOTHING, "", 200, "/warnings", cut),
            ("GET", "/api/v1/targets/metadata?limit=1", NOTHING, "", 200, "/data", json!([])),
            ("GET", "/api/v1/labels?limit=-1", NOTHING, "", 400, "/error", limit("limit")),
            ("GET", "/api/v1/series?match[]=new&limit=x", NOTHING, "", 400, "/error", limit("limit")),
            ("GET", "/api/v1/label/job/values?limit=1.5", NOTHING, "", 400, "/error", limit("limit")),
            ("GET", "/api/v1/query?query=1&limit=x", NOTHING, "", 400, "/error", limit("limit")),
            ("GET", "/api/v1/metadata?limit=x", NOTHING, "", 400, "/error", limit("limit")),
            ("GET", "/api/v1/status/tsdb?limit=0", NOTHING, "", 400, "/error", limit("limit")),
        ],
    );
}

#[test]
fn a_search_lists_what_has_samples_within_its_times() {
    let (folder, service, now) = service();
    let lists = |service: &Service| {
        let at = |minutes: i64| ((now + minutes * 60_000) as f64 / 1e3).to_string();
        for (start, end, jobs) in [
            (String::new(), String::new(), vec!["a", "b", "c"]),
            ("0".to_owned(), "1000".to_owned(), vec![]),
            (at(-180), at(-121), vec!["a", "b"]),
            (at(-500), at(-180), vec!["a", "b"]),
            (at(-100), at(-10), vec![]),
            (at(-10), String::new(), vec!["b", "c"]),
            (String::new(), at(-181), vec![]),
            (at(-120) + "1", at(-2), vec![]),
            (at(10), at(20), vec![]),
            (at(20), at(10), vec![]),
            ("-9223309901257974".to_owned(), "9223309901257974.99".to_owned(), vec!["a", "b", "c"]),
            ("1970-01-01T00:00:00Z".to_owned(), "2970-01-01T00:00:00%2B01:00".to_owned(), vec!["a", "b", "c"]),
        ] {
            let range = format!("start={start}&end={end}");
            let get = |path: &str| service.data(&format!("{path}{range}"));
            assert_eq!(get("/api/v1/label/job/values?"), json!(jobs), "{range}");
            let found = get("/api/v1/series?match%5B%5D={job!=%22%22}&");
            let found: Vec<&str> = found.as_array().unwrap().iter().map(|labels| labels["job"].as_str().unwrap()).collect();
            assert_eq!(found, jobs, "{range}");
            let names = get("/api/v1/labels?match%5B%5D={job!=%22%22}&");
            assert_eq!(names.as_array().unwrap().is_empty(), jobs.is_empty(), "{range}");
            assert_eq!(names.to_string().contains("k8s"), jobs.contains(&"c"), "{range}");
        }
    };
    lists(&service);
    // The same from files as from memory.
    assert_eq!(service.stop(), Some(0));
    lists(&folder.start());
}

#[test]
fn names_that_are_no_plain_names_can_be_asked_for() {
    let (_folder, service, _) = service();
    let prod = json!(["prod"]);
    check(
        &service,
        &[
            ("GET", "/api/v1/label/U__k8s_2e_namespace_2e_name/values", NOTHING, "", 200, "/data", prod.clone()),
            ("GET", "/api/v1/label/U__k8s_2E_namespace_2e_name/values", NOTHING, "", 200, "/data", prod.clone()),
            ("GET", "/api/v1/label/k8s.namespace.name/values", NOTHING, "", 200, "/data", prod.clone()),
            ("GET", "/api/v1/label/k8s%2Enamespace%2Ename/values/", NOTHING, "", 200, "/data", prod),
            ("GET", "/api/v1/label/U______name____/values", NOTHING, "", 200, "/data", json!(["gap", "new", "old"])),
            ("GET", "/api/v1/label/U__job/values", NOTHING, "", 200, "/data/0", json!("a")),
            ("GET", "/api/v1/label/U__k8s_2e/values", NOTHING, "", 200, "/data", json!([])),
            ("GET", "/api/v1/label/U__/values", NOTHING, "", 400, "/error", json!("invalid label name")),
            ("GET", "/api/v1/label/foo%20bar/values", NOTHING, "", 200, "/data", json!([])),
            ("GET", "/api/v1/series?match[]={\"k8s.namespace.name\"=\"prod\"}", NOTHING, "", 200, "/data/0/__name__", json!("new")),
        ],
    );
}

#[test]
fn rules_are_listed_as_they_are_asked_for() {
    let (_folder, service, _) = service();
    let all = service.data("/api/v1/rules")["groups"][0]["rules"].as_array().unwrap().len();
    assert!(all > 3);
    const RULES: &str = "/data/groups/0/rules";
    let bad = json!("bad_data");
    check(
        &service,
        &[
            ("GET", "/api/v1/rules?type=record", NOTHING, "", 200, "/data/groups", json!([])),
            ("GET", "/api/v1/rules?type=Alert", NOTHING, "", 200, "/data/groups/0/rules/0/type", json!("alerting")),
            ("GET", "/api/v1/rules?type=x", NOTHING, "", 400, "/error", json!("not supported value")),
            ("GET", "/api/v1/rules?rule_name[]=high_cpu_usage", NOTHING, "", 200, "/data/groups/0/rules/0/name", json!("high_cpu_usage")),
            ("GET", "/api/v1/rules?rule_name[]=high_cpu_usage", NOTHING, "", 200, "/data/groups/0/rules/1", json!(null)),
            ("GET", "/api/v1/rules?rule_name[]=none", NOTHING, "", 200, RULES, json!(null)),
            (
                "GET",
                "/api/v1/rules?rule_group[]=taskpulse&file[]=Settings.toml",
                NOTHING,
                "",
                200,
                "/data/groups/0/file",
                json!("Settings.toml"),
            ),
            ("GET", "/api/v1/rules?rule_group[]=other", NOTHING, "", 200, "/data/groups", json!([])),
            ("GET", "/api/v1/rules?file[]=other", NOTHING, "", 200, "/data/groups", json!([])),
            (
                "GET",
                "/api/v1/rules?match[]={severity=\"critical\"}",
                NOTHING,
                "",
                200,
                "/data/groups/0/rules/0/name",
                json!("critical_cpu_usage"),
            ),
            ("GET", "/api/v1/rules?match[]={severity=", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/rules?exclude_alerts=true", NOTHING, "", 200, "/data/groups/0/rules/0/alerts", json!([])),
            ("GET", "/api/v1/rules?exclude_alerts=maybe", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/rules?group_limit=1", NOTHING, "", 200, "/data/groups/0/name", json!("taskpulse")),
            ("GET", "/api/v1/rules?group_limit=0", NOTHING, "", 400, "/errorType", bad.clone()),
            ("GET", "/api/v1/rules?group_next_token=x", NOTHING, "", 400, "/errorType", bad),
        ],
    );
}

#[test]
fn small_questions_have_answers_in_prometheus_shapes() {
    let (_folder, service, _) = service();
    check(
        &service,
        &[
            ("GET", "/api/v1/status/buildinfo", NOTHING, "", 200, "/data/application", json!("taskpulse")),
            ("GET", "/api/v1/status/runtimeinfo", NOTHING, "", 200, "/data/reloadConfigSuccess", json!(true)),
            ("GET", "/api/v1/status/tsdb?limit=1", NOTHING, "", 200, "/data/seriesCountByMetricName/1", json!(null)),
            ("GET", "/api/v1/status/tsdb", NOTHING, "", 200, "/data/headStats/chunkCount", json!(null)),
            ("GET", "/api/v1/alertmanagers", NOTHING, "", 200, "/data/activeAlertmanagers", json!([])),
            ("GET", "/api/v1/query_exemplars?query=up{", NOTHING, "", 400, "/errorType", json!("bad_data")),
            ("GET", "/api/v1/query_exemplars?query=up&start=2&end=1", NOTHING, "", 400, "/errorType", json!("bad_data")),
            ("GET", "/api/v1/status/flags", NOTHING, "", 404, "/errorType", json!("not_found")),
            ("GET", "/api/v2/alerts", NOTHING, "", 200, "", json!(null)),
            ("POST", "/api/v1/admin/tsdb/delete_series", NOTHING, "", 404, "/errorType", json!("not_found")),
        ],
    );
    assert_eq!(service.get("/-/healthy").text().unwrap(), "Taskpulse is Healthy.\n");
    assert_eq!(service.get("/-/ready").text().unwrap(), "Taskpulse is Ready.\n");
}

#[test]
fn methods_slashes_and_encodings_that_clients_use_are_taken() {
    let (_folder, service, _) = service();
    check(
        &service,
        &[
            ("GET", "/api/v1/query/?query=1", NOTHING, "", 200, "/data/result/1", json!("1")),
            ("POST", "//api/v1//query/?query=1", JSON, "", 200, "/data/result/1", json!("1")),
            ("GET", "/healthz/", NOTHING, "", 200, "/status", json!("ok")),
            ("GET", "/api/v1/query?query=1", &[("accept-encoding", "identity;q=0")], "", 200, "/data/result/1", json!("1")),
            ("GET", "/api/v1/query?query=1", &[("accept-encoding", "*;q=0")], "", 200, "/data/result/1", json!("1")),
            ("GET", "/api/v1/query?query=1", &[("accept-encoding", "gzip;q=0, identity;q=0")], "", 200, "/data/result/1", json!("1")),
            ("GET", "/api/v1/query?query=1", &[("accept-encoding", "zstd, br")], "", 200, "/data/result/1", json!("1")),
            ("GET", "/api/v1/query?query=1", &[("accept-encoding", "")], "", 200, "/data/result/1", json!("1")),
            ("GET", "/api/v1/query?query=1", &[("accept", "application/x-unknown")], "", 200, "/data/result/1", json!("1")),
        ],
    );
    let client = reqwest::blocking::Client::builder().no_proxy().no_gzip().build().unwrap();
    let packed = client.get(service.url("/metrics")).header("accept-encoding", "gzip, deflate, br").send().unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let style = service.asset("style");
    // HEAD answers where GET does, with the same head and no body.
    for path in [
        "/",
        style.as_str(),
        "/login",
        "/metrics",
        "/healthz",
        "/readyz",
        "/-/healthy",
        "/-/ready",
        "/api/v1/status",
        "/api/v1/query?query=1",
        "/api/v1/labels",
        "/api/v1/rules",
        "/api/v1/export?match[]=old",
        "/none",
        "/api/v1/none",
        "/api/v1/query",
    ] {
        let get: Habit<'_> = ("GET", path, NOTHING, "", 0, "", Value::Null);
        let (status, headers, body) = ask(&service, &get);
        let (head_status, head_headers, head_body) = ask(&service, &("HEAD", path, NOTHING, "", 0, "", Value::Null));
        assert_eq!((head_status, head_body.as_str()), (status, ""), "{path}");
        assert_eq!(head_headers.get("content-type"), headers.get("content-type"), "{path}");
        if let Some(length) = head_headers.get("content-length").filter(|_| !path.contains("status") && !path.contains("metrics")) {
            assert_eq!(length.to_str().unwrap(), body.len().to_string(), "{path}");
        }
    }
    // What is not answered says what is.
    const READ: &str = "GET, HEAD, OPTIONS";
    const FORM_TOO: &str = "GET, HEAD, OPTIONS, POST";
    for (method, path, status, allow) in [
        ("PUT", "/api/v1/query", 405, FORM_TOO),
        ("get", "/api/v1/query?query=1", 405, FORM_TOO),
        ("DELETE", "/api/v1/series", 405, FORM_TOO),
        ("POST", "/api/v1/rules", 405, READ),
        ("POST", "/metrics", 405, READ),
        ("POST", "/", 405, READ),
        ("POST", style.as_str(), 405, READ),
        ("POST", "/healthz", 405, READ),
        ("HEAD", "/ws", 405, "GET, OPTIONS"),
        ("GET", "/api/v1/write", 405, "OPTIONS, POST"),
        ("HEAD", "/api/v1/write", 405, "OPTIONS, POST"),
        ("GET", "/logout", 405, "OPTIONS, POST"),
        ("OPTIONS", "/api/v1/query", 204, FORM_TOO),
        ("OPTIONS", "/api/v1/write", 204, "OPTIONS, POST"),
        ("OPTIONS", "/", 204, READ),
    ] {
        let (came, headers, body) = ask(&service, &(method, path, NOTHING, "", 0, "", Value::Null));
        assert_eq!((came, headers.get("allow").map(|allow| allow.to_str().unwrap())), (status, Some(allow)), "{method} {path}");
        assert!(status != 405 || method == "HEAD" || body.contains("\"errorType\":\"bad_data\""), "{method} {path}: {body}");
    }
    let foreign =
        service.client.request(Method::OPTIONS, service.url("/api/v1/query")).header("origin", "http://evil.example").send().unwrap();
    assert_eq!(foreign.status(), 403);
}

#[test]
fn own_metrics_come_in_the_format_that_is_accepted_and_promtool_finds_no_fault() {
    let (_folder, service, _) = service();
    let metrics = |accept: Option<&str>| {
        let request = service.client.get(service.url("/metrics"));
        let request = accept.into_iter().fold(request, |request, accept| request.header("accept", accept));
        let answer = request.send().unwrap();
        (answer.headers()["content-type"].to_str().unwrap().to_owned(), answer.text().unwrap())
    };
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    for (accept, kind) in [
        (None, TEXT),
        (Some("*/*"), TEXT),
        (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), TEXT),
        (
            Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ] {
        let (came, text) = metrics(accept);
        assert_eq!(came, kind, "{accept:?}");
        assert_eq!(text.ends_with("# EOF\n"), kind != TEXT);
        assert!(text.contains("\ntaskpulse_appended_samples_total "), "{text}");
        let family = if kind == TEXT { "taskpulse_appended_samples_total" } else { "taskpulse_appended_samples" };
        assert!(text.contains(&format!("# TYPE {family} counter\n")) && text.contains(&format!("# HELP {family} ")), "{text}");
    }
    let (_, text) = metrics(None);
    let mut check = Command::new("promtool");
    check
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let Ok(mut check) = check.spawn() else {
        common::peer::missing_peer("promtool is not installed");
        return;
    };
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}");
}
