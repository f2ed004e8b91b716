//! Functions of the templates of log lines, as LogQL has them: texts, numbers, times.

use std::sync::Arc;

use super::functions::Env;
use super::functions::Function;
use super::functions::Type::{Any, Text};
use super::value::Value;
use super::{MAX_TEXT_BYTES, links, prometheus as own, time};
use crate::logs::units;
use crate::re2::{Regex, Scope};

type Done = Result<Value, String>;
type OfTwo = fn(f64, f64) -> f64;

/// Memory that a pattern of a template may take, compiled.
const PATTERN_BYTES: usize = 1 << 20;

macro_rules! functions {
    ($($name:literal [$($parameter:ident)*] $($rest:ident)? => $run:expr;)+) => {
        &[$(Function { name: $name, parameters: &[$($parameter),*], rest: functions!(@ $($rest)?), run: $run },)+]
    };
    (@) => { None };
    (@ $rest:ident) => { Some($rest) };
}

/// All of them, beside those of Go.
pub(super) const FUNCTIONS: &[Function] = functions! {
    "__line__" [] => |env, _| Ok(Value::Text(env.line.clone()));
    "__timestamp__" [] => |env, _| Ok(Value::Time(env.time));
    "now" [] => |env, _| Ok(Value::Time(env.now.saturating_mul(1_000_000)));
    "date" [Text Any] => |_, args| Ok(Value::text(time::formatted(moment(&args[1])?, &text(&args[0]))));
    "unixEpoch" [Any] => |_, args| Ok(Value::text(moment(&args[0])?.div_euclid(1_000_000_000).to_string()));
    "unixEpochMillis" [Any] => |_, args| Ok(Value::text(moment(&args[0])?.div_euclid(1_000_000).to_string()));
    "unixEpochNanos" [Any] => |_, args| Ok(Value::text(moment(&args[0])?.to_string()));
    "duration" [Text] => seconds;
    "duration_seconds" [Text] => seconds;
    "bytes" [Text] => |_, args| units::bytes(&text(&args[0])).map(Value::Float).ok_or_else(|| format!("{:?} is no size", text(&args[0])));
    "lower" [Text] => own::to_lower;
    "ToLower" [Text] => own::to_lower;
    "upper" [Text] => own::to_upper;
    "ToUpper" [Text] => own::to_upper;
    "title" [Text] => own::title;
    "trim" [Text] => |_, args| Ok(Value::text(text(&args[0]).trim()));
    "trimAll" [Text Text] => |_, args| Ok(Value::text(text(&args[1]).trim_matches(|c| text(&args[0]).contains(c))));
    "trimPrefix" [Text Text] => |_, args| Ok(Value::text(text(&args[1]).strip_prefix(&*text(&args[0])).unwrap_or(&text(&args[1]))));
    "trimSuffix" [Text Text] => |_, args| Ok(Value::text(text(&args[1]).strip_suffix(&*text(&args[0])).unwrap_or(&text(&args[1]))));
    "replace" [Text Text Text] => replace;
    "repeat" [Any Text] => repeat;
    "substr" [Any Any Text] => substr;
    "trunc" [Any Text] => trunc;
    "indent" [Any Text] => |_, args| indent(&args[0], &text(&args[1]), "");
    "nindent" [Any Text] => |_, args| indent(&args[0], &text(&args[1]), "\n");
    "alignLeft" [Any Text] => |_, args| align(args, false);
    "alignRight" [Any Text] => |_, args| align(args, true);
    "contains" [Text Text] => |_, args| Ok(Value::Bool(text(&args[1]).contains(&*text(&args[0]))));
    "hasPrefix" [Text Text] => |_, args| Ok(Value::Bool(text(&args[1]).starts_with(&*text(&args[0]))));
    "hasSuffix" [Text Text] => |_, args| Ok(Value::Bool(text(&args[1]).ends_with(&*text(&args[0]))));
    "default" [Any] Any => |_, args| Ok(args.get(1).filter(|value| value.truth()).unwrap_or(&args[0]).clone());
    "count" [Text Text] => |_, args| Ok(Value::Int(regex(&args[0])?.count(&text(&args[1])) as i64));
    "regexReplaceAll" [Text Text Text] => |_, args| replace_all(args, &text(&args[2]));
    "regexReplaceAllLiteral" [Text Text Text] => |_, args| replace_all(args, &text(&args[2]).replace('$', "$$"));
    "urlencode" [Text] => own::url_query_escape;
    "urldecode" [Text] => |_, args| links::query_unescaped(&text(&args[0])).map(Value::text).ok_or_else(|| "invalid URL escape".to_owned());
    "int" [Any] => |_, args| Ok(Value::Int(whole(&args[0])));
    "float64" [Any] => |_, args| Ok(Value::Float(number(&args[0])));
    "add" [] Any => |_, args| Ok(Value::Int(args.iter().fold(0, |sum, value| whole(value).wrapping_add(sum))));
    "sub" [Any Any] => |_, args| Ok(Value::Int(whole(&args[0]).wrapping_sub(whole(&args[1]))));
    "mul" [Any] Any => |_, args| Ok(Value::Int(args.iter().fold(1, |product, value| whole(value).wrapping_mul(product))));
    "div" [Any Any] => |_, args| divided(args, i64::checked_div);
    "mod" [Any Any] => |_, args| divided(args, i64::checked_rem);
    "min" [Any] Any => |_, args| Ok(Value::Int(args.iter().map(whole).min().unwrap_or(0)));
    "max" [Any] Any => |_, args| Ok(Value::Int(args.iter().map(whole).max().unwrap_or(0)));
    "addf" [] Any => |_, args| folded(args, |a, b| a + b);
    "subf" [Any] Any => |_, args| folded(args, |a, b| a - b);
    "mulf" [Any] Any => |_, args| folded(args, |a, b| a * b);
    "divf" [Any] Any => |_, args| folded(args, |a, b| a / b);
    "minf" [Any] Any => |_, args| folded(args, f64::min);
    "maxf" [Any] Any => |_, args| folded(args, f64::max);
    "ceil" [Any] => |_, args| Ok(Value::Float(number(&args[0]).ceil()));
    "floor" [Any] => |_, args| Ok(Value::Float(number(&args[0]).floor()));
    "round" [Any Any] => round;
};

