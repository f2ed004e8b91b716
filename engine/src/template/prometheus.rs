//! Functions that Prometheus adds to templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::Env;
use super::value::{TemplateSample, Value};
use super::{MAX_TEXT_BYTES, humanize as human, links, title};
use crate::model::go_quoted;
use crate::promql::syntax::duration_seconds;
use crate::re2::{Regex, Scope};

type Done = Result<Value, String>;

/// Memory that a pattern of a template may take, compiled.
const PATTERN_BYTES: usize = 1 << 20;
/// What Go says where a template follows a pointer that leads nowhere.
const NOWHERE: &str = "runtime error: invalid memory address or nil pointer dereference";

fn text(value: &Value) -> Arc<str> {
    value.as_text().cloned().unwrap_or_default()
}

fn samples(value: &Value) -> Arc<Vec<Arc<TemplateSample>>> {
    match value {
        Value::Samples(samples) => samples.clone(),
        _ => Arc::default(),
    }
}

fn sample(value: &Value) -> Result<Arc<TemplateSample>, String> {
    match value {
        Value::Sample(sample) => Ok(sample.clone()),
        _ => Err(NOWHERE.to_owned()),
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Text(text) => {
            let refuse = |why: &str| format!("strconv.ParseFloat: parsing {}: {why}", go_quoted(text));
            match text.parse::<f64>() {
                Ok(v) if v.is_infinite() && text.bytes().any(|b| b.is_ascii_digit()) => Err(refuse("value out of range")),
                Ok(v) => Ok(v),
                Err(_) => Err(refuse("invalid syntax")),
            }
        }
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

pub(super) fn query(env: &mut Env<'_>, args: &[Value]) -> Done {
    let Some(left) = env.queries_left.checked_sub(1) else {
        return Err(format!("a template asks more than {} queries", super::MAX_QUERIES));
    };
    env.queries_left = left;
    let samples = (env.queries)(&text(&args[0]))?;
    Ok(Value::Samples(Arc::new(samples.into_iter().map(Arc::new).collect())))
}

pub(super) fn first(_: &mut Env<'_>, args: &[Value]) -> Done {
    match samples(&args[0]).first() {
        Some(sample) => Ok(Value::Sample(sample.clone())),
        None => Err("first() called on vector with no elements".to_owned()),
    }
}

pub(super) fn label(_: &mut Env<'_>, args: &[Value]) -> Done {
    let name = text(&args[0]);
    Ok(Value::text(sample(&args[1])?.labels.get(&*name).map_or("", |value| value)))
}

pub(super) fn value(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Float(sample(&args[0])?.value))
}

pub(super) fn strvalue(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(sample(&args[0])?.labels.get("__value__").map_or("", |value| value)))
}

pub(super) fn args(_: &mut Env<'_>, args: &[Value]) -> Done {
    let named: BTreeMap<String, Value> = args.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone())).collect();
    Ok(Value::Args(Arc::new(named)))
}

pub(super) fn re_replace_all(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (pattern, replacement, text) = (text(&args[0]), text(&args[1]), text(&args[2]));
    let regex = Regex::within(&pattern, Scope::Anywhere, PATTERN_BYTES)
        .map_err(|error| format!("regexp: Compile({}): {error}", quoted_pattern(&pattern)))?;
    match regex.replace_all(&text, &replacement, MAX_TEXT_BYTES) {
        Some(text) => Ok(Value::text(text)),
        None => Err(format!("the text is longer than {} KiB", MAX_TEXT_BYTES >> 10)),
    }
}

/// As Go quotes a pattern in the message of a panic.
fn quoted_pattern(pattern: &str) -> String {
    let plain = !pattern.contains('`') && pattern.chars().all(|c| c == '\t' || !c.is_control());
    if plain { format!("`{pattern}`") } else { go_quoted(pattern) }
}

pub(super) fn matches(_: &mut Env<'_>, args: &[Value]) -> Done {
    let regex = Regex::within(&text(&args[0]), Scope::Anywhere, PATTERN_BYTES).map_err(|error| error.to_string())?;
    Ok(Value::Bool(regex.is_match(&text(&args[1]))))
}

pub(super) fn safe_html(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Html(text(&args[0])))
}

pub(super) fn title(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(title::title(&text(&args[0]))))
}

pub(super) fn to_upper(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(title::upper(&text(&args[0]))))
}

pub(super) fn to_lower(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(title::lower(&text(&args[0]))))
}

pub(super) fn graph_link(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(format!("/graph?g0.expr={}&g0.tab=0", links::query_escaped(&text(&args[0])))))
}

pub(super) fn table_link(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(format!("/graph?g0.expr={}&g0.tab=1", links::query_escaped(&text(&args[0])))))
}

pub(super) fn sort_by_label(_: &mut Env<'_>, args: &[Value]) -> Done {
    let name = text(&args[0]);
    let mut sorted = samples(&args[1]).to_vec();
    sorted.sort_by(|a, b| {
        let of = |sample: &Arc<TemplateSample>| sample.labels.get(&*name).cloned().unwrap_or_default();
        of(a).cmp(&of(b))
    });
    Ok(Value::Samples(Arc::new(sorted)))
}

pub(super) fn strip_port(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(links::without_port(&text(&args[0]))))
}

pub(super) fn strip_domain(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(links::without_domain(&text(&args[0]))))
}

pub(super) fn humanize(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(human::decimal(number(&args[0])?)))
}

pub(super) fn humanize_1024(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(human::binary(number(&args[0])?)))
}

pub(super) fn humanize_duration(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(human::duration(number(&args[0])?)))
}

pub(super) fn humanize_percentage(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(human::percentage(number(&args[0])?)))
}

pub(super) fn humanize_timestamp(_: &mut Env<'_>, args: &[Value]) -> Done {
    let v = number(&args[0])?;
    Ok(Value::text(match human::time(v)? {
        Some(nanos) => super::time::time_text(nanos),
        None => super::number::general(v, Some(4)),
    }))
}

pub(super) fn to_time(_: &mut Env<'_>, args: &[Value]) -> Done {
    human::time(number(&args[0])?)?.map(Value::Time).ok_or_else(|| "value is NaN or Inf".to_owned())
}

pub(super) fn to_duration(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Duration((number(&args[0])? * 1e9) as i64))
}

pub(super) fn now(env: &mut Env<'_>, _: &[Value]) -> Done {
    Ok(Value::Float(env.now as f64 / 1e3))
}

pub(super) fn path_prefix(env: &mut Env<'_>, _: &[Value]) -> Done {
    Ok(Value::text(links::path(&env.external_url)))
}

pub(super) fn external_url(env: &mut Env<'_>, _: &[Value]) -> Done {
    Ok(Value::Text(env.external_url.clone()))
}

pub(super) fn parse_duration(_: &mut Env<'_>, args: &[Value]) -> Done {
    let text = text(&args[0]);
    let (sign, size) = text.strip_prefix('-').map_or((1.0, &*text), |size| (-1.0, size));
    duration_seconds(size).map(|seconds| Value::Float(sign * seconds))
}

pub(super) fn url_query_escape(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::text(links::query_escaped(&text(&args[0]))))
}
