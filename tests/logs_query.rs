//! Log lines asked for over HTTP: our own routes, and those that `logcli` and Grafana's data source for Loki use.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Folder, Service, json_of};
use serde_json::{Value, json};

const S: i64 = 1_000_000_000;

/// Now, in whole seconds as nanoseconds.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() as i64 * S
}

/// A service with lines of two streams: of `web` one each ten seconds until `at`, of `db` one.
fn service_with_lines(at: i64) -> (Folder, Service) {
    let folder = Folder::with_settings("[system]\ninterval = \"60s\"\n");
    let service = folder.start();
    let line = |n: i64| {
        let level = if n % 3 == 0 { "error" } else { "info" };
        json!([(at - n * 10 * S).to_string(), format!("level={level} n={n} took={n}ms msg=\"request {n}\""), {"pod": format!("p{}", n % 2)}])
    };
    let web: Vec<Value> = (0..30).map(line).collect();
    push(
        &service,
        &json!({"streams": [
            {"stream": {"app": "web", "host": "a"}, "values": web},
            {"stream": {"app": "db", "host": "b"}, "values": [[(at - 5 * S).to_string(), "{\"op\":\"vacuum\",\"rows\":12}"]]},
        ]}),
    );
    (folder, service)
}

fn push(service: &Service, body: &Value) {
    let response = service.client.post(service.url("/loki/api/v1/push")).json(body).send().unwrap();
    assert!(response.status().is_success(), "{} {}", response.status(), response.text().unwrap());
}

