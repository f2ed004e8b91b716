//! What work took beside money and tokens: time, errors, lines.
//!
//! Time is kept as stretches. A stretch is cut at the borders of what rows are asked by (days, tasks that begin and end, commits), so that
//! each part counts where it belongs and the parts add up to the whole.

use super::item::{Item, Kind, Sum};
use super::page::Page;
use super::session::Session;
use crate::model::TimestampMs;

const DAY_MS: i64 = 86_400_000;
/// A turn that gave no sign for longer was not under way all the time.
pub const LONGEST_PAUSE_MS: i64 = 12 * 3_600_000;
/// How many figures there are.
const COUNT: usize = 8;

/// What work took; what nobody said is unknown. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// The agent was in use, as it says itself.
    pub active_ms: Sum,
    /// It waited for a person.
    pub waiting_ms: Sum,
    /// Turns were under way: turns of one session that overlap count once, sessions beside each other count each.
    pub wall_ms: Sum,
    /// CPU time of its processes.
    pub cpu_ms: Sum,
    /// Requests were tried again.
    pub retries: Sum,
    /// Requests failed.
    pub errors: Sum,
    /// Lines were added.
    pub lines_added: Sum,
    /// Lines were removed.
    pub lines_removed: Sum,
}

/// Amounts of an [`Effort`], in the order of its fields.
pub(super) type Amounts = [Option<u64>; COUNT];
pub(super) const NOTHING: Amounts = [None; COUNT];
pub(super) const WAITING: usize = 1;
pub(super) const WALL: usize = 2;

impl Effort {
    const fn sums(&self) -> [Sum; COUNT] {
        let Self { active_ms, waiting_ms, wall_ms, cpu_ms, retries, errors, lines_added, lines_removed } = *self;
        [active_ms, waiting_ms, wall_ms, cpu_ms, retries, errors, lines_added, lines_removed]
    }

    const fn sums_mut(&mut self) -> [&mut Sum; COUNT] {
        let Self { active_ms, waiting_ms, wall_ms, cpu_ms, retries, errors, lines_added, lines_removed } = self;
        [active_ms, waiting_ms, wall_ms, cpu_ms, retries, errors, lines_added, lines_removed]
    }

    pub(super) fn change(&mut self, amounts: Amounts) {
        self.sums_mut().into_iter().zip(amounts).for_each(|(sum, amount)| sum.add(amount));
    }

    /// Adds what other work took.
    pub fn add_all(&mut self, other: &Self) {
        self.sums_mut().into_iter().zip(other.sums()).for_each(|(sum, more)| sum.add_all(more));
    }

    /// Zero instead of unknown where all rows together know a figure: then nothing of it is here.
    pub(super) fn zero_where_known(&mut self, total: &Self) {
        self.sums_mut().into_iter().zip(total.sums()).for_each(|(sum, total)| sum.zero_where_known(total));
    }
}

/// What an item says at one moment.
pub(super) fn at_once(item: &Item) -> Amounts {
    let mut effort = NOTHING;
    match (item.kind, item.name.as_str()) {
        (Kind::Request | Kind::Attempt, _) => [effort[4], effort[5]] = [item.retries, item.is_of_line().then_some(0)],
        (Kind::Error, _) => [effort[4], effort[5]] = [item.retries, Some(1)],
        (Kind::Cpu, _) => effort[3] = item.millis,
        (Kind::Delta | Kind::Total, "active") => effort[0] = item.millis,
        (Kind::Delta | Kind::Total, "lines added") => effort[6] = item.millis,
        (Kind::Delta | Kind::Total, "lines removed") => effort[7] = item.millis,
        _ => {}
    }
    effort
}

/// A stretch of time, and what is known of it: task and branch of the item that ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: TimestampMs,
    pub(super) to: TimestampMs,
    pub(super) about: Item,
}

impl Stretch {
    pub(super) fn of(from: TimestampMs, to: TimestampMs, item: &Item) -> Self {
        let about = Item { kind: Kind::Delta, task: item.task.clone(), branch: item.branch.clone(), ..Item::default() };
        Self { from, to, about }
    }

    /// Its parts within a range of time between the borders, which are in order.
    pub(super) fn parts(&self, (start, end): (TimestampMs, TimestampMs), borders: &Borders) -> Vec<(TimestampMs, TimestampMs)> {
        let (from, to) = (self.from.max(start), self.to.min(end));
        let mut parts = Vec::new();
        let mut at = from;
        while at < to {
            let next = borders.after(at).min(to);
            parts.push((at, next));
            at = next;
        }
        parts
    }
}

/// Where stretches are cut.
#[derive(Debug, Default)]
pub(super) struct Borders {
    /// At midnight, UTC.
    pub(super) by_day: bool,
    /// Other times, in order.
    pub(super) times: Vec<TimestampMs>,
}

impl Borders {
    fn after(&self, at: TimestampMs) -> TimestampMs {
        let midnight = if self.by_day { (at.div_euclid(DAY_MS) + 1).saturating_mul(DAY_MS) } else { TimestampMs::MAX };
        let place = self.times.partition_point(|time| *time <= at);
        self.times.get(place).copied().unwrap_or(TimestampMs::MAX).min(midnight)
    }
}

/// Since when an item was under way.
fn began(item: &Item) -> TimestampMs {
    let lasts = matches!(item.kind, Kind::Request | Kind::Error | Kind::Tool | Kind::Wait);
    let millis = item.millis.filter(|ms| lasts && *ms <= LONGEST_PAUSE_MS.unsigned_abs()).unwrap_or(0);
    item.at.saturating_sub_unsigned(millis)
}

