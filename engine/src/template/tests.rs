//! Templates that are refused, bounded, and a few that need no peer.

use super::*;

fn data() -> Data {
    Data {
        labels: [("instance", "a:9100"), ("job", "node")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>()
            .into(),
        value: 1_234.5,
        external_url: "http://x/base".into(),
        ..Data::default()
    }
}

pub(crate) fn expanded(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| format!("{}: {error}", error.at))?;
    let labels = |n: i32| std::sync::Arc::new([("n".to_owned(), n.to_string())].into_iter().collect());
    let mut queries = |query: &str| match query {
        "bad" => Err("no".to_owned()),
        "none" => Ok(Vec::new()),
        _ => Ok((1..4).map(|n| TemplateSample { labels: labels(4 - n), value: f64::from(n) }).collect()),
    };
    let expansion = Expansion { name: "__alert_A", data: data(), now: 90_000, queries: &mut queries };
    template.expand(expansion).map_err(|error| error.to_string())
}

#[test]
fn what_prometheus_3_adds_is_expanded() {
    for (text, expected) in [
        ("{{ now }} {{ toDuration 90 }} {{ (toDuration 5400).Hours }}", "90 1m30s 1.5"),
        ("{{ urlQueryEscape \"a b&c\" }}", "a+b%26c"),
        ("{{ externalURL }} {{ pathPrefix }} {{ $externalURL }}", "http://x/base /base http://x/base"),
        ("{{ with 0 }}a{{ else with 1 }}b{{ end }}{{ range 3 }}{{ . }}{{ end }}", "b012"),
        ("{{ title \"don't stop\" }}", "Don't Stop"),
        ("{{ define \"x\" }}<{{ . }}>{{ end }}{{ template \"x\" 5 }}", "<5>"),
        ("{{ range $i, $v := query \"m\" }}{{ $i }}={{ $v.Value }},{{ if eq $i 1 }}{{ break }}{{ end }}{{ end }}", "0=1,1=2,"),
    ] {
        assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_known_is_refused_at_its_place() {
    for (text, error) in [
        ("{{ foo }}", "3: function \"foo\" not defined"),
        ("{{ tmpl \"a\" . }}", "3: function \"tmpl\" not defined"),
        ("ab {{ .Labels.a.b | huminize }}", "20: function \"huminize\" not defined; did you mean humanize?"),
        ("{{ $x }}", "3: undefined variable \"$x\""),
        ("{{ if 1 }}", "3: unexpected EOF: {{if}} has no {{end}}"),
        ("{{ end }}", "3: unexpected {{end}}"),
        ("{{ 1 | 2 }}", "7: non executable command in pipeline stage 2"),
        ("{{ }}", "3: missing value for command"),
        ("{{ \"a }}", "3: unterminated quoted string"),
        ("{{ break }}", "3: function \"break\" not defined"),
        ("{{ 1z }}", "3: bad number syntax: \"1z\""),
        ("{{ (1 }}", "6: unclosed left paren"),
    ] {
        assert_eq!(expanded(text), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn what_takes_too_much_ends_with_an_error() {
    let loops = "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}";
    let queries = "{{ range 100 }}{{ query \"m\" | len }}{{ end }}";
    let text = "{{ range 1000 }}{{ printf \"%1000d\" 1 }}{{ end }}";
    let grows = "{{ $x := \"aaaaaaaa\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}";
    let replaces = "{{ $x := printf \"%60000d\" 1 }}{{ reReplaceAll \"\" $x $x }}";
    let recursion = "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}";
    let nested = format!("{}1{}", "{{ print ".to_owned() + &"(print ".repeat(100), ")".repeat(100) + " }}");
    for (text, error) in [
        (loops, "takes more than 200000 steps"),
        (queries, "asks more than 64 queries"),
        (text, "longer than 256 KiB"),
        (grows, "longer than 256 KiB"),
        (replaces, "longer than 256 KiB"),
        (recursion, "exceeded maximum template depth"),
        (&nested, "nest deeper than 64"),
    ] {
        let refused = expanded(text).unwrap_err();
        assert!(refused.contains(error), "{text}: {refused}");
    }
}
