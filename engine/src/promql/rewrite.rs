//! Syntax that the parser does not know, put into words that it knows.
//!
//! Arithmetic on lengths of time (`[5m * 2]`, `offset (1h / 2)`, `step()`, `range()`), the modifiers `anchored` and
//! `smoothed`, `_` between digits. Works on tokens, leaves strings, comments and everything else as they are; where
//! something is wrong it leaves that too, for the parser to tell.

use std::borrow::Cow;

use super::lengths::{Sum, seconds};
use super::selector::{QueryError, shown};

/// Wraps an anchored range selector.
pub(super) const ANCHORED: &str = "__anchored__";
/// Wraps a smoothed range selector.
pub(super) const SMOOTHED: &str = "__smoothed__";
/// Wraps a smoothed instant selector.
pub(super) const SMOOTHED_INSTANT: &str = "__smoothed_instant__";

/// A matcher put into the second argument of `info()`: what it selects may be empty, which the parser refuses.
pub(super) const INFO_MATCHER: &str = "__info__";

/// No length of time has as many seconds.
const LONGEST: f64 = 9.2e12;

/// What `step()` and `range()` are, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grid {
    /// Between the instants of a range query; 0 for an instant query.
    pub step: i64,
    /// From the first instant to the last.
    pub range: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number or a length of time.
    Number,
    Text,
    /// One character of punctuation.
    Mark(u8),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) fn tokens(query: &str) -> impl Iterator<Item = Token> {
    let bytes = query.as_bytes();
    let mut at = 0;
    let run = |from: usize, f: &dyn Fn(u8) -> bool| bytes[from..].iter().take_while(|b| f(**b)).count() + from;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            let kind = match bytes[at] {
                b if b.is_ascii_whitespace() => {
                    at += 1;
                    continue;
                }
                b'#' => {
                    // As the parser has it: a comment ends with the line, whichever way that ends.
                    at = run(at, &|b| b != b'\n' && b != b'\r');
                    continue;
                }
                quote @ (b'"' | b'\'' | b'`') => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != quote {
                        at += if bytes[at] == b'\\' && quote != b'`' { 2 } else { 1 };
                    }
                    at = (at + 1).min(bytes.len());
                    Kind::Text
                }
                b if b.is_ascii_digit() || (b == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) => {
                    at = run(at, &|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
                    // The sign of an exponent belongs to the number.
                    let exponent = bytes[at - 1].eq_ignore_ascii_case(&b'e') && !query[start..at].starts_with("0x");
                    if exponent && at < bytes.len() && matches!(bytes[at], b'+' | b'-') {
                        at = run(at + 1, &|b| b.is_ascii_digit());
                    }
                    Kind::Number
                }
                b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                    at = run(at, &|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':' || b >= 0x80);
                    Kind::Word
                }
                mark => {
                    at += 1;
                    Kind::Mark(mark)
                }
            };
            return Some(Token { kind, start, end: at.min(bytes.len()) });
        }
        None
    })
}

