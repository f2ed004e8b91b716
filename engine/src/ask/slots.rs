//! The words of a question, each in its place.

mod words;

use self::words::{COMMON, corrected, is_notion, is_state, quantity, split, unknown};
use super::Refusal;
use super::lexicon::{self, Ask, Atom, Mark};
use super::meaning::{Stat, Trend};
use super::names::{Name, NameKind, Names};
use super::patterns::Set;
use super::text::Token;
use super::when::{Clock, Said, Spoken, number, said};

/// A number with what stood after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantity {
    /// A plain one.
    Plain(f64),
    /// Of a hundred.
    Percent(f64),
    /// Bytes.
    Bytes(f64),
    /// Seconds.
    Seconds(f64),
    /// Degrees.
    Degrees(f64),
}

/// What the words say, before it is known how they belong together.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    pub(super) ask: Option<Ask>,
    pub(super) atoms: Set,
    pub(super) extreme: Option<bool>,
    pub(super) stat: Option<Stat>,
    pub(super) trend: Option<Trend>,
    pub(super) than: bool,
    pub(super) before: bool,
    pub(super) limit: Option<(bool, Quantity)>,
    pub(super) was: bool,
    pub(super) will: bool,
    pub(super) now: bool,
    pub(super) lately: bool,
    pub(super) ever: bool,
    pub(super) prior: bool,
    pub(super) since: bool,
    pub(super) better: Option<bool>,
    pub(super) time: Spoken,
    pub(super) other: Spoken,
    /// Of each name all that have it.
    pub(super) names: Vec<Vec<Name>>,
    pub(super) count: Option<usize>,
    pub(super) task: Option<String>,
    /// Where the task stands.
    task_at: Option<usize>,
    /// What says how tasks wait for each other, and where: "depend on" (true), or "blocks".
    relation: Option<(bool, usize)>,
    pub(super) corrections: Vec<(String, String)>,
    /// Where "than" or "with" of a comparison was.
    compare_from: Option<usize>,
}

/// Words beside which a name may be any word.
const KINDS: &[(&str, &[NameKind])] = &[
    ("workflow", &[NameKind::Workflow]),
    ("build", &[NameKind::Workflow]),
    ("pipeline", &[NameKind::Workflow]),
    ("job", &[NameKind::Job, NameKind::Heartbeat]),
    ("process", &[NameKind::Process]),
    ("program", &[NameKind::Process]),
    ("container", &[NameKind::Container]),
    ("unit", &[NameKind::Unit]),
    ("service", &[NameKind::Unit, NameKind::Target]),
    ("probe", &[NameKind::Target]),
    ("check", &[NameKind::Target]),
    ("site", &[NameKind::Target]),
    ("endpoint", &[NameKind::Target]),
    ("target", &[NameKind::Target, NameKind::Scraped]),
    ("host", &[NameKind::Host]),
    ("machine", &[NameKind::Host]),
    ("server", &[NameKind::Host]),
    ("disk", &[NameKind::Mount, NameKind::Device]),
    ("mount", &[NameKind::Mount]),
    ("project", &[NameKind::Project]),
    ("board", &[NameKind::Tag, NameKind::Project]),
    ("tag", &[NameKind::Tag]),
    ("repo", &[NameKind::Repo]),
    ("repository", &[NameKind::Repo]),
    ("alert", &[NameKind::Rule]),
    ("rule", &[NameKind::Rule]),
    ("source", &[NameKind::Source]),
    ("metric", &[NameKind::Metric]),
    ("heartbeat", &[NameKind::Heartbeat]),
    ("sensor", &[NameKind::Sensor]),
    ("interface", &[NameKind::Device]),
    ("device", &[NameKind::Device]),
];

impl Slots {
    /// Puts each word in its place.
    pub(super) fn new(tokens: &[Token], names: &Names, clock: &Clock) -> Result<Self, Refusal> {
        let mut slots = Self::default();
        let mut tokens = tokens.to_vec();
        let (mut at, mut mended) = (0, None);
        while at < tokens.len() {
            let taken = slots.take(&tokens, at, names, clock)?;
            if taken > 0 {
                at += taken;
                continue;
            }
            let token = tokens[at].clone();
            if let Some(parts) = split(&token) {
                tokens.splice(at..=at, parts);
                continue;
            }
            // Once: a word of a phrase that is not said here is no better.
            let Some(word) = corrected(&token, names).filter(|_| mended != Some(at)) else { return Err(unknown(&token)) };
            mended = Some(at);
            slots.corrections.push((token.written.clone(), word.clone()));
            tokens[at].text = word;
        }
        Ok(slots)
    }

