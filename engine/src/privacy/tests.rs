use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::*;
use crate::logs::push::otlp::take as take_lines;
use crate::logs::record::{Lines, Record, StreamLines};
use crate::model::Labels;
use crate::otlp::Encoding;
use crate::traces::span::{Event, Link, Span, Spans};

fn kept(kinds: Kinds) -> Kept {
    let digest = |text: &str| format!("{:016x}", crate::model::fnv1a(text.bytes()));
    Kept::new(kinds, &["ACME-[0-9]{4}".to_owned()], true, Arc::new(digest)).unwrap()
}

fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    pairs.sort();
    pairs
}

fn line(service: &str, body: &str, attributes: &[(&str, &str)]) -> Lines {
    let record = Record { body: body.as_bytes().to_vec(), attributes: pairs(attributes), ..Record::default() };
    vec![StreamLines { labels: Labels::of(vec![("service_name", service)]), records: vec![record] }]
}

/// A line that was filtered: its body, and its attributes.
fn filtered(mut lines: Lines, kept: &Kept) -> (String, String) {
    filter_lines(&mut lines, kept);
    let once = lines.clone();
    filter_lines(&mut lines, kept);
    assert_eq!(once, lines, "what was filtered stays as it is");
    let record = &lines[0].records[0];
    (String::from_utf8(record.body.clone()).unwrap(), shown(&record.attributes))
}

