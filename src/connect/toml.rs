//! A fragment merged into the text of a TOML file and taken out again. Comments and order stay as they are.

use anyhow::anyhow;
use serde_json::Value;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, TomlError, Value as TomlValue};

use super::fragment::{Fragment, Merged, kept, ordered};

/// The text with the values of the fragment in it.
///
/// # Errors
/// Where the text cannot be read, or has something else in the place of a table.
pub fn merge(text: &str, fragment: &Fragment) -> anyhow::Result<Merged> {
    let mut document = parse(text)?;
    let mut left = Vec::new();
    for (path, value) in &fragment.values {
        let [table, key] = path[..] else { continue };
        let is_first = document.is_empty();
        let there = document.entry(table).or_insert_with(|| {
            let mut table = Table::new();
            table.decor_mut().set_prefix(if is_first { "" } else { "\n" });
            Item::Table(table)
        });
        let there = there.as_table_like_mut().ok_or_else(|| anyhow!("`{table}` must be a table: [{table}]"))?;
        match there.get(key).map(json_of) {
            None => drop(there.insert(key, Item::Value(toml_of(value)))),
            Some(there) if there == *value => {}
            Some(there) => left.push(kept(path, &there, value)),
        }
    }
    Ok(Merged { text: document.to_string(), kept: left })
}

/// The text without the values of the fragment. What is in `before` as well was not ours.
///
/// # Errors
/// As [`merge`].
pub fn strip(text: &str, fragment: &Fragment, before: Option<&str>) -> anyhow::Result<String> {
    let mut document = parse(text)?;
    let before = before.map(parse).transpose()?.unwrap_or_default();
    for (path, value) in &fragment.values {
        let [table, key] = path[..] else { continue };
        let was = |key: &str| before.get(table).and_then(Item::as_table_like).and_then(|table| table.get(key)).map(json_of);
        let Some(there) = document.get_mut(table).and_then(Item::as_table_like_mut) else { continue };
        if there.get(key).map(json_of).as_ref() == Some(value) && was(key).as_ref() != Some(value) {
            there.remove(key);
        }
        let empty = there.is_empty() && before.get(table).is_none();
        if empty && document.get(table).is_some_and(|there| !has_comment(there)) {
            document.remove(table);
        } else if before.get(table).and_then(Item::as_table).is_some_and(Table::is_implicit)
            && let Some(there) = document.get_mut(table).and_then(Item::as_table_mut)
        {
            // `[otel.exporter]` alone has no head `[otel]` above it.
            there.set_implicit(true);
        }
    }
    Ok(document.to_string())
}

/// Whether all keys of the fragment are in the text.
///
/// # Errors
/// As [`merge`].
pub fn is_settled(text: &str, fragment: &Fragment) -> anyhow::Result<bool> {
    let document = parse(text)?;
    Ok(fragment.values.iter().all(|(path, _)| {
        let [table, key] = path[..] else { return true };
        document.get(table).and_then(Item::as_table_like).is_some_and(|table| table.contains_key(key))
    }))
}

/// A comment above the head of a table is the user's.
fn has_comment(table: &Item) -> bool {
    let decor = table.as_table().map(Table::decor);
    decor.and_then(|decor| decor.prefix()).and_then(|prefix| prefix.as_str()).is_some_and(|prefix| prefix.contains('#'))
}

fn parse(text: &str) -> anyhow::Result<DocumentMut> {
    text.parse().map_err(|error: TomlError| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or(before);
        anyhow!("line {}, column {}: {}", before.matches('\n').count() + 1, line.chars().count() + 1, error.message().replace('\n', "; "))
    })
}

/// A value as JSON; what JSON does not have is its text.
fn json_of(item: &Item) -> Value {
    match item {
        Item::Value(value) => json_of_value(value),
        Item::Table(table) => json_of_table(table),
        Item::None => Value::Null,
        Item::ArrayOfTables(tables) => tables.iter().map(|table| json_of_table(table)).collect(),
    }
}

fn json_of_table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), json_of(item))).collect())
}

fn json_of_value(value: &TomlValue) -> Value {
    match value {
        TomlValue::String(text) => text.value().as_str().into(),
        TomlValue::Integer(number) => (*number.value()).into(),
        TomlValue::Float(number) => (*number.value()).into(),
        TomlValue::Boolean(value) => (*value.value()).into(),
        TomlValue::Datetime(time) => time.value().to_string().into(),
        TomlValue::Array(items) => items.iter().map(json_of_value).collect(),
        TomlValue::InlineTable(table) => json_of_table(table),
    }
}

fn toml_of(value: &Value) -> TomlValue {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Array(items) => TomlValue::Array(items.iter().map(toml_of).collect()),
        Value::Object(fields) => {
            let mut table = InlineTable::new();
            ordered(fields).into_iter().for_each(|(key, value)| drop(table.insert(key, toml_of(value))));
            TomlValue::InlineTable(table)
        }
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Into::into),
        Value::String(text) => text.as_str().into(),
        Value::Null => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fragment() -> Fragment {
        let to = |path: &str| json!({"otlp-http": {"endpoint": format!("http://a:1{path}"), "protocol": "json"}});
        let values = vec![(vec!["otel", "exporter"], to("/v1/logs")), (vec!["otel", "metrics_exporter"], to("/v1/metrics"))];
        Fragment { values, ..Fragment::default() }
    }

    const MINE: &str = "# mine\nmodel = \"gpt\"   # the large one\n\n[profiles.x]\nmodel = \"y\"\n";

    #[test]
    fn what_was_merged_comes_out_again_and_nothing_else() {
        let own = "[otel]\n# no prompts\nlog_user_prompt = false\n";
        let table = "[otel.exporter.otlp-http]\nendpoint = \"http://a:1/v1/logs\"\nprotocol = \"json\"\n";
        for text in ["", MINE, own, table, "otel = { environment = \"dev\" }\n"] {
            let merged = merge(text, &fragment()).unwrap();
            assert_eq!(merged.kept, Vec::<String>::new());
            assert!(is_settled(&merged.text, &fragment()).unwrap());
            assert_eq!(merge(&merged.text, &fragment()).unwrap().text, merged.text, "twice is once");
            assert_eq!(strip(&merged.text, &fragment(), Some(text)).unwrap().trim_start(), text, "{}", merged.text);
        }
        let merged = merge(MINE, &fragment()).unwrap().text;
        let added = "\n[otel]\nexporter = { otlp-http = { endpoint = \"http://a:1/v1/logs\", protocol = \"json\" } }\n";
        assert!(merged.starts_with(&format!("{MINE}{added}")), "{merged}");
    }

    #[test]
    fn a_value_of_the_user_is_left_and_named() {
        let text = "[otel]\nexporter = \"none\"\n";
        let merged = merge(text, &fragment()).unwrap();
        assert_eq!(merged.kept.len(), 1);
        assert!(merged.kept[0].starts_with("otel.exporter is \"none\" and was left so"), "{:?}", merged.kept);
        assert_eq!(strip(&merged.text, &fragment(), Some(text)).unwrap(), text);
        let commented = "# where it goes\n[otel]\n";
        let merged = merge(commented, &fragment()).unwrap().text;
        assert_eq!(strip(&merged, &fragment(), None).unwrap(), commented);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused_with_its_line() {
        for (text, why) in [("a = 1\nb = \n", "line 2, column 5"), ("otel = 1\n", "`otel` must be a table"), ("[otel", "line 1")] {
            let error = format!("{:#}", merge(text, &fragment()).unwrap_err());
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
