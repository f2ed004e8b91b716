//! Questions about coding agents and their sessions: who waits and why, what each does, who works on a task, who costs most.
//!
//! A small grammar of its own that is tried first: a question is one of these where each of its words is in the table below, a time, a task
//! or an agent. All others go on to the grammar of figures.

use super::meaning::{Meaning, Range, Stat, Wanted};
use super::measures::Subject;
use super::names::{Name, NameKind, Names};
use super::text::Token;
use super::when::{Clock, Said, Spoken, said};

macro_rules! words {
    ($($word:ident: $text:literal;)*) => {
        /// What a word of these questions says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Word { $($word),* }

        /// The words, and phrases of several, with `|` between.
        const WORDS: &[(&str, Word)] = &[$(($text, Word::$word)),*];
    };
}

words! {
    Skip: "a|an|the|of|on|in|at|for|with|to|from|by|my|our|is|are|am|was|were|do|does|did|has|have|had|been|being|be|it|its|they|their|there|any|all|now|right now|currently|at the moment|please|so far|ones|one|time|each|me|i|we|us|every|over|during|within|these|those|this|that|used to|get|got|still";
    Show: "show|list|show me|list all|name|tell me|tell me about|tell me which";
    Which: "which|what|what's|whats|who|who is|who's|whose";
    HowMany: "how many|number of|count|count of|how many of";
    HowMuch: "how much|how much money";
    HowLong: "how long|how much time|for how long";
    Why: "why|what for|how come|for what";
    Agent: "agent|agents|coding agent|coding agents|ai agent|ai agents|ai";
    Session: "session|sessions|agent session|agent sessions|coding session|coding sessions";
    Model: "model|models";
    Branch: "branch|branches";
    Repository: "repository|repositories|repo|repos";
    Waits: "wait|waits|waiting|waited|blocked|held up";
    ForPermission: "for permission|for a permission|for permissions|for approval|for my permission|for an approval|for a tool";
    ForAnswer: "for an answer|for answers|for my answer|for input|for my input|for a reply";
    ForModel: "for the model|for a model|rate limited|rate-limited|for the provider";
    ForMe: "for me|for us|on me|on us|for a person|for someone|for somebody|for anybody|for anyone";
    Works: "work|works|working|worked|busy|active|running|run|ran|runs|at work";
    Idle: "idle|idling|resting|asleep";
    Ended: "ended|finished|over|closed";
    Lost: "lost|gone|vanished|silent";
    Doing: "doing|up to|do now|working on what|going on with";
    Wrong: "wrong|in trouble|looping|in a loop|going in circles|going round in circles|stuck|failing|making no progress|troubled";
    Cost: "cost|costs|costed|spend|spends|spent|money|dollars|usd|expensive|price|bill";
    Dearest: "most expensive|costliest|dearest|priciest";
    Cheapest: "least expensive|cheapest";
    Tokens: "token|tokens";
    Uses: "use|used|uses|using|consume|consumed|consumes|burn|burned|burns|burnt|need|needed|eat|ate|eats|took|take|takes";
    Most: "most|the most|highest|biggest|top|more than all others";
    Least: "least|the least|lowest|fewest";
    Context: "context|contexts|context window";
    Full: "full|fullest|filled|how full";
}

/// Words of a question, as a set.
type Set = u128;

impl Word {
    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

/// What a question says.
#[derive(Default)]
struct Read {
    words: Set,
    agents: Vec<Name>,
    task: Option<String>,
    time: Spoken,
    count: Option<usize>,
}

impl Read {
    fn has(&self, word: Word) -> bool {
        self.words & word.bit() != 0
    }

    fn any(&self, words: &[Word]) -> bool {
        words.iter().any(|word| self.has(*word))
    }

    /// Whether it says nothing beside these, fill words and question words.
    fn only(&self, words: &[Word]) -> bool {
        const FILL: [Word; 5] = [Word::Skip, Word::Show, Word::Which, Word::HowMany, Word::Agent];
        let allowed = words.iter().chain(&FILL).fold(Word::Session.bit(), |all, word| all | word.bit());
        self.words & !allowed == 0
    }

    /// Each word in its place; none where one is not of this grammar.
    fn of(tokens: &[Token], names: &Names, clock: &Clock) -> Option<Self> {
        let mut read = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            at += read.take(rest, names, clock)?;
        }
        Some(read)
    }

