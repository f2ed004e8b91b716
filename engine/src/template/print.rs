//! Values as text: Go's `fmt`, as far as templates reach it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::MAX_TEXT_BYTES;
use super::number::{fixed, general, general_padded, scientific};
use super::time::{duration_text, month_name, time_text, weekday_name};
use super::value::Value;
use crate::model::{go_quoted, is_printable, push_go_escaped};

/// Widest field and highest precision that Go accepts.
const MAX_WIDTH: usize = 1_000_000;

type Printed<T = ()> = Result<T, String>;

/// Refuses a text that grew too long.
pub(super) fn bounded(text: &str) -> Printed {
    if text.len() > MAX_TEXT_BYTES { Err(format!("the text is longer than {} KiB", MAX_TEXT_BYTES >> 10)) } else { Ok(()) }
}

/// What stands between `%` and the verb.
#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Go's `fmt.Sprint`: a space between neighbours of which neither is text.
pub(super) fn sprint(values: &[Value]) -> Printed<String> {
    let mut out = String::new();
    for (place, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_) | Value::Html(_));
        if place > 0 && !is_text(value) && !is_text(&values[place - 1]) {
            out.push(' ');
        }
        push(&mut out, value, 'v', Flags::default(), 0)?;
    }
    Ok(out)
}

/// Go's `fmt.Sprintln`.
pub(super) fn sprintln(values: &[Value]) -> Printed<String> {
    let mut out = String::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(' ');
        }
        push(&mut out, value, 'v', Flags::default(), 0)?;
    }
    out.push('\n');
    Ok(out)
}

/// A value as an action prints it.
pub(super) fn printed(value: &Value) -> Printed<String> {
    let mut out = String::new();
    match value {
        Value::Nil => out.push_str("<no value>"),
        // The template prints what a pointer points at.
        Value::Sample(sample) => push_sample(&mut out, sample, 'v', Flags::default())?,
        value => push(&mut out, value, 'v', Flags::default(), 0)?,
    }
    Ok(out)
}

/// Go's `fmt.Sprintf`.
pub(super) fn sprintf(format: &str, values: &[Value]) -> Printed<String> {
    let mut out = String::new();
    let mut verbs = Verbs { rest: format, values, next: 0, reordered: false, good_index: true };
    while let Some(percent) = verbs.rest.find('%') {
        out.push_str(&verbs.rest[..percent]);
        verbs.rest = &verbs.rest[percent + 1..];
        verbs.verb(&mut out)?;
        bounded(&out)?;
    }
    out.push_str(verbs.rest);
    if !verbs.reordered && verbs.next < values.len() {
        out.push_str("%!(EXTRA ");
        for (place, value) in values[verbs.next..].iter().enumerate() {
            out.push_str(if place > 0 { ", " } else { "" });
            match value {
                Value::Nil => out.push_str("<nil>"),
                value => {
                    let _ = write!(out, "{}=", value.type_name());
                    push(&mut out, value, 'v', Flags::default(), 0)?;
                }
            }
            bounded(&out)?;
        }
        out.push(')');
    }
    Ok(out)
}

/// A format that is being read, and the values that it takes.
struct Verbs<'a> {
    rest: &'a str,
    values: &'a [Value],
    next: usize,
    /// An index such as `[1]` was used somewhere.
    reordered: bool,
    good_index: bool,
}

impl Verbs<'_> {
    fn take(&mut self, prefix: char) -> bool {
        let taken = self.rest.starts_with(prefix);
        self.rest = if taken { &self.rest[prefix.len_utf8()..] } else { self.rest };
        taken
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok().filter(|number| *number <= MAX_WIDTH)
    }

    /// `[2]`: the value that is taken next, counted from 1.
    fn index(&mut self) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let close = self.rest.find(']');
        let index = close.and_then(|close| self.rest[1..close].parse::<usize>().ok());
        self.rest = close.map_or(&self.rest[1..], |close| &self.rest[close + 1..]);
        match index.filter(|index| (1..=self.values.len()).contains(index)) {
            Some(index) => self.next = index - 1,
            None => self.good_index = false,
        }
        true
    }

    /// The number of a `*`. The inner one is none where the value is no number.
    fn star(&mut self) -> Option<Option<i64>> {
        if !self.take('*') {
            return None;
        }
        let value = self.values.get(self.next).and_then(Value::as_int);
        self.next += usize::from(self.next < self.values.len());
        Some(value.filter(|value| value.unsigned_abs() <= MAX_WIDTH as u64))
    }

    fn flags(&mut self, out: &mut String) -> Flags {
        let mut flags = Flags::default();
        loop {
            if self.take('#') {
                flags.sharp = true;
            } else if self.take('0') {
                flags.zero = true;
            } else if self.take('+') {
                flags.plus = true;
            } else if self.take('-') {
                flags.minus = true;
            } else if self.take(' ') {
                flags.space = true;
            } else {
                break;
            }
        }
        self.good_index = true;
        self.index();
        match self.star() {
            Some(Some(width)) => {
                flags.minus |= width < 0;
                flags.width = usize::try_from(width.unsigned_abs()).ok();
            }
            Some(None) => out.push_str("%!(BADWIDTH)"),
            None => flags.width = self.number(),
        }
        if self.take('.') {
            self.index();
            match self.star() {
                Some(precision) => match precision.and_then(|precision| usize::try_from(precision).ok()) {
                    Some(precision) => flags.precision = Some(precision),
                    None if precision.is_none() => out.push_str("%!(BADPREC)"),
                    None => {}
                },
                None => flags.precision = self.number().or(Some(0)),
            }
        }
        flags.zero &= !flags.minus;
        flags
    }

    fn verb(&mut self, out: &mut String) -> Printed {
        let flags = self.flags(out);
        self.index();
        let Some(verb) = self.rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            return Ok(());
        };
        if verb == 'v' && flags.sharp {
            return Err("printf: %#v is not supported; use %v or %q".to_owned());
        }
        self.take(verb);
        if verb == '%' {
            out.push('%');
        } else if !self.good_index {
            let _ = write!(out, "%!{verb}(BADINDEX)");
        } else if let Some(value) = self.values.get(self.next) {
            self.next += 1;
            // The verb v has a meaning of its own for the flag +, which is not about signs.
            let flags = if verb == 'v' { Flags { plus: false, ..flags } } else { flags };
            if verb == 'T' {
                pad(out, value.type_name(), flags);
            } else {
                push(out, value, verb, flags, 0)?;
            }
        } else {
            let _ = write!(out, "%!{verb}(MISSING)");
        }
        Ok(())
    }
}