fn shown(attributes: &[(String, String)]) -> String {
    attributes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn name_of(beginning: &str, text: &str) -> String {
    format!("{beginning}-{}", &format!("{:016x}", crate::model::fnv1a(text.bytes()))[..8])
}

#[test]
fn texts_of_agents_are_left_out_by_kind() {
    use Kinds as K;
    for (service, given, kinds, left) in [
        ("claude-code", ("prompt", "mend it"), K::PROMPTS, "prompt"),
        ("claude-code", ("prompt_text", "mend it"), K::PROMPTS, "prompt_text"),
        ("claude-code", ("user_prompt", "mend it"), K::PROMPTS, "user_prompt"),
        ("claude-code", ("response", "done"), K::ANSWERS, "response"),
        ("claude-code", ("tool_input", "{\"command\":\"ls\"}"), K::TOOL_INPUTS, "tool_input"),
        ("claude-code", ("tool_parameters", "{\"full_command\":\"ls\"}"), K::TOOL_INPUTS, "tool_parameters"),
        ("CLAUDE_CODE", ("full_command", "ls"), K::TOOL_INPUTS, "full_command"),
        ("codex_exec", ("arguments", "{\"cmd\":\"ls\"}"), K::TOOL_INPUTS, "arguments"),
        ("codex-app-server", ("output", "a.txt"), K::TOOL_OUTPUTS, "output"),
        ("gemini-cli", ("function_args", "{}"), K::TOOL_INPUTS, "function_args"),
        ("gemini-cli", ("request_text", "[]"), K::ALL, "request_text"),
        ("gemini-cli", ("response_text", "[]"), K::ANSWERS.and(K::TOOL_INPUTS), "response_text"),
        ("gemini-cli", ("process_command_args", "[\"-p\",\"mend it\"]"), K::PROMPTS, "process_command_args"),
        ("gemini-cli", ("gen_ai_input_messages", "[]"), K::ALL, "gen_ai_input_messages"),
        ("gemini-cli", ("gen_ai_system_instructions", "be kind"), K::PROMPTS, "gen_ai_system_instructions"),
        ("gemini-cli", ("routing_reasoning", "it is hard"), K::ANSWERS, "routing_reasoning"),
        ("opencode", ("ai_toolCall_args", "ls"), K::TOOL_INPUTS, "ai_toolCall_args"),
        ("opencode", ("ai_prompt_messages", "[]"), K::ALL, "ai_prompt_messages"),
        ("cart", ("gen_ai_prompt_0_content", "mend it"), K::ALL, "gen_ai_prompt_0_content"),
        ("cart", ("gen_ai_tool_call_result", "a.txt"), K::TOOL_OUTPUTS, "gen_ai_tool_call_result"),
        ("codex_exec", ("something_new", "a\nb"), K::ALL, "something_new"),
    ] {
        let of = |kinds: Kinds| filtered(line(service, "", &[given]), &kept(kinds)).1;
        let (name, value) = given;
        assert_eq!(of(K::NONE), format!("left_out={left}"), "{service} {name}");
        assert_eq!(of(kinds), format!("{name}={value}"), "{service} {name}");
        for (_, other) in Kinds::NAMES {
            assert_eq!(of(other).contains("left_out"), !other.has(kinds), "{service} {name}: {other:?}");
        }
    }
}

#[test]
fn what_is_no_text_of_a_conversation_stays() {
    for (service, given) in [
        (
            "claude-code",
            &[("event_name", "api_request"), ("cost_usd_micros", "8980"), ("prompt_length", "312"), ("tool_input_size_bytes", "9")][..],
        ),
        ("codex_exec", &[("code_file_path", "core/src/a.rs"), ("input_token_count", "1040"), ("auth_header_name", "authorization")]),
        ("gemini-cli", &[("gen_ai_prompt_name", "p-1"), ("prompt_id", "p"), ("gen_ai_usage_output_tokens", "80"), ("error", "quota")]),
        // Others: their own affair.
        ("cart", &[("prompt", "mend it"), ("output", "x\ny"), ("user_email", "me@example.com"), ("password", "p")]),
        ("codexes", &[("prompt", "mend it"), ("gen_ai_request_model", "m")]),
    ] {
        let before = shown(&pairs(given));
        assert_eq!(filtered(line(service, "a body", given), &kept(Kinds::NONE)), ("a body".to_owned(), before), "{service}");
    }
}

#[test]
fn an_agent_is_known_by_its_library_too() {
    let of = |scope: &str| filtered(line("our-agent", "", &[("scope_name", scope), ("prompt", "mend it")]), &kept(Kinds::NONE)).1;
    assert_eq!(of("com.anthropic.claude_code.events"), "left_out=prompt scope_name=com.anthropic.claude_code.events");
    assert_eq!(of("codex_otel.log_only"), "left_out=prompt scope_name=codex_otel.log_only");
    assert_eq!(of("shop"), "prompt=mend it scope_name=shop");
    let mut lines = line("x", "", &[("prompt", "mend it")]);
    lines[0].labels = Labels::of(vec![("job", "claude-code"), ("user_email", "me@example.com"), ("prompt", "mend it")]);
    filter_lines(&mut lines, &kept(Kinds::NONE));
    let name = name_of("user", "me@example.com");
    assert_eq!(lines[0].labels, Labels::of(vec![("job", "claude-code"), ("user_email", &name)]));
}

#[test]
fn an_error_of_a_tool_is_what_it_gave_back() {
    let of = |given: &[(&str, &str)], kinds| filtered(line("claude-code", "", given), &kept(kinds)).1;
    let tool = [("error", "no such file: a.txt"), ("tool_name", "Bash")];
    assert_eq!(of(&tool, Kinds::NONE), "left_out=error tool_name=Bash");
    assert_eq!(of(&tool, Kinds::TOOL_OUTPUTS), "error=no such file: a.txt tool_name=Bash");
    let request = [("error", "overloaded"), ("event_name", "api_error")];
    assert_eq!(of(&request, Kinds::NONE), "error=overloaded event_name=api_error");
}

#[test]
fn people_and_accounts_have_short_names() {
    let given = [("user_email", "Me@Example.com"), ("organization_id", "o-1"), ("installation_id", "i-1"), ("process_owner", "me")];
    let (user, org, installation, owner) =
        (name_of("user", "me@example.com"), name_of("org", "o-1"), name_of("installation", "i-1"), name_of("user", "me"));
    let expected = format!("installation_id={installation} organization_id={org} process_owner={owner} user_email={user}");
    assert_eq!(filtered(line("codex_exec", "", &given), &kept(Kinds::NONE)).1, expected);
    let as_sent = Kept { short_names: false, ..kept(Kinds::NONE) };
    assert_eq!(
        filtered(line("codex_exec", "by me@example.com", &given), &as_sent),
        ("by me@example.com".to_owned(), shown(&pairs(&given)))
    );
    let (body, _) = filtered(line("codex_exec", "pushed by me@example.com to git@github.com:a/b", &[]), &kept(Kinds::NONE));
    assert_eq!(body, format!("pushed by {user} to git@github.com:a/b"));
}

#[test]
fn what_is_kept_has_no_secrets() {
    let given = [("prompt", "use sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa for ACME-1234"), ("api_key", "hunter2"), ("max_token", "5")];
    let (body, attributes) = filtered(line("claude-code", "password=hunter2 ok", &given), &kept(Kinds::PROMPTS));
    assert_eq!((body.as_str(), attributes.as_str()), ("password=… ok", "api_key=… max_token=5 prompt=use … for …"));
    let mut bytes = line("claude-code", "", &[]);
    bytes[0].records[0].body = b"caf\xe9 is open".to_vec();
    let before = bytes.clone();
    filter_lines(&mut bytes, &kept(Kinds::NONE));
    assert_eq!(bytes, before, "bytes that are no text stay");
}

#[test]
fn a_body_is_kept_while_it_is_short_and_its_fields_may_be() {
    let long = "x".repeat(kinds::SHORT + 1);
    for (service, body, event, expected) in [
        ("claude-code", "claude_code.tool_result", "tool_result", "claude_code.tool_result"),
        ("gemini-cli", &*long, "", ""),
        ("gemini-cli", "one\ntwo", "", ""),
        ("gemini-cli", "one line\n", "", "one line\n"),
        ("cart", &*long, "", &*long),
        ("cart", "hello", "gen_ai.user.message", ""),
        ("cart", "hello", "shop.user.message", "hello"),
        (
            "claude-code",
            r#"{"attributes":{"prompt":"mend it","model":"m","n":[1,"two\nlines"]},"body":"claude_code.user_prompt"}"#,
            "",
            r#"{"attributes":{"model":"m","n":[1,""]},"body":"claude_code.user_prompt"}"#,
        ),
        (
            "codex_exec",
            r#"{"attributes":[{"key":"output","value":{"stringValue":"a.txt"}},{"key":"model","value":{"stringValue":"m"}}]}"#,
            "",
            r#"{"attributes":[{"key":"output"},{"key":"model","value":{"stringValue":"m"}}]}"#,
        ),
        ("codex_exec", r#"{"arguments":{"cmd":["ls"]},"tool_name":"exec","error":"no"}"#, "", r#"{"tool_name":"exec"}"#),
        ("codex_exec", r#"{"a": 1}"#, "", r#"{"a": 1}"#),
    ] {
        let attributes = [("event_name", event), ("gen_ai_system", "x")];
        let (body, attributes) = filtered(line(service, body, &attributes), &kept(Kinds::NONE));
        assert_eq!(body, expected, "{service}");
        assert_eq!(attributes.contains("left_out=body"), body.is_empty(), "{attributes}");
    }
}

#[test]
fn requests_are_filtered_with_the_attributes_of_their_resource() {
    let request = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"gemini-cli"}},
        {"key":"process.command_args","value":{"arrayValue":{"values":[{"stringValue":"-p"},{"stringValue":"mend it"}]}}}]},
        "scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"User prompt. Length: 7."},
        "attributes":[{"key":"prompt","value":{"stringValue":"mend it"}}]}]}]}]}"#;
    let mut lines = take_lines(Encoding::Json, request.as_bytes(), &[], 1).unwrap().lines;
    filter_lines(&mut lines, &kept(Kinds::NONE));
    let record = &lines[0].records[0];
    assert_eq!(
        (record.body.as_slice(), shown(&record.attributes).as_str()),
        (&b"User prompt. Length: 7."[..], "left_out=process_command_args prompt")
    );
}

