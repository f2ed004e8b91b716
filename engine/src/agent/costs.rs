//! What sessions cost, added up by task, model, commit and so on. What nobody can say is a row of its own, so that rows add up to what the
//! clients said.
//!
//! A session whose requests are known is counted by them, each at its time. Where its data points know more (records were lost, or the
//! client sends none), the rest counts when the session was last heard of. Time counts where it passed ([`super::effort`]).

use std::collections::{BTreeMap, BTreeSet};

use super::book::Book;
pub use super::by::{By, How};
use super::effort::{Amounts, Borders, Effort, NOTHING, Stretch, WAITING, WALL, at_once, turns, waits};
use super::figures::Figures;
use super::item::{Item, Kind, Sum};
use super::page::Page;
pub use super::runs::{CiFigures, add_runs};
use super::session::Session;
use super::signal::{SessionKey, TaskRef};
use crate::board::Usual;
use crate::board::cost::{date_of, week_of};
use crate::model::TimestampMs;

/// A time in which a task was in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The folder of the project; empty where it is not known.
    pub folder: String,
    /// The task.
    pub task: TaskRef,
    /// From.
    pub from: TimestampMs,
    /// To.
    pub to: TimestampMs,
    /// How long tasks like it take, where enough were done.
    pub usual: Option<Usual>,
    /// Whether it began then: it may have been in progress already when the service first saw it.
    pub start_seen: bool,
}

/// The tasks that a session works on at a time: the one that it names, else those of the boards.
#[must_use]
pub fn tasks_of(session: &Session, at: TimestampMs, work: &[Work]) -> (Vec<TaskRef>, How) {
    match session.task() {
        Some(task) => (vec![whole(task, work)], How::Exact),
        None => tasks_at(session, at, work),
    }
}

/// The tasks of a session by the times of boards.
#[must_use]
pub fn tasks_at(session: &Session, at: TimestampMs, work: &[Work]) -> (Vec<TaskRef>, How) {
    let open: Vec<&Work> = work.iter().filter(|work| work.from <= at && at < work.to).collect();
    let here: Vec<&&Work> = open.iter().filter(|work| session.is_in(&work.folder)).collect();
    // A session in another folder works on none of them.
    let found: Vec<TaskRef> = match (here.is_empty(), session.folder()) {
        (false, _) => here.iter().map(|work| work.task.clone()).collect(),
        (true, None) => open.iter().map(|work| work.task.clone()).collect(),
        (true, Some(_)) => Vec::new(),
    };
    let how = if found.len() == 1 && !here.is_empty() { How::ByFolderAndTime } else { How::Shared };
    (found, how)
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// What was used.
    pub figures: Figures,
    /// What it took.
    pub effort: Effort,
    /// What CI did for its commits.
    pub ci: CiFigures,
    /// How the tasks of its parts are known, from the best to the weakest.
    pub how: BTreeSet<How>,
    /// Of a task that is known by the times of a board: since when it counts, and whether it began then.
    pub counted: Option<(TimestampMs, bool)>,
}

/// The key of a row: one value for each of what was asked for; none where it is not known.
pub type RowKey = Vec<Option<String>>;

/// Rows by key.
pub type Rows = BTreeMap<RowKey, Row>;

/// What a range of time is added up from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The pages of the range and of [`super::effort::LONGEST_PAUSE_MS`] before and after it: turns may reach into it.
    pub pages: &'a [Page],
    /// The sessions.
    pub book: &'a Book,
    /// When tasks were in progress.
    pub work: &'a [Work],
    /// The time: a wait may last.
    pub now: TimestampMs,
}

/// Adds up what was used in `[start, end)`. Where anything was, the row of what is attributed to nothing is there too.
#[must_use]
pub fn costs(by: &[By], range: (TimestampMs, TimestampMs), from: Sources<'_>) -> Rows {
    let mut rows = Rows::new();
    let within = |at: TimestampMs| (range.0..range.1).contains(&at);
    let mut adder = Adder { by, work: from.work, rows: &mut rows };
    let mut by_session: BTreeMap<&SessionKey, Vec<&Page>> = BTreeMap::new();
    for page in from.pages {
        let Some(session) = page.session.as_ref().and_then(|key| from.book.session(key)) else { continue };
        by_session.entry(&session.key).or_default().push(page);
        for item in page.items.values().filter(|item| within(item.at)) {
            let (money, effort) = (session.counts(item), at_once(item));
            if money || effort != NOTHING {
                adder.add(session, item, money, effort);
            }
        }
    }
    let borders = adder.borders();
    for session in from.book.sessions() {
        if within(session.last_seen) {
            session.rest().into_iter().for_each(|item| adder.add(session, &item, true, NOTHING));
        }
        let pages = by_session.get(&session.key).map(Vec::as_slice).unwrap_or_default();
        for (which, stretches) in [(WALL, turns(pages)), (WAITING, waits(session, pages, from.now))] {
            stretches.iter().for_each(|stretch| adder.add_stretch(session, stretch, which, range, &borders));
        }
    }
    finish(by, from.work, &mut rows);
    rows
}