fn bodies(answer: &Value) -> Vec<String> {
    let streams = answer["data"]["result"].as_array().unwrap();
    streams.iter().flat_map(|stream| stream["values"].as_array().unwrap()).map(|value| value[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let at = now();
    let (_folder, service) = service_with_lines(at);
    let export = |query: &str| service.get_with("/api/v1/logs/export", &[("query", query)]);
    let text = export("{app=~\".+\"}").text().unwrap();
    assert_eq!(text.lines().count(), 2, "a line of text for each stream: {text}");
    let errors = export("{app=\"web\"} | logfmt | level=\"error\" | line_format \"x\"").text().unwrap();
    assert_eq!((errors.matches("timeUnixNano").count(), errors.matches("level=error").count()), (10, 10), "as they are kept: {errors}");
    let metric = export("count_over_time({app=\"web\"}[5m])");
    assert_eq!(metric.status(), 400);
    assert!(metric.text().unwrap().contains("only lines can be exported"));

    let folder = Folder::with_settings("[system]\ninterval = \"60s\"\n");
    let other = folder.start();
    let import = |text: String| other.client.post(other.url("/api/v1/logs/import")).body(text).send().unwrap();
    assert_eq!(json_of(import(text.clone()))["data"]["kept"], 31);
    assert_eq!(json_of(import(text))["data"]["kept"], 31, "lines that are there count as kept, and are there once");
    let all = |service: &Service| {
        let (start, end) = ((at - 400 * S).to_string(), (at + S).to_string());
        let query = [("query", "{app=~\".+\"}"), ("start", &start), ("end", &end), ("limit", "1000")];
        json_of(service.get_with("/api/v1/logs", &query))["data"]["lines"].clone()
    };
    assert_eq!(all(&other), all(&service));

    let wrong =
        import(format!("{errors}\nnot json\n{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"timeUnixNano\":\"5\"}}]}}]}}]}}\n"));
    let (status, why) = (wrong.status(), wrong.text().unwrap());
    assert_eq!(status, 400);
    assert!(
        why.contains("10 log lines were kept, 2 were not: line 3: ") && why.contains("line 4: 1 lines were not kept: 1 lines are older"),
        "{why}"
    );
}

#[test]
fn logcli_and_grafana_read_lines_and_metrics() {
    let at = now();
    let (_folder, service) = service_with_lines(at);
    let (start, end) = ((at - 400 * S).to_string(), (at + S).to_string());
    // As logcli asks: `logcli query --limit=2 '{app="web"} |= "level=error"'`.
    let range = [("start", start.as_str()), ("end", end.as_str())];
    let lines = |extra: &[(&str, &str)]| json_of(service.get_with("/loki/api/v1/query_range", &[&range[..], extra].concat()));
    let answer = lines(&[("query", "{app=\"web\"} |= \"level=error\""), ("limit", "2"), ("direction", "BACKWARD")]);
    assert_eq!((&answer["status"], &answer["data"]["resultType"]), (&json!("success"), &json!("streams")));
    let found = bodies(&answer);
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|body| body.contains("n=0 ")) && found.iter().any(|body| body.contains("n=3 ")), "{found:?}");
    assert!(answer["data"]["stats"]["summary"]["totalLinesProcessed"].as_u64().unwrap() >= 2);
    let stream = &answer["data"]["result"][0]["stream"];
    assert_eq!((&stream["app"], &stream["detected_level"]), (&json!("web"), &json!("error")), "{stream}");
    let oldest = lines(&[("query", "{app=\"web\"}"), ("limit", "1"), ("direction", "forward")]);
    assert!(bodies(&oldest)[0].contains("n=29 "), "{oldest}");

    // As Grafana asks for lines: by a form, with labels told apart.
    let form = [
        ("query", "{app=\"db\"} | json"),
        ("start", &start),
        ("end", &end),
        ("limit", "1000"),
        ("step", "2000ms"),
        ("direction", "backward"),
    ];
    let request = service.client.post(service.url("/loki/api/v1/query_range")).form(&form);
    let answer = json_of(request.header("X-Loki-Response-Encoding-Flags", "categorize-labels").send().unwrap());
    assert_eq!(answer["data"]["encodingFlags"], json!(["categorize-labels"]));
    let stream = &answer["data"]["result"][0];
    assert_eq!(
        (&stream["stream"], &stream["values"][0][2]["parsed"]),
        (&json!({"app": "db", "host": "b"}), &json!({"op": "vacuum", "rows": "12"}))
    );

    // Its histogram of levels, its test of the data source, an instant query.
    let volume = "sum by (level, detected_level) (count_over_time({app=\"web\"} |= `` | drop __error__[100s]))";
    let answer = lines(&[("query", volume), ("step", "100")]);
    assert_eq!(answer["data"]["resultType"], "matrix");
    let levels: Vec<&str> =
        answer["data"]["result"].as_array().unwrap().iter().map(|row| row["metric"]["detected_level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "info"]);
    let two = json_of(service.get_with("/loki/api/v1/query", &[("query", "vector(1)+vector(1)"), ("time", &end)]));
    assert_eq!((&two["data"]["resultType"], &two["data"]["result"][0]["value"][1]), (&json!("vector"), &json!("2")));
    let slowest = "max_over_time({app=\"web\"} | logfmt | unwrap duration(took) [5m]) by (pod)";
    let answer = json_of(service.get_with("/loki/api/v1/query", &[("query", slowest), ("time", &end)]));
    let values: Vec<&str> = answer["data"]["result"].as_array().unwrap().iter().map(|row| row["value"][1].as_str().unwrap()).collect();
    assert_eq!(values, ["0.028", "0.029"]);
}

#[test]
fn labels_series_and_sizes_are_listed() {
    let at = now();
    let (_folder, service) = service_with_lines(at);
    let (start, end) = ((at - 400 * S).to_string(), (at + S).to_string());
    let get = |path: &str, extra: &[(&str, &str)]| {
        json_of(service.get_with(path, &[&[("start", start.as_str()), ("end", end.as_str())], extra].concat()))
    };
    let labels = get("/loki/api/v1/labels", &[])["data"].clone();
    assert!(labels.as_array().unwrap().contains(&json!("app")) && labels.as_array().unwrap().contains(&json!("host")), "{labels}");
    assert_eq!(get("/loki/api/v1/label/app/values", &[])["data"], json!(["db", "web"]));
    assert_eq!(get("/loki/api/v1/label/app/values", &[("query", "{host=\"b\"}")])["data"], json!(["db"]));
    let series = get("/loki/api/v1/series", &[("match[]", "{app=\"web\"}"), ("match[]", "{app=\"none\"}")]);
    assert_eq!((series["data"].as_array().unwrap().len(), &series["data"][0]["host"]), (1, &json!("a")));
    let stats = get("/loki/api/v1/index/stats", &[("query", "{app=\"web\"}")]);
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(30)));
    let volume = get("/loki/api/v1/index/volume", &[("query", "{app=~\".+\"}"), ("limit", "5")]);
    let bytes = |n: usize| volume["data"]["result"][n]["value"][1].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((&volume["data"]["result"][0]["metric"], bytes(0)), (&json!({"app": "web"}), stats["bytes"].as_u64().unwrap()));
    assert_eq!(bytes(1), 25);
    assert_eq!(service.get_with("/ready", &[]).text().unwrap(), "ready\n");
    assert!(json_of(service.get_with("/loki/api/v1/status/buildinfo", &[]))["version"].is_string());
}

