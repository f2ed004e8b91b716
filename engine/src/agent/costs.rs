//! What sessions cost, added up by task, model, commit and so on. What nobody can say is a row of its own, so that rows add up to what the
//! clients said.
//!
//! A session whose requests are known is counted by them, each at its time. Where its data points know more (records were lost, or the
//! client sends none), the rest counts when the session was last heard of.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Book;
use super::item::{Item, Kind, Sum};
use super::page::Page;
use super::session::{Figures, Session};
use super::signal::TaskRef;
use crate::board::Usual;
use crate::board::cost::{date_of, week_of};
use crate::model::TimestampMs;

/// A dimension of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The agent.
    Agent,
    /// The model.
    Model,
    /// Project, tag and id of the task.
    Task,
    /// The tag of the task.
    Tag,
    /// The ISO week, UTC.
    Week,
    /// The day, UTC.
    Day,
    /// The branch.
    Branch,
    /// The repository, else the folder.
    Repository,
    /// The session.
    Session,
    /// The commit that the work led to.
    Commit,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Agent,
        Self::Model,
        Self::Task,
        Self::Tag,
        Self::Week,
        Self::Day,
        Self::Branch,
        Self::Repository,
        Self::Session,
        Self::Commit,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Task => "task",
            Self::Tag => "tag",
            Self::Week => "week",
            Self::Day => "day",
            Self::Branch => "branch",
            Self::Repository => "repository",
            Self::Session => "session",
            Self::Commit => "commit",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// How the task of a cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The client said it.
    Exact,
    /// By the folder of the session and the times of the board.
    ByFolderAndTime,
    /// Several tasks were in progress: each has an even share.
    Shared,
}

impl How {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::ByFolderAndTime => "by_folder_and_time",
            Self::Shared => "shared",
        }
    }
}

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
}

/// The tasks that a session may have worked on at a time.
#[must_use]
pub fn tasks_at(session: &Session, at: TimestampMs, work: &[Work]) -> (Vec<TaskRef>, How) {
    let open: Vec<&Work> = work.iter().filter(|work| work.from <= at && at < work.to).collect();
    let within = |work: &&&Work| {
        let under = |folder: &str| folder.strip_prefix(&work.folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        !work.folder.is_empty() && session.folder().is_some_and(under)
    };
    let here: Vec<&&Work> = open.iter().filter(within).collect();
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
    /// How the tasks of its parts are known, from the best to the weakest.
    pub how: BTreeSet<How>,
}

/// The key of a row: one value for each of what was asked for; none where it is not known.
pub type RowKey = Vec<Option<String>>;

/// Rows by key.
pub type Rows = BTreeMap<RowKey, Row>;

/// Adds up what was used in `[start, end)`.
#[must_use]
pub fn costs(by: &[By], (start, end): (TimestampMs, TimestampMs), pages: &[Page], book: &Book, work: &[Work]) -> Rows {
    let mut rows = Rows::new();
    let within = |at: TimestampMs| (start..end).contains(&at);
    let mut adder = Adder { by, work, rows: &mut rows };
    for page in pages {
        let Some(session) = page.session.as_ref().and_then(|key| book.session(key)) else { continue };
        for item in page.items.values().filter(|item| within(item.at)) {
            let by_requests = session.is_counted_by_requests(item.model.as_deref().unwrap_or(""));
            let counts = match item.kind {
                Kind::Request => by_requests,
                Kind::Delta | Kind::Total => !by_requests && matches!(item.name.as_str(), "cost" | "tokens"),
                _ => false,
            };
            if counts {
                adder.add(session, item);
            }
        }
    }
    for session in book.sessions().filter(|session| within(session.last_seen)) {
        session.rest().into_iter().for_each(|item| adder.add(session, &item));
    }
    rows
}

struct Adder<'a> {
    by: &'a [By],
    work: &'a [Work],
    rows: &'a mut Rows,
}

impl Adder<'_> {
    fn add(&mut self, session: &Session, item: &Item) {
        let needs_task = self.by.iter().any(|by| matches!(by, By::Task | By::Tag));
        let (tasks, how) = match (&item.task, needs_task) {
            (_, false) => (Vec::new(), None),
            (Some(task), true) => (vec![self.whole(task)], Some(How::Exact)),
            (None, true) => {
                let (tasks, how) = tasks_at(session, item.at, self.work);
                let how = (!tasks.is_empty()).then_some(how);
                (tasks, how)
            }
        };
        let shares = tasks.len().max(1) as u64;
        for share in 0..shares {
            let task = tasks.get(usize::try_from(share).unwrap_or(usize::MAX));
            let key = self.by.iter().map(|by| value(*by, session, item, task)).collect();
            let row: &mut Row = self.rows.entry(key).or_default();
            row.figures.add_share(item, share, shares);
            row.how.extend(how);
        }
    }

    /// A task with the project and the tag that the client left out, if only one on the boards is meant.
    fn whole(&self, task: &TaskRef) -> TaskRef {
        let fits = |known: &&Work| {
            known.task.id == task.id
                && (task.tag.is_empty() || known.task.tag == task.tag)
                && (task.project.is_empty() || known.task.project == task.project)
        };
        let mut all = self.work.iter().filter(fits).map(|work| &work.task);
        match all.next() {
            Some(first) if all.all(|other| other == first) => first.clone(),
            _ => task.clone(),
        }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn value(by: By, session: &Session, item: &Item, task: Option<&TaskRef>) -> Option<String> {
    match by {
        By::Agent => some(&session.key.agent),
        By::Model => item.model.as_deref().and_then(some),
        By::Task => task.map(|task| {
            let parts = [&task.project, &task.tag, &task.id];
            parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("/")
        }),
        By::Tag => task.and_then(|task| some(&task.tag)),
        By::Week => some(&week_of(item.at)),
        By::Day => date_of(item.at).map(|date| date.to_string()),
        By::Branch => item.branch.as_deref().or_else(|| session.branch()).and_then(some),
        By::Repository => session.repository().or_else(|| session.folder()).and_then(some),
        By::Session => Some(format!("{}/{}", session.key.agent, session.key.id)),
        By::Commit => session.commits.iter().find(|commit| commit.at >= item.at).map(|commit| commit.id.clone()),
    }
}

/// A share of a whole number: shares differ by one at the most and add up to it.
fn share_of(whole: Option<u64>, share: u64, shares: u64) -> Option<u64> {
    whole.map(|whole| whole / shares + u64::from(share < whole % shares))
}

impl Figures {
    fn add_share(&mut self, item: &Item, share: u64, shares: u64) {
        self.requests += u64::from(item.kind == Kind::Request && share == 0);
        self.change(item.amounts().map(|whole| share_of(whole, share, shares)), Sum::add);
    }
}

impl Session {
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
