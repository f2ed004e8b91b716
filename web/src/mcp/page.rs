//! Short answers: what fits into so many bytes, and a cursor for the rest.
//!
//! A model pays for each byte that it reads. Rows are left for the next answer where they do not fit; a single row, or a head, that
//! is too long by itself is shortened, and shows that by `…`.

use serde_json::{Map, Value, json};

/// Bytes of an answer where none are named, and the least and the most that may be.
pub(super) const BYTES: usize = 4_096;
pub(super) const LEAST_BYTES: i64 = 512;
pub(super) const MOST_BYTES: i64 = 65_536;

/// What a tool found.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// What stands above the rows, in order; on the first page alone but for what is in `missing`.
    head: Vec<(&'static str, Value)>,
    rows: Vec<Value>,
}

impl Answer {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Says something above the rows; nothing where it is not known.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        if !empty {
            self.head.push((name, value));
        }
        self
    }

    pub(super) fn rows(mut self, rows: impl IntoIterator<Item = Value>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// The text of the page from row `from` on, of at most so many bytes; `of` is what a cursor is bound to.
    pub(super) fn page(&self, from: usize, of: u32, bytes: usize) -> String {
        // What stands beside head and rows takes less.
        let room = bytes.saturating_sub(80);
        let mut out = String::from("{");
        if from == 0 {
            // Half of the room is for rows, where there are any.
            out.push_str(&self.head_text(if self.rows.is_empty() { room } else { room / 2 }));
        }
        let mut next = from;
        let mut rows = String::new();
        for row in self.rows.iter().skip(from) {
            let left = room.saturating_sub(out.len() + rows.len() + 1);
            let mut text = row.to_string();
            if text.len() > left {
                if next > from {
                    break;
                }
                text = shortened(row, left);
            }
            if next > from {
                rows.push(',');
            }
            rows.push_str(&text);
            next += 1;
        }
        if !self.rows.is_empty() {
            out.push_str(&format!("{}\"rows\":[{rows}]", if out.len() > 1 { "," } else { "" }));
        }
        let more = self.rows.len().saturating_sub(next);
        if more > 0 {
            out.push_str(&format!(",\"more\":{more},\"cursor\":\"{next}.{of:08x}\""));
        }
        out.push('}');
        out
    }

    fn head_text(&self, most: usize) -> String {
        let whole: usize = self.head.iter().map(|(name, value)| name.len() + 4 + value.to_string().len()).sum();
        let each = most.checked_div(self.head.len()).unwrap_or(most);
        let part = |(name, value): &(&str, Value)| {
            let text = if whole <= most { value.to_string() } else { shortened(value, each.saturating_sub(name.len() + 4)) };
            format!("\"{name}\":{text}")
        };
        self.head.iter().map(part).collect::<Vec<_>>().join(",")
    }
}

/// The row that a cursor points to; none where it is none, or of another question.
pub(super) fn row_of(cursor: &str, of: u32) -> Option<usize> {
    let (row, bound) = cursor.split_once('.')?;
    let known = bound == format!("{of:08x}") && row.len() <= 9 && row.bytes().all(|b| b.is_ascii_digit());
    row.parse().ok().filter(|_| known)
}

/// What binds a cursor to a question: a hash of it.
pub(super) fn bound_to(tool: &str, arguments: &Map<String, Value>) -> u32 {
    let mut hash = 0x811C_9DC5_u32;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    };
    add(tool);
    for (name, value) in arguments.iter().filter(|(name, value)| !matches!(name.as_str(), "cursor" | "max_bytes") && !value.is_null()) {
        add(name);
        add(&value.to_string());
    }
    hash
}

/// A value in at most so many bytes: its texts and lists are cut until it fits.
fn shortened(value: &Value, bytes: usize) -> String {
    for (characters, items) in [(400, 20), (200, 10), (100, 5), (40, 3), (16, 2)] {
        let text = cut(value, characters, items).to_string();
        if text.len() <= bytes {
            return text;
        }
    }
    // Its beginning as a text.
    let escaped = |c: char| json!(c.to_string()).to_string().len() - 2;
    let mut left = bytes.saturating_sub("\"…\"".len());
    let fits = |c: &char| {
        escaped(*c) <= left && {
            left -= escaped(*c);
            true
        }
    };
    let shown: String = value.to_string().chars().take_while(fits).chain(['…']).collect();
    json!(shown).to_string()
}

