//! Traces asked for over HTTP: our own routes, and those that Grafana's data source for Tempo uses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;

use common::remote::now_ms;
use common::{Folder, Service, json_of};
use serde_json::{Value, json};

const MS: i64 = 1_000_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

fn send(service: &Service, resource_spans: &Value) {
    let response = service.client.post(service.url("/v1/traces")).json(&json!({"resourceSpans": resource_spans})).send().unwrap();
    let (status, text) = (response.status(), response.text().unwrap());
    assert!(status.is_success(), "{status} {text}");
}

/// A request to `web` whose query in `db` fails, begun at `at`, and a request that goes well a second later.
fn service_with_traces(at: i64) -> (Folder, Service) {
    let folder = Folder::with_settings("[system]\ninterval = \"60s\"\n");
    let service = folder.start();
    let span = |trace: &str, id: &str, parent: &str, (name, kind): (&str, u8), from: i64, took: i64, more: &Value| {
        let mut span = json!({
            "traceId": trace, "spanId": id, "parentSpanId": parent, "name": name, "kind": kind,
            "startTimeUnixNano": (at + from * MS).to_string(), "endTimeUnixNano": (at + (from + took) * MS).to_string(),
        });
        span.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        span
    };
    let of = |service: &str, spans: Value| {
        let resource = attributes(&[("service.name", service), ("deployment.environment", "test")]);
        json!({"resource": {"attributes": resource}, "scopeSpans": [{"scope": {"name": "hand", "version": "1"}, "spans": spans}]})
    };
    let get = json!({"attributes": attributes(&[("http.route", "/cart"), ("http.status_code", "500")])});
    let fine = json!({"attributes": attributes(&[("http.route", "/"), ("http.status_code", "200")]), "status": {"code": 1}});
    let query = json!({
        "attributes": attributes(&[("db.system", "postgresql")]),
        "status": {"code": 2, "message": "timeout"},
        "events": [{"timeUnixNano": (at + 60 * MS).to_string(), "name": "exception", "attributes": attributes(&[("exception.type", "Timeout")])}],
    });
    send(
        &service,
        &json!([
            of(
                "web",
                json!([
                    span(TRACE, "b7ad6b7169203331", "", ("GET /cart", 2), 0, 250, &get),
                    span("000000000000000000000000000000f7", "b7ad6b7169203332", "", ("GET /", 2), 1_000, 10, &fine),
                ])
            ),
            of("db", json!([span(TRACE, "00f067aa0ba902b7", "b7ad6b7169203331", ("SELECT", 3), 50, 100, &query)])),
        ]),
    );
    (folder, service)
}

/// A recorded request, with all its times moved so that the newest is now; and the times of its newest span.
fn recorded(name: &str) -> (Value, i64) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp/traces").join(name);
    let mut request: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let now = now_ms() * MS;
    let spans = |request: &mut Value, each: &mut dyn FnMut(&mut Value)| {
        for resource in request["resourceSpans"].as_array_mut().unwrap() {
            for scope in resource["scopeSpans"].as_array_mut().unwrap() {
                scope["spans"].as_array_mut().unwrap().iter_mut().for_each(&mut *each);
            }
        }
    };
    let time = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let mut newest = 0;
    spans(&mut request, &mut |span| newest = newest.max(time(&span["endTimeUnixNano"])));
    spans(&mut request, &mut |span| {
        for key in ["startTimeUnixNano", "endTimeUnixNano"] {
            span[key] = json!((time(&span[key]) + now - newest).to_string());
        }
        for event in span["events"].as_array_mut().unwrap() {
            event["timeUnixNano"] = json!((time(&event["timeUnixNano"]) + now - newest).to_string());
        }
    });
    (request, now)
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["traces"].as_array().unwrap().iter().map(|trace| trace["traceID"].as_str().unwrap()).collect()
}

