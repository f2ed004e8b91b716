//! What is kept of coding agents: no text of a conversation, no secret and no mail address unless the settings say so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;

use common::otlp::{JSON, nanos, post, said};
use common::remote::now_ms;
use common::{Folder, Service};
use serde_json::{Value, json};

const ALL: &str = r#"keep = ["prompts", "answers", "tool_inputs", "tool_outputs"]"#;
/// The word in each text that agents send here.
const WORD: &str = "quokka";
const MAIL: &str = "Ada.Quokka@example.com";
/// In each text of another service's model.
const OTHERS_WORD: &str = "wombat";
const TRACE: &str = "0123456789abcdef0123456789abcdef";

/// Attributes with texts, of each agent; with `{}` for the word.
const TEXTS: [(&str, &[(&str, &str)]); 5] = [
    (
        "claude-code",
        &[
            ("prompt", "mend the {}"),
            ("response", "the {} is well"),
            ("tool_name", "Bash"),
            ("tool_input", "{\"command\":\"feed {}\"}"),
            ("tool_parameters", "{\"full_command\":\"feed {}\",\"git_commit_id\":\"5a47\"}"),
            ("full_command", "feed {}"),
            ("error", "no {} here"),
        ],
    ),
    (
        "codex_exec",
        &[("prompt", "mend the {}"), ("arguments", "{\"cmd\":\"feed {}\"}"), ("output", "Output:\n{}\n"), ("tool_name", "exec")],
    ),
    (
        "gemini-cli",
        &[
            ("request_text", "[\"{}\"]"),
            ("response_text", "[\"{}\"]"),
            ("function_name", "run_shell_command"),
            ("function_args", "{\"command\":\"feed {}\"}"),
            ("metadata", "{\"exitCode\":1,\"file\":\"{}\"}"),
            ("error.message", "no {}"),
            ("gen_ai.input.messages", "[\"{}\"]"),
            ("gen_ai.system_instructions", "be kind to {}s"),
        ],
    ),
    ("opencode", &[("ai.prompt", "mend the {}"), ("ai.response.text", "the {}"), ("ai.toolCall.args", "{}"), ("ai.toolCall.result", "{}")]),
    ("shop", &[("gen_ai.input.messages", "[\"{}\"]"), ("gen_ai.output.messages", "[\"{}\"]")]),
];

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

/// The texts of a service, and who uses it.
fn attributes(service: &str, texts: &[(&str, &str)]) -> Vec<Value> {
    let word = if service == "shop" { OTHERS_WORD } else { WORD };
    let mut all: Vec<Value> = texts.iter().map(|(name, text)| attribute(name, &text.replace("{}", word))).collect();
    all.extend([attribute("user.email", MAIL), attribute("user.account_uuid", "acc-quokka"), attribute("model", "m-1")]);
    if service == "shop" {
        all.retain(|attribute| !attribute["key"].as_str().unwrap().starts_with("user."));
    }
    all
}

fn resource(service: &str) -> Value {
    let arguments = json!({"key": "process.command_args", "value": {"arrayValue": {"values": [{"stringValue": "-p"}, {"stringValue": "mend the quokka"}]}}});
    let mut all = vec![attribute("service.name", service)];
    if service != "shop" {
        all.extend([arguments, attribute("process.owner", "quokka")]);
    }
    json!({"attributes": all})
}