fn is_sign(item: &Item) -> bool {
    matches!(item.kind, Kind::Prompt | Kind::Request | Kind::Error | Kind::Tool | Kind::Decision | Kind::Wait | Kind::Commit)
}

/// When turns of a session were under way: from the first sign of a prompt to its last one. What belongs to no prompt counts for as long as
/// it took itself. Each moment once, cut at the signs.
pub(super) fn turns(pages: &[&Page]) -> Vec<Stretch> {
    let mut signs: Vec<&Item> = pages.iter().flat_map(|page| page.items.values()).filter(|item| is_sign(item)).collect();
    signs.sort_by_key(|item| item.at);
    let mut busy: Vec<(TimestampMs, TimestampMs)> = signs.iter().map(|item| (began(item), item.at)).collect();
    let mut newest = std::collections::BTreeMap::new();
    for item in &signs {
        let Some(prompt) = item.prompt.as_deref() else { continue };
        let before = newest.insert(prompt, item.at);
        busy.extend(before.filter(|before| item.at - before <= LONGEST_PAUSE_MS).map(|before| (before, item.at)));
    }
    let mut out = Vec::new();
    for (from, to) in united(busy) {
        let mut at = from;
        let first = signs.partition_point(|item| item.at <= from);
        for item in signs.iter().skip(first).take_while(|item| item.at <= to).filter(|item| item.at > from) {
            if item.at > at {
                out.push(Stretch::of(at, item.at, item));
                at = item.at;
            }
        }
    }
    out
}

/// The same time without what is in it twice.
fn united(mut ranges: Vec<(TimestampMs, TimestampMs)>) -> Vec<(TimestampMs, TimestampMs)> {
    ranges.retain(|(from, to)| from < to);
    ranges.sort_unstable();
    let mut out: Vec<(TimestampMs, TimestampMs)> = Vec::new();
    for (from, to) in ranges {
        match out.last_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => out.push((from, to)),
        }
    }
    out
}

/// When a session waited for a person: by hooks, else by spans.
pub(super) fn waits(session: &Session, pages: &[&Page], now: TimestampMs) -> Vec<Stretch> {
    let items = pages.iter().flat_map(|page| page.items.values());
    let counted = items.filter(|item| item.kind == Kind::Wait && item.is_of_hook() == session.hooked);
    let stretch = |item: &Item| Stretch::of(item.at.saturating_sub_unsigned(item.millis.unwrap_or(0)), item.at, item);
    let mut out: Vec<Stretch> = counted.map(stretch).collect();
    out.extend(session.further_waits(now).into_iter().map(|(from, to)| Stretch::of(from, to, &Item::default())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: Kind, at: i64, millis: u64, prompt: &str) -> Item {
        Item { kind, at, millis: Some(millis), prompt: (!prompt.is_empty()).then(|| prompt.to_owned()), ..Item::default() }
    }

    fn ranges(items: &[Item]) -> Vec<(i64, i64)> {
        let page = Page { session: None, items: (0..).zip(items.iter().cloned()).collect() };
        turns(&[&page]).into_iter().map(|stretch| (stretch.from, stretch.to)).collect()
    }

    #[test]
    fn turns_that_overlap_count_once_and_long_silence_not_at_all() {
        let (prompt, request, tool) = (Kind::Prompt, Kind::Request, Kind::Tool);
        // From the prompt to the last sign, cut at each sign.
        assert_eq!(ranges(&[item(prompt, 10, 0, "a"), item(request, 30, 5, "a"), item(tool, 50, 1, "a")]), [(10, 30), (30, 50)]);
        // A request that began before its prompt was seen, and a turn beside it.
        assert_eq!(ranges(&[item(request, 30, 25, "a"), item(request, 40, 20, "b")]), [(5, 30), (30, 40)]);
        // No prompt: as long as it took itself.
        assert_eq!(ranges(&[item(request, 30, 5, ""), item(tool, 60, 10, "")]), [(25, 30), (50, 60)]);
        // A prompt alone took no time; an answer after a night is another piece of work.
        assert_eq!(ranges(&[item(prompt, 10, 0, "a")]), []);
        let late = LONGEST_PAUSE_MS + 11;
        assert_eq!(ranges(&[item(prompt, 10, 0, "a"), item(request, late, 4, "a")]), [(late - 4, late)]);
        // A decision has a duration that is not its own; points are no signs.
        assert_eq!(ranges(&[item(Kind::Decision, 30, 20, "a"), item(Kind::Delta, 90, 50, "a")]), []);
    }

    #[test]
    fn stretches_are_cut_at_borders_and_lose_nothing() {
        let stretch = Stretch::of(DAY_MS - 10, 2 * DAY_MS + 5, &Item::default());
        let borders = Borders { by_day: true, times: vec![5, DAY_MS - 3, 2 * DAY_MS] };
        let parts = stretch.parts((0, i64::MAX), &borders);
        assert_eq!(parts, [(DAY_MS - 10, DAY_MS - 3), (DAY_MS - 3, DAY_MS), (DAY_MS, 2 * DAY_MS), (2 * DAY_MS, 2 * DAY_MS + 5)]);
        assert_eq!(stretch.parts((DAY_MS, DAY_MS + 1), &borders), [(DAY_MS, DAY_MS + 1)]);
        assert_eq!(stretch.parts((0, i64::MAX), &Borders::default()), [(DAY_MS - 10, 2 * DAY_MS + 5)]);
        assert!(stretch.parts((3 * DAY_MS, i64::MAX), &borders).is_empty());
    }
}