#[test]
fn our_own_routes_show_lines_levels_and_what_was_said_around() {
    let at = now();
    let (_folder, service) = service_with_lines(at);
    let (start, end) = ((at - 400 * S).to_string(), (at + S).to_string());
    let range = [("start", start.as_str()), ("end", end.as_str())];
    let get = |path: &str, extra: &[(&str, &str)]| json_of(service.get_with(path, &[&range[..], extra].concat()))["data"].clone();
    let found = get("/api/v1/logs", &[("query", "{app=\"web\"} |= \"n=7 \""), ("context", "2")]);
    let line = &found["lines"][0];
    assert_eq!(
        (line["severity"].as_str(), &line["labels"]["app"], &line["attributes"]["pod"]),
        (Some("info"), &json!("web"), &json!("p1"))
    );
    assert_eq!((line["ns"].as_str().unwrap(), line["replaced"].as_bool()), ((at - 70 * S).to_string().as_str(), Some(false)));
    let near = |side: &str| -> Vec<String> {
        let lines = line[side].as_array().unwrap().iter();
        lines.map(|line| line["body"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!((near("before"), near("after")), (vec!["n=9".to_owned(), "n=8".to_owned()], vec!["n=6".to_owned(), "n=5".to_owned()]));
    let cut = get("/api/v1/logs", &[("query", "{app=\"web\"}"), ("limit", "5")]);
    assert_eq!((cut["lines"].as_array().unwrap().len(), &cut["more"]), (5, &json!(true)));

    let volume = get("/api/v1/logs/volume", &[("query", "{app=\"web\"} # all"), ("buckets", "10")]);
    let totals: Vec<(&str, u64)> = volume["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| (level["level"].as_str().unwrap(), level["total"].as_u64().unwrap()))
        .collect();
    assert_eq!(totals, [("error", 10), ("info", 20)]);
    assert_eq!(volume["levels"][0]["counts"].as_array().unwrap().len() as u64, volume["buckets"].as_u64().unwrap());
    // Lines that are no JSON are found, so they count.
    let sum = |query: &str| -> u64 {
        let volume = get("/api/v1/logs/volume", &[("query", query)]);
        volume["levels"].as_array().unwrap().iter().map(|level| level["total"].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("{app=\"web\"} | json"), sum("{app=\"web\"} | json | __error__=\"\""), sum("{}")), (30, 0, 31));

    let rate = get("/api/v1/logs/query", &[("query", "sum(count_over_time({app=\"web\"}[5m]))"), ("time", &at.to_string())]);
    assert_eq!(rate["result"][0]["value"][1], "30");
}

#[test]
fn what_cannot_be_answered_is_refused_in_the_form_of_each_interface() {
    let folder = Folder::with_settings("[system]\ninterval = \"60s\"\n");
    let service = folder.start();
    for (path, query, part) in [
        ("/loki/api/v1/query_range", vec![("query", "{app=\"a\"} | distinct x")], "1:13: parse error: | distinct is not supported"),
        ("/loki/api/v1/query_range", vec![("query", "{app=\"a\"}"), ("limit", "100000")], "not within 1 and"),
        (
            "/loki/api/v1/query_range",
            vec![("query", "rate({app=\"a\"}[5m])"), ("start", "0"), ("end", "100000"), ("step", "1")],
            "11,000 points",
        ),
        ("/loki/api/v1/query", vec![("query", "{app=\"a\"}"), ("time", "x")], "is not a time"),
        ("/loki/api/v1/query", vec![], "parameter `query` is missing"),
        ("/loki/api/v1/labels", vec![("query", "{app=\"a\"} |= \"b\"")], "only a selector"),
        ("/loki/api/v1/query_range", vec![("query", "{app=\"a\"}"), ("direction", "up")], "neither `forward` nor `backward`"),
    ] {
        let response = service.get_with(path, &query);
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
            (400, "text/plain; charset=utf-8"),
            "{path} {query:?}"
        );
        let text = response.text().unwrap();
        assert!(text.contains(part), "{text}");
    }
    let response = service.get_with("/api/v1/logs", &[("query", "rate({app=\"a\"}[5m])")]);
    assert_eq!(response.status().as_u16(), 400);
    let error: Value = response.json().unwrap();
    assert!(error["error"].as_str().unwrap().contains("/api/v1/logs/query"), "{error}");
    // Nothing was ever sent: nothing is there, which is no error.
    for path in ["/loki/api/v1/labels", "/loki/api/v1/series"] {
        assert_eq!(json_of(service.get_with(path, &[]))["data"], json!([]), "{path}");
    }
    let begun = Instant::now();
    assert_eq!(json_of(service.get_with("/loki/api/v1/query_range", &[("query", "{app=\"a\"}")]))["data"]["result"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// The text of the next frame of a tail that has one, within a time.
fn next_frame(tail: &mut tungstenite::WebSocket<TcpStream>) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Ok(tungstenite::Message::Text(text)) = tail.read() {
            return serde_json::from_str(&text).unwrap();
        }
    }
    panic!("the tail says nothing");
}

#[test]
fn a_tail_shows_what_was_and_then_what_comes() {
    let at = now();
    let (_folder, service) = service_with_lines(at);
    let stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    let handle = stream.try_clone().unwrap();
    handle.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let query = "%7Bapp%3D%22web%22%7D%20%7C%3D%20%22level%3Derror%22%20%7C%20logfmt%20%7C%20keep%20n%2Capp";
    let address = format!("ws://127.0.0.1:{}/loki/api/v1/tail?query={query}&limit=1", service.port);
    let (mut tail, _) = tungstenite::client(address, stream).unwrap();
    handle.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let past = next_frame(&mut tail);
    assert_eq!((&past["streams"][0]["stream"], past["dropped_entries"].as_array()), (&json!({"app": "web", "n": "0"}), None), "{past}");
    push(
        &service,
        &json!({"streams": [
            {"stream": {"app": "web", "host": "a"}, "values": [
                [(at + 1).to_string(), "level=info n=100"], [(at + 2).to_string(), "level=error n=101"],
            ]},
            {"stream": {"app": "db", "host": "b"}, "values": [[(at + 3).to_string(), "level=error n=102"]]},
        ]}),
    );
    let came = next_frame(&mut tail);
    assert_eq!(came["streams"], json!([{"stream": {"app": "web", "n": "101"}, "values": [[(at + 2).to_string(), "level=error n=101"]]}]));
    // Neither what is there already nor what is refused is shown again.
    let long_ago = at - 400 * 86_400 * S;
    let mixed = json!({"streams": [{"stream": {"app": "web", "host": "a"}, "values": [
        [(at + 2).to_string(), "level=error n=101"], [long_ago.to_string(), "level=error n=103"], [(at + 4).to_string(), "level=error n=104"],
    ]}]});
    let response = service.client.post(service.url("/loki/api/v1/push")).json(&mixed).send().unwrap();
    assert_eq!(response.status().as_u16(), 400, "one is too old");
    assert!(response.text().unwrap().contains("2 lines were kept, 1 lines were not kept"));
    let came = next_frame(&mut tail);
    assert_eq!(came["streams"], json!([{"stream": {"app": "web", "n": "104"}, "values": [[(at + 4).to_string(), "level=error n=104"]]}]));
    let refused = service.get_with("/loki/api/v1/tail", &[("query", "rate({app=\"web\"}[5m])")]);
    assert_eq!((refused.status().as_u16(), refused.text().unwrap()), (400, "only lines can be followed, no values".to_owned()));
}
