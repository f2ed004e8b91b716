//! Prometheus' test language: what a file asks for, command by command.
//!
//! `clear`, `load STEP` and `load_with_nhcb STEP` with series below, `eval instant at T QUERY` and
//! `eval range from T to T step T QUERY` with what is expected below: series, a number, and `expect` lines; the older forms
//! `eval_fail`, `eval_ordered`, `eval_warn`, `eval_info` and `expected_fail_message` too.

use regex::Regex;
use taskpulse_engine::model::{Labels, TimestampMs};

use crate::series::{Point, described, text};

/// What is wrong in a file.
#[derive(Debug)]
pub struct Mistake(pub String);

/// What a text must be.
#[derive(Debug)]
pub enum Wanted {
    Anything,
    Exactly(String),
    Like(Regex),
}

impl Wanted {
    pub fn accepts(&self, given: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(wanted) => wanted == given,
            Self::Like(pattern) => pattern.is_match(given),
        }
    }
}

/// What an eval has to come to.
#[derive(Debug, Default)]
pub struct Expected {
    pub series: Vec<(Labels, Vec<Point>)>,
    pub scalar: Option<f64>,
    pub text: String,
    /// The instants of a range vector: first, last, step.
    pub instants: Option<(TimestampMs, TimestampMs, i64)>,
    pub ordered: bool,
    pub fail: Option<Wanted>,
    pub warnings: Vec<Wanted>,
    pub infos: Vec<Wanted>,
    pub no_warnings: bool,
    pub no_infos: bool,
    /// `expect string`: the answer is no vector, which a range query could not give.
    pub is_text: bool,
}

#[derive(Debug)]
pub struct Eval {
    pub line: usize,
    pub query: String,
    pub start: TimestampMs,
    pub end: TimestampMs,
    pub step: i64,
    pub range: bool,
    pub expected: Expected,
}

#[derive(Debug)]
pub enum Command {
    Clear,
    Load { step: i64, as_native_too: bool, series: Vec<(Labels, Vec<Point>)> },
    Eval(Box<Eval>),
}

/// The commands of a file, each with its line; a command with a mistake is told and left out.
pub fn commands(file: &str) -> Vec<(usize, Result<Command, Mistake>)> {
    let lines: Vec<&str> = file.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (line, first) = (lines[at], at + 1);
        // What belongs to a command follows it up to an empty line; `clear` has nothing.
        let word = line.split(char::is_whitespace).next().unwrap_or("").to_ascii_lowercase();
        let mut end = at + 1;
        if word.starts_with("load") || word.starts_with("eval") {
            end += lines[end..].iter().take_while(|line| !line.is_empty()).count();
        }
        let below = &lines[at + 1..end];
        at = end;
        let command = match word.as_str() {
            "" => continue,
            "clear" => Ok(Command::Clear),
            "load" | "load_with_nhcb" => load(line, below),
            word if word.starts_with("eval") => header(line, first).and_then(|mut eval| {
                expectations(&mut eval, below)?;
                Ok(Command::Eval(Box::new(eval)))
            }),
            _ => Err(Mistake(format!("`{line}` is no command"))),
        };
        out.push((first, command));
    }
    out
}

fn load(line: &str, below: &[&str]) -> Result<Command, Mistake> {
    let (word, step) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut series: Vec<(Labels, Vec<Point>)> = Vec::new();
    for line in below {
        let (labels, points) = described(line)?;
        // A series that is there twice counts as it is there last.
        series.retain(|known| known.0 != labels);
        series.push((labels, points));
    }
    Ok(Command::Load { step: duration_ms(step.trim())?, as_native_too: word.ends_with("with_nhcb"), series })
}

