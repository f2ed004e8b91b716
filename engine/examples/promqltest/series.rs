//! Series and their values as the test language writes them: `name{a="b"} 1 2+3x4 _ _x2 stale {{count:1}}x3`.

use std::iter::repeat_n;

use taskpulse_engine::model::{Labels, NAME_LABEL, STALE_NAN_BITS};

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

/// The labels at the beginning of a text, and what follows. Every word may be a metric's name, also those of the language.
fn labels(line: &str) -> Result<(Labels, &str), Mistake> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let (name, mut rest) = line.split_at(line.find(|c| !in_name(c)).unwrap_or(line.len()));
    let mut pairs = vec![(NAME_LABEL.to_owned(), name.to_owned())];
    let inner = rest.trim_start().strip_prefix('{').filter(|inner| !inner.starts_with('{'));
    if let Some(mut inner) = inner {
        loop {
            inner = inner.trim_start();
            if let Some(behind) = inner.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (label, behind) = text(inner).or_else(|_| word(inner))?;
            inner = behind.trim_start();
            if let Some(behind) = inner.strip_prefix('=') {
                let (value, behind) = text(behind.trim_start())?;
                pairs.push((label, value));
                inner = behind.trim_start();
            } else {
                // A text by itself is the name of the metric.
                pairs.push((NAME_LABEL.to_owned(), label));
            }
            match (inner.strip_prefix(','), inner.starts_with('}')) {
                (Some(behind), _) => inner = behind,
                (None, true) => {}
                (None, false) => return wrong("a comma or `}` is expected", inner),
            }
        }
    } else if name.is_empty() {
        return wrong("a series is expected", line);
    }
    Ok((Labels::of(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()), rest))
}

fn word(from: &str) -> Result<(String, &str), Mistake> {
    let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len());
    if end == 0 { wrong("a label is expected", from) } else { Ok((from[..end].to_owned(), &from[end..])) }
}

/// A text in quotes, with its escapes taken out, and what follows it.
pub fn text(from: &str) -> Result<(String, &str), Mistake> {
    let mut chars = from.char_indices();
    let Some((_, quote @ ('"' | '\'' | '`'))) = chars.next() else { return wrong("a text in quotes is expected", from) };
    let mut bytes = Vec::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                let text = String::from_utf8(bytes).map_err(|_| Mistake(format!("not UTF-8: `{from}`")))?;
                return Ok((text, &from[at + 1..]));
            }
            '\\' if quote != '`' => {
                let Some((at, escape)) = chars.next() else { break };
                let digits = |from_digit: usize, count: usize, radix: u32| {
                    from.get(from_digit..from_digit + count).and_then(|digits| u32::from_str_radix(digits, radix).ok())
                };
                let mut skip = 0;
                match escape {
                    'a' => bytes.push(7),
                    'b' => bytes.push(8),
                    'f' => bytes.push(12),
                    'n' => bytes.push(b'\n'),
                    'r' => bytes.push(b'\r'),
                    't' => bytes.push(b'\t'),
                    'v' => bytes.push(11),
                    'x' => {
                        skip = 2;
                        bytes.extend(digits(at + 1, 2, 16).and_then(|d| u8::try_from(d).ok()));
                    }
                    'u' | 'U' => {
                        skip = if escape == 'u' { 4 } else { 8 };
                        let c = digits(at + 1, skip, 16).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                        bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
                    }
                    '0'..='7' => {
                        skip = 2;
                        bytes.extend(digits(at, 3, 8).and_then(|d| u8::try_from(d).ok()));
                    }
                    other => bytes.extend(other.encode_utf8(&mut [0; 4]).bytes()),
                }
                for _ in 0..skip {
                    chars.next();
                }
            }
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    wrong("a text does not end", from)
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
