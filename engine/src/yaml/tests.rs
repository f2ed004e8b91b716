//! Places of nodes and texts, limits, and the faults of files.

use super::*;

fn root(text: &str) -> Node {
    parse(text).unwrap().0.unwrap()
}

#[test]
fn a_text_knows_the_place_of_each_of_its_characters() {
    let text = "a: {{x}}\nb: 'plain {{'\nc: |\n  first\n    second {{\nd: |-\n    {{ one }}\n    two\n";
    let Kind::Map(entries) = root(text).kind else { panic!() };
    for (key, byte, place) in [("b", 6, (2, 11)), ("c", 0, (4, 3)), ("c", 15, (5, 12)), ("d", 3, (7, 8)), ("d", 11, (8, 6))] {
        let node = entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, node)| node).unwrap();
        let Place { line, column } = node.place_of(byte);
        assert_eq!((line, column), place, "{key} {byte}");
    }
}

#[test]
fn anchors_aliases_and_merges_are_followed() {
    let text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\nsame: *base\n";
    let Kind::Map(entries) = root(text).kind else { panic!() };
    let shown = |at: usize| {
        let Kind::Map(entries) = &entries[at].1.kind else { panic!() };
        entries.iter().map(|(k, v)| format!("{}={}", k.text().unwrap(), v.text().unwrap())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(1), "b=3 a=1");
    assert_eq!(shown(2), "a=1 b=2");
}

#[test]
fn what_is_too_much_or_no_yaml_is_refused_at_its_place() {
    let bomb = (0..20).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 10].join(", "))
    });
    for (text, message) in [
        (bomb, "more than 1000000 values"),
        (format!("{}x{}", "[".repeat(40), "]".repeat(40)), "nest deeper than 32"),
        ("a: *b".to_owned(), "1:4: not YAML"),
        ("a: [1, 2".to_owned(), "not YAML"),
        ("a: 'x".to_owned(), "not YAML"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(parse("").unwrap().0.is_none());
    assert!(parse("a: 1\n---\nb: 2\n").unwrap().1.is_some());
}

#[test]
fn a_name_that_was_meant_is_found() {
    for (name, near) in
        [("annotation", Some("annotations")), ("lables", Some("labels")), ("fro", None), ("exprs", Some("expr")), ("zzz", None)]
    {
        assert_eq!(nearest(name, ["annotations", "labels", "expr", "for"].into_iter()), near, "{name}");
    }
}

#[test]
fn a_quoted_text_is_read_back() {
    for text in ["", "a\nb", "\u{7f}\u{2028}é{{ $x }}", "\"'\\", "\0\u{1}"] {
        assert_eq!(root(&format!("a: {}", quoted(text))).kind_of_first(), text);
    }
}

impl Node {
    fn kind_of_first(&self) -> &str {
        let Kind::Map(entries) = &self.kind else { panic!() };
        entries[0].1.text().unwrap()
    }
}