/// What was spent: when, how many millionths of a dollar, and on which task.
#[must_use]
pub fn spending((start, end): (TimestampMs, TimestampMs), from: Sources<'_>) -> Vec<(TimestampMs, u64, Option<TaskRef>)> {
    let within = |at: TimestampMs| (start..end).contains(&at);
    let mut rows = Rows::new();
    let adder = Adder { by: &[By::Task], work: from.work, rows: &mut rows };
    let mut out = Vec::new();
    let mut add = |session: &Session, item: &Item| {
        let (tasks, _) = adder.tasks(session, item);
        for (share, task) in shares(&tasks) {
            out.extend(share.of(item.micros).map(|micros| (item.at, micros, task.cloned())));
        }
    };
    for page in from.pages {
        let Some(session) = page.session.as_ref().and_then(|key| from.book.session(key)) else { continue };
        page.items.values().filter(|item| within(item.at) && session.counts(item)).for_each(|item| add(session, item));
    }
    for session in from.book.sessions().filter(|session| within(session.last_seen)) {
        session.rest().iter().for_each(|item| add(session, item));
    }
    out
}

/// Says since when tasks count, and adds the row of what is attributed to nothing.
fn finish(by: &[By], work: &[Work], rows: &mut Rows) {
    if rows.is_empty() {
        return;
    }
    if let Some(place) = by.iter().position(|by| *by == By::Task) {
        let mut first: BTreeMap<String, (TimestampMs, bool)> = BTreeMap::new();
        for work in work {
            let known = first.entry(name_of(&work.task)).or_insert((work.from, work.start_seen));
            *known = (*known).min((work.from, work.start_seen));
        }
        for (key, row) in rows.iter_mut().filter(|(_, row)| row.how.iter().any(|how| *how != How::Exact)) {
            row.counted = key[place].as_ref().and_then(|task| first.get(task).copied());
        }
    }
    let mut total = Row::default();
    for row in rows.values() {
        total.figures.add_all(&row.figures);
        total.effort.add_all(&row.effort);
    }
    let rest = rows.entry(vec![None; by.len()]).or_default();
    rest.figures.zero_where_known(&total.figures);
    rest.effort.zero_where_known(&total.effort);
}

pub(super) struct Adder<'a> {
    pub(super) by: &'a [By],
    pub(super) work: &'a [Work],
    pub(super) rows: &'a mut Rows,
}

impl Adder<'_> {
    fn needs(&self, wanted: &[By]) -> bool {
        self.by.iter().any(|by| wanted.contains(by))
    }

    /// Where stretches of time are cut.
    fn borders(&self) -> Borders {
        let mut times = Vec::new();
        if self.needs(&[By::Task, By::Tag]) {
            times = self.work.iter().flat_map(|work| [work.from, work.to]).collect();
            times.sort_unstable();
            times.dedup();
        }
        Borders { by_day: self.needs(&[By::Day, By::Week]), times }
    }

    /// The tasks of an item, and how they are known.
    pub(super) fn tasks(&self, session: &Session, item: &Item) -> (Vec<TaskRef>, Option<How>) {
        match &item.task {
            _ if !self.needs(&[By::Task, By::Tag]) => (Vec::new(), None),
            Some(task) => (vec![whole(task, self.work)], Some(How::Exact)),
            None => {
                let (tasks, how) = tasks_at(session, item.at, self.work);
                let how = (!tasks.is_empty()).then_some(how);
                (tasks, how)
            }
        }
    }

    fn add_stretch(&mut self, session: &Session, stretch: &Stretch, which: usize, range: (TimestampMs, TimestampMs), borders: &Borders) {
        for (from, to) in stretch.parts(range, borders) {
            let mut effort = NOTHING;
            effort[which] = u64::try_from(to - from).ok();
            self.add(session, &Item { at: from + (to - from) / 2, ..stretch.about.clone() }, false, effort);
        }
    }

    fn add(&mut self, session: &Session, item: &Item, money: bool, effort: Amounts) {
        let (tasks, how) = self.tasks(session, item);
        for (share, task) in shares(&tasks) {
            let key = self.by.iter().map(|by| value(*by, session, item, task)).collect();
            let row: &mut Row = self.rows.entry(key).or_default();
            if money {
                row.figures.add_share(item, share);
            }
            row.effort.change(effort.map(|whole| share.of(whole)));
            row.how.extend(how);
        }
    }
}

