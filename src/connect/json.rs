//! A fragment merged into the text of a JSON file and taken out again. Everything else stays as it is, comments and spaces included.

use anyhow::{Context, anyhow, ensure};
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::fragment::{Fragment, Merged, at, base_of, is_own_handler, is_own_value, kept, ordered};

const HOOKS: &str = "hooks";
/// What every agent reads; some read comments too.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The text with the fragment in it.
///
/// # Errors
/// Where the text cannot be read, or has something else in the place of a table or a list.
pub fn merge(text: &str, fragment: &Fragment) -> anyhow::Result<Merged> {
    let root = parse(text, fragment)?;
    let document = object_of(&root)?;
    let mut left = Vec::new();
    for (path, value) in &fragment.values {
        let Some((last, folders)) = path.split_last() else { continue };
        let mut object = document.clone();
        for (depth, key) in folders.iter().enumerate() {
            object = child(&object, key, &path[..=depth])?;
        }
        match property(&object, last)?.map(|there| value_of(&there)) {
            None => drop(object.append(last, input(value))),
            Some(there) if there == *value => {}
            Some(there) => left.push(kept(path, &there, value)),
        }
    }
    for (event, handler) in &fragment.hooks {
        let hooks = child(&document, HOOKS, &[HOOKS])?;
        let groups = match property(&hooks, event)? {
            None => hooks.array_value_or_set(event),
            Some(there) => there.array_value().ok_or_else(|| anyhow!("hooks.{event} must be a list: [{}]", fragment.group(handler)))?,
        };
        if !own_handlers(&groups).contains(handler) {
            groups.append(input(&fragment.group(handler)));
        }
    }
    Ok(Merged { text: root.to_string(), kept: left })
}

/// The text without what the fragment has of it, and without our handlers. What is in `before` as well was not ours.
///
/// # Errors
/// As [`merge`].
pub fn strip(text: &str, fragment: &Fragment, before: Option<&str>) -> anyhow::Result<String> {
    let root = parse(text, fragment)?;
    let document = object_of(&root)?;
    let before = before.map(|before| document_of(before, fragment)).transpose()?.unwrap_or_default();
    for (path, value) in &fragment.values {
        let Some((last, folders)) = path.split_last() else { continue };
        let mut objects = vec![document.clone()];
        for key in folders {
            let next = objects.last().and_then(|object| object.object_value(key));
            objects.extend(next);
        }
        if objects.len() != path.len() || at(&before, path).is_some_and(|there| there == value) {
            continue;
        }
        let own = objects.last().and_then(|object| object.get(last)).filter(|there| {
            let there = value_of(there);
            there == *value || is_own_value(&there) && is_own_value(value)
        });
        if let Some(own) = own {
            own.remove();
            remove_empty(&objects, path, &before);
        }
    }
    strip_handlers(&document, &before);
    Ok(root.to_string())
}

/// Removes the objects along a path that became empty and were not there before.
fn remove_empty(objects: &[CstObject], path: &[&str], before: &Value) {
    for depth in (1..objects.len()).rev() {
        if objects[depth].properties().is_empty()
            && at(before, &path[..depth]).is_none()
            && let Some(property) = objects[depth - 1].get(path[depth - 1])
        {
            property.remove();
        }
    }
}

fn strip_handlers(document: &CstObject, before: &Value) {
    let Some(hooks) = document.object_value(HOOKS) else { return };
    for event in hooks.properties() {
        let (Some(groups), Some(name)) = (event.array_value(), event.decoded_name()) else { continue };
        let mut removed = false;
        for group in groups.elements() {
            let handlers = group.as_object().and_then(|group| group.array_value(HOOKS));
            let Some(handlers) = handlers else { continue };
            let own: Vec<CstNode> = handlers.elements().into_iter().filter(|node| is_own_handler(&node_value(node))).collect();
            removed |= !own.is_empty();
            let all = own.len() == handlers.elements().len();
            if all && !own.is_empty() {
                group.remove();
            } else {
                own.into_iter().for_each(CstNode::remove);
            }
        }
        if removed && groups.elements().is_empty() && at(before, &[HOOKS, &name]).is_none() {
            event.remove();
        }
    }
    if hooks.properties().is_empty()
        && before.get(HOOKS).is_none()
        && let Some(property) = document.get(HOOKS)
    {
        property.remove();
    }
}

