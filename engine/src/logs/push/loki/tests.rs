use super::*;
use crate::wire::build::{bytes as field, number};

fn entry(seconds: i64, nanos: u64, line: &[u8], metadata: &[(&str, &str)]) -> Vec<u8> {
    let time = [number(1, seconds.cast_unsigned()), number(2, nanos)].concat();
    let pairs = metadata.iter().flat_map(|(name, value)| field(3, [field(1, name), field(2, value)].concat()));
    field(2, [field(1, time), field(2, line), pairs.collect()].concat())
}

fn stream(labels: &str, entries: &[Vec<u8>]) -> Vec<u8> {
    field(1, [field(1, labels), entries.concat()].concat())
}

fn shown(taken: &Taken) -> Vec<String> {
    let all = taken.lines.iter().flat_map(|stream| stream.records.iter().map(move |record| (stream, record)));
    all.map(|(stream, record)| {
        let attributes: Vec<String> = record.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let body = record.body.escape_ascii();
        format!("{} {} {} `{body}` {}", stream.labels.in_braces(), record.time, record.severity.word(), attributes.join(" "))
    })
    .collect()
}

#[test]
fn lines_of_streams_come_with_what_is_known_of_them() {
    let id = "0102030405060708090a0b0c0d0e0f10";
    let request = [
        stream(
            "{job=\"a\"}",
            &[entry(5, 7, b"plain \xff", &[("z", "1"), ("level", "warn"), ("trace_id", id), ("span_id", "0102030405060708")])],
        ),
        stream(
            "{job=\"b\", level=\"error\"}",
            &[entry(6, 0, b"{\"level\":\"info\"}", &[]), entry(7, 0, b"x", &[("severity", "debug"), ("trace_id", "no id")])],
        ),
        stream("{job=\"a\"}", &[entry(-1, 0, b"INFO again", &[])]),
    ];
    let taken = take_protobuf(&request.concat()).unwrap();
    assert_eq!(
        shown(&taken),
        [
            r#"{job="a"} 5000000007 warn `plain \xff` level=warn z=1"#,
            r#"{job="a"} -1000000000 info `INFO again` "#,
            r#"{job="b", level="error"} 6000000000 error `{\"level\":\"info\"}` "#,
            r#"{job="b", level="error"} 7000000000 debug `x` severity=debug trace_id=no id"#,
        ]
    );
    assert_eq!((taken.lines[0].records[0].trace[15], taken.lines[0].records[0].span[7]), (16, 8));
    assert_eq!((taken.count, taken.newest), (4, 7_000_000_000));
    let text = format!(
        r#"{{"streams":[{{"stream":{{"job":"a"}},"values":[["5000000007","plain",{{"z":"1","level":"warn","trace_id":"{id}"}}],
        [6000000000,"ERROR x",null],["7","\u001b[1m",{{}},5]]}},{{"stream":{{"job":"c"}},"values":null}}]}}"#
    );
    let taken = take_json(text.as_bytes()).unwrap();
    assert_eq!(
        shown(&taken),
        [
            r#"{job="a"} 5000000007 warn `plain` level=warn z=1"#,
            r#"{job="a"} 6000000000 error `ERROR x` "#,
            r#"{job="a"} 7 unknown `\x1b[1m` "#
        ]
    );
}

#[test]
fn a_stream_or_line_that_cannot_be_kept_costs_no_other() {
    let endless = format!("{{a=\"{}", "x".repeat(100_000));
    let request = [
        stream(&endless, &[entry(1, 0, b"x", &[]), entry(2, 0, b"y", &[])]),
        stream("{}", &[entry(1, 0, b"x", &[])]),
        stream("{a=\"b\"}", &[entry(i64::MAX, 0, b"x", &[]), entry(1, 0, b"kept", &[])]),
        stream("{bad", &[]),
    ];
    let taken = take_protobuf(&request.concat()).unwrap();
    assert_eq!((taken.count, taken.refused), (1, 4));
    let reasons = taken.reasons.join("\n");
    for part in ["2 lines of stream `{a=\"xxx", "there are no braces", "at least one label", "64 bits"] {
        assert!(reasons.contains(part) && reasons.len() < 1_000, "{reasons}");
    }
    let taken =
        take_json(br#"{"streams":[{"stream":{"a.b":"c"},"values":[["1","x"]]},{"stream":{"a":"b"},"values":[["1","kept"]]}]}"#).unwrap();
    assert_eq!((taken.count, taken.refused), (1, 1));
    assert!(taken.reasons[0].contains("`a.b=\"c\"`") && taken.reasons[0].contains("no name"), "{:?}", taken.reasons);
    for (text, part) in [
        ("", "an object"),
        ("{\"streams\":[{\"values\":[[\"x\",\"y\"]]}]}", "64 bits"),
        ("{\"streams\":[{\"values\":[[\"1\"]]}]}", "nanoseconds"),
        ("{\"streams\":[{\"values\":[[\"1\",5]]}]}", "a string"),
        ("{\"streams\":[{\"stream\":[]}]}", "an object of strings"),
        ("{\"streams\":[", "EOF"),
    ] {
        let why = take_json(text.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(part), "{text}: {why}");
    }
    for bytes in [&[0x0a, 9][..], b"{}", &stream("{a=\"b\"}", &[field(2, number(2, 5))])] {
        assert!(take_protobuf(bytes).unwrap_err().to_string().starts_with("not a PushRequest"), "{bytes:?}");
    }
}