    /// Whether the tasks are asked for that wait for the named one (true), or those that it waits for; none where neither is.
    pub(super) fn waiting(&self) -> Option<bool> {
        let ((depend, verb), task) = (self.relation?, self.task_at?);
        Some(depend == (verb < task))
    }

    /// The same with more or less of what is asked for.
    pub(super) fn with_trend(&self, trend: Trend) -> Self {
        Self { trend: Some(trend), ..self.clone() }
    }

    /// Takes the words that begin at a place; how many, 0 where they are not understood.
    fn take(&mut self, tokens: &[Token], at: usize, names: &Names, clock: &Clock) -> Result<usize, Refusal> {
        let rest = &tokens[at..];
        let time = said(rest, clock);
        let named = self.name_at(tokens, at, names);
        let phrase = lexicon::phrase(rest);
        let longest_phrase = phrase.map_or(0, |(taken, _)| taken);
        if let Some(taken) = self.task_id(tokens, at)? {
            return Ok(taken);
        }
        if let Some((taken, kinds)) = named.filter(|(taken, _)| time.is_none_or(|(of_time, _)| *taken > of_time || rest[0].quoted)) {
            self.names.push(kinds);
            return Ok(taken);
        }
        if let Some((taken, said)) = time.filter(|(taken, _)| *taken >= longest_phrase) {
            self.add_time(said, &rest[0], at)?;
            return Ok(taken);
        }
        if let Some(taken) = self.number(tokens, at)? {
            return Ok(taken);
        }
        let mut most = longest_phrase;
        while most > 0 {
            let Some((taken, marks)) = lexicon::phrase(&rest[..most]) else { break };
            if let [Mark::Limit(above)] = marks {
                // "More than 90 %" is a limit, "more than last week" a comparison.
                if let Some((more, quantity)) = quantity(&rest[taken..]) {
                    once(&mut self.limit, (*above, quantity), &rest[0])?;
                    return Ok(taken + more);
                }
                if taken == 1 {
                    return if matches!(rest[0].text.as_str(), "over" | "past" | "under" | "hit" | "reach" | "reached" | "cross") {
                        Err(Refusal::of(&rest[0].written, format!("After `{}` a number is missing", rest[0].written)))
                    } else {
                        Err(Refusal::of(&rest[0].written, format!("What `{}` is compared with is missing", rest[0].written)))
                    };
                }
                most = taken - 1;
                continue;
            }
            // "Slower than before" has no time of its own, "than before Monday" has.
            if taken > 1 && matches!(marks, [Mark::Before]) && said(&rest[taken..], clock).is_some() {
                most = taken - 1;
                continue;
            }
            for mark in marks {
                self.put(*mark, &rest[0], at)?;
            }
            return Ok(taken);
        }
        Ok(0)
    }

