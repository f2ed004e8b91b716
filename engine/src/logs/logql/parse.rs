//! Parses queries: which kind they are, selectors, and the stages of pipelines.

use super::fields::{DETAILS, ERROR};
use super::label_filter::LabelFilter;
use super::line_filter::{DOT_TAKES_LINE_ENDS, LineFilter, Test};
use super::metric::MetricQuery;
use super::pattern::Pattern;
use super::scan::{Parsed, Scanner, string_end};
use super::stages::{Chosen, Format, Stage};
use super::{MAX_STAGES, json};
use crate::model::{Matcher, Selector};
use crate::promql::syntax::{Grid, ParseError, TextRange};
use crate::promql::{EvalError, QueryError};
use crate::template::LineTemplate;

/// A query.
#[derive(Debug)]
pub enum Query {
    /// Lines.
    Lines(LineQuery),
    /// Values at instants.
    Metric(Box<MetricQuery>),
}

/// A selector of streams and a pipeline.
#[derive(Debug)]
pub struct LineQuery {
    /// All must accept the labels of a stream.
    pub(super) matchers: Vec<Matcher>,
    pub(super) stages: Vec<Stage>,
}

impl Query {
    /// Parses a query. For a metric query, `grid` says at which instants it is evaluated.
    ///
    /// # Errors
    /// [`EvalError::Parse`] with line and column; [`EvalError::Pattern`] where all regular expressions together cost too much.
    pub fn parse(text: &str, grid: Grid) -> Result<Self, EvalError> {
        let mut scanner = Scanner::new(text)?;
        let mut parens = 0;
        while scanner.take("(") {
            parens += 1;
        }
        scanner.blanks();
        if !scanner.rest().starts_with('{') {
            return Ok(Self::Metric(Box::new(MetricQuery::parse(text, grid)?)));
        }
        let query = scanner.line_query()?;
        for _ in 0..parens {
            scanner.need(")")?;
        }
        scanner.blanks();
        if scanner.rest().starts_with('[') {
            return Ok(scanner.error(scanner.pos, "a range needs a function around it, such as count_over_time({app=\"web\"}[5m])")?);
        }
        if scanner.at_unwrap() {
            return Ok(scanner
                .error(scanner.pos, "| unwrap needs a function around it, such as sum_over_time({app=\"web\"} | unwrap took [5m])")?);
        }
        if !scanner.rest().is_empty() {
            return Ok(scanner.expected("a stage such as |= \"text\" or | json, or the end of the query,")?);
        }
        Ok(Self::Lines(query))
    }
}

/// Parses a selector of streams such as `{app="web"}`; `{}` selects them all.
///
/// # Errors
/// As [`Query::parse`].
pub fn selector(text: &str) -> Result<Vec<Matcher>, EvalError> {
    match Query::parse(text, Grid::default())? {
        Query::Lines(query) if query.stages.is_empty() => Ok(query.matchers),
        _ => Err(ParseError::new(text, TextRange::default(), "only a selector such as {app=\"web\"} is read here").into()),
    }
}