fn pad(out: &mut String, text: &str, flags: Flags) {
    let fill = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    if flags.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', fill));
    } else {
        out.extend(std::iter::repeat_n(if flags.zero { '0' } else { ' ' }, fill));
        out.push_str(text);
    }
}

/// Pads a number: zeros go behind its sign.
fn pad_number(out: &mut String, negative: bool, digits: &str, flags: Flags, is_number: bool) {
    let sign = if negative {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    if flags.zero && is_number {
        let fill = flags.width.unwrap_or(0).saturating_sub(sign.len() + digits.chars().count());
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', fill));
        out.push_str(digits);
    } else {
        pad(out, &format!("{sign}{digits}"), Flags { zero: false, ..flags });
    }
}

fn push(out: &mut String, value: &Value, verb: char, flags: Flags, depth: usize) -> Printed {
    match value {
        Value::Nil if verb == 'v' => pad(out, "<nil>", flags),
        Value::Nil => {
            let _ = write!(out, "%!{verb}(<nil>)");
        }
        Value::Bool(value) if matches!(verb, 't' | 'v') => pad(out, if *value { "true" } else { "false" }, flags),
        Value::Int(value) => return push_int(out, *value, verb, flags),
        Value::Float(value) => return push_float(out, *value, verb, flags),
        Value::Text(text) | Value::Html(text) => return push_text(out, value, text, verb, flags),
        Value::Labels(map) => {
            let map: BTreeMap<&str, Value> = map.iter().map(|(name, value)| (name.as_str(), Value::text(value))).collect();
            push_map(out, map.iter().map(|(name, value)| (*name, value)), verb, flags, depth)?;
        }
        Value::Args(map) => push_map(out, map.iter().map(|(name, value)| (name.as_str(), value)), verb, flags, depth)?,
        Value::Sample(sample) if depth == 0 => {
            out.push('&');
            push_sample(out, sample, verb, flags)?;
        }
        Value::Data(data) => {
            let parts = [
                Value::Labels(data.labels.clone()),
                Value::Labels(data.external_labels.clone()),
                Value::Text(data.external_url.clone()),
                Value::Float(data.value),
            ];
            out.push('{');
            for (place, part) in parts.iter().enumerate() {
                out.push_str(if place > 0 { " " } else { "" });
                push(out, part, verb, flags, depth + 1)?;
            }
            out.push('}');
        }
        Value::Month(number) | Value::Weekday(number) if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') => {
            return push_int(out, *number, verb, flags);
        }
        Value::Time(_) | Value::Duration(_) | Value::Month(_) | Value::Weekday(_) if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') => {
            let text = match value {
                Value::Time(nanos) => time_text(*nanos),
                Value::Duration(nanos) => duration_text(*nanos),
                Value::Month(number) => month_name(*number).to_owned(),
                Value::Weekday(number) => weekday_name(*number).to_owned(),
                _ => String::new(),
            };
            return push_text(out, value, &text, verb, flags);
        }
        Value::Samples(samples) if samples.is_empty() => out.push_str("[]"),
        // Go writes addresses of memory here, which say nothing.
        Value::Samples(_) | Value::Sample(_) | Value::Time(_) | Value::Duration(_) => {
            return Err(format!("a {} has no text; use its fields, or range over it", value.type_name()));
        }
        Value::Bool(_) | Value::Month(_) | Value::Weekday(_) => return bad_verb(out, value, verb),
    }
    bounded(out)
}

fn bad_verb(out: &mut String, value: &Value, verb: char) -> Printed {
    let _ = write!(out, "%!{verb}({}=", value.type_name());
    push(out, value, 'v', Flags::default(), 0)?;
    out.push(')');
    Ok(())
}