#[test]
fn spans_lose_the_same_in_attributes_events_and_links() {
    let span = Span {
        name: "claude_code.tool".to_owned(),
        message: "cat: a.txt: no such file".to_owned(),
        attributes: pairs(&[("tool_name", "Bash"), ("full_command", "cat a.txt"), ("user.id", "u-1"), ("duration_ms", "9")]),
        events: vec![Event { attributes: pairs(&[("output", "no such file"), ("exception.message", "no such file")]), ..Event::default() }],
        links: vec![Link { attributes: pairs(&[("prompt", "mend it")]), ..Link::default() }],
        ..Span::default()
    };
    let resource = pairs(&[("process.command_args", "mend it"), ("host.name", "h")]);
    let mut spans =
        vec![Spans { service: "claude-code".to_owned(), resource: resource.clone(), spans: vec![span.clone()], ..Spans::default() }];
    filter_spans(&mut spans, &kept(Kinds::NONE));
    assert_eq!(shown(&spans[0].resource), "host.name=h left_out=process.command_args");
    let left = &spans[0].spans[0];
    let user = name_of("user", "u-1");
    assert_eq!(shown(&left.attributes), format!("duration_ms=9 left_out=full_command message tool_name=Bash user.id={user}"));
    assert_eq!((left.message.as_str(), shown(&left.events[0].attributes).as_str()), ("", "left_out=exception.message output"));
    assert_eq!(shown(&left.links[0].attributes), "left_out=prompt");

    let others = Span { attributes: pairs(&[("gen_ai.output.messages", "[]"), ("prompt", "p"), ("gen_ai.system", "s")]), ..span };
    let mut spans = vec![Spans { service: "cart".to_owned(), resource: resource.clone(), spans: vec![others], ..Spans::default() }];
    filter_spans(&mut spans, &kept(Kinds::NONE));
    assert_eq!(shown(&spans[0].spans[0].attributes), "gen_ai.system=s left_out=gen_ai.output.messages prompt=p");
    assert_eq!((&spans[0].resource, spans[0].spans[0].message.as_str()), (&resource, "cat: a.txt: no such file"));
}

