use proptest::prelude::*;

use super::*;

fn header(text: &str) -> Header {
    match text {
        "-" => Header::Absent,
        "?" => Header::Unreadable,
        text => Header::Given(text.to_owned()),
    }
}

fn is_tool(name: &str) -> bool {
    ["status", "ci"].contains(&name)
}

/// Reads a message with the headers version, method and name; `-` for none, `?` for one that cannot be read.
fn read_with(body: &str, [version, method, name]: [&str; 3]) -> Result<Message, Refusal> {
    read(body.as_bytes(), &Headers { version: header(version), method: header(method), name: header(name) }, is_tool)
}

fn meta() -> Value {
    json!({META_VERSION: MODERN, META_CAPABILITIES: {}, META_CLIENT: {"name": "a client", "version": "1"}})
}

fn modern(method: &str, params: Value) -> String {
    let mut params = params;
    params["_meta"] = meta();
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn call_of(message: Result<Message, Refusal>) -> (Era, Call) {
    match message.unwrap() {
        Message::Request(request) => (request.era, request.call),
        Message::Notification => panic!("a notification"),
    }
}

#[test]
fn stateless_requests_are_read_with_the_headers_that_agree() {
    let found = read_with(&modern("server/discover", json!({})), [MODERN, "server/discover", "-"]);
    assert_eq!(call_of(found), (Era::Modern, Call::Discover));
    let found = read_with(&modern("tools/list", json!({})), [MODERN, "tools/list", "-"]);
    assert_eq!(call_of(found), (Era::Modern, Call::ListTools));
    let body = modern("tools/call", json!({"name": "ci", "arguments": {"sha": "abc"}}));
    for name in ["ci", "=?base64?Y2k=?="] {
        let (era, call) = call_of(read_with(&body, [MODERN, "tools/call", name]));
        let Call::Tool { name, arguments, client } = call else { panic!("{call:?}") };
        assert_eq!((era, name.as_str(), client.as_deref()), (Era::Modern, "ci", Some("a client")));
        assert_eq!(arguments["sha"], "abc");
    }
}

#[test]
fn a_handshake_and_what_follows_it_are_read_without_headers() {
    let message = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params}).to_string();
    let hello = message("initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}}));
    for version in ["-", "2025-06-18", MODERN] {
        assert_eq!(call_of(read_with(&hello, [version, "-", "-"])), (Era::Legacy, Call::Initialize("2025-06-18".to_owned())), "{version}");
    }
    for version in ["-", "2025-11-25", "2025-03-26"] {
        assert_eq!(call_of(read_with(&message("ping", json!({})), [version, "-", "-"])), (Era::Legacy, Call::Ping));
        assert_eq!(call_of(read_with(&message("tools/list", json!({"cursor": null})), [version, "-", "-"])).0, Era::Legacy);
        assert_eq!(call_of(read_with(&message("tools/call", json!({"name": "status"})), [version, "-", "-"])).0, Era::Legacy);
    }
    for notification in ["notifications/initialized", "notifications/cancelled", "notifications/unheard_of"] {
        let text = json!({"jsonrpc": "2.0", "method": notification}).to_string();
        assert_eq!(read_with(&text, ["2025-11-25", "-", "-"]), Ok(Message::Notification));
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let (list, call) = (modern("tools/list", json!({})), modern("tools/call", json!({"name": "ci"})));
    let legacy = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ci"}}).to_string();
    for (body, headers, part) in [
        (&list, ["-", "tools/list", "-"], "MCP-Protocol-Version is missing"),
        (&list, ["2025-11-25", "tools/list", "-"], "MCP-Protocol-Version is `2025-11-25`, and"),
        (&list, ["?", "tools/list", "-"], "MCP-Protocol-Version must be there once"),
        (&list, [MODERN, "-", "-"], "Mcp-Method is missing"),
        (&list, [MODERN, "tools/call", "-"], "Mcp-Method is `tools/call`, and the body says `tools/list`"),
        (&list, [MODERN, "Tools/List", "-"], "Mcp-Method is `Tools/List`"),
        (&list, [MODERN, "?", "-"], "Mcp-Method must be there once"),
        (&call, [MODERN, "tools/call", "-"], "Mcp-Name is missing"),
        (&call, [MODERN, "tools/call", "status"], "Mcp-Name is `status`, and the body says `ci`"),
        (&call, [MODERN, "tools/call", "?"], "Mcp-Name must be there once"),
        (&call, [MODERN, "tools/call", "=?base64?c3RhdHVz?="], "Mcp-Name is `status`"),
        (&call, [MODERN, "tools/call", "=?base64?Y2k?="], "no text in Base64"),
        (&call, [MODERN, "tools/call", "=?base64?//79?="], "no text in Base64"),
        // Whoever goes by a header goes by a true one, in the older era too.
        (&legacy, ["2025-11-25", "tools/list", "-"], "Mcp-Method is `tools/list`"),
        (&legacy, ["-", "-", "status"], "Mcp-Name is `status`"),
        (&json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover"}).to_string(), ["-", "-", "-"], "MCP-Protocol-Version is missing"),
    ] {
        let refusal = read_with(body, headers).unwrap_err();
        assert_eq!((refusal.status, refusal.code, &refusal.id), (400, HEADER_MISMATCH, &Some(json!(1))), "{headers:?} {refusal:?}");
        assert!(refusal.message.contains(part), "{headers:?}: {}", refusal.message);
    }
}

#[test]
fn versions_that_nobody_speaks_are_refused_with_those_that_are_spoken() {
    let mut body: Value = serde_json::from_str(&modern("tools/list", json!({}))).unwrap();
    body["params"]["_meta"][META_VERSION] = json!("1900-01-01");
    let told = read_with(&body.to_string(), ["1900-01-01", "tools/list", "-"]).unwrap_err();
    let legacy = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let by_header_alone = read_with(&legacy, ["1900-01-01", "-", "-"]).unwrap_err();
    for refusal in [told, by_header_alone] {
        let error = &refusal.body()["error"];
        assert_eq!((refusal.status, &error["code"]), (400, &json!(UNSUPPORTED_VERSION)));
        assert_eq!(error["data"], json!({"supported": [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"], "requested": "1900-01-01"}));
    }
}

#[test]
fn what_is_malformed_is_refused_with_what_would_be_right() {
    let list = [MODERN, "tools/list", "-"];
    let with_meta = |meta: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}).to_string();
    let without = |key: &str| {
        let mut meta = meta();
        meta.as_object_mut().unwrap().remove(key);
        with_meta(meta)
    };
    let deep = "[".repeat(100_000);
    let cases: Vec<(String, [&str; 3], u16, i64, &str)> = vec![
        (String::new(), list, 400, PARSE_ERROR, "not JSON"),
        ("{".to_owned(), list, 400, PARSE_ERROR, "not JSON"),
        (deep, list, 400, PARSE_ERROR, "recursion limit"),
        ("[]".to_owned(), list, 400, INVALID_REQUEST, "batches are not taken"),
        (format!("[{}]", modern("tools/list", json!({}))), list, 400, INVALID_REQUEST, "batches are not taken"),
        ("5".to_owned(), list, 400, INVALID_REQUEST, "a JSON object"),
        ("{}".to_owned(), list, 400, INVALID_REQUEST, "`jsonrpc` must be"),
        (json!({"jsonrpc": 2, "id": 1, "method": "ping"}).to_string(), list, 400, INVALID_REQUEST, "`jsonrpc` must be"),
        (json!({"jsonrpc": "2.0", "id": null, "method": "ping"}).to_string(), list, 400, INVALID_REQUEST, "`id` must be"),
        (json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}).to_string(), list, 400, INVALID_REQUEST, "`id` must be"),
        (json!({"jsonrpc": "2.0", "id": {}, "method": "ping"}).to_string(), list, 400, INVALID_REQUEST, "`id` must be"),
        (json!({"jsonrpc": "2.0", "id": "x".repeat(1_001), "method": "ping"}).to_string(), list, 400, INVALID_REQUEST, "`id` must be"),
        (json!({"jsonrpc": "2.0", "id": 1, "method": 5}).to_string(), list, 400, INVALID_REQUEST, "`method` must be"),
        (json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string(), list, 400, INVALID_REQUEST, "responses are not taken"),
        (
            json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "ci"}}).to_string(),
            list,
            400,
            INVALID_REQUEST,
            "needs an `id`",
        ),
        (json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}).to_string(), list, 400, INVALID_PARAMS, "`params` must be"),
        (with_meta(json!([])), list, 400, INVALID_PARAMS, "`_meta` must be"),
        (with_meta(json!({META_VERSION: 5})), list, 400, INVALID_PARAMS, "must be a text"),
        (without(META_VERSION), list, 400, INVALID_PARAMS, "is missing in `_meta`"),
        (without(META_CAPABILITIES), list, 400, INVALID_PARAMS, "clientCapabilities` must be an object"),
        (
            with_meta(json!({META_VERSION: MODERN, META_CAPABILITIES: {}, META_CLIENT: "me"})),
            list,
            400,
            INVALID_PARAMS,
            "a `name` and a `version`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#.to_owned(),
            list,
            400,
            INVALID_REQUEST,
            "`method` is there twice",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ci","name":"status"}}"#.to_owned(),
            list,
            400,
            INVALID_REQUEST,
            "`name` is there twice",
        ),
    ];
    for (body, headers, status, code, part) in cases {
        let refusal = read_with(&body, headers).unwrap_err();
        let shown: String = body.chars().take(200).collect();
        assert_eq!((refusal.status, refusal.code), (status, code), "{shown}: {}", refusal.message);
        assert!(refusal.message.contains(part), "{shown}: {}", refusal.message);
    }
    // The client name is not needed.
    assert!(read_with(&without(META_CLIENT), list).is_ok());
}