/// Whether all of the fragment is in the text, with no handlers of ours but its own.
///
/// # Errors
/// As [`merge`].
pub fn is_settled(text: &str, fragment: &Fragment) -> anyhow::Result<bool> {
    let document = document_of(text, fragment)?;
    let values =
        fragment.values.iter().all(|(path, value)| at(&document, path).is_some_and(|there| there == value || !is_own_value(there)));
    let mut own = handlers(&document);
    own.sort_by(|a, b| a.0.cmp(b.0));
    let mut wanted: Vec<(&str, &Value)> = fragment.hooks.iter().map(|(event, handler)| (*event, handler)).collect();
    wanted.sort_by(|a, b| a.0.cmp(b.0));
    Ok(values && own == wanted)
}

/// Where the handlers of ours that are in a text lead to.
///
/// # Errors
/// As [`merge`].
pub fn base_in(text: &str, fragment: &Fragment) -> anyhow::Result<Option<String>> {
    let document = document_of(text, fragment)?;
    Ok(handlers(&document).into_iter().find_map(|(_, handler)| base_of(handler)))
}

/// Whether a text says nothing at all.
pub fn is_empty(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, Value>>(text).is_ok_and(|document| document.is_empty())
}

/// Our handlers in a document, by event.
fn handlers(document: &Value) -> Vec<(&str, &Value)> {
    let events = document[HOOKS].as_object().into_iter().flatten();
    let groups = events.flat_map(|(event, groups)| groups.as_array().into_iter().flatten().map(move |group| (event.as_str(), group)));
    let all = groups.flat_map(|(event, group)| group[HOOKS].as_array().into_iter().flatten().map(move |handler| (event, handler)));
    all.filter(|(_, handler)| is_own_handler(handler)).collect()
}

fn own_handlers(groups: &CstArray) -> Vec<Value> {
    let groups: Vec<Value> = groups.elements().iter().map(node_value).collect();
    let all = groups.iter().flat_map(|group| group[HOOKS].as_array().into_iter().flatten());
    all.filter(|handler| is_own_handler(handler)).cloned().collect()
}

fn parse(text: &str, fragment: &Fragment) -> anyhow::Result<CstRootNode> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let options = ParseOptions { allow_comments: fragment.comments, ..STRICT };
    // Parsing for changes reads comments whatever the options say.
    let checked = parse_to_ast(text, &CollectOptions::default(), &options).map(drop);
    checked.and_then(|()| CstRootNode::parse(text, &options)).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        anyhow!("line {line}, column {column}: {}; the agent cannot read it either, mend that line first", error.kind())
    })
}

fn object_of(root: &CstRootNode) -> anyhow::Result<CstObject> {
    root.object_value().context("the file must be one object: { … }")
}

fn document_of(text: &str, fragment: &Fragment) -> anyhow::Result<Value> {
    Ok(object_of(&parse(text, fragment)?)?.to_serde_value().unwrap_or_default())
}

/// A property; refused where it is there twice, since programs differ in which one they take.
fn property(object: &CstObject, key: &str) -> anyhow::Result<Option<CstObjectProp>> {
    let mut found = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(key));
    let first = found.next();
    ensure!(found.next().is_none(), "`{key}` is there twice; leave one of the two");
    Ok(first)
}

/// The object below a key; made where there is none.
fn child(object: &CstObject, key: &str, path: &[&str]) -> anyhow::Result<CstObject> {
    match property(object, key)? {
        None => Ok(object.object_value_or_set(key)),
        Some(there) => there.object_value().ok_or_else(|| anyhow!("`{}` must be an object: {{ … }}", path.join("."))),
    }
}

fn value_of(property: &CstObjectProp) -> Value {
    property.value().as_ref().map(node_value).unwrap_or_default()
}