    fn take(&mut self, rest: &[Token], names: &Names, clock: &Clock) -> Option<usize> {
        if let Some((taken, found)) = names.at(rest)
            && let Some(agent) = found.into_iter().find(|name| name.kind == NameKind::Agent)
        {
            self.agents.push(agent);
            return Some(taken);
        }
        if let Some((taken, id)) = task(rest) {
            return self.task.replace(id).is_none().then_some(taken);
        }
        if let Some((taken, time)) = said(rest, clock) {
            let added = match time {
                Said::One(relation, piece) => self.time.add(relation, piece),
                Said::Both(from, to) => self.time.add_both(from, to),
            };
            return added.then_some(taken);
        }
        if let Some(count) = rest[0].text.parse::<usize>().ok().filter(|count| (1..=100).contains(count)) {
            return (self.has(Word::Most) && self.count.replace(count).is_none()).then_some(1);
        }
        let (taken, word) = word(rest)?;
        self.words |= word.bit();
        Some(taken)
    }
}

/// The longest phrase that words begin with.
fn word(rest: &[Token]) -> Option<(usize, Word)> {
    let fits = |phrase: &str| {
        let parts: Vec<&str> = phrase.split(' ').collect();
        let same = parts.len() <= rest.len() && parts.iter().zip(rest).all(|(part, token)| *part == token.text && !token.quoted);
        same.then_some(parts.len())
    };
    let all = WORDS.iter().flat_map(|(line, word)| line.split('|').filter_map(move |phrase| Some((fits(phrase)?, *word))));
    all.max_by_key(|(taken, _)| *taken)
}

/// `task 7`, `task #7`, `#7`.
fn task(rest: &[Token]) -> Option<(usize, String)> {
    let id = |text: &str| {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let whole = digits.split('.').all(|part| !part.is_empty() && part.len() < 7 && part.chars().all(|c| c.is_ascii_digit()));
        (whole && digits.split('.').count() <= 2).then(|| digits.to_owned())
    };
    match rest[0].text.as_str() {
        "task" => Some((2, id(&rest.get(1)?.text)?)),
        text if text.starts_with('#') => Some((1, id(text)?)),
        _ => None,
    }
}

/// What a question about agents means; none where it is not one.
pub(super) fn understand(tokens: &[Token], names: &Names, clock: &Clock) -> Option<Meaning> {
    let read = Read::of(tokens, names, clock)?;
    let about_agents = read.any(&[Word::Agent, Word::Session]) || !read.agents.is_empty();
    let by_model = read.has(Word::Model) && read.any(&[Word::Cost, Word::Tokens, Word::Dearest, Word::Cheapest]);
    let who_works = read.task.is_some() && read.any(&[Word::Works, Word::Doing]) && read.has(Word::Which);
    if read.agents.len() > 1 || !(about_agents || by_model || who_works) {
        return None;
    }
    let time = if read.time.is_empty() { None } else { Some(read.time.range(clock)?) };
    if time.is_some_and(|range| range.start >= clock.now || range.start < 0) {
        return None;
    }
    let time = time.map(|range| Range { end: range.end.min(clock.now), ..range });
    let meaning = read.used(time, clock).or_else(|| read.sessions(time, clock))?;
    Some(Meaning { names: read.agents, limit: read.count, task: read.task, ..meaning })
}

const DAY: i64 = 86_400_000;

fn last(clock: &Clock, length: i64) -> Range {
    Range { start: clock.now - length, end: clock.now }
}