fn push_map<'v>(out: &mut String, entries: impl Iterator<Item = (&'v str, &'v Value)>, verb: char, flags: Flags, depth: usize) -> Printed {
    out.push_str("map[");
    for (place, (name, value)) in entries.enumerate() {
        out.push_str(if place > 0 { " " } else { "" });
        push(out, &Value::text(name), verb, flags, depth + 1)?;
        out.push(':');
        push(out, value, verb, flags, depth + 1)?;
    }
    out.push(']');
    bounded(out)
}

fn push_sample(out: &mut String, sample: &super::value::TemplateSample, verb: char, flags: Flags) -> Printed {
    out.push('{');
    push(out, &Value::Labels(sample.labels.clone()), verb, flags, 1)?;
    out.push(' ');
    push(out, &Value::Float(sample.value), verb, flags, 1)?;
    out.push('}');
    Ok(())
}

fn push_int(out: &mut String, value: i64, verb: char, flags: Flags) -> Printed {
    let size = value.unsigned_abs();
    let (digits, prefix) = match verb {
        'v' | 'd' => (size.to_string(), ""),
        'b' => (format!("{size:b}"), "0b"),
        'o' => (format!("{size:o}"), "0"),
        'O' => (format!("{size:o}"), "0o"),
        'x' => (format!("{size:x}"), "0x"),
        'X' => (format!("{size:X}"), "0X"),
        'c' | 'q' | 'U' => {
            let c = u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            match verb {
                'c' => pad(out, &c.to_string(), flags),
                'q' => {
                    let mut quoted = String::from("'");
                    push_go_escaped(&mut quoted, c, '\'');
                    pad(out, &format!("{quoted}'"), flags);
                }
                _ if flags.sharp && is_printable(c) => pad(out, &format!("U+{value:04X} '{c}'"), flags),
                _ => pad(out, &format!("U+{value:04X}"), flags),
            }
            return Ok(());
        }
        _ => return bad_verb(out, &Value::Int(value), verb),
    };
    let digits = match flags.precision {
        Some(0) if value == 0 => {
            pad(out, "", Flags { zero: false, ..flags });
            return Ok(());
        }
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    };
    let prefix = if flags.sharp || verb == 'O' { prefix } else { "" };
    let fill = flags.width.unwrap_or(0).saturating_sub(usize::from(value < 0 || flags.plus || flags.space));
    let zeros = if flags.zero && flags.precision.is_none() { fill } else { 0 };
    let body = format!("{prefix}{digits:0>zeros$}");
    pad_number(out, value < 0, &body, Flags { zero: false, ..flags }, true);
    Ok(())
}

fn push_float(out: &mut String, value: f64, verb: char, flags: Flags) -> Printed {
    let size = value.abs();
    let six = flags.precision.or(Some(6));
    let digits = match verb {
        'v' | 'g' | 'G' if flags.sharp => general_padded(size, flags.precision, true),
        'v' | 'g' | 'G' => general(size, flags.precision),
        'e' | 'E' => scientific(size, six),
        'f' | 'F' => fixed(size, six),
        'b' | 'x' | 'X' => return Err(format!("printf: %{verb} of a float is not supported; use %f, %e or %g")),
        _ => return bad_verb(out, &Value::Float(value), verb),
    };
    let digits = if verb.is_uppercase() && verb != 'F' { digits.to_uppercase() } else { digits };
    let negative = value.is_sign_negative() && !value.is_nan();
    match digits.strip_prefix('+') {
        // `+Inf` keeps its sign where signs are asked for; it is never padded with zeros.
        Some(infinite) if !flags.plus && !negative => {
            pad_number(out, false, &format!("+{infinite}"), Flags { space: false, ..flags }, false)
        }
        Some(infinite) => pad_number(out, negative, infinite, flags, false),
        None => pad_number(out, negative, &digits, flags, !value.is_nan()),
    }
    Ok(())
}

fn push_text(out: &mut String, value: &Value, text: &str, verb: char, flags: Flags) -> Printed {
    let cut = match flags.precision {
        Some(precision) if !matches!(verb, 'x' | 'X') => text.char_indices().nth(precision).map_or(text, |(at, _)| &text[..at]),
        Some(precision) => &text[..text.floor_char_boundary(precision.min(text.len()))],
        None => text,
    };
    match verb {
        'v' | 's' => pad(out, cut, flags),
        'q' if flags.sharp && !cut.contains('`') && cut.chars().all(|c| c == '\t' || !c.is_control()) => {
            pad(out, &format!("`{cut}`"), flags)
        }
        'q' => pad(out, &go_quoted(cut), flags),
        'x' | 'X' => {
            let upper = verb == 'X';
            let hex: Vec<String> = cut.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect();
            let prefix = if flags.sharp && !cut.is_empty() { if upper { "0X" } else { "0x" } } else { "" };
            let separator = if flags.space { format!(" {}", if flags.sharp { prefix } else { "" }) } else { String::new() };
            pad(out, &format!("{prefix}{}", hex.join(&separator)), flags);
        }
        _ => return bad_verb(out, value, verb),
    }
    bounded(out)
}