/// A task with the project and the tag that the client left out, if only one on the boards is meant.
fn whole(task: &TaskRef, work: &[Work]) -> TaskRef {
    let mut all = work.iter().map(|work| &work.task).filter(|known| task.may_be(known));
    match all.next() {
        Some(first) if all.all(|other| other == first) => first.clone(),
        _ => task.clone(),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Project, tag and id of a task, as far as they are known, with `/` between.
#[must_use]
pub fn name_of(task: &TaskRef) -> String {
    let parts = [&task.project, &task.tag, &task.id];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("/")
}

pub(super) fn value(by: By, session: &Session, item: &Item, task: Option<&TaskRef>) -> Option<String> {
    match by {
        By::Agent => some(&session.key.agent),
        By::Model => item.model.as_deref().and_then(some),
        By::Task => task.map(name_of),
        By::Tag => task.and_then(|task| some(&task.tag)),
        By::Week => some(&week_of(item.at)),
        By::Day => date_of(item.at).map(|date| date.to_string()),
        By::Branch => item.branch.as_deref().or_else(|| session.branch()).and_then(some),
        By::Repository => session.repository().or_else(|| session.folder()).and_then(some),
        By::Session => Some(format!("{}/{}", session.key.agent, session.key.id)),
        By::Commit => session.commits.iter().find(|commit| commit.until() >= item.at).map(|commit| commit.id.clone()),
    }
}

/// A share of something that several have: which of how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) which: u64,
    pub(super) of: u64,
}

impl Share {
    /// Its part of a whole number: shares differ by one at the most and add up to it.
    pub(super) fn of(self, whole: Option<u64>) -> Option<u64> {
        whole.map(|whole| whole / self.of + u64::from(self.which < whole % self.of))
    }
}

/// The share of each task; where there is none, the whole belongs to no task.
pub(super) fn shares(tasks: &[TaskRef]) -> impl Iterator<Item = (Share, Option<&TaskRef>)> {
    let of = tasks.len().max(1);
    (0..of).map(move |which| (Share { which: which as u64, of: of as u64 }, tasks.get(which)))
}

impl Figures {
    fn add_share(&mut self, item: &Item, share: Share) {
        self.requests += u64::from(item.kind == Kind::Request && share.which == 0);
        self.change(item.amounts().map(|whole| share.of(whole)), Sum::add);
    }
}

impl Session {
    /// Whether money and tokens of an item count.
    fn counts(&self, item: &Item) -> bool {
        let by_requests = self.is_counted_by_requests(item.model.as_deref().unwrap_or(""));
        match item.kind {
            Kind::Request => by_requests,
            Kind::Delta | Kind::Total => !by_requests && matches!(item.name.as_str(), "cost" | "tokens"),
            _ => false,
        }
    }

    /// Whether the items of a model are its requests, or the data points, since no request is known.
    fn is_counted_by_requests(&self, model: &str) -> bool {
        self.accounts.get(model).is_some_and(|accounts| accounts.requests.requests > 0)
    }

    /// What is known beyond the items: by how much data points exceed requests, and what only the status line says.
    fn rest(&self) -> Vec<Item> {
        let mut out = Vec::new();
        let item = |model: Option<&str>| Item { kind: Kind::Delta, at: self.last_seen, model: model.map(str::to_owned), ..Item::default() };
        for (model, accounts) in self.accounts.iter().filter(|(_, accounts)| accounts.requests.requests > 0) {
            let (all, known) = (accounts.points.sums(), accounts.requests.sums());
            let over = |at: usize| Some(all[at].value.saturating_sub(known[at].value)).filter(|rest| *rest > 0);
            let rest = item(some(model).as_deref()).with_amounts(std::array::from_fn(over));
            if rest.micros.is_some() || !rest.tokens.is_unknown() {
                out.push(rest);
            }
        }
        let counted = self.figures().any(|(_, figures)| figures.micros.known().is_some());
        if let (false, Some(micros)) = (counted, self.said_micros) {
            out.push(Item { micros: Some(micros), ..item(self.model()) });
        }
        out
    }
}