impl Scanner<'_> {
    /// Takes a selector and the stages behind it.
    pub(super) fn line_query(&mut self) -> Parsed<LineQuery> {
        let matchers = self.matchers()?;
        let mut stages = Vec::new();
        while let Some(stage) = self.stage()? {
            stages.push(stage);
            self.count_stages(&stages)?;
        }
        Ok(LineQuery { matchers, stages })
    }

    pub(super) fn count_stages(&self, stages: &[Stage]) -> Parsed<()> {
        if stages.len() > MAX_STAGES { self.error(self.pos, format!("a pipeline has at most {MAX_STAGES} stages")) } else { Ok(()) }
    }

    /// Takes a selector: in braces, as PromQL has it.
    fn matchers(&mut self) -> Parsed<Vec<Matcher>> {
        self.blanks();
        let start = self.pos;
        let Some(end) = braces_end(self.rest()) else {
            return if self.rest().starts_with('{') {
                self.pos = self.query.len();
                self.error(start, "the brace that opens here is not closed")
            } else {
                self.expected("a selector of streams such as {app=\"web\"}")
            };
        };
        self.pos += end;
        // Unlike series, lines are often searched without knowing who said them.
        if self.query[start + 1..self.pos - 1].trim().is_empty() {
            return Ok(Vec::new());
        }
        // Blanks before it keep positions right.
        let before: String =
            self.query[..start].chars().flat_map(|c| std::iter::repeat_n(if c == '\n' { c } else { ' ' }, c.len_utf8())).collect();
        let text = format!("{before}{}", &self.query[start..self.pos]);
        Selector::parse_within(&text, &mut self.budget).map(|selector| selector.matchers).or_else(|error| match error {
            QueryError::Parse(error) => Err(error),
            QueryError::Pattern(error) => self.pattern_error(start, error),
            other => self.error(start, other.to_string()),
        })
    }

    /// Takes a stage, if one is next.
    pub(super) fn stage(&mut self) -> Parsed<Option<Stage>> {
        for (symbol, negated) in [("|=", false), ("!=", true), ("|~", false), ("!~", true), ("|>", false), ("!>", true)] {
            if self.take(symbol) {
                return self.line_filter(negated, symbol.as_bytes()[1]).map(Some);
            }
        }
        if self.at_unwrap() || !self.take("|") {
            return Ok(None);
        }
        let word = self.peek_word();
        let word_start = self.pos;
        self.pos += word.len();
        Ok(Some(match word {
            "json" => self.json()?,
            "logfmt" => self.logfmt()?,
            "pattern" => {
                let text = self.string()?;
                Stage::Pattern(Pattern::of_parser(&text).or_else(|why| self.error(word_start, why))?)
            }
            "regexp" => self.regexp(word_start)?,
            "unpack" => Stage::Unpack,
            "line_format" => Stage::LineFormat(self.template()?),
            "label_format" => self.label_format()?,
            "drop" => Stage::Drop(self.chosen()?),
            "keep" => Stage::Keep(self.chosen()?),
            "decolorize" => Stage::Decolorize,
            "xml" | "distinct" => return self.error(word_start, format!("| {word} is not supported")),
            _ => {
                self.pos = word_start;
                if word.is_empty() && !self.rest().starts_with('(') {
                    return self.expected("a stage such as json, logfmt, line_format \"…\" or a comparison of a label");
                }
                Stage::Labels(self.label_filter(0)?)
            }
        }))
    }

    /// Whether `| unwrap` is next.
    pub(super) fn at_unwrap(&mut self) -> bool {
        let start = self.pos;
        let found = self.take("|") && self.peek_word() == "unwrap";
        self.pos = start;
        found
    }

    fn line_filter(&mut self, negated: bool, kind: u8) -> Parsed<Stage> {
        let mut any = vec![self.test(kind)?];
        while self.take_word("or") {
            any.push(self.test(kind)?);
            self.at_most(any.len())?;
        }
        Ok(Stage::Line(LineFilter { negated, any }))
    }

    fn test(&mut self, kind: u8) -> Parsed<Test> {
        if self.peek_word() == "ip" {
            return self.error(self.pos, "ip(…) is not supported; use a regular expression, such as |~ \"10\\\\.\"");
        }
        self.blanks();
        let start = self.pos;
        Ok(match kind {
            b'=' => Test::Contains(self.bytes()?),
            b'>' => {
                let text = self.string()?;
                Test::Pattern(Pattern::of_filter(&text).or_else(|why| self.error(start, why))?)
            }
            _ => {
                let text = self.string()?;
                // `.` matches line ends too.
                let regex = if text.contains('.') { format!("{DOT_TAKES_LINE_ENDS}{text}") } else { text };
                Test::Regex(self.regex(start, &regex)?)
            }
        })
    }

    /// Whether a list of labels follows: a name that begins none of the next stage.
    fn at_name(&mut self) -> bool {
        !matches!(self.peek_word(), "" | "offset" | "or" | "and" | "unless")
    }

    fn json(&mut self) -> Parsed<Stage> {
        let mut wanted = Vec::new();
        if self.at_name() {
            loop {
                let (name, start, text) = self.extraction()?;
                wanted.push((name, json::path(self, start, &text)?));
                self.at_most(wanted.len())?;
                if !self.take(",") {
                    break;
                }
            }
        }
        Ok(Stage::Json(wanted))
    }

    fn logfmt(&mut self) -> Parsed<Stage> {
        let (mut strict, mut keep_empty, mut wanted) = (false, false, Vec::new());
        while self.take("--") {
            if self.take("strict") {
                strict = true;
            } else if self.take("keep-empty") {
                keep_empty = true;
            } else {
                return self.expected("--strict or --keep-empty");
            }
        }
        if self.at_name() {
            loop {
                let (name, _, key) = self.extraction()?;
                wanted.push((name, key));
                self.at_most(wanted.len())?;
                if !self.take(",") {
                    break;
                }
            }
        }
        Ok(Stage::Logfmt { strict, keep_empty, wanted })
    }

    /// Takes `label` or `label="expression"`: the label, where the expression is, and the expression.
    fn extraction(&mut self) -> Parsed<(String, usize, String)> {
        let name = self.name()?;
        let start = self.pos;
        if !self.take("=") {
            return Ok((name.clone(), start, name));
        }
        let text = self.string()?;
        Ok((name, start, text))
    }

    fn regexp(&mut self, start: usize) -> Parsed<Stage> {
        let text = self.string()?;
        let regex = self.regex(start, &text)?;
        if regex.names().next().is_none() {
            return self.error(start, "the expression needs at least one group with a name, such as (?P<method>\\w+)");
        }
        Ok(Stage::Regexp(regex))
    }

    fn template(&mut self) -> Parsed<LineTemplate> {
        self.blanks();
        let start = self.pos;
        let text = self.string()?;
        LineTemplate::parse(&text).or_else(|error| self.error(start, format!("template, byte {}: {error}", error.at)))
    }

    fn label_format(&mut self) -> Parsed<Stage> {
        let mut formats: Vec<(String, Format)> = Vec::new();
        loop {
            self.blanks();
            let start = self.pos;
            let name = self.name()?;
            if name == ERROR || name == DETAILS {
                return self.error(start, format!("{name} cannot be formatted; | drop it instead"));
            }
            if formats.iter().any(|(other, _)| *other == name) {
                return self.error(start, format!("`{name}` comes twice; use a second | label_format"));
            }
            self.need("=")?;
            let format = if self.at_string() { Format::Template(self.template()?) } else { Format::Rename(self.name()?) };
            formats.push((name, format));
            self.at_most(formats.len())?;
            if !self.take(",") {
                return Ok(Stage::LabelFormat(formats));
            }
        }
    }

    fn chosen(&mut self) -> Parsed<Vec<Chosen>> {
        let mut chosen = Vec::new();
        loop {
            self.blanks();
            let start = self.pos;
            let name = self.name()?;
            self.blanks();
            let compared = self.rest().starts_with(['=', '!', '<', '>']) && !self.rest().starts_with("!>");
            // `| drop a != "x"` compares: a line filter behind it needs a stage between.
            chosen.push(if compared {
                match self.comparison(start, name)? {
                    LabelFilter::Text(matcher) => Chosen(matcher),
                    _ => return self.error(start, "labels are chosen by texts; put the value in quotes"),
                }
            } else {
                Chosen::any(name)
            });
            self.at_most(chosen.len())?;
            if !self.take(",") {
                return Ok(chosen);
            }
        }
    }
}

/// Where the braces that a text begins with end.
fn braces_end(text: &str) -> Option<usize> {
    let mut at = text.strip_prefix('{').map(|_| 1)?;
    loop {
        let rest = &text[at..];
        let next = rest.find(['}', '"', '\'', '`', '#'])?;
        at += next;
        match rest.as_bytes()[next] {
            b'}' => return Some(at + 1),
            b'#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            _ => at += string_end(&text[at..])?,
        }
    }
}