fn cut(value: &Value, characters: usize, items: usize) -> Value {
    match value {
        Value::String(text) if text.chars().nth(characters).is_some() => {
            Value::String(text.chars().take(characters.saturating_sub(1)).chain(['…']).collect())
        }
        Value::Array(list) => {
            let more = list.len().saturating_sub(items);
            let shown = list.iter().take(items).map(|item| cut(item, characters, items));
            shown.chain((more > 0).then(|| json!(format!("… {more} more")))).collect()
        }
        Value::Object(map) => {
            let more = map.len().saturating_sub(items * 4);
            let shown = map.iter().take(items * 4).map(|(name, value)| (name.clone(), cut(value, characters, items)));
            shown.chain((more > 0).then(|| ("…".to_owned(), json!(format!("{more} more"))))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbered(count: usize) -> Answer {
        Answer::new().with("found", count).rows((0..count).map(|n| json!({"n": n, "title": "a title of some length"})))
    }

    #[test]
    fn cursors_lead_through_all_rows_once_and_each_page_is_short() {
        let answer = numbered(500);
        let (mut from, mut seen, mut pages) = (0, Vec::new(), 0);
        loop {
            let text = answer.page(from, 7, 1_000);
            assert!(text.len() <= 1_000, "{}", text.len());
            let page: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(page.get("found").is_some(), from == 0, "the head stands on the first page");
            seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["n"].as_u64().unwrap()));
            assert_eq!(page["more"].as_u64().unwrap_or(0) as usize, 500 - seen.len());
            pages += 1;
            let Some(cursor) = page["cursor"].as_str() else { break };
            from = row_of(cursor, 7).unwrap();
        }
        assert_eq!((seen, pages > 10), ((0..500).collect(), true));
        let beyond: Value = serde_json::from_str(&answer.page(9_999, 7, 1_000)).unwrap();
        assert_eq!(beyond, json!({"rows": []}), "the list became shorter meanwhile");
    }

    #[test]
    fn a_cursor_is_of_one_question() {
        let of = |arguments: Value| bound_to("ci", arguments.as_object().unwrap());
        let bound = of(json!({"branch": "main"}));
        assert_eq!(bound, of(json!({"branch": "main", "cursor": "1.00000000", "max_bytes": 600, "sha": null})));
        assert_ne!(bound, of(json!({"branch": "next"})));
        assert_ne!(bound, bound_to("tasks", json!({"branch": "main"}).as_object().unwrap()));
        assert_eq!(row_of(&format!("12.{bound:08x}"), bound), Some(12));
        for wrong in
            ["", "12", "12.", ".", "x.00000000", "-1.00000000", "+1.00000000", "99999999999.00000000", "12.00000001", "12.+0000000"]
        {
            assert_eq!(row_of(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_too_long_alone_is_cut_and_shows_it() {
        let answer = Answer::new().with("why", "x".repeat(9_000)).rows([json!({"title": "é".repeat(9_000), "n": 5})]);
        let text = answer.page(0, 0, 512);
        let page: Value = serde_json::from_str(&text).unwrap();
        assert!(text.len() <= 512 && page["why"].as_str().unwrap().ends_with('…'), "{text}");
        assert!(page["rows"][0]["n"] == 5 && page["rows"][0]["title"].as_str().unwrap().ends_with('…'), "{text}");
        assert!(page.get("cursor").is_none());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let answer = Answer::new().with("a", Value::Null).with("b", Vec::<String>::new()).with("c", 0);
        assert_eq!(answer.page(0, 0, BYTES), r#"{"c":0}"#);
        assert_eq!(Answer::new().page(0, 0, BYTES), "{}");
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(|n| json!(n)), "\\PC{0,600}".prop_map(|text| json!(text))];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..30).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,40}", inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_page_is_longer_than_it_may_be(
            head in json_values(), rows in prop::collection::vec(json_values(), 0..20), bytes in 512_usize..5_000, from in 0_usize..25,
        ) {
            let text = Answer::new().with("head", head.clone()).with("more_of_it", head).rows(rows).page(from, 0xFFFF_FFFF, bytes);
            prop_assert!(text.len() <= bytes, "{} of {bytes}: {text}", text.len());
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