fn points(service: &str, scope: &str) -> ExportMetricsServiceRequest {
    let text = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let point = |reasoning: &str| {
        let attributes = [text("routing.reasoning", reasoning), text("user.email", "me@example.com"), text("model", "m")].join(",");
        format!(r#"{{"timeUnixNano":"1000000000","asDouble":1,"attributes":[{attributes}]}}"#)
    };
    let resource = [text("service.name", service), text("process.command_args", "mend it"), text("process.owner", "me")].join(",");
    let points = [point("it is hard"), point("it is easy")].join(",");
    let request = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{resource}]}},"scopeMetrics":[{{"scope":{{"name":"{scope}"}},
           "metrics":[{{"name":"m","gauge":{{"dataPoints":[{points}]}}}}]}}]}}]}}"#
    );
    Encoding::Json.decode(request.as_bytes()).unwrap()
}

#[test]
fn labels_of_points_stay_apart_without_texts_and_people() {
    for (service, scope) in [("gemini-cli", "x"), ("ours", "com.anthropic.claude_code")] {
        let mut request = points(service, scope);
        filter_metrics(&mut request, &kept(Kinds::NONE));
        let shown = format!("{request:?}");
        for gone in ["it is", "mend it", "me@example", "\"me\""] {
            assert!(!shown.contains(gone), "{gone}: {shown}");
        }
        for there in
            [name_of("text", "it is hard"), name_of("text", "it is easy"), name_of("user", "me@example.com"), name_of("user", "me")]
        {
            assert!(shown.contains(&there), "{there}: {shown}");
        }
    }
    let mut request = points("cart", "shop");
    filter_metrics(&mut request, &kept(Kinds::NONE));
    assert_eq!(request, points("cart", "shop"));
}

#[test]
fn a_pattern_that_takes_all_away_is_refused() {
    let of =
        |patterns: &[String]| Kept::new(Kinds::NONE, patterns, true, Arc::new(str::to_owned)).map(|_| ()).map_err(|why| why.to_string());
    assert_eq!(of(&["x+".to_owned()]), Ok(()));
    for (patterns, part) in [
        (vec!["x*".to_owned()], "without letters"),
        (vec!["(".to_owned()], "missing"),
        (vec!["x".to_owned(); MAX_PATTERNS + 1], "there are 33"),
        (vec!["x".repeat(MAX_PATTERN + 1)], "1001 characters"),
    ] {
        assert!(of(&patterns).is_err_and(|why| why.contains(part)), "{part}: {:?}", of(&patterns));
    }
}