#[test]
fn methods_and_tools_that_are_not_there_are_said_as_each_era_wants_it() {
    let legacy = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    // Of the other era, too.
    for method in ["initialize", "ping", "resources/list", "prompts/get", "subscriptions/listen", "nonsense"] {
        let refusal = read_with(&modern(method, json!({"name": "x"})), [MODERN, method, "-"]).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (404, METHOD_NOT_FOUND), "{method}");
    }
    let refusal = read_with(&legacy("resources/list", json!({})), ["2025-11-25", "-", "-"]).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (200, METHOD_NOT_FOUND));
    let calls = [
        json!({"name": "rm"}),
        json!({"name": 5}),
        json!({}),
        json!({"name": "ci", "arguments": []}),
        json!({"name": "ci", "arguments": "x"}),
    ];
    for params in calls {
        let refusal = read_with(&legacy("tools/call", params.clone()), ["-", "-", "-"]).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (200, INVALID_PARAMS), "{params}");
    }
    let refusal = read_with(&modern("tools/call", json!({"name": "rm"})), [MODERN, "tools/call", "rm"]).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, INVALID_PARAMS));
    let refusal = read_with(&modern("tools/list", json!({"cursor": ""})), [MODERN, "tools/list", "-"]).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, INVALID_PARAMS));
}