fn node_value(node: &CstNode) -> Value {
    node.to_serde_value().unwrap_or_default()
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(ordered(fields).into_iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fragment(base: &str) -> Fragment {
        let handler = json!({"type": "http", "url": format!("{base}/hooks/agent"), "timeout": 2});
        Fragment {
            values: vec![
                (vec!["env", "ON"], json!("1")),
                (vec!["env", "TO"], json!(base)),
                (vec!["statusLine"], json!({"type": "command", "command": format!("/bin/taskpulse statusline --url {base}")})),
            ],
            hooks: vec![("Stop", handler.clone()), ("PreToolUse", handler)],
            matcher: true,
            comments: true,
        }
    }

    const FULL: &str = r#"// mine
{
    "model": "opus", // the large one
    "env": {"ON": "1", "MINE": "x"},
    "hooks": {
        "Stop": [
            {"hooks": [{"type": "command", "command": "say done"}]}
        ],
        "Other": []
    }
}
"#;

    #[test]
    fn what_was_merged_comes_out_again_and_nothing_else() {
        for text in ["", "{}", FULL, "{\"hooks\":{}}", "{\n  \"a\": 1\n}\n", "{\"env\": {}, \"b\": [1, 2]}"] {
            let fragment = fragment("http://a:1");
            let others = document_of(text, &fragment).unwrap();
            let merged = merge(text, &fragment).unwrap();
            assert_eq!(merged.kept, Vec::<String>::new());
            assert!(is_settled(&merged.text, &fragment).unwrap(), "{}", merged.text);
            assert_eq!(merge(&merged.text, &fragment).unwrap().text, merged.text, "twice is once");
            assert_eq!(base_in(&merged.text, &fragment).unwrap().as_deref(), Some("http://a:1"));
            let stripped = strip(&merged.text, &fragment, Some(text)).unwrap();
            assert_eq!(document_of(&stripped, &fragment).unwrap(), others, "{stripped}");
            assert!(!is_settled(&stripped, &fragment).unwrap());
            for comment in ["// mine", "// the large one"] {
                assert_eq!(stripped.contains(comment), text.contains(comment), "{stripped}");
            }
        }
    }

    #[test]
    fn the_user_s_entries_stay_where_they_are() {
        let merged = merge(FULL, &fragment("http://a:1")).unwrap().text;
        assert!(merged.starts_with("// mine\n{\n    \"model\": \"opus\", // the large one\n"), "{merged}");
        let document = document_of(&merged, &fragment("")).unwrap();
        assert_eq!(document["hooks"]["Stop"].as_array().unwrap().len(), 2);
        assert_eq!(document["hooks"]["Stop"][0]["hooks"][0]["command"], "say done");
        assert_eq!(document["hooks"]["Stop"][1]["matcher"], "*");
        assert_eq!(document["env"], json!({"ON": "1", "MINE": "x", "TO": "http://a:1"}));
        // A handler that the user moved into a group of their own is ours all the same.
        let moved = r#"{"hooks": {"Stop": [{"hooks": [{"command": "say"}, {"type": "http", "url": "http://a:1/hooks/agent"}]}]}}"#;
        let stripped = strip(moved, &fragment("http://a:1"), None).unwrap();
        assert_eq!(document_of(&stripped, &fragment("")).unwrap(), json!({"hooks": {"Stop": [{"hooks": [{"command": "say"}]}]}}));
    }

    #[test]
    fn a_value_of_the_user_is_left_and_named() {
        let text = r#"{"env": {"TO": "http://mine"}, "statusLine": {"type": "command", "command": "mine.sh"}}"#;
        let merged = merge(text, &fragment("http://a:1")).unwrap();
        assert_eq!(merged.kept.len(), 2);
        assert_eq!(merged.kept[0], r#"env.TO is "http://mine" and was left so; taskpulse needs "http://a:1""#);
        let stripped = strip(&merged.text, &fragment("http://a:1"), Some(text)).unwrap();
        assert_eq!(document_of(&stripped, &fragment("")).unwrap(), document_of(text, &fragment("")).unwrap());
        // An older status line of ours is none of the user's.
        let merged = merge("{}", &fragment("http://old")).unwrap().text;
        assert!(!is_settled(&merged, &fragment("http://a:1")).unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused_with_its_line() {
        for (text, why) in [
            ("{\n  \"a\": 1\n  \"b\": 2\n}", "line 2"),
            ("{\"a\": 1", "line 1, column"),
            ("{'a': 1}", "line 1, column 2"),
            ("{\n  \"a\": 1,\n}", "line 2, column 9: Trailing commas are not allowed; the agent cannot read it either"),
            ("[1]", "must be one object"),
            ("{\"env\": \"x\"}", "`env` must be an object"),
            ("{\"hooks\": []}", "`hooks` must be an object"),
            ("{\"hooks\": {\"Stop\": {}}}", "hooks.Stop must be a list"),
            ("{\"env\": {}, \"env\": {}}", "`env` is there twice"),
        ] {
            let error = format!("{:#}", merge(text, &fragment("http://a:1")).unwrap_err());
            assert!(error.contains(why), "{text}: {error}");
        }
        let strict = Fragment { comments: false, ..fragment("http://a:1") };
        let error = merge("{\n// mine\n}", &strict).unwrap_err().to_string();
        assert!(error.starts_with("line 2, column 1: Comments are not allowed"), "{error}");
    }
}