impl Read {
    /// Money, tokens: of an agent, or who used most.
    fn used(&self, time: Option<Range>, clock: &Clock) -> Option<Meaning> {
        let dear = self.any(&[Word::Cost, Word::Dearest, Word::Cheapest]);
        let tokens = self.has(Word::Tokens);
        if dear == tokens && !(dear && self.has(Word::Uses)) || self.task.is_some() || self.has(Word::Why) {
            return None;
        }
        let subject = if tokens { Subject::Tokens } else { Subject::Cost };
        let beside = [
            Word::Cost,
            Word::Tokens,
            Word::Uses,
            Word::Most,
            Word::Least,
            Word::Dearest,
            Word::Cheapest,
            Word::Model,
            Word::Branch,
            Word::Repository,
            Word::HowMuch,
            Word::Works,
        ];
        if !self.only(&beside) {
            return None;
        }
        let least = self.any(&[Word::Least, Word::Cheapest]);
        let ranked = least || self.any(&[Word::Most, Word::Dearest]);
        let groups = [(Word::Session, "session"), (Word::Model, "model"), (Word::Branch, "branch"), (Word::Repository, "repository")];
        let mut by = groups.into_iter().filter(|(word, _)| self.has(*word)).map(|(_, name)| name);
        let group = by.next().or_else(|| (self.has(Word::Agent) && self.agents.is_empty()).then_some("agent"));
        let time = Some(time.unwrap_or_else(|| last(clock, DAY)));
        if by.next().is_some() {
            return None;
        }
        match group {
            // "Which session costs most", "which agent used the most tokens today".
            Some(group) if ranked || self.any(&[Word::Which, Word::Show]) => {
                let wanted = if least { Wanted::Least } else { Wanted::Most };
                Some(Meaning { time, topic: Some(group), ..Meaning::about(wanted, subject) })
            }
            // "What did claude cost today", "how many tokens did codex use".
            None if !self.agents.is_empty() && !ranked => Some(Meaning { time, ..Meaning::about(Wanted::Value(Stat::Usual), subject) }),
            _ => None,
        }
    }

    /// Sessions: which are in a state, what they do, why they wait, who works on a task.
    fn sessions(&self, time: Option<Range>, clock: &Clock) -> Option<Meaning> {
        let subject = Subject::AgentSessions;
        let list = if self.has(Word::HowMany) { Wanted::Count } else { Wanted::List };
        let waits = [Word::Waits, Word::ForPermission, Word::ForAnswer, Word::ForModel, Word::ForMe];
        let whom = [(Word::ForPermission, "permission"), (Word::ForAnswer, "answer"), (Word::ForModel, "model"), (Word::ForMe, "person")];
        let topic = whom.into_iter().find(|(word, _)| self.has(*word)).map(|(_, topic)| topic);
        let asks = self.any(&[Word::Which, Word::Show, Word::HowMany]) || !self.has(Word::Why);
        if self.task.is_some() {
            let fits = self.only(&[Word::Works, Word::Doing]) && time.is_none() && asks;
            return fits.then(|| Meaning::about(list, subject));
        }
        if self.has(Word::Why) {
            let fits = self.any(&[Word::Waits, Word::Wrong, Word::Idle]) && time.is_none();
            let only = self.only(&[&waits[..], &[Word::Why, Word::Wrong, Word::Idle]].concat());
            return (fits && only).then(|| Meaning { topic, ..Meaning::about(Wanted::Why(None), subject) });
        }
        if self.has(Word::HowLong) {
            let only = self.only(&[&waits[..], &[Word::HowLong]].concat());
            let fits = self.has(Word::Waits) && only && topic != Some("model");
            let time = Some(time.unwrap_or_else(|| last(clock, DAY)));
            return fits.then(|| Meaning { time, ..Meaning::about(Wanted::Value(Stat::Usual), Subject::AgentWaiting) });
        }
        if self.any(&[Word::Context]) {
            let fits = self.only(&[Word::Context, Word::Full, Word::HowMuch, Word::Uses, Word::Most]) && time.is_none();
            return fits.then(|| Meaning { topic: Some("context"), ..Meaning::about(list, subject) });
        }
        let states = [
            (&waits[..], "waiting"),
            (&[Word::Idle], "idle"),
            (&[Word::Ended], "ended"),
            (&[Word::Lost], "lost"),
            (&[Word::Wrong], "wrong"),
            (&[Word::Works], "working"),
        ];
        let mut found = states.iter().filter(|(words, _)| self.any(words));
        let state = found.next();
        if found.next().is_some() {
            return None;
        }
        match (state, time) {
            // "Which agents ran yesterday": all that were there.
            (Some((words, "working")), Some(_)) if self.only(words) => Some(Meaning { time, ..Meaning::about(list, subject) }),
            (Some((words, status)), None) if self.only(words) => {
                Some(Meaning { status: Some(*status), topic, ..Meaning::about(list, subject) })
            }
            // "What is claude doing", "show agents", "how many sessions are there".
            (None, _) if self.only(&[Word::Doing]) && self.any(&[Word::Doing, Word::Show, Word::HowMany, Word::Which]) => {
                Some(Meaning { time, ..Meaning::about(list, subject) })
            }
            _ => None,
        }
    }
}