fn text(value: &Value) -> Arc<str> {
    value.as_text().cloned().unwrap_or_default()
}

/// A whole number; 0 for what is none, as in Loki.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Float(v) => *v as i64,
        Value::Text(text) => text.parse().unwrap_or_else(|_| text.parse::<f64>().map_or(0, |v| v as i64)),
        other => other.as_int().unwrap_or(0),
    }
}

/// A number; 0 for what is none, as in Loki.
fn number(value: &Value) -> f64 {
    match value {
        Value::Float(v) => *v,
        Value::Text(text) => text.parse().unwrap_or(0.0),
        other => other.as_int().unwrap_or(0) as f64,
    }
}

fn folded(args: &[Value], f: OfTwo) -> Done {
    Ok(Value::Float(args.iter().map(number).reduce(f).unwrap_or(0.0)))
}

fn divided(args: &[Value], f: fn(i64, i64) -> Option<i64>) -> Done {
    f(whole(&args[0]), whole(&args[1])).map(Value::Int).ok_or_else(|| "integer divide by zero".to_owned())
}

fn round(_: &mut Env<'_>, args: &[Value]) -> Done {
    let factor = 10f64.powi(whole(&args[1]).clamp(0, 15) as i32);
    Ok(Value::Float((number(&args[0]) * factor).round() / factor))
}

fn moment(value: &Value) -> Result<i64, String> {
    match value {
        Value::Time(nanos) => Ok(*nanos),
        other => Err(format!("expected a time such as __timestamp__; got {}", other.type_name())),
    }
}

fn seconds(_: &mut Env<'_>, args: &[Value]) -> Done {
    units::seconds(&text(&args[0])).map(Value::Float).ok_or_else(|| format!("{:?} is no duration", text(&args[0])))
}

fn bounded(bytes: usize) -> Result<(), String> {
    if bytes > MAX_TEXT_BYTES { Err(format!("the text is longer than {} KiB", MAX_TEXT_BYTES >> 10)) } else { Ok(()) }
}

fn replace(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (old, new, of) = (text(&args[0]), text(&args[1]), text(&args[2]));
    bounded(of.len() + of.matches(&*old).count().saturating_mul(new.len()))?;
    Ok(Value::text(of.replace(&*old, &new)))
}

fn repeat(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (count, of) = (usize::try_from(whole(&args[0])).unwrap_or(0), text(&args[1]));
    bounded(count.saturating_mul(of.len()))?;
    Ok(Value::text(of.repeat(count)))
}

/// The characters of a text from one place to another.
fn cut(of: &str, from: usize, to: usize) -> String {
    of.chars().skip(from).take(to.saturating_sub(from)).collect()
}

fn substr(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (from, to, of) = (whole(&args[0]), whole(&args[1]), text(&args[2]));
    let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX);
    Ok(Value::text(if from < 0 { cut(&of, 0, place(to)) } else { cut(&of, place(from), place(to)) }))
}

fn trunc(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (count, of) = (whole(&args[0]), text(&args[1]));
    let most = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let from = if count < 0 { of.chars().count().saturating_sub(most) } else { 0 };
    Ok(Value::text(cut(&of, from, from.saturating_add(most))))
}