/// Lines, spans and points of each service.
fn send(service: &Service) {
    let now = now_ms();
    for (name, texts) in TEXTS {
        let all = attributes(name, texts);
        let records = [
            json!({"timeUnixNano": nanos(now), "body": {"stringValue": "one line"}, "attributes": all}),
            json!({"timeUnixNano": nanos(now + 1), "body": {"stringValue": format!("{}\n{}", if name == "shop" { "two" } else { WORD }, "lines")}}),
        ];
        let logs = json!({"resourceLogs": [{"resource": resource(name), "scopeLogs": [{"logRecords": records}]}]});
        let event = json!({"timeUnixNano": nanos(now), "name": "tool.output", "attributes": all});
        let span = json!({
            "traceId": TRACE, "spanId": format!("{:016x}", name.len() + 1), "name": "work", "startTimeUnixNano": nanos(now), "endTimeUnixNano": nanos(now + 1),
            "attributes": all, "events": [event], "links": [{"traceId": TRACE, "spanId": "00000000000000ff", "attributes": all}],
            "status": {"code": 2, "message": if name == "shop" { "sold out" } else { "no quokka\nat all" }},
        });
        let traces = json!({"resourceSpans": [{"resource": resource(name), "scopeSpans": [{"spans": [span]}]}]});
        let people = [attribute("user.email", MAIL), attribute("routing.reasoning", "the quokka"), attribute("model", "m-1")];
        let people = if name == "shop" { &people[2..] } else { &people[..] };
        let point = json!({"timeUnixNano": nanos(now), "startTimeUnixNano": nanos(now - 1_000), "asInt": "7", "attributes": people});
        let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
        let metrics = json!({"resourceMetrics": [{"resource": resource(name), "scopeMetrics": [{"metrics": [{"name": "private.calls", "sum": sum}]}]}]});
        for (path, body) in [("/v1/logs", logs), ("/v1/traces", traces), ("/v1/metrics", metrics)] {
            assert_eq!(said(post(service, path, JSON, "", body.to_string().into_bytes())), (200, "{}".to_owned()), "{name} {path}");
        }
    }
    // The same through Loki's door.
    let push = json!({"streams": [{"stream": {"job": "claude-code", "user_email": MAIL}, "values": [
        [nanos(now + 2), r#"{"body":"claude_code.user_prompt","attributes":{"prompt":"mend the quokka","n":1}}"#, {"prompt": "mend the quokka"}],
    ]}]});
    assert_eq!(said(post(service, "/loki/api/v1/push", JSON, "", push.to_string().into_bytes())).0, 204);
}

/// Everything that the service gives of it.
fn given(service: &Service) -> String {
    let (start, end) = (nanos(now_ms() - 86_400_000), nanos(now_ms() + 3_600_000));
    let mut all = String::new();
    for query in [r#"{service_name=~".+"}"#, r#"{job=~".+"}"#] {
        let query = [("query", query), ("limit", "5000"), ("start", &start), ("end", &end)];
        let response = service.client.get(service.url("/loki/api/v1/query_range")).query(&query).send().unwrap();
        all.push_str(&said(response).1);
    }
    for path in [
        &format!("/api/v1/traces/{TRACE}"),
        "/api/v1/series?match[]=private_calls_total",
        "/api/v1/series?match[]=target_info",
        "/loki/api/v1/series?match[]={service_name=~\".%2B\"}",
        "/api/v1/status",
    ] {
        all.push_str(&service.get(path).text().unwrap());
    }
    all.to_lowercase()
}

/// The bytes of all files in a folder, in small letters.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes.to_ascii_lowercase()));
        }
    }
}

fn nothing_in_files(folder: &Folder, words: &[&str]) {
    let mut found = Vec::new();
    files(folder.path(), &mut found);
    assert!(found.len() > 3);
    for (path, bytes) in found {
        for word in words {
            assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word} in {path}");
        }
    }
}

/// The short name of the user, as the lines have it.
fn user(given: &str) -> String {
    let at = given.find("\"user_email\":\"user-").unwrap_or_else(|| panic!("{given}"));
    given[at + 14..].chars().take_while(|c| *c != '"').collect()
}

#[test]
fn no_text_and_no_name_is_kept_by_default() {
    let folder = Folder::new();
    let service = folder.start();
    send(&service);
    let before = given(&service);
    for word in [WORD, OTHERS_WORD, "example.com"] {
        assert!(!before.contains(word), "{word}: {before}");
    }
    for there in ["one line", "claude_code.user_prompt", "sold out", "\"model\":\"m-1\"", "left_out", "tool_input", "run_shell_command"] {
        assert!(before.contains(there), "{there}: {before}");
    }
    // The series are as many as before: what was another label is another name.
    let name = user(&before);
    assert_eq!(service.query(&format!("private_calls_total{{user_email=\"{name}\"}}")).len(), 4);
    assert!(!service.log().to_lowercase().contains(WORD));
    assert_eq!(service.stop(), Some(0));
    nothing_in_files(&folder, &[WORD, OTHERS_WORD]);

    // The same names after a restart, and for lines that come back from an export.
    let service = folder.start();
    assert_eq!(user(&given(&service)), name);
    let exported = service.get("/api/v1/logs/export?query={service_name=~\".%2B\"}").text().unwrap();
    assert!(exported.contains(&name) && !exported.to_lowercase().contains(WORD), "{exported}");
    let count = exported.lines().count();
    assert_eq!(said(post(&service, "/api/v1/logs/import", "application/x-ndjson", "", exported.into_bytes())).0, 200);
    let again = service.get("/api/v1/logs/export?query={service_name=~\".%2B\"}").text().unwrap();
    assert_eq!((again.lines().count(), user(&given(&service))), (count, name));
}