/// The first word and what follows it.
fn cut(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn header(line: &str, number: usize) -> Result<Eval, Mistake> {
    let wrong = || Mistake(format!("`{line}` is not understood"));
    let (word, rest) = cut(line);
    let mut expected = Expected::default();
    match word {
        "eval" => {}
        "eval_fail" => expected.fail = Some(Wanted::Anything),
        "eval_ordered" => expected.ordered = true,
        "eval_warn" => expected.warnings.push(Wanted::Anything),
        "eval_info" => expected.infos.push(Wanted::Anything),
        _ => return Err(wrong()),
    }
    let mut eval = Eval { line: number, query: String::new(), start: 0, end: 0, step: 1, range: false, expected };
    let (kind, mut rest) = cut(rest);
    let after = |key: &str, rest: &mut &str| -> Result<i64, Mistake> {
        let (word, behind) = cut(rest);
        let (value, behind) = cut(behind);
        *rest = behind;
        if word == key { duration_ms(value) } else { Err(wrong()) }
    };
    match kind {
        "instant" => {
            if cut(rest).0 == "at" {
                eval.start = after("at", &mut rest)?;
            }
            eval.end = eval.start;
        }
        "range" => {
            eval.range = true;
            eval.start = after("from", &mut rest)?;
            eval.end = after("to", &mut rest)?;
            eval.step = after("step", &mut rest)?;
            if eval.end < eval.start || eval.step < 1 {
                return Err(Mistake(format!("`{line}` has no instants")));
            }
        }
        _ => return Err(wrong()),
    }
    eval.query = rest.to_owned();
    Ok(eval)
}

fn wanted(rest: &str) -> Result<Wanted, Mistake> {
    if let Some(message) = rest.strip_prefix("msg:") {
        return Ok(Wanted::Exactly(message.trim().to_owned()));
    }
    match rest.strip_prefix("regex:") {
        Some(pattern) => like(pattern.trim()),
        None if rest.is_empty() => Ok(Wanted::Anything),
        None => Err(Mistake(format!("`{rest}`: msg: or regex: is expected"))),
    }
}

fn like(pattern: &str) -> Result<Wanted, Mistake> {
    Regex::new(pattern).map(Wanted::Like).map_err(|error| Mistake(format!("`{pattern}`: {error}")))
}

fn expectations(eval: &mut Eval, below: &[&str]) -> Result<(), Mistake> {
    let expected = &mut eval.expected;
    for line in below {
        if let Some(message) = line.strip_prefix("expected_fail_message") {
            expected.fail = Some(Wanted::Exactly(message.trim().to_owned()));
        } else if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            expected.fail = Some(like(pattern.trim())?);
        } else if let Some(rest) = line.strip_prefix("expect range vector") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let ["from", from, "to", to, "step", step] = words.as_slice() else {
                return Err(Mistake(format!("`{line}` is not understood")));
            };
            expected.instants = Some((duration_ms(from)?, duration_ms(to)?, duration_ms(step)?));
        } else if let Some(rest) = line.strip_prefix("expect string") {
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            expected.text = text(rest).unwrap_or_else(|_| rest.to_owned());
            expected.is_text = true;
        } else if let Some(rest) = line.strip_prefix("expect ") {
            let (what, rest) = cut(rest);
            match what {
                "fail" => expected.fail = Some(wanted(rest)?),
                "warn" => expected.warnings.push(wanted(rest)?),
                "info" => expected.infos.push(wanted(rest)?),
                "ordered" => expected.ordered = true,
                "no_warn" => expected.no_warnings = true,
                "no_info" => expected.no_infos = true,
                _ => return Err(Mistake(format!("`{line}` is not understood"))),
            }
        } else if line.starts_with(['"', '\'', '`']) {
            expected.text = text(line)?;
            expected.is_text = true;
        } else if let Some(value) = scalar(line) {
            expected.scalar = Some(value);
        } else {
            expected.series.push(described(line)?);
        }
    }
    Ok(())
}

/// A number by itself; here it may be hexadecimal.
fn scalar(line: &str) -> Option<f64> {
    let plain = line.replace('_', "");
    match plain.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok().map(|v| v as f64),
        None => plain.parse().ok(),
    }
}

/// `1h30m`, `10s53ms`, or seconds.
fn duration_ms(text: &str) -> Result<i64, Mistake> {
    let wrong = || Mistake(format!("`{text}` is not a length of time"));
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1e3).round() as i64);
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mut total, mut rest) = (0i64, unsigned);
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, behind) = behind.split_at(behind.bytes().take_while(u8::is_ascii_alphabetic).count());
        rest = behind;
        let value: i64 = digits.parse().map_err(|_| wrong())?;
        total += value
            * match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 7 * 86_400_000,
                "y" => 365 * 86_400_000,
                _ => return Err(wrong()),
            };
    }
    Ok(sign * total)
}
