//! From the slots of a question to what it means. A word that the meaning has no use for refuses the question.

mod better;
mod defaults;
mod figure;
mod limits;
mod more;
mod wanted;

use super::lexicon::{Ask, Atom};
use super::measures::{Kind, Subject, measure};
use super::names::{Name, NameKind, Names};
use super::patterns::{self, Set};
use super::slots::{Quantity, Slots};
use super::when::{Clock, in_place_of};
use super::{Crossing, CrossingAs, Meaning, Range, Refusal, Stat, Trend, Wanted, agents, text};

/// Combinations of what names may be of that are tried.
const MAX_COMBINATIONS: usize = 64;
/// Rows at the most.
const MAX_ROWS: usize = 100;

/// What a question means.
///
/// # Errors
/// [`Refusal`] where it is not understood, with the word.
pub fn understand(question: &str, names: &Names, clock: &Clock) -> Result<Meaning, Refusal> {
    let tokens = text::tokens(question).map_err(Refusal::not_in_words)?;
    if let Some(meaning) = agents::understand(&tokens, names, clock) {
        return Ok(meaning);
    }
    let slots = Slots::new(&tokens, names, clock)?;
    let mut refused = None;
    for chosen in combinations(&slots.names) {
        match meaning(&slots, chosen, clock) {
            Ok(meaning) => return Ok(meaning),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    Err(refused.unwrap_or_else(|| Refusal::new("The question is not understood")))
}

/// Each way to say what the names are of, the likeliest first.
fn combinations(names: &[Vec<Name>]) -> Vec<Vec<Name>> {
    let mut out: Vec<Vec<Name>> = vec![Vec::new()];
    for candidates in names {
        let longer =
            out.iter().flat_map(|chosen| candidates.iter().map(move |name| [chosen.as_slice(), std::slice::from_ref(name)].concat()));
        out = longer.take(MAX_COMBINATIONS).collect();
    }
    out
}

/// The notion that a name brings with it.
fn of_name(kind: NameKind) -> Option<Atom> {
    Some(match kind {
        NameKind::Target => Atom::Probe,
        NameKind::Heartbeat => Atom::Heartbeat,
        NameKind::Workflow | NameKind::Repo => Atom::Ci,
        NameKind::Job => Atom::Job,
        NameKind::Mount => Atom::Disk,
        NameKind::Unit | NameKind::Container => Atom::Unit,
        NameKind::Process => Atom::Process,
        NameKind::Project | NameKind::Tag => Atom::Board,
        NameKind::Sensor => Atom::Temperature,
        NameKind::Rule => Atom::Alert,
        NameKind::Scraped => Atom::Scrape,
        NameKind::Source => Atom::Source,
        NameKind::Agent => Atom::Agent,
        NameKind::Host | NameKind::Device | NameKind::Metric => return None,
    })
}

/// Which names may narrow a subject.
fn narrows(kind: NameKind, subject: Subject) -> bool {
    let by = measure(subject).map(|measure| measure.by).unwrap_or_default();
    let system = measure(subject).is_some_and(|measure| matches!(measure.source, "system" | "containers"));
    match kind {
        NameKind::Target => by.contains(&"target") || matches!(subject, Subject::Alerts),
        NameKind::Heartbeat => by.contains(&"heartbeat"),
        NameKind::Workflow | NameKind::Repo => {
            let ci = [Subject::CiState, Subject::CiJobs, Subject::CiJobFailures, Subject::CiCost, Subject::CiBroken, Subject::CiShifted];
            by.contains(&"workflow") || ci.contains(&subject) || (kind == NameKind::Repo && subject == Subject::Runners)
        }
        NameKind::Job => matches!(subject, Subject::CiJobs | Subject::CiJobFailures),
        NameKind::Mount => by.contains(&"mountpoint"),
        NameKind::Unit | NameKind::Container => by.contains(&"unit"),
        NameKind::Process => by.contains(&"process"),
        NameKind::Host => system,
        NameKind::Project | NameKind::Tag => {
            by.contains(&"tag")
                || matches!(
                    subject,
                    Subject::BoardEnd | Subject::Cost | Subject::Tokens | Subject::Task | Subject::Dependents | Subject::Dependencies
                )
        }
        NameKind::Device => by.contains(&"device"),
        NameKind::Sensor => by.contains(&"sensor"),
        NameKind::Rule => subject == Subject::Alerts,
        NameKind::Scraped => subject == Subject::Scraped,
        NameKind::Source => subject == Subject::Sources,
        NameKind::Agent => matches!(subject, Subject::AgentSessions | Subject::AgentWaiting),
        NameKind::Metric => subject == Subject::Any,
    }
}

fn meaning(slots: &Slots, names: Vec<Name>, clock: &Clock) -> Result<Meaning, Refusal> {
    let metric = names.iter().find(|name| name.kind == NameKind::Metric).map(|name| name.value.clone());
    let mut atoms = slots.atoms;
    for name in &names {
        of_name(name.kind).into_iter().for_each(|atom| atoms.add(atom));
    }
    let named = !names.is_empty();
    let said = Said { slots, atoms, named };
    let subject = match &metric {
        Some(_) => said.any_metric()?,
        None => said.subject(&names)?,
    };
    let judged;
    let said = match slots.better {
        None => said,
        Some(better) => {
            judged = slots.with_trend(better::trend(slots, subject, better)?);
            Said { slots: &judged, atoms, named }
        }
    };
    let (wanted, subject) = said.wanted(subject)?;
    if let Some(name) = names.iter().find(|name| !narrows(name.kind, subject)) {
        return Err(Refusal::of(
            &name.value,
            format!("`{}` is known as a {}, which does not go with {}", name.value, name.kind.id(), lower(subject.about())),
        ));
    }
    if let Some(pair) = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a.kind == b.kind) {
        return Err(Refusal::of(
            &pair.1.value,
            format!("`{}` and `{}` are two of a kind; one is asked for at a time", pair.0.value, pair.1.value),
        ));
    }
    let (time, compared) = said.times(wanted, subject, metric.as_deref(), clock)?;
    let status = said.status(subject);
    let names: Vec<Name> = names.into_iter().filter(|name| name.kind != NameKind::Metric).collect();
    let meaning = Meaning {
        wanted,
        subject,
        names,
        metric,
        time,
        compared,
        limit: slots.count.map(|count| count.min(MAX_ROWS)),
        task: slots.task.clone(),
        status,
        topic: said.topic(subject),
        corrections: slots.corrections.clone(),
    };
    said.all_used(&meaning)?;
    Ok(meaning)
}

fn lower(about: &str) -> String {
    let about = about.trim_end_matches('.');
    let small = |c: char| c.is_lowercase() || c == ' ';
    let mut chars = about.chars();
    match chars.next() {
        Some(first) if chars.clone().next().is_some_and(small) => first.to_lowercase().chain(chars).collect(),
        _ => about.to_owned(),
    }
}

/// A notion as it is said: `JobTime` is "job time".
fn in_words(atom: Atom) -> String {
    let mut out = String::new();
    for c in format!("{atom:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The slots with what the names say.
struct Said<'a> {
    slots: &'a Slots,
    atoms: Set,
    named: bool,
}

/// Subjects that a question for a length of time may mean.
const LASTING: [Subject; 7] = [
    Subject::CiDuration,
    Subject::CiQueue,
    Subject::TaskTime,
    Subject::ProbeTime,
    Subject::CiJobs,
    Subject::ReviewTime,
    Subject::AgentTime,
];

impl Said<'_> {
    fn is(&self, ask: Ask) -> bool {
        self.slots.ask == Some(ask)
    }

    fn asks(&self, any: &[Ask]) -> bool {
        self.slots.ask.is_some_and(|ask| any.contains(&ask))
    }

    fn has(&self, atom: Atom) -> bool {
        self.atoms.has(atom)
    }

    /// A metric that is named goes with no other notion than those of any figure.
    fn any_metric(&self) -> Result<Subject, Refusal> {
        let soft = [Atom::Usage, Atom::Total, Atom::Last, Atom::Used, Atom::Use, Atom::Happen, Atom::Machine, Atom::Moved, Atom::Left];
        let mut rest = self.atoms;
        soft.into_iter().for_each(|atom| rest.remove(atom));
        if rest.is_empty() { Ok(Subject::Any) } else { Err(Refusal::new("A metric that is called by its name is asked for alone")) }
    }

    /// What it is about.
    fn subject(&self, names: &[Name]) -> Result<Subject, Refusal> {
        let mut atoms = self.atoms;
        // A workflow and a run are CI; which of them is asked for is known from the words.
        if atoms.any(&[Atom::Workflow, Atom::Run]) && !atoms.has(Atom::Heartbeat) {
            atoms.add(Atom::Ci);
            atoms.remove(Atom::Workflow);
            atoms.remove(Atom::Run);
        }
        // "The nginx service" is nginx; "which service" is a unit.
        if atoms.has(Atom::Owner) && !self.named {
            atoms.add(Atom::Unit);
            atoms.remove(Atom::Owner);
        }
        let device = names.iter().find(|name| name.kind == NameKind::Device);
        if device.is_some() && atoms.any(&[Atom::Read, Atom::Write]) {
            atoms.add(Atom::Io);
        }
        if device.is_some() && !atoms.any(&[Atom::Disk, Atom::Io, Atom::Network, Atom::Receive, Atom::Send]) {
            return Err(Refusal::new("Of a device its disk I/O or its traffic can be asked for"));
        }
        // "Is db-1 alive": a machine has no state of its own, its samples come or not.
        let states = [Atom::Up, Atom::Down, Atom::Ok, Atom::Active, Atom::Machine, Atom::Uptime];
        let mut rest = atoms;
        states.into_iter().for_each(|atom| rest.remove(atom));
        let machine = [Atom::Up, Atom::Down, Atom::Ok, Atom::Active];
        if names.iter().any(|name| name.kind == NameKind::Host) && rest.is_empty() && atoms.any(&machine) && !atoms.has(Atom::Uptime) {
            return Ok(Subject::HostState);
        }
        for extra in [Atom::Moved, Atom::Happen] {
            // "What moved together with cpu", "what changed before the cpu alert", "how did cpu change".
            if atoms.has(extra) && (self.why() || self.is(Ask::Compare) || self.compares_change(atoms)) {
                atoms.remove(extra);
            }
        }
        if atoms.is_empty() {
            return Err(Refusal::new("What the question is about is missing"));
        }
        if self.asks(&[Ask::HowLong, Ask::HowFast]) {
            let mut longer = atoms;
            longer.add(Atom::Duration);
            if let Some(found) = patterns::subject(longer).filter(|found| LASTING.contains(found)) {
                return Ok(found);
            }
        }
        // "What fills the disk".
        let fills = atoms.has(Atom::Full) && self.slots.trend == Some(Trend::Up) && self.asks(&[Ask::Who, Ask::What]) && !self.slots.will;
        if (atoms.has(Atom::Use) || fills)
            && atoms.has(Atom::Disk)
            && !atoms.any(&[Atom::Io, Atom::Read, Atom::Write])
            && self.asks(&[Ask::Who, Ask::Which, Ask::What])
        {
            return Err(Refusal::new("Who uses the space of a disk is not measured; which processes read and write is"));
        }
        if self.asks_for_users(atoms) {
            let mut by_process = atoms;
            by_process.add(Atom::Process);
            if let Some(found) = patterns::subject(by_process) {
                return Ok(found);
            }
        }
        patterns::subject(atoms).ok_or_else(|| self.no_subject(atoms))
    }

    /// "Who uses most memory": processes.
    fn asks_for_users(&self, atoms: Set) -> bool {
        let ranked =
            self.slots.extreme == Some(true) && matches!(self.slots.ask, None | Some(Ask::Show | Ask::What)) && atoms.has(Atom::Use);
        let asked = ranked || self.is(Ask::Who) || (self.asks(&[Ask::What, Ask::Which]) && atoms.has(Atom::Use));
        asked
            && !self.named
            && atoms.any(&[Atom::Cpu, Atom::Memory, Atom::Io, Atom::Write, Atom::Read])
            && !atoms.any(&[Atom::Unit, Atom::Process, Atom::Alert, Atom::Pressure, Atom::Machine])
    }

    /// "How did cpu change since Monday": a comparison.
    fn compares_change(&self, atoms: Set) -> bool {
        self.asks(&[Ask::How, Ask::HowMuch]) && atoms.has(Atom::Happen) && !atoms.has(Atom::Alert) && atoms.atoms().count() > 1
    }

    fn no_subject(&self, atoms: Set) -> Refusal {
        let words: Vec<String> = atoms.atoms().map(in_words).collect();
        if atoms.has(Atom::Anything) || words.len() < 2 {
            return Refusal::new("What the question is about is not understood");
        }
        Refusal::new(format!("These do not make one question: {}", words.join(", ")))
    }

    fn why(&self) -> bool {
        self.is(Ask::Why) || self.has(Atom::Moved)
    }

    /// Refuses where a word was read that the meaning has no use for.
    fn all_used(&self, meaning: &Meaning) -> Result<(), Refusal> {
        let slots = self.slots;
        let lists = matches!(meaning.wanted, Wanted::Most | Wanted::Least | Wanted::List | Wanted::Happened | Wanted::BeforeAlert);
        let unused = [
            (slots.count.is_some() && !lists, "A number of rows does not go with this question"),
            (slots.limit.is_some() && !matches!(meaning.wanted, Wanted::Crossed(_)), "A limit does not go with this question"),
            (slots.stat.is_some_and(|stat| !figure::stat_fits(stat, meaning)), "A mean, median or total does not go with this question"),
            (
                slots.extreme.is_some()
                    && !matches!(meaning.wanted, Wanted::Value(_) | Wanted::TimeOf(_) | Wanted::Most | Wanted::Least)
                    && !(matches!(meaning.wanted, Wanted::Why(_)) && slots.extreme == Some(true)),
                "\"Most\" or \"least\" does not go with this question",
            ),
            (
                (slots.than || slots.before || !slots.other.is_empty()) && meaning.compared.is_none(),
                "What is compared with what is not understood",
            ),
            (
                slots.trend.is_some()
                    && !matches!(meaning.wanted, Wanted::Compared(_) | Wanted::Why(_) | Wanted::Forecast | Wanted::Growth)
                    && !matches!(meaning.subject, Subject::Probe | Subject::Heartbeat | Subject::Scraped | Subject::CiShifted),
                "\"More\" or \"less\" does not go with this question",
            ),
            (slots.than && slots.other.is_empty() && !slots.before, "What is compared with what is not understood; two times are compared"),
            (slots.prior && meaning.wanted != Wanted::BeforeAlert, "Before what is not understood"),
            (slots.will && !matches!(meaning.wanted, Wanted::Forecast | Wanted::State(_)), FUTURE),
            (slots.task.is_some() && meaning.task.is_none(), "A task does not go with this question"),
            (
                meaning.task.is_some()
                    && !matches!(
                        meaning.subject,
                        Subject::Task
                            | Subject::Tasks
                            | Subject::Cost
                            | Subject::Tokens
                            | Subject::TaskTime
                            | Subject::ReviewTime
                            | Subject::Subtasks
                            | Subject::Dependents
                            | Subject::Dependencies
                    ),
                "A task does not go with this question",
            ),
            (
                meaning.task.is_some() && (meaning.time.is_some() || meaning.compared.is_some()),
                "A task is counted as a whole; leave out the time",
            ),
            (
                meaning.time.is_some() && matches!(meaning.subject, Subject::Sources | Subject::Advice),
                "What sources did and what was advised at another time is on the time line; leave out the time",
            ),
            (
                meaning.time.is_some() && meaning.subject == Subject::TaskTime && matches!(meaning.wanted, Wanted::Most | Wanted::Least),
                "Which task took longest is known of all of them; leave out the time",
            ),
            (meaning.time.is_some() && meaning.subject == Subject::Certificate, "The ends of certificates are said; leave out the time"),
            (
                meaning.status.is_some() && meaning.subject == Subject::TaskTime && !matches!(meaning.wanted, Wanted::Most | Wanted::Least),
                "Of tasks in progress it can be asked which one has been so for longest",
            ),
            (
                slots.now
                    && meaning.time.is_some()
                    && !slots.time.is_empty()
                    && !matches!(meaning.wanted, Wanted::Compared(_) | Wanted::Why(_)),
                "\"Now\" and another time are said together",
            ),
        ];
        match unused.iter().find(|(unused, _)| *unused) {
            Some((_, why)) => Err(Refusal::new(*why)),
            None => Ok(()),
        }
    }
}

/// What is said of the future of other things.
const FUTURE: &str = "Of the future it can be said when a disk or memory is full, when a board is done and when a certificate ends";