    /// The name at a place, where it may be one.
    fn name_at(&self, tokens: &[Token], at: usize, names: &Names) -> Option<(usize, Vec<Name>)> {
        let rest = &tokens[at..];
        let (taken, mut found) = names.at(rest)?;
        if rest[0].quoted {
            return Some((taken, found));
        }
        // A rule in words is one beside a word for alerts only: "the disk filling alert".
        let alerts = |token: &Token| {
            let marks = lexicon::phrase(std::slice::from_ref(token)).map_or(&[][..], |(_, marks)| marks);
            token.text == "rule" || marks.contains(&Mark::Is(Atom::Alert)) || marks.contains(&Mark::Is(Atom::Fire))
        };
        if taken > 1 && !tokens.iter().any(alerts) {
            found.retain(|name| name.kind != NameKind::Rule);
            if found.is_empty() {
                return None;
            }
        }
        let beside =
            |of: Option<&Token>| of.and_then(|t| KINDS.iter().find(|(word, _)| *word == t.text || t.text.strip_suffix('s') == Some(*word)));
        let kinds = at.checked_sub(1).and_then(|before| beside(tokens.get(before))).or_else(|| beside(tokens.get(at + taken)));
        if let Some((_, kinds)) = kinds {
            let of_kind: Vec<Name> = found.iter().filter(|name| kinds.contains(&name.kind)).cloned().collect();
            if !of_kind.is_empty() {
                return Some((taken, of_kind));
            }
        }
        let words = lexicon::phrase(rest).map_or(0, |(words, _)| words);
        // "CI duration" is the duration of the workflow CI, where one is called so.
        let with_duration = |marks: &[Mark]| matches!(marks, [Mark::Is(Atom::Ci), Mark::Is(Atom::Duration)]);
        if words > taken && lexicon::phrase(rest).is_some_and(|(_, marks)| with_duration(marks)) {
            found.retain(|name| name.kind == NameKind::Workflow);
            return (!found.is_empty()).then_some((taken, found));
        }
        if words > taken {
            return None;
        }
        // A command that is a name: "deploy".
        let command =
            lexicon::phrase(rest).is_some_and(|(_, marks)| matches!(marks, [Mark::Never(_)])) && (at > 0 || is_notion(&tokens[1..]));
        if words == 0 || command || (taken > words && !rest[..taken].iter().all(lexicon::is_function_word)) {
            return Some((taken, found));
        }
        // A word of the grammar is a name where people call a workflow, a probe or a call so.
        let kept = [NameKind::Workflow, NameKind::Target, NameKind::Heartbeat, NameKind::Unit];
        let scraped = tokens.iter().any(is_state);
        found.retain(|name| kept.contains(&name.kind) || (name.kind == NameKind::Scraped && scraped));
        let plain = rest[..taken].iter().any(lexicon::is_function_word);
        let means_ci = lexicon::phrase(rest).is_some_and(|(_, marks)| marks.contains(&Mark::Is(Atom::Ci)));
        found.retain(|name| name.kind != NameKind::Workflow || means_ci);
        found.retain(|name| name.kind == NameKind::Workflow || !COMMON.contains(&rest[0].text.as_str()));
        (!plain && !found.is_empty()).then_some((taken, found))
    }

    /// `task 7`, `task #7`, `7.2` of a task, `#7`.
    fn task_id(&mut self, tokens: &[Token], at: usize) -> Result<Option<usize>, Refusal> {
        let id = |text: &str| {
            let digits = text.strip_prefix('#').unwrap_or(text);
            let whole = digits.split('.').all(|part| !part.is_empty() && part.len() < 7 && part.chars().all(|c| c.is_ascii_digit()));
            (whole && digits.split('.').count() <= 2).then(|| digits.to_owned())
        };
        let text = tokens[at].text.as_str();
        let found = match text {
            "task" | "ticket" | "subtask" | "issue" | "story" | "todo" => {
                let skip = usize::from(tokens.get(at + 1).is_some_and(|t| matches!(t.text.as_str(), "number" | "no" | "nr" | "id")));
                tokens.get(at + 1 + skip).and_then(|next| id(&next.text)).map(|id| (2 + skip, id))
            }
            _ if text.starts_with('#') => id(text).map(|id| (1, id)),
            _ => None,
        };
        let Some((taken, id)) = found else { return Ok(None) };
        once(&mut self.task, id, &tokens[at])?;
        self.task_at = Some(at);
        self.atoms.add(Atom::Task);
        Ok(Some(taken))
    }

    /// `top 5`, `5 slowest`, `the last 3 runs`, `p95`: a number by itself says how many.
    fn number(&mut self, tokens: &[Token], at: usize) -> Result<Option<usize>, Refusal> {
        let text = tokens[at].text.as_str();
        if matches!(text, "a" | "an" | "one" | "half" | "couple") {
            return Ok(None);
        }
        let Some(count) = number(text).filter(|count| (1..=100).contains(count)) else { return Ok(None) };
        let extreme = |token: Option<&Token>| {
            let marks = token.and_then(|t| lexicon::phrase(std::slice::from_ref(t)));
            marks.is_some_and(|(_, marks)| marks.iter().any(|mark| matches!(mark, Mark::Extreme(_) | Mark::Is(Atom::Last))))
        };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let most = |token: Option<&Token>| token.is_some_and(|t| t.text == "most" || t.text == "least");
        if extreme(before) || extreme(tokens.get(at + 1)) || most(tokens.get(at + 1)) {
            once(&mut self.count, usize::try_from(count).unwrap_or(1), &tokens[at])?;
            return Ok(Some(1));
        }
        Ok(None)
    }

