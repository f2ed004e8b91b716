//! Series and their values as the test language writes them: `name{a="b"} 1 2+3x4 _ _x2 stale {{count:1}}x3`.

use std::iter::repeat_n;

use taskpulse_engine::model::{Labels, STALE_NAN_BITS};
use taskpulse_engine::promql::parse_expr;
use taskpulse_engine::promql::syntax::{Expr, parse_metric};

use crate::language::Mistake;

/// What a series has at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Point {
    /// Nothing.
    Gap,
    /// A value.
    Float(f64),
    /// A native histogram, which is not kept.
    Native,
}

/// The labels and points of a line.
pub fn described(line: &str) -> Result<(Labels, Vec<Point>), Mistake> {
    let (labels, rest) = labels(line)?;
    Ok((labels, points(rest)?))
}

fn wrong<T>(what: &str, text: &str) -> Result<T, Mistake> {
    Err(Mistake(format!("{what}: `{text}`")))
}

/// The labels at the beginning of a text, and what follows.
fn labels(line: &str) -> Result<(Labels, &str), Mistake> {
    let (labels, rest) = line.split_at(end_of_labels(line));
    if labels.is_empty() {
        return wrong("a series is expected", line);
    }
    let pairs = parse_metric(labels).map_err(|error| Mistake(error.to_string()))?;
    Ok((Labels::of(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()), rest))
}

/// Where the labels of a series end: after the name, or after the braces that follow it.
fn end_of_labels(line: &str) -> usize {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let name = line.find(|c| !in_name(c)).unwrap_or(line.len());
    let rest = &line[name..];
    if !rest.trim_start().starts_with('{') || rest.trim_start().starts_with("{{") {
        return name;
    }
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '}') => return name + at + 1,
            _ => {}
        }
    }
    line.len()
}

/// The text of a string in quotes.
pub fn text(quoted: &str) -> Result<String, Mistake> {
    match parse_expr(quoted) {
        Ok(Expr::Text(text)) => Ok(text.value),
        _ => wrong("a text in quotes is expected", quoted),
    }
}

/// The number at the beginning of a text, and what follows. None is hexadecimal here: `0x3` is four times 0.
fn number(from: &str) -> Result<(f64, &str), Mistake> {
    let unsigned = from.trim_start_matches(['+', '-']);
    let sign = from.len() - unsigned.len();
    let word = unsigned.get(..3).filter(|word| word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan"));
    let end = match word {
        Some(word) => sign + word.len(),
        None => {
            let bytes = from.as_bytes();
            let run = |at: usize| at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_')).count();
            let mut end = run(sign);
            if bytes.get(end).is_some_and(|b| b.eq_ignore_ascii_case(&b'e')) {
                end = run(end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-'))));
            }
            end
        }
    };
    match from[..end].replace('_', "").parse() {
        Ok(value) if sign < 2 => Ok((value, &from[end..])),
        _ => wrong("a number is expected", from),
    }
}

fn times(from: &str) -> Result<usize, Mistake> {
    match from.strip_prefix('x').map(str::parse) {
        Some(Ok(count)) => Ok(count),
        _ => wrong("a repetition such as x3 is expected", from),
    }
}

fn points(line: &str) -> Result<Vec<Point>, Mistake> {
    let mut out = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if rest.starts_with("{{") {
            rest = native(rest, &mut out)?.trim_start();
            continue;
        }
        let (item, behind) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        rest = behind.trim_start();
        if let Some(count) = item.strip_prefix('_') {
            out.extend(repeat_n(Point::Gap, if count.is_empty() { 1 } else { times(count)? }));
        } else if let Some(count) = item.strip_prefix("stale") {
            let more = if count.is_empty() { 0 } else { times(count)? };
            out.extend(repeat_n(Point::Float(f64::from_bits(STALE_NAN_BITS)), more + 1));
        } else {
            let (mut value, more) = number(item)?;
            let (step, more) = if more.starts_with(['+', '-']) { number(more)? } else { (0.0, more) };
            let count = if more.is_empty() { 0 } else { times(more)? };
            for _ in 0..=count {
                out.push(Point::Float(value));
                value += step;
            }
        }
    }
    Ok(out)
}

/// `{{count:1}}`, `{{count:1}}x3`, `{{count:1}}+{{count:2}}x3`: as many points, and what follows.
fn native<'l>(from: &'l str, out: &mut Vec<Point>) -> Result<&'l str, Mistake> {
    let behind = |from: &'l str| from.find("}}").map(|at| &from[at + 2..]).ok_or_else(|| Mistake(format!("`{from}` does not end")));
    let mut rest = behind(from)?;
    if rest.starts_with(['+', '-']) {
        rest = behind(rest)?;
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(rest.len());
    let more = if end == 0 { 0 } else { times(&rest[..end])? };
    out.extend(repeat_n(Point::Native, more + 1));
    Ok(&rest[end..])
}