#[test]
fn what_agents_really_sent_is_kept_without_its_texts() {
    let folder = Folder::new();
    let service = folder.start();
    let mut sent = String::new();
    for (path, of) in [("/v1/logs", "logs"), ("/v1/traces", "traces")] {
        for file in ["claude-code.json", "codex.json", "gemini.json"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp").join(of).join(file);
            let text = recent(&std::fs::read_to_string(file).unwrap());
            let (status, answer) = said(post(&service, path, JSON, "", text.clone().into_bytes()));
            assert_eq!((status, answer.as_str()), (200, "{}"), "{path}");
            sent.push_str(&text);
        }
    }
    let words = [
        "echo more",
        "no-such-file",
        "one.txt",
        "exited with code",
        "say the helper is done",
        "autonomous cli agent",
        "interactive cli agent",
        "/etc/not-allowed",
    ];
    let (sent, mut kept) = (sent.to_lowercase(), given(&service));
    for id in sent
        .split("\"traceid\":")
        .skip(1)
        .map(|rest| rest.trim_start().trim_start_matches('"').chars().take(32).collect::<String>())
        .collect::<std::collections::BTreeSet<_>>()
    {
        kept.push_str(&service.get(&format!("/api/v1/traces/{id}")).text().unwrap().to_lowercase());
    }
    for word in words {
        assert!(sent.contains(word), "{word} was never sent");
        assert!(!kept.contains(word), "{word} is kept");
    }
    assert!(kept.contains("claude_code.tool") && kept.contains("codex.tool_result") && kept.contains("bash_command_class"));
    assert_eq!(service.stop(), Some(0));
    nothing_in_files(&folder, &words);
}

/// A recorded request as of now.
fn recent(text: &str) -> String {
    let mut request: Value = serde_json::from_str(text).unwrap();
    let mut newest = 0;
    times(&mut request, &mut |ns| {
        newest = newest.max(ns);
        ns
    });
    let later = now_ms() * 1_000_000 - newest;
    times(&mut request, &mut |ns| ns + later);
    request.to_string()
}

/// Changes each time of a request, but for those that are 0.
fn times(value: &mut Value, change: &mut impl FnMut(i64) -> i64) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().and_then(|text| text.parse::<i64>().ok()).filter(|ns| *ns > 0 && name.ends_with("UnixNano")) {
                    Some(ns) => *value = json!(change(ns).to_string()),
                    None => times(value, change),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| times(value, change)),
        _ => {}
    }
}

#[test]
fn what_the_settings_keep_is_kept_without_secrets() {
    let folder = Folder::with_settings(&format!("[agents]\n{ALL}\nredact = ['ACME-\\d+']\nnames = \"as sent\"\n"));
    let service = folder.start();
    send(&service);
    let secret = "export API_KEY=hunter2hunter2 and ghp_0123456789abcdefghijABCDEFGHIJ012345 of ACME-42\nBearer abcdefgh12345678 then";
    let all = [attribute("prompt", secret), attribute("output", secret)];
    let record = json!({"timeUnixNano": nanos(now_ms()), "body": {"stringValue": secret}, "attributes": all});
    let logs = json!({"resourceLogs": [{"resource": resource("claude-code"), "scopeLogs": [{"logRecords": [record]}]}]});
    assert_eq!(said(post(&service, "/v1/logs", JSON, "", logs.to_string().into_bytes())).0, 200);
    let kept = given(&service);
    assert!(!kept.contains("left_out"), "{kept}");
    for there in ["mend the quokka", "feed quokka", "no quokka", "ada.quokka@example.com", "acc-quokka", "wombat", "api_key=… and … of …"]
    {
        assert!(kept.contains(there), "{there}: {kept}");
    }
    assert_eq!(service.stop(), Some(0));
    nothing_in_files(&folder, &["hunter2", "ghp_0123", "acme-42", "abcdefgh1234"]);
}

#[test]
fn each_kind_is_kept_by_itself() {
    for (kind, there, gone) in [
        ("prompts", "mend the quokka", ["the quokka is well", "feed quokka", "no quokka here"]),
        ("answers", "the quokka is well", ["mend the quokka", "feed quokka", "no quokka here"]),
        ("tool_inputs", "feed quokka", ["mend the quokka", "the quokka is well", "no quokka here"]),
        ("tool_outputs", "no quokka here", ["mend the quokka", "the quokka is well", "feed quokka"]),
    ] {
        let folder = Folder::with_settings(&format!("[agents]\nkeep = [\"{kind}\"]\n"));
        let service = folder.start();
        send(&service);
        let kept = given(&service);
        assert!(kept.contains(there), "{kind}: {kept}");
        for text in gone {
            assert!(!kept.contains(text), "{kind}: {text} in {kept}");
        }
        assert!(!kept.contains("example.com"), "{kind}: {kept}");
    }
}