    fn add_time(&mut self, said: Said, token: &Token, at: usize) -> Result<(), Refusal> {
        let comparing = self.than || (self.ask == Some(Ask::Compare) && !self.time.is_empty());
        if let (Said::Both(from, to), true) = (said, self.ask == Some(Ask::Compare) && self.time.is_empty()) {
            // "The difference between today and yesterday" has two times.
            let relation = super::when::Relation::In;
            let days = !matches!(from, super::when::Piece::At(_));
            if days && self.time.add(relation, from) && self.other.add(relation, to) {
                return Ok(());
            }
        }
        let after_than = comparing && self.compare_from.is_none_or(|from| at > from);
        let mut copies = (self.time, self.other);
        let fits = |spoken: &mut Spoken| match said {
            Said::One(relation, piece) => spoken.add(relation, piece),
            Said::Both(from, to) => spoken.add_both(from, to),
        };
        let added = if after_than { fits(&mut copies.1) || fits(&mut copies.0) } else { fits(&mut copies.0) };
        if !added {
            return Err(Refusal::of(
                &token.written,
                format!("`{}` is another time beside the one that was read; ask with one", token.written),
            ));
        }
        // What did not fit may be half in place.
        let mut again = (self.time, self.other);
        if after_than {
            if !fits(&mut again.1) {
                again.1 = self.other;
                fits(&mut again.0);
            }
        } else {
            fits(&mut again.0);
        }
        (self.time, self.other) = again;
        Ok(())
    }

    fn put(&mut self, mark: Mark, token: &Token, at: usize) -> Result<(), Refusal> {
        let word = &token.written;
        match mark {
            Mark::Skip => {}
            Mark::Not => return Err(Refusal::of(word, format!("`{word}` turns the question round, and such questions are not answered"))),
            // "Compare today and yesterday", "how does cpu today and yesterday compare".
            Mark::Never(_) if self.ask == Some(Ask::Compare) && matches!(token.text.as_str(), "and" | "or") => self.compare_from = Some(at),
            Mark::Never(why) => return Err(Refusal::of(word, format!("`{word}`: {why}"))),
            Mark::Ask(ask) => return self.put_ask(ask, token),
            Mark::Is(atom) => {
                self.atoms.add(atom);
                match (atom, token.text.as_str()) {
                    (Atom::Depend, _) => self.relation = Some((true, at)),
                    (Atom::Blocked, "blocks" | "block" | "blocking") => self.relation = Some((false, at)),
                    _ => {}
                }
            }
            Mark::Extreme(high) => once(&mut self.extreme, high, token)?,
            Mark::Stat(stat) => once(&mut self.stat, stat, token)?,
            Mark::Trend(trend) => once(&mut self.trend, trend, token)?,
            Mark::Than => (self.than, self.compare_from) = (true, Some(at)),
            Mark::Before => self.before = true,
            Mark::Limit(_) => {}
            Mark::Was => self.was = true,
            Mark::Will => self.will = true,
            Mark::Now => self.now = true,
            Mark::Lately => self.lately = true,
            Mark::Ever => self.ever = true,
            Mark::Prior => self.prior = true,
            Mark::Since => self.since = true,
            Mark::Better(better) => once(&mut self.better, better, token)?,
        }
        Ok(())
    }

    /// The question word. "Is" and "show" may stand beside another.
    fn put_ask(&mut self, ask: Ask, token: &Token) -> Result<(), Refusal> {
        match (self.ask, ask) {
            (Some(known), new) if known == new => {}
            (None | Some(Ask::Show | Ask::Yes), Ask::Compare) | (None | Some(Ask::Show), _) => self.ask = Some(ask),
            (Some(Ask::How | Ask::What | Ask::Which), Ask::Compare) => self.ask = Some(ask),
            // "Is the disk growing how fast".
            (Some(Ask::Yes), Ask::HowFast) => self.ask = Some(ask),
            (Some(_), Ask::Yes | Ask::Show) | (Some(Ask::Compare), Ask::How | Ask::What) => {}
            // "Is it known why", "was there a moment when".
            (Some(Ask::What), Ask::Who | Ask::Which) => self.ask = Some(ask),
            _ => {
                let word = &token.written;
                return Err(Refusal::of(word, format!("With `{word}` there are two questions; ask one at a time")));
            }
        }
        Ok(())
    }
}

fn once<T: PartialEq>(slot: &mut Option<T>, value: T, token: &Token) -> Result<(), Refusal> {
    match slot {
        Some(known) if *known != value => {
            let word = &token.written;
            Err(Refusal::of(word, format!("`{word}` does not go with what was said before it; ask one thing at a time")))
        }
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}
