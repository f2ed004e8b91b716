//! Lines as Loki answers them: by stream, each with its time in nanoseconds as text.

use std::collections::HashMap;
use std::fmt::Write;

use actix_web::HttpRequest;
use serde_json::{Map, Value, json};
use taskpulse_engine::logs::logql::Line;
use taskpulse_engine::model::Labels;

use crate::answers::{MAX_ANSWER_BYTES, too_long};
use crate::envelope::ApiError;

/// Where a client says that it wants to know where labels come from.
const FLAGS: &str = "x-loki-response-encoding-flags";
const CATEGORIZE: &str = "categorize-labels";

/// Whether labels of the stream, of the line and of stages are answered apart from each other.
pub(super) fn categorized(req: &HttpRequest) -> bool {
    let flags = req.headers().get(FLAGS).and_then(|value| value.to_str().ok()).unwrap_or("");
    flags.split(',').any(|flag| flag.trim() == CATEGORIZE)
}

/// The answer of lines, in their order.
pub(super) fn answer(lines: Vec<Line>, categorized: bool, stats: &Value) -> Result<String, ApiError> {
    let mut out = String::from("{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",");
    if categorized {
        let _ = write!(out, "\"encodingFlags\":[\"{CATEGORIZE}\"],");
    }
    out.push_str("\"result\":");
    push_streams(&mut out, lines, categorized)?;
    let _ = write!(out, ",\"stats\":{stats}}}}}");
    Ok(out)
}

/// Lines by their labels, in the order in which each stream has its first one.
pub(crate) fn push_streams(out: &mut String, lines: Vec<Line>, categorized: bool) -> Result<(), ApiError> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut streams: Vec<(Labels, String)> = Vec::new();
    let mut bytes = 0;
    for line in lines {
        let labels = if categorized { line.stream.clone() } else { line.labels() };
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            streams.push((labels, String::new()));
            streams.len() - 1
        });
        let values = &mut streams[place].1;
        let before = values.len();
        push_line(values, &line, categorized);
        bytes += values.len() - before;
        if bytes > MAX_ANSWER_BYTES {
            return Err(too_long());
        }
    }
    out.push('[');
    for (at, (labels, values)) in streams.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{{\"stream\":{},\"values\":[{values}]}}", json!(labels));
    }
    out.push(']');
    Ok(())
}

fn push_line(values: &mut String, line: &Line, categorized: bool) {
    if !values.is_empty() {
        values.push(',');
    }
    let text = Value::from(String::from_utf8_lossy(&line.body));
    let _ = write!(values, "[\"{}\",{text}", line.time);
    if categorized {
        let mut of_line = Map::new();
        for (name, pairs) in [("structuredMetadata", &line.attributes), ("parsed", &line.parsed)] {
            if !pairs.is_empty() {
                of_line.insert(name.to_owned(), pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect());
            }
        }
        let _ = write!(values, ",{}", Value::Object(of_line));
    }
    values.push(']');
}