/// How deep brackets of any kind nest. What rewrites a query looks for the bracket that closes one, for each that opens.
pub(super) fn nesting(tokens: &[Token]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for token in tokens {
        match token.kind {
            Kind::Mark(b'(' | b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Kind::Mark(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The query as the parser understands it.
pub(super) fn rewritten(query: &str, tokens: Vec<Token>, grid: Grid) -> Result<Cow<'_, str>, QueryError> {
    let wanted = ["anchored", "smoothed", "offset", "info"];
    let lower = query.to_ascii_lowercase();
    if !query.contains(['[', '_', '\\']) && !wanted.iter().any(|word| lower.contains(word)) {
        return Ok(Cow::Borrowed(query));
    }
    let mut rewriter = Rewriter { query, tokens, grid, edits: Vec::new() };
    rewriter.run()?;
    if rewriter.edits.is_empty() {
        return Ok(Cow::Borrowed(query));
    }
    let mut edits = rewriter.edits;
    edits.sort_by_key(|edit| (edit.0, edit.1));
    let (mut out, mut at) = (String::with_capacity(query.len() + 32), 0);
    for (start, end, text) in edits {
        if start < at {
            return Err(QueryError::Parse(format!("`{}`: two modifiers meet at byte {start}; write each once", shown(query))));
        }
        out.push_str(&query[at..start]);
        out.push_str(&text);
        at = end;
    }
    out.push_str(&query[at..]);
    Ok(Cow::Owned(out))
}

pub(super) struct Rewriter<'q> {
    pub(super) query: &'q str,
    pub(super) tokens: Vec<Token>,
    pub(super) grid: Grid,
    /// What goes where: start, end, text.
    edits: Vec<(usize, usize, String)>,
}

impl<'q> Rewriter<'q> {
    pub(super) fn text(&self, at: usize) -> &'q str {
        self.tokens.get(at).map_or("", |t| &self.query[t.start..t.end])
    }

    pub(super) fn mark(&self, at: usize) -> Option<u8> {
        match self.tokens.get(at)?.kind {
            Kind::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        self.tokens.get(at).is_some_and(|t| t.kind == Kind::Word) && words.iter().any(|w| self.text(at).eq_ignore_ascii_case(w))
    }

    /// Whether a token ends an operand, so that a word behind it is a modifier and no name; `behind` is whether the one
    /// before it does: the words of the language are names where an operand has yet to come. `opened` is where a parenthesis
    /// was opened that it closes.
    fn ends_operand(&self, at: usize, behind: bool, opened: Option<usize>) -> bool {
        match self.tokens[at].kind {
            Kind::Word if self.is_word(at, &["and", "or", "unless", "by", "without", "offset"]) => !behind,
            Kind::Word => !self.is_word(at, &["bool", "atan2"]),
            // What a modifier of an operator lists comes before its right side.
            Kind::Mark(b')') => {
                let word = opened.and_then(|open| open.checked_sub(1));
                let lists = ["on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right"];
                word.is_none_or(|word| !self.is_word(word, &lists))
            }
            Kind::Mark(mark) => matches!(mark, b']' | b'}'),
            Kind::Number => true,
            Kind::Text => false,
        }
    }

    /// The place of the mark that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            match self.mark(at) {
                Some(b'(' | b'[' | b'{') => depth += 1,
                Some(b')' | b']' | b'}') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn opening(&self, close: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in (0..=close).rev() {
            match self.mark(at) {
                Some(b')' | b']' | b'}') => depth += 1,
                Some(b'(' | b'[' | b'{') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn run(&mut self) -> Result<(), QueryError> {
        let (mut braces, mut behind_operand) = (0usize, false);
        let mut open = Vec::new();
        for at in 0..self.tokens.len() {
            let opened = match self.mark(at) {
                Some(b'(') => {
                    open.push(at);
                    None
                }
                Some(b')') => open.pop(),
                _ => None,
            };
            match self.tokens[at].kind {
                Kind::Mark(b'{') => braces += 1,
                Kind::Mark(b'}') => braces = braces.saturating_sub(1),
                Kind::Mark(b'[') => self.range(at)?,
                Kind::Number if self.text(at).contains('_') => self.digits(at),
                Kind::Text => self.string(at)?,
                Kind::Word if self.is_word(at, &["info"]) && self.mark(at + 1) == Some(b'(') => self.info(at + 1),
                Kind::Word if braces == 0 && !behind_operand && self.is_word(at, &["anchored", "smoothed"]) => {
                    self.named(at, open.last().copied());
                }
                Kind::Word if braces == 0 && behind_operand => {
                    if self.is_word(at, &["offset"]) {
                        self.offset(at)?;
                    } else if self.is_word(at, &["anchored", "smoothed"]) {
                        self.extended(at)?;
                    }
                }
                _ => {}
            }
            behind_operand = self.ends_operand(at, behind_operand, opened);
        }
        Ok(())
    }

    /// `anchored` and `smoothed` are names where they follow no operand: of a label where labels are listed, or of a metric.
    /// `open` is the parenthesis around it.
    fn named(&mut self, at: usize, open: Option<usize>) {
        let Token { start, end, .. } = self.tokens[at];
        let name = self.text(at);
        let list = open.and_then(|open| open.checked_sub(1));
        let lists = ["by", "without", "on", "ignoring", "group_left", "group_right"];
        if list.is_some_and(|word| self.is_word(word, &lists)) {
            self.edits.push((start, end, format!("\"{name}\"")));
        } else if self.mark(at + 1) == Some(b'{') {
            self.edits.push((start, self.tokens[at + 1].end, format!("{{__name__=\"{name}\",")));
        } else {
            self.edits.push((start, end, format!("{{__name__=\"{name}\"}}")));
        }
    }

    fn info(&mut self, open: usize) {
        let Some(close) = self.closing(open) else { return };
        let mut depth = 0usize;
        for at in open + 1..close {
            match self.mark(at) {
                Some(b'(' | b'[' | b'{') => depth += 1,
                Some(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                Some(b',') if depth == 0 && self.mark(at + 1) == Some(b'{') => {
                    let place = self.tokens[at + 1].end;
                    let comma = if self.mark(at + 2) == Some(b'}') { "" } else { "," };
                    self.edits.push((place, place, format!("{INFO_MATCHER}!=\"\"{comma}")));
                }
                _ => {}
            }
        }
    }

    /// `1_000`; a `_` at the end or twice stays, and is refused by the parser.
    fn digits(&mut self, at: usize) {
        let text = self.text(at);
        if !text.ends_with('_') && !text.contains("__") {
            let Token { start, end, .. } = self.tokens[at];
            self.edits.push((start, end, text.replace('_', "")));
        }
    }

    /// `"\xc3\xa9"` is bytes: they become the text that they are.
    fn string(&mut self, at: usize) -> Result<(), QueryError> {
        let Token { start, end, .. } = self.tokens[at];
        let text = self.text(at);
        if let Some(raw) = text.strip_prefix('`').and_then(|raw| raw.strip_suffix('`')) {
            if raw.contains('\\') {
                // Between these a backslash is one; not every part of the parser knows that.
                let escaped = raw.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
                self.edits.push((start, end, format!("\"{escaped}\"")));
            }
            return Ok(());
        }
        if !text.contains("\\x") {
            return Ok(());
        }
        let source = text.as_bytes();
        let (mut bytes, mut place) = (Vec::with_capacity(source.len()), 0);
        while place < source.len() {
            let hex = (source[place] == b'\\' && source.get(place + 1) == Some(&b'x')).then(|| text.get(place + 2..place + 4)).flatten();
            match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) if byte >= 0x80 => {
                    bytes.push(byte);
                    place += 4;
                }
                _ => {
                    // An escaped backslash begins no escape of its own.
                    let length = if source[place] == b'\\' { 2 } else { 1 };
                    bytes.extend_from_slice(&source[place..(place + length).min(source.len())]);
                    place += length;
                }
            }
        }
        match String::from_utf8(bytes) {
            Ok(plain) if plain != text => self.edits.push((start, end, plain)),
            Ok(_) => {}
            Err(_) => return Err(QueryError::Parse(format!("the string {} is not UTF-8", shown(text)))),
        }
        Ok(())
    }

    /// `[5m * 2]`, `[1h:step()]`: each part by itself, where it is more than one token.
    fn range(&mut self, open: usize) -> Result<(), QueryError> {
        // No length of time has a bracket in it.
        let bracket = |at: &usize| matches!(self.mark(*at), Some(b'[' | b']' | b'{' | b'}'));
        let Some(close) = (open + 1..self.tokens.len()).find(bracket).filter(|&at| self.mark(at) == Some(b']')) else { return Ok(()) };
        let colon = (open + 1..close).find(|&at| self.mark(at) == Some(b':'));
        let parts = [(open + 1, colon.unwrap_or(close)), (colon.map_or(close, |at| at + 1), close)];
        for (from, to) in parts.into_iter().filter(|(from, to)| from < to) {
            // One that is plain and of a length that there is stays.
            let plain = to - from == 1 && self.tokens[from].kind == Kind::Number;
            if plain && seconds(self.text(from)).is_none_or(|s| s != 0.0 && s < LONGEST) {
                continue;
            }
            let mut sum = Sum { rewriter: self, at: from, end: to, depth: 0 };
            let seconds = sum.whole()?;
            self.replace(from, to - 1, seconds, true)?;
        }
        Ok(())
    }

    /// `offset (1h / 2)`, `offset -step()`; a plain length of time stays.
    fn offset(&mut self, at: usize) -> Result<(), QueryError> {
        let mut first = at + 1;
        let mut sign = 1.0;
        while let Some(mark @ (b'+' | b'-')) = self.mark(first) {
            sign = if mark == b'-' { -sign } else { sign };
            first += 1;
        }
        let calls = ["step", "range", "min", "max"];
        let last = match self.mark(first) {
            Some(b'(') => self.closing(first),
            _ if self.is_word(first, &calls) && self.mark(first + 1) == Some(b'(') => self.closing(first + 1),
            _ => None,
        };
        let Some(last) = last else {
            // The parser takes any number for a length of time, also one that is none.
            let number = self.text(first);
            if self.tokens.get(first).is_some() && number.parse::<f64>().is_ok_and(|seconds| seconds.is_nan() || seconds >= LONGEST) {
                return Err(QueryError::Parse(format!("`{}`: `{}` is no length of time", shown(self.query), shown(number))));
            }
            return Ok(());
        };
        let seconds = Sum { rewriter: self, at: first, end: last + 1, depth: 0 }.whole()?;
        self.replace(at + 1, last, sign * seconds, false)
    }

    fn replace(&mut self, first: usize, last: usize, seconds: f64, positive: bool) -> Result<(), QueryError> {
        let (start, end) = (self.tokens[first].start, self.tokens[last].end);
        let given = &self.query[start..end];
        let ms = (seconds * 1e3).trunc();
        if !ms.is_finite() || ms.abs() > LONGEST * 1e3 {
            return Err(QueryError::Parse(format!("`{}` is no length of time", shown(given))));
        }
        if positive && seconds <= 0.0 {
            return Err(QueryError::Parse(format!("duration must be greater than 0: `{}` is {} s", shown(given), ms / 1e3)));
        }
        let text = match ms {
            ms if ms < 0.0 => format!("-{}ms", -ms),
            // Only without a unit does the parser take it.
            0.0 => "0".to_owned(),
            ms => format!("{ms}ms"),
        };
        self.edits.push((start, end, text));
        Ok(())
    }

    /// Where an `offset` or `@` begins that ends at a token.
    fn modifier(&self, last: usize) -> Option<usize> {
        let mut first = match self.tokens[last].kind {
            Kind::Number => last,
            Kind::Mark(b')') => {
                let open = self.opening(last)?;
                let before = open.checked_sub(1)?;
                let called = self.is_word(before, &["start", "end", "step", "range", "min", "max"]);
                if called { before } else { open }
            }
            _ => return None,
        }
        .checked_sub(1)?;
        while matches!(self.mark(first), Some(b'+' | b'-')) {
            first = first.checked_sub(1)?;
        }
        (self.mark(first) == Some(b'@') || self.is_word(first, &["offset"])).then_some(first)
    }

    /// `name{a="b"}[5m] anchored offset 1m` becomes a call around all of it.
    fn extended(&mut self, at: usize) -> Result<(), QueryError> {
        let word = self.text(at).to_ascii_lowercase();
        let (Some(mut first), Token { start, end, .. }) = (at.checked_sub(1), self.tokens[at]) else { return Ok(()) };
        while let Some(before) = self.modifier(first).and_then(|modifier| modifier.checked_sub(1)) {
            first = before;
        }
        let is_range = self.mark(first) == Some(b']');
        if is_range {
            let Some(before) = self.opening(first).and_then(|open| open.checked_sub(1)) else { return Ok(()) };
            first = before;
        }
        if self.mark(first) == Some(b'}') {
            let Some(open) = self.opening(first) else { return Ok(()) };
            first = if open > 0 && self.tokens[open - 1].kind == Kind::Word { open - 1 } else { open };
        } else if self.tokens[first].kind != Kind::Word {
            return Err(QueryError::Parse(format!("`{word}` at byte {start} belongs to a selector, such as name[5m] {word}")));
        }
        let wrapper = match (word.as_str(), is_range) {
            ("anchored", true) => ANCHORED,
            ("smoothed", true) => SMOOTHED,
            ("smoothed", false) => SMOOTHED_INSTANT,
            _ => {
                return Err(QueryError::Parse(format!(
                    "`anchored` at byte {start} belongs to a range selector, such as name[5m] anchored"
                )));
            }
        };
        // The modifiers that follow are the selector's.
        let mut last = at;
        loop {
            let mut next = last + 1;
            if self.is_word(next, &["offset"]) || self.mark(next) == Some(b'@') {
                next += 1;
                while matches!(self.mark(next), Some(b'+' | b'-')) {
                    next += 1;
                }
                if self.mark(next + 1) == Some(b'(') && self.tokens[next].kind == Kind::Word {
                    next += 1;
                }
                last = match self.mark(next) {
                    Some(b'(') => self.closing(next).unwrap_or(next),
                    _ => next,
                };
            } else {
                break;
            }
        }
        let place = self.tokens[first].start;
        self.edits.push((place, place, format!("{wrapper}(")));
        self.edits.push((start, end, String::new()));
        let behind = self.tokens.get(last).map_or(self.query.len(), |t| t.end);
        self.edits.push((behind, behind, ")".to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_does_not_know_is_put_into_its_words() {
        let grid = Grid { step: 10_000, range: 3_600_000 };
        for (given, wanted) in [
            ("up[5m]", "up[5m]"),
            ("up[5m * 2]", "up[600000ms]"),
            ("up[-5m+35m]", "up[1800000ms]"),
            ("up[1h30m % 1h]", "up[1800000ms]"),
            ("up[2 ^ 3 ^ 2]", "up[512000ms]"),
            ("sum(up[step():min(step(), 1s)])", "sum(up[10000ms:1000ms])"),
            ("up[1m:]", "up[1m:]"),
            ("up offset (1h / 2)", "up offset 1800000ms"),
            ("up offset -step()*2", "up offset -10000ms*2"),
            ("up offset 100 + 2", "up offset 100 + 2"),
            ("up offset -(range())", "up offset -3600000ms"),
            ("offset offset (1 + 1)", "offset offset 2000ms"),
            ("sum by (offset) (up)", "sum by (offset) (up)"),
            (r#"up{a="[5m * 2]",offset="x"}"#, r#"up{a="[5m * 2]",offset="x"}"#),
            ("rate(up[5m] anchored)", "rate(__anchored__(up[5m] ))"),
            ("rate(up[5m] offset -1m @ end() smoothed)", "rate(__smoothed__(up[5m] offset -1m @ end() ))"),
            (r#"up{a=~`\d"`}"#, r#"up{a=~"\\d\""}"#),
            (r#"rate(up{a="]"}[1m*5] smoothed offset (1m) ) > 1"#, r#"rate(__smoothed__(up{a="]"}[300000ms]  offset 60000ms) ) > 1"#),
            (
                "sum by (smoothed) (anchored{a=\"b\"} + smoothed smoothed)",
                "sum by (\"smoothed\") ({__name__=\"anchored\",a=\"b\"} + __smoothed_instant__({__name__=\"smoothed\"} ))",
            ),
            ("up smoothed @ end()", "__smoothed_instant__(up  @ end())"),
            (r#"info(up, {a!="b"})"#, r#"info(up, {__info__!="",a!="b"})"#),
            ("info(rate(up[5m * 1]), {})", r#"info(rate(up[300000ms]), {__info__!=""})"#),
            ("1_000 + a_b", "1000 + a_b"),
            ("1e3-2_0", "1e3-20"),
            ("up # [5m * 2]", "up # [5m * 2]"),
            (r#"label_replace(up, "\xc3\xa9", "a\\xb", "", "")"#, r#"label_replace(up, "é", "a\\xb", "", "")"#),
        ] {
            assert_eq!(rewritten(given, tokens(given).collect(), grid).unwrap(), wanted, "{given}");
        }
    }

    #[test]
    fn lengths_of_time_that_are_none_are_told() {
        for (query, part) in [
            ("up[5m - 5m]", "greater than 0"),
            ("up[5m * ]", "is expected"),
            ("up[1 / 0]", "division by zero"),
            ("up[foo()]", "step()"),
            ("up[0]", "greater than 0"),
            ("up[(1]", "`)`"),
            ("up[1e300 * 1e300]", "no length of time"),
            ("up[1e300]", "no length of time"),
            ("up offset 1e300", "no length of time"),
            ("up offset -NaN", "no length of time"),
            ("up[5m:1m] @ 5 offset Inf", "no length of time"),
            ("sum(up) anchored", "belongs to a selector"),
            ("up anchored", "belongs to a range"),
            (r#"label_replace(up, "\xff", "", "", "")"#, "not UTF-8"),
        ] {
            let error = rewritten(query, tokens(query).collect(), Grid::default()).unwrap_err().to_string();
            assert!(error.contains(part), "{query}: {error}");
        }
    }
}