fn indent(by: &Value, of: &str, before: &str) -> Done {
    let by = usize::try_from(whole(by)).unwrap_or(0);
    bounded(of.len() + (of.matches('\n').count() + 1).saturating_mul(by))?;
    let pad = " ".repeat(by);
    Ok(Value::text(format!("{before}{pad}{}", of.replace('\n', &format!("\n{pad}")))))
}

fn align(args: &[Value], right: bool) -> Done {
    let (width, of) = (usize::try_from(whole(&args[0])).unwrap_or(0), text(&args[1]));
    bounded(width)?;
    let count = of.chars().count();
    let pad = " ".repeat(width.saturating_sub(count));
    Ok(Value::text(if right { pad + &cut(&of, count.saturating_sub(width), count) } else { cut(&of, 0, width) + &pad }))
}

fn regex(pattern: &Value) -> Result<Regex, String> {
    Regex::within(&text(pattern), Scope::Anywhere, PATTERN_BYTES).map_err(|error| error.to_string())
}

fn replace_all(args: &[Value], with: &str) -> Done {
    let replaced = regex(&args[0])?.replace_all(&text(&args[1]), with, MAX_TEXT_BYTES);
    replaced.map(Value::text).ok_or_else(|| format!("the text is longer than {} KiB", MAX_TEXT_BYTES >> 10))
}

#[cfg(test)]
mod tests {
    use super::super::LineTemplate;

    #[test]
    fn lines_are_formatted_as_loki_does() {
        let labels: std::collections::BTreeMap<String, String> =
            [("path", "/a/b"), ("status", "200"), ("duration", "3000"), ("empty", ""), ("took", "1m30s")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into();
        for (template, wanted) in [
            ("{{.path}} {{.status}} {{div .duration 1000}} {{.missing}}", "/a/b 200 3 "),
            (
                "{{ __line__ | upper }} {{ __timestamp__ | date \"2006-01-02\" }} {{ __timestamp__ | unixEpoch }}",
                "THE LINE 2025-11-24 1764000000",
            ),
            ("{{ .path | replace \"/\" \"_\" | trunc 2 }} {{ trunc -2 .path }} {{ substr 1 2 .path }}", "_a /b a"),
            ("{{ .empty | default \"-\" }} {{ default \"-\" .path }}", "- /a/b"),
            ("{{ if hasPrefix \"/a\" .path }}yes{{ else }}no{{ end }} {{ contains \"x\" .path }}", "yes false"),
            ("{{ alignLeft 5 \"hello world\" }}|{{ alignRight 5 \"hi\" }}|{{ alignRight 2 \"hello\" }}", "hello|   hi|lo"),
            (
                "{{ add 3 \"2\" 5 }} {{ sub 1 2 }} {{ addf 3.5 2 5 }} {{ divf 10 2 4 }} {{ round 1.2345 2 }} {{ max 1 3 2 }}",
                "10 -1 10.5 1.25 1.23 3",
            ),
            ("{{ duration .took }} {{ bytes \"2KiB\" }} {{ repeat 2 \"ab\" }} {{ trimAll \"$\" \"$5.00\" }}", "90 2048 abab 5.00"),
            (
                "{{ regexReplaceAll \"(a)\" .path \"<$1>\" }} {{ regexReplaceAllLiteral \"a\" .path \"$1\" }} {{ count \"/\" .path }}",
                "/<a>/b /$1/b 2",
            ),
            ("{{ urlencode \"a b&\" }} {{ urldecode \"a+b%26\" }} {{ printf \"%-4s|\" .status }}", "a+b%26 a b& 200 |"),
        ] {
            let parsed = LineTemplate::parse(template).unwrap();
            let text = parsed.expand(labels.clone(), "the line", 1_764_000_000_000_000_000, 0);
            assert_eq!(text.as_deref().map_err(ToString::to_string), Ok(wanted), "{template}");
        }
        for (wrong, part) in
            [("{{ fromJson .x }}", "function \"fromJson\" not defined"), ("{{ query \"up\" }}", "function \"query\" not defined")]
        {
            assert!(LineTemplate::parse(wrong).unwrap_err().to_string().contains(part), "{wrong}");
        }
        let failed = LineTemplate::parse("{{ div 1 0 }}").unwrap().expand(labels, "", 0, 0);
        assert!(failed.unwrap_err().to_string().contains("divide by zero"));
    }

    #[test]
    fn every_function_is_documented() {
        let text = include_str!("../../../docs/LOGS.md");
        for function in super::FUNCTIONS {
            assert!(text.contains(&format!("`{}`", function.name)), "{} is missing", function.name);
        }
    }
}
