use proptest::prelude::*;

use super::*;

#[test]
fn series_are_parsed_into_labels() {
    let of = |series: &str| parse_labels(series).map(|l| l.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "));
    for (series, expected) in [
        ("up", "__name__=up"),
        (":a:b", "__name__=:a:b"),
        ("up{}", "__name__=up"),
        (r#"up{a="b", c="d",}"#, "__name__=up a=b c=d"),
        (r#"up{a="b"c="d"}"#, "__name__=up a=b c=d"),
        ("up\t{ a = \"b\" , }", "__name__=up a=b"),
        (r#"up {a="x\\y\"z\n\q"}"#, "__name__=up a=x\\y\"z\n\\q"),
        (r#"up{a="C:\temp\\dir\u003c"}"#, r"__name__=up a=C:\temp\dir\u003c"),
        (r#"{"my.metric", "a b"="c"}"#, "__name__=my.metric a b=c"),
        (r#"{"a\"b","c\n"="d"}"#, "__name__=a\"b c\n=d"),
        (r#"{__name__="x",a=""}"#, "__name__=x a="),
        (r#"up{a="",a="2"}"#, "__name__=up a= a=2"),
        ("up{a=\"\u{a0}\"}", "__name__=up a=\u{a0}"),
    ] {
        assert_eq!(of(series).unwrap(), expected, "{series}");
    }
    for (series, part) in [
        ("{a=\"b\"}", "no metric name"),
        ("{}", "no metric name"),
        ("{\"\",a=\"b\"}", "no metric name"),
        ("up{a}", "no value"),
        ("up{a=b}", "not quoted"),
        ("up{\"a\"}", "no value"),
        ("up{a=\"b", "do not end"),
        ("{\"a\" \"b\"}", "no value"),
        ("up{,}", "no label name"),
        ("up{,a=\"b\"}", "no label name"),
        ("up{a=\"b\",,c=\"d\"}", "no label name"),
        ("up{a=\"1\",a=\"2\"}", "`a` is given twice"),
        ("up{__name__=\"other\"}", "`__name__` is given twice"),
        ("größe", "no metric name"),
        ("a-b", "no metric name"),
        ("1a", "no metric name"),
        ("\u{feff}up", "no metric name"),
        ("<html>", "no metric name"),
        ("up{a-b=\"1\"}", "no label name"),
        ("up{a:b=\"1\"}", "no label name"),
        ("up{größe=\"1\"}", "no label name"),
        ("up{a\"b\"=\"1\"}", "no value"),
    ] {
        let error = of(series).unwrap_err().to_string();
        assert!(error.contains(part), "{series}: {error}");
    }
}

#[test]
fn a_label_that_is_given_twice_is_found_among_many() {
    for count in [2, FEW, FEW + 1, 500] {
        let of = |last: &str| {
            let pairs: String = (0..count).map(|n| format!("l{n}=\"\",l{n}=\"v\",")).collect();
            parse_labels(&format!("up{{{pairs}{last}=\"x\"}}")).map(|pairs| pairs.len())
        };
        assert_eq!(of("other"), Ok(2 * count + 2));
        assert!(of("l0").unwrap_err().to_string().contains("`l0` is given twice"));
    }
}

#[test]
fn an_escape_that_the_formats_do_not_have_is_found() {
    for (series, found) in
        [(r#"a{b="\\t\n\""}"#, None), (r#"a{b="\t"}"#, Some(r"\t")), (r#"a{b="\\\é"}"#, Some(r"\é")), (r"a\", Some(r"\")), ("a", None)]
    {
        assert_eq!(unknown_escape(series), found, "{series}");
    }
}

/// Texts that are easily got wrong.
fn odd_text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "on", "inf", "nan", "bool", "by", "a", "1", "", " ", "\u{feff}", "\u{200b}", "e\u{301}", "\u{a0}", "\\n", "\\", "\"", "\n", "\r",
        ",", "{}", "=", "\0",
    ];
    prop_oneof![any::<String>(), "[a-z_:]{1,4}", prop::collection::vec(prop::sample::select(ODD), 1..6).prop_map(|parts| parts.concat())]
}

proptest! {
    #[test]
    fn written_series_are_parsed_for_any_names_and_values(name in odd_text(), pairs in prop::collection::btree_map(odd_text(), odd_text(), 0..5)) {
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| *n != NAME_LABEL).chain([(NAME_LABEL, name.as_str())]).collect();
        let Ok(series) = Labels::new(pairs) else { return Ok(()) };
        let mut text = String::new();
        push_series(&mut text, &series);
        prop_assert!(!text.contains('\n') && unknown_escape(&text).is_none(), "{:?}", text);
        let read = parse_labels(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = Labels::new(read.iter().map(|(n, v)| (n.as_ref(), v.as_ref())));
        prop_assert_eq!(read.as_ref(), Ok(&series), "{:?}", text);
        prop_assert_eq!(series_end(&text), Ok(text.len()));
    }
}