#[test]
fn grafana_reads_traces_as_it_does_from_tempo() {
    let at = now_ms() * MS - 60_000 * MS;
    let (_folder, service) = service_with_traces(at);
    // "Save & test", and what the data source may ask for.
    assert_eq!(service.get("/api/echo").text().unwrap(), "echo");
    let version = json_of(service.get("/api/status/buildinfo"))["version"].as_str().unwrap().to_owned();
    assert!(version.starts_with("0."), "{version}: from 2.2 on Grafana asks by streams of gRPC");

    // The builder of searches: names, values, and the query that comes of them.
    let tags = json_of(service.get_with("/api/v2/search/tags", &[("limit", "5000")]));
    let scope = |name: &str| {
        let scopes = tags["scopes"].as_array().unwrap();
        scopes.iter().find(|scope| scope["name"] == name).unwrap_or_else(|| panic!("{tags}"))["tags"].clone()
    };
    assert_eq!(scope("resource"), json!(["deployment.environment", "service.name"]));
    assert_eq!(scope("span"), json!(["db.system", "http.route", "http.status_code"]));
    assert_eq!(scope("event"), json!(["exception.type"]));
    assert!(scope("intrinsic").as_array().unwrap().contains(&json!("rootServiceName")));
    let values = |tag: &str, query: &[(&str, &str)]| {
        let answer = json_of(service.get_with(&format!("/api/v2/search/tag/{tag}/values"), query));
        let values = answer["tagValues"].as_array().unwrap();
        values.iter().map(|v| format!("{}:{}", v["type"].as_str().unwrap(), v["value"].as_str().unwrap())).collect::<Vec<_>>()
    };
    let of_errors = [("q", "{ status = error }")];
    assert_eq!(values("resource.service.name", &[("limit", "5000")]), ["string:db", "string:web"]);
    assert_eq!(values("resource.service.name", &of_errors), ["string:db"]);
    assert_eq!(values("resource.service.name", &[("q", "{ status = ")]), ["string:db", "string:web"], "not written to its end yet");
    assert_eq!(values(".http.status_code", &[]), ["int:200", "int:500"]);
    assert_eq!(values("span.http.status_code", &[("limit", "1")]), ["int:200"]);
    assert_eq!(values("resource%252Eservice%252Ename", &[]), ["string:db", "string:web"], "escaped twice");
    assert_eq!(values("name", &[]), ["string:GET /", "string:GET /cart", "string:SELECT"]);
    assert_eq!(values("status", &[]), ["keyword:unset", "keyword:ok", "keyword:error"]);
    assert_eq!(values("rootServiceName", &[]), ["string:web"]);
    assert!(values("duration", &[]).is_empty());

    let (start, end) = ((at / 1_000 / MS - 3_600).to_string(), (now_ms() / 1_000 + 1).to_string());
    let search = |query: &str| {
        let query = [("q", query), ("limit", "20"), ("spss", "3"), ("start", start.as_str()), ("end", end.as_str())];
        json_of(service.get_with("/api/search", &query))
    };
    let answer = search(r#"{resource.service.name="web" && span.http.status_code>=500}"#);
    let trace = &answer["traces"][0];
    assert_eq!(ids(&answer), [TRACE]);
    assert_eq!(
        (&trace["rootServiceName"], &trace["rootTraceName"], &trace["durationMs"]),
        (&json!("web"), &json!("GET /cart"), &json!(250))
    );
    assert_eq!(trace["startTimeUnixNano"], json!(at.to_string()));
    assert_eq!(trace["serviceStats"], json!({"web": {"spanCount": 1, "errorCount": 0}, "db": {"spanCount": 1, "errorCount": 1}}));
    assert_eq!(trace["spanSets"][0]["matched"], json!(1));
    let span = &trace["spanSets"][0]["spans"][0];
    assert_eq!((&span["spanID"], &span["durationNanos"]), (&json!("b7ad6b7169203331"), &json!("250000000")));
    let attributes = span["attributes"].as_array().unwrap();
    assert!(attributes.contains(&json!({"key": "http.status_code", "value": {"stringValue": "500"}})), "{span}");
    assert_eq!(ids(&search("{}")), ["000000000000000000000000000000f7", TRACE], "the newest first");
    assert_eq!(ids(&search("{} ")).len(), 2);
    assert_eq!(ids(&search(r#"{ resource.service.name = "web" } >> { status = error }"#)), [TRACE]);
    assert_eq!(ids(&search("{nestedSetParent<0 && true} | count() > 0")).len(), 2);
    assert!(ids(&search("{ traceDuration > 1h }")).is_empty());

    // A trace, as its backend asks for it.
    let protobuf = |path: &str| {
        let response = service.client.get(service.url(path)).header("accept", "application/protobuf").send().unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/protobuf"));
        response.bytes().unwrap().to_vec()
    };
    let data = protobuf(&format!("/api/traces/{TRACE}?start={start}&end={end}"));
    // Its bytes are those of a request to take spans.
    let taken =
        service.client.post(service.url("/v1/traces")).header("content-type", "application/x-protobuf").body(data.clone()).send().unwrap();
    assert!(taken.status().is_success(), "{}", taken.text().unwrap());
    let within = protobuf(&format!("/api/v2/traces/{TRACE}"));
    assert!(within.windows(data.len()).any(|part| part == data), "TraceByIDResponse has the trace in it");
    let trace = json_of(service.get_with(&format!("/api/traces/{TRACE}"), &[]));
    let spans: Vec<&Value> =
        trace["batches"].as_array().unwrap().iter().flat_map(|b| b["scopeSpans"][0]["spans"].as_array().unwrap()).collect();
    assert_eq!(spans.len(), 2, "sent twice, there once: {trace}");
    assert_eq!(spans[0]["kind"], json!("SPAN_KIND_SERVER"));
    let trace = json_of(service.get_with(&format!("/api/v2/traces/{TRACE}"), &[]));
    assert_eq!(trace["trace"]["resourceSpans"].as_array().unwrap().len(), 2);
    assert!(json_of(service.get_with("/api/traces/f7", &[]))["batches"].is_array(), "zeros at the front may be left out");
    let missing = service.get_with("/api/v2/traces/abc", &[]);
    assert_eq!((missing.status().as_u16(), missing.headers()["content-type"].to_str().unwrap()), (404, "text/plain; charset=utf-8"));
}

#[test]
fn older_clients_search_by_tags() {
    let (_folder, service) = service_with_traces(now_ms() * MS - 60_000 * MS);
    let found = |query: &[(&str, &str)]| ids(&json_of(service.get_with("/api/search", query))).len();
    for (query, count) in [
        (&[][..], 2),
        (&[("tags", "service.name=web")], 2),
        (&[("tags", "service.name=DB http.status_code=5")], 0),
        (&[("tags", "http.route=\"/CART\"")], 1),
        (&[("tags", "error=true")], 1),
        (&[("tags", "name=sel")], 1),
        (&[("minDuration", "100ms")], 1),
        (&[("maxDuration", "100ms"), ("tags", "service.name=web")], 1),
        (&[("minDuration", "1s")], 0),
        (&[("limit", "1")], 1),
    ] {
        assert_eq!(found(query), count, "{query:?}");
    }
    let names = json_of(service.get_with("/api/search/tags", &[]));
    assert_eq!(names["tagNames"], json!(["db.system", "deployment.environment", "http.route", "http.status_code", "service.name"]));
    let names = json_of(service.get_with("/api/search/tags", &[("scope", "event")]));
    assert_eq!(names["tagNames"], json!(["exception.type"]));
    let values = json_of(service.get_with("/api/search/tag/service.name/values", &[]));
    assert_eq!(values["tagValues"], json!(["db", "web"]));
    assert_eq!(json_of(service.get_with("/api/search/tag/status.code/values", &[]))["tagValues"], json!(["unset", "ok", "error"]));
}

#[test]
fn traces_are_searched_by_our_own_route() {
    let at = now_ms() * MS - 60_000 * MS;
    let (_folder, service) = service_with_traces(at);
    let search = |query: &[(&str, &str)]| json_of(service.get_with("/api/v1/traces", query))["data"].clone();
    let all = search(&[]);
    let traces = all["traces"].as_array().unwrap();
    assert_eq!((traces.len(), &all["more"]), (2, &json!(false)), "{all}");
    assert!(all["spans_read"].as_u64().unwrap() >= 3);
    let answer = search(&[("query", "{ status = error } | select(resource.deployment.environment)"), ("limit", "5")]);
    let trace = &answer["traces"][0];
    assert_eq!(
        (&trace["trace_id"], &trace["service"], &trace["name"], &trace["spans"], &trace["errors"], &trace["root"], &trace["more_spans"]),
        (&json!(TRACE), &json!("web"), &json!("GET /cart"), &json!(2), &json!(1), &json!(true), &json!(false))
    );
    assert_eq!(trace["duration_seconds"], json!(0.25));
    assert_eq!(trace["services"], json!([{"service": "db", "spans": 1, "errors": 1}, {"service": "web", "spans": 1, "errors": 0}]));
    let [span] = trace["matched"].as_array().unwrap().as_slice() else { panic!("{trace}") };
    assert_eq!((&span["span_id"], &span["service"], &span["name"]), (&json!("00f067aa0ba902b7"), &json!("db"), &json!("SELECT")));
    assert_eq!((&span["status"], &span["duration_seconds"]), (&json!("error"), &json!(0.1)));
    assert_eq!(span["attributes"], json!({"deployment.environment": "test", "status": "error"}));
    // Only spans that began in the range are read.
    let early = (at - MS).to_string();
    assert!(search(&[("end", &early)])["traces"].as_array().unwrap().is_empty());
    let (from, to) = ((at + 40 * MS).to_string(), (at + 60 * MS).to_string());
    assert_eq!(search(&[("start", &from), ("end", &to)])["traces"][0]["spans"], json!(2));
    assert_eq!(search(&[("limit", "1")])["more"], json!(true));
    let names = json_of(service.get_with("/api/v1/traces/names", &[]))["data"]["services"].clone();
    assert_eq!(names, json!([{"service": "db", "names": ["SELECT"]}, {"service": "web", "names": ["GET /", "GET /cart"]}]));
    // A path of one trace is another one.
    assert_eq!(json_of(service.get_with(&format!("/api/v1/traces/{TRACE}"), &[]))["data"]["trace_id"], json!(TRACE));
}

#[test]
fn what_coding_agents_sent_is_found() {
    let folder = Folder::with_settings("[system]\ninterval = \"60s\"\n");
    let service = folder.start();
    let (request, _) = recorded("claude-code.json");
    send(&service, &request["resourceSpans"]);
    let found = |query: &str| json_of(service.get_with("/api/search", &[("q", query), ("spss", "100")]))["traces"].clone();
    let spans: usize =
        request["resourceSpans"].as_array().unwrap().iter().map(|r| r["scopeSpans"][0]["spans"].as_array().unwrap().len()).sum();
    let all = found(r#"{ resource.service.name = "claude-code" }"#);
    let matched: u64 = all.as_array().unwrap().iter().map(|trace| trace["spanSets"][0]["matched"].as_u64().unwrap()).sum();
    assert_eq!(matched as usize, spans, "{all}");
    let calls = found(r#"{ name = "claude_code.llm_request" && span.gen_ai.system = "anthropic" } | select(.gen_ai.request.model)"#);
    let span = &calls[0]["spanSets"][0]["spans"][0]["attributes"];
    assert!(
        span.as_array().unwrap().contains(&json!({"key": "gen_ai.request.model", "value": {"stringValue": "claude-opus-5-5"}})),
        "{span}"
    );
    let count = found("{ name =~ \"claude_code.*\" } | count() > 100000");
    assert!(count.as_array().unwrap().is_empty());
}

#[test]
fn a_traces_lines_are_found_by_its_id() {
    let at = now_ms() * MS - 60_000 * MS;
    let (_folder, service) = service_with_traces(at);
    let record = |trace: &str, body: &str| json!({"timeUnixNano": (at + MS).to_string(), "traceId": trace, "spanId": "00f067aa0ba902b7", "body": {"stringValue": body}});
    let records = json!([record(TRACE, "of the trace"), record("000000000000000000000000000000f7", "of another"), record("", "of none")]);
    let resource = json!({"attributes": attributes(&[("service.name", "web")])});
    let body = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]});
    assert!(service.client.post(service.url("/v1/logs")).json(&body).send().unwrap().status().is_success());
    let query = format!("{{service_name=~\".+\"}} | trace_id=\"{TRACE}\"");
    let lines = json_of(service.get_with("/api/v1/logs", &[("query", &query)]))["data"]["lines"].clone();
    let [line] = lines.as_array().unwrap().as_slice() else { panic!("{lines}") };
    assert_eq!((&line["body"], &line["trace_id"]), (&json!("of the trace"), &json!(TRACE)));
}

#[test]
fn what_cannot_be_answered_is_refused_in_words() {
    let (_folder, service) = service_with_traces(now_ms() * MS - 60_000 * MS);
    let deep = format!("{{ {} }}", "(".repeat(1_000));
    let regex = "{ name =~ \"(a{1000}){1000}\" }";
    for (path, query, status, part) in [
        ("/api/search", &[("q", "{ status = error } | rate()")][..], 400, "rate() makes metrics of spans"),
        ("/api/search", &[("q", "{")], 400, "1:2"),
        ("/api/search", &[("q", "{ by = 1 }")], 400, "there is no field `by`"),
        ("/api/search", &[("q", deep.as_str())], 400, "nest deeper than 32"),
        ("/api/search", &[("q", "{ name =~ \"[\" }")], 400, "missing closing"),
        ("/api/search", &[("q", regex)], 400, ""),
        ("/api/search", &[("q", "{}"), ("tags", "a=b")], 400, "do not go together"),
        ("/api/search", &[("tags", "a=b a=c")], 400, "comes twice"),
        ("/api/search", &[("tags", "nonsense")], 400, "invalid tags"),
        ("/api/search", &[("q", "{}"), ("minDuration", "1s")], 400, "traceDuration"),
        ("/api/search", &[("limit", "0")], 400, "\"limit\""),
        ("/api/search", &[("limit", "5000")], 400, "within 1 and 1000"),
        ("/api/search", &[("spss", "-1")], 400, "\"spss\""),
        ("/api/search", &[("start", "20"), ("end", "10")], 400, "`end` is before `start`"),
        ("/api/search", &[("start", "yesterday")], 400, "\"start\""),
        ("/api/v2/search/tags", &[("scope", "x")], 400, "invalid scope"),
        ("/api/v2/search/tags", &[("limit", "-1")], 400, "\"limit\""),
        ("/api/v2/search/tag/nonsense/values", &[], 400, "there is no field"),
        ("/api/v2/search/tag/span./values", &[], 400, "the name of an attribute"),
        ("/api/traces/xyz", &[], 400, "hexadecimal digits"),
        ("/api/traces/0", &[], 404, "trace not found"),
        ("/api/v2/traces/1", &[("q", "{}")], 400, "`q` is not supported"),
        ("/api/v2/traces/1", &[], 404, "trace not found"),
        ("/api/metrics/query_range", &[("q", "{} | rate()")], 400, "TraceQL metrics are not supported"),
        ("/api/metrics/query", &[], 400, "TraceQL metrics are not supported"),
    ] {
        let response = service.get_with(path, query);
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let (answered, text) = (response.status().as_u16(), response.text().unwrap());
        assert_eq!(answered, status, "{path} {part}: {text}");
        assert!(text.contains(part) && text.len() < 2_000 && kind.starts_with("text/plain"), "{path} {part}: {kind} {text}");
    }
    let ours = service.get_with("/api/v1/traces", &[("query", "{ status = }")]);
    assert_eq!(ours.status(), 400);
    let error: Value = ours.json().unwrap();
    assert!(error["error"].as_str().unwrap().contains("1:12"), "{error}");
}

#[test]
fn traces_need_the_token() {
    let folder = Folder::with_settings("[server]\ntoken = \"a-token-for-the-tests-of-traces\"\n");
    let service = folder.start();
    for path in [
        "/api/echo",
        "/api/status/buildinfo",
        "/api/search",
        "/api/v2/search/tags",
        "/api/traces/1",
        "/api/v1/traces",
        "/api/metrics/query",
    ] {
        assert_eq!(service.get(path).status(), 401, "{path}");
    }
    let echo = service.client.get(service.url("/api/echo")).bearer_auth("a-token-for-the-tests-of-traces").send().unwrap();
    assert_eq!(echo.text().unwrap(), "echo");
}