#[test]
fn answers_of_the_stateless_era_say_their_type_and_server() {
    let request = |era| Request { id: json!("a"), era, call: Call::Ping };
    let answered = answer(&request(Era::Modern), Map::new());
    assert_eq!((&answered["id"], &answered["result"]["resultType"]), (&json!("a"), &json!("complete")));
    assert_eq!(answered["result"]["_meta"][META_SERVER]["name"], "taskpulse");
    assert_eq!(answer(&request(Era::Legacy), Map::new()), json!({"jsonrpc": "2.0", "id": "a", "result": {}}));
}

#[test]
fn base64_is_read_as_it_is_written() {
    for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("SGVsbG8sIOS4lueVjA==", "Hello, 世界")] {
        assert_eq!(base64(text), Some(bytes.as_bytes().to_vec()), "{text}");
    }
    for wrong in ["Z", "Zg=", "Zg===", "====", "Z g=", "Zm9v=", "Zm-_", "Zg==Zg=="] {
        assert_eq!(base64(wrong), None, "{wrong}");
    }
}

fn headers() -> impl Strategy<Value = Headers> {
    let one = || {
        prop_oneof![
            Just(Header::Absent),
            Just(Header::Unreadable),
            prop_oneof![Just(MODERN), Just("2025-11-25"), Just("tools/call"), Just("ci"), Just("=?base64?Y2k=?=")]
                .prop_map(|text| Header::Given(text.to_owned())),
            ".{0,40}".prop_map(Header::Given),
            "(=\\?base64\\?)[A-Za-z0-9+/=]{0,12}(\\?=)".prop_map(Header::Given),
        ]
    };
    (one(), one(), one()).prop_map(|(version, method, name)| Headers { version, method, name })
}

/// A message that is right but for some pieces.
fn nearly_right() -> impl Strategy<Value = String> {
    let odd = || {
        prop_oneof![
            Just(json!(null)),
            Just(json!([])),
            Just(json!({})),
            any::<i64>().prop_map(|n| json!(n)),
            ".{0,30}".prop_map(|t| json!(t))
        ]
    };
    let method = prop_oneof![Just(json!("tools/call")), Just(json!("server/discover")), Just(json!("initialize")), odd()];
    let meta = prop_oneof![Just(meta()), odd()];
    (odd(), method, meta, odd(), odd()).prop_map(|(id, method, meta, name, arguments)| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": meta, "name": name, "arguments": arguments}}).to_string()
    })
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), nearly_right().prop_map(String::into_bytes)], headers in headers(),
    ) {
        match read(&body, &headers, is_tool) {
            Ok(Message::Request(request)) => {
                // Nothing is done that a header denies.
                if let (Call::Tool { name, .. }, Header::Given(given)) = (&request.call, &headers.name) {
                    prop_assert!(given == name || given.starts_with(BASE64.0));
                }
                prop_assert!(request.era == Era::Legacy || headers.version == Header::Given(MODERN.to_owned()));
            }
            Ok(Message::Notification) => {}
            Err(refusal) => {
                prop_assert!((200..=404).contains(&refusal.status));
                prop_assert!(refusal.body()["error"]["message"].as_str().is_some_and(|why| why.chars().count() < 600));
            }
        }
    }
}
