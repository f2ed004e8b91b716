use proptest::prelude::*;

use super::*;

fn shown(text: &str, format: Format) -> Vec<String> {
    lines(text, format)
        .map(|line| match line {
            Ok(Line::Sample { series, value, time, .. }) => format!("{series} = {value} @ {time:?}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        })
        .collect()
}

#[test]
fn samples_metadata_and_comments_are_distinguished() {
    let text = "# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n\n  up{a=\"}\\\"\",b=\"c d\"}   2.5 1700000000123 \r\n# just a comment\nup {a=\"b\"} NaN\nx -Inf\na{b=\"1\"}1\n# EOF\nlast 12";
    assert_eq!(
        shown(text, Format::Prometheus),
        [
            "Help(\"up\", \"Whether it is up.\")",
            "Type(\"up\", \"gauge\")",
            "up = 1 @ None",
            "up{a=\"}\\\"\",b=\"c d\"} = 2.5 @ Some(1700000000123)",
            "up {a=\"b\"} = NaN @ None",
            "x = -inf @ None",
            "a{b=\"1\"} = 1 @ None",
            "last = 12 @ None",
        ]
    );
    let text = "# UNIT a_seconds seconds\na_seconds_count{q=\"0\"} 7 1700000000.5 # {trace=\"x\"} 0.5 1\na 1 # {t=\"# EOF\"} 3\n# EOF\n \n";
    assert_eq!(
        shown(text, Format::OpenMetrics),
        ["Unit(\"a_seconds\", \"seconds\")", "a_seconds_count{q=\"0\"} = 7 @ Some(1700000000500)", "a = 1 @ None"]
    );
}

#[test]
fn a_byte_order_mark_is_skipped_only_at_the_start() {
    for (format, end) in [(Format::Prometheus, ""), (Format::OpenMetrics, "# EOF\n")] {
        assert_eq!(shown(&format!("\u{feff}a 1\n{end}"), format), ["a = 1 @ None"]);
    }
    assert!(parse_labels("\u{feff}b").is_err());
}

#[test]
fn openmetrics_without_its_end_is_refused() {
    for (text, last) in [
        ("a 1\nb 12", "line 2: the text ends with `b 12` and not with `# EOF`"),
        ("a 1\nb 12\n", "line 3: the text does not end with `# EOF`"),
        ("a 1\n# EO", "line 2: the text does not end with `# EOF`"),
        ("", "line 1: the text does not end with `# EOF`"),
        ("a 1\n# EOF\nb 1\n", "line 3: `b 1` comes after `# EOF`"),
        ("a 1\n# EOF\n# EOF\n", "line 3: `# EOF` comes after `# EOF`"),
        ("a{b=\"x\ny\"} 1\n# EOF\n", "line 1: `a{b=\"x`: the labels do not end"),
    ] {
        let got = shown(text, Format::OpenMetrics);
        assert!(got.last().is_some_and(|got| got.starts_with(last)), "{text:?}: {got:?}");
    }
    for text in ["# EOF", "# EOF\n", "a 1\n# EOF", "a 1\r\n# EOF\r\n"] {
        assert!(!shown(text, Format::OpenMetrics).iter().any(|line| line.contains("EOF")), "{text:?}");
    }
}

#[test]
fn a_label_value_may_continue_in_the_next_line() {
    let text = "a{b=\"x\n# y\n\",c=\"d\"} 1\nb 2\nc x\n";
    assert_eq!(
        shown(text, Format::Prometheus),
        ["a{b=\"x\n# y\n\",c=\"d\"} = 1 @ None", "b = 2 @ None", "line 5: `c x`: `x` is not a number; write 1, NaN, +Inf or -Inf"]
    );
}

#[test]
fn errors_name_their_line() {
    for (text, part) in [
        ("ok 1\nup", "line 2: `up` has no value"),
        ("up one", "`one` is not a number"),
        ("up 0x10", "`0x10` is not a number"),
        ("up 1_000", "`1_000` is not a number"),
        ("up 1e999", "`1e999` is not a number"),
        ("up 1#x", "`1#x` is not a number"),
        ("up{a=\"b\" 1", "the labels do not end"),
        ("up{a=\"b} 1\n", "the labels do not end"),
        ("up 1 now", "`now` is not a time"),
        ("up 1 1.5", "`1.5` is not a time"),
        ("up 1 2 3", "`3` is more than"),
        ("up 1 2 x # y", "`x` is more than"),
        ("<html>", "`<html>` has no value"),
    ] {
        let last = shown(text, Format::Prometheus).pop().unwrap();
        assert!(last.starts_with("line ") && last.contains(part), "{text}: {last}");
    }
    for time in ["NaN", "+Inf", "1e300", "1764000000000"] {
        let last = shown(&format!("up 1 {time}\n# EOF\n"), Format::OpenMetrics).pop().unwrap();
        assert!(last.contains("is not a time"), "{time}: {last}");
    }
}

#[test]
fn valid_metadata_is_parsed_and_anything_else_is_a_comment() {
    for (line, format, expected) in [
        ("# TYPE a untyped", Format::Prometheus, "Type(\"a\", \"unknown\")"),
        ("# TYPE a unknown", Format::Prometheus, "Type(\"a\", \"unknown\")"),
        ("# TYPE a Gauge ", Format::Prometheus, "Type(\"a\", \"gauge\")"),
        ("# TYPE a weird", Format::Prometheus, "Type(\"a\", \"unknown\")"),
        ("# TYPE a stateset", Format::OpenMetrics, "Type(\"a\", \"stateset\")"),
        ("#\tTYPE\ta\tgauge", Format::Prometheus, "Type(\"a\", \"gauge\")"),
        ("#  TYPE   a   gauge", Format::Prometheus, "Type(\"a\", \"gauge\")"),
        ("# TYPE \"my.metric\" gauge", Format::Prometheus, "Type(\"my.metric\", \"gauge\")"),
        ("# HELP \"sp ace\" x y", Format::Prometheus, "Help(\"sp ace\", \"x y\")"),
        ("# HELP \"a\\\"b\" x", Format::OpenMetrics, "Help(\"a\\\"b\", \"x\")"),
        (r#"# HELP a l1\nl2 b\\s q\"q \t"#, Format::Prometheus, r#"Help("a", "l1\nl2 b\\s q\\\"q \\t")"#),
        (r#"# HELP a l1\nl2 b\\s q\"q \t"#, Format::OpenMetrics, r#"Help("a", "l1\nl2 b\\s q\"q \\t")"#),
        ("# HELP a   two  spaces ", Format::Prometheus, "Help(\"a\", \"  two  spaces \")"),
        ("# HELP a", Format::Prometheus, "Help(\"a\", \"\")"),
        ("# UNIT a_s s", Format::OpenMetrics, "Unit(\"a_s\", \"s\")"),
        ("# HELP 1a x", Format::Prometheus, ""),
        ("# HELP \"a x", Format::Prometheus, ""),
        ("# TYPE", Format::Prometheus, ""),
        ("#TYPE a gauge", Format::Prometheus, ""),
        ("# type a gauge", Format::Prometheus, ""),
        ("#foo", Format::Prometheus, ""),
        ("#", Format::Prometheus, ""),
    ] {
        let read = parse_line(line, format).unwrap().map_or(String::new(), |line| format!("{line:?}"));
        assert_eq!(read, expected, "{line} {format:?}");
    }
}

#[test]
fn invalid_utf8_is_accepted_in_comments_only() {
    for (bytes, expected) in [
        (&b"# HELP a Gr\xf6\xdfe\na 1\n"[..], Ok("# HELP a Gr\u{fffd}\u{fffd}e\na 1\n")),
        (b"a 1\n# \xff\n", Ok("a 1\n# \u{fffd}\n")),
        (b"a 1\nb{c=\"\xff\"} 1\n", Err("line 2: not UTF-8 after `b{c=\"`")),
        ("größe".as_bytes(), Ok("größe")),
    ] {
        let read = decode_text(bytes.to_vec());
        assert_eq!(read.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned));
    }
}

#[test]
fn the_content_type_decides_on_the_format() {
    for (kind, format) in [
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
        (" Application/OpenMetrics-Text", Format::OpenMetrics),
        ("application/openmetrics-textual", Format::Prometheus),
        ("text/plain; version=0.0.4", Format::Prometheus),
        ("application/json", Format::Prometheus),
        ("", Format::Prometheus),
    ] {
        assert_eq!(Format::from_content_type(kind), format, "{kind}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-zT{}\"\\\\=,#\n\r\t 0-9.NaInfE+\u{feff}-]{0,200}") {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            for line in lines(&text, format).flatten() {
                if let Line::Sample { series, .. } = line {
                    let _ = parse_labels(series);
                }
            }
        }
    }

    #[test]
    fn written_samples_are_parsed(value in any::<String>(), v in -1e9f64..1e9) {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let text = format!("m{{a=\"{escaped}\"}} {v}\n");
        let read: Vec<_> = lines(&text, Format::Prometheus).collect();
        let [Ok(Line::Sample { series, value: read, .. })] = read.as_slice() else { panic!("{read:?}") };
        prop_assert_eq!((*read).to_bits(), v.to_bits());
        prop_assert_eq!(&parse_labels(series).unwrap()[1].1, &value);
    }
}
