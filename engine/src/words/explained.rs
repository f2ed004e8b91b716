//! Sentences about why an alert fired, as far as that can be said.
//!
//! They count and compare; none of them claims a cause. What moved together is called that.

use super::figure::{cores, figure, lasted};
use super::subject::{phrase, short};
use crate::explain::{AgentAtWork, Earlier, Explanation, Happened, Moved, Resource, Used, UsedBy};
use crate::metrics::is_counter;
use crate::model::{Labels, TimestampMs, rfc3339};

/// Most names, series and events in a line.
const NAMES: usize = 3;
const SERIES: usize = 3;
const EVENTS: usize = 2;

/// `rustc (12 processes) 71 %`, `short-lived children of bash 12 %`, `6 % not seen by name`.
#[must_use]
pub fn used(resource: Resource, used: &Used) -> String {
    let amount = match (resource, used.share) {
        (Resource::Cpu, Some(share)) => figure("share_ratio", share),
        // Of how many cores is not known.
        (Resource::Cpu, None) => cores(&figure("", used.mean)),
        (Resource::Memory, _) => figure("memory_bytes", used.mean),
        (Resource::DiskIo, _) => figure("io_bytes_per_second", used.mean),
    };
    // A process may call itself anything; this goes to logs and mails.
    let name = short(&used.name);
    match used.by {
        UsedBy::Process => {
            let count = used.processes.filter(|count| *count > 1).map(|count| format!(" ({count} processes)")).unwrap_or_default();
            format!("{name}{count} {amount}")
        }
        UsedBy::Children => format!("short-lived children of {name} {amount}"),
        UsedBy::Container => format!("{name} {amount}"),
        UsedBy::Unseen => format!("{amount} not seen by name"),
    }
}

/// At most three lines: who used the resource or what was said, what moved together, what happened before and the last alert like it.
#[must_use]
pub fn explanation(e: &Explanation) -> Vec<String> {
    let first = who(e).or_else(|| said(e));
    let first = match (first, agents(e)) {
        (Some(first), Some(agents)) => Some(format!("{first}; {agents}")),
        (first, agents) => first.or(agents),
    };
    [first, together(e), before(e)].into_iter().flatten().collect()
}

/// Who used most, as in a notice: `rustc (12 processes) 71 %`.
#[must_use]
pub fn busiest(e: &Explanation) -> Vec<String> {
    let Some(resource) = e.resource else { return Vec::new() };
    let named = e.used.iter().filter(|used| used.by != UsedBy::Unseen);
    named.take(NAMES).map(|one| used(resource, one)).collect()
}

fn who(e: &Explanation) -> Option<String> {
    let resource = e.resource.filter(|_| !e.used.is_empty())?;
    let named = busiest(e);
    let what = match resource {
        Resource::Cpu => "CPU",
        Resource::Memory => "memory",
        Resource::DiskIo => "disk I/O",
    };
    let rest = e.used.iter().find(|used| used.by == UsedBy::Unseen).map(|rest| used(resource, rest));
    // Containers say where the rest was, if anything does.
    let container = e.containers.first().filter(|_| rest.is_some()).map(|one| format!("; {} in all", used(resource, one)));
    // One look stands for no time.
    let span = if e.seen_ms < 1_000 { String::new() } else { format!(" over {}", lasted(e.seen_ms)) };
    if named.is_empty() {
        return Some(format!("Who used the {what}{span} is not known: {}{}", rest?, container.unwrap_or_default()));
    }
    let rest = rest.map(|rest| format!("; {rest}")).unwrap_or_default();
    Some(format!("Most {what}{span}: {}{rest}{}", named.join(", "), container.unwrap_or_default()))
}

/// `claude-code 65bcf3fc worked in app on task 3 then`.
fn agents(e: &Explanation) -> Option<String> {
    let one = |session: &AgentAtWork| {
        let id: String = session.id.chars().take(8).collect();
        let task = session.task.as_ref().map(|task| format!(" on task {task}")).unwrap_or_default();
        match &session.commit {
            Some(commit) => format!("commit {} is of {} {id}{task}", &commit[..commit.floor_char_boundary(7)], session.agent),
            None => {
                let place = session.folder.as_deref().and_then(|folder| folder.rsplit('/').find(|part| !part.is_empty()));
                format!("{} {id} worked{}{task} then", session.agent, place.map(|place| format!(" in {place}")).unwrap_or_default())
            }
        }
    };
    let listed: Vec<String> = e.agents.iter().map(one).collect();
    (!listed.is_empty()).then(|| listed.join("; "))
}

/// `Said last: "connection refused" (and 2 more)`.
fn said(e: &Explanation) -> Option<String> {
    let newest = e.said.first()?;
    let more = if e.said.len() > 1 { format!(" (and {} more)", e.said.len() - 1) } else { String::new() };
    Some(format!("Said last: \"{}\"{more}", newest.text))
}

fn together(e: &Explanation) -> Option<String> {
    let compared = e.compared?;
    if e.moved.is_empty() {
        // Without anybody who used it and without events, that is all that can be said.
        let unknown = if e.used.is_empty() && e.before.is_empty() { "; why cannot be said from what is measured" } else { "" };
        return (compared > 0).then(|| format!("Nothing else moved with it among {compared} series{unknown}"));
    }
    let listed: Vec<String> = e.moved.iter().take(SERIES).map(moved).collect();
    let more = e.moved.len().saturating_sub(SERIES);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("Moved together, which may be chance: {}{more}", listed.join("; ")))
}

/// `Load over 1 minute 12, usually 1 to 2`.
#[must_use]
pub fn moved(m: &Moved) -> String {
    let shown = |v: f64| value_of(&m.metric, v);
    let phrase = phrase(&m.metric);
    let value = shown(m.value);
    let said = if phrase.contains("{value}") { phrase.replacen("{value}", &value, 1) } else { format!("{phrase} {value}") };
    let (low, high) = (shown(m.low), shown(m.high));
    let range = if low == high { low } else { format!("{low} to {high}") };
    format!("{said}, usually {range}")
}

fn value_of(metric: &Labels, v: f64) -> String {
    let text = figure(metric.name(), v);
    if is_counter(metric.name()) { format!("{text}/s") } else { text }
}

fn before(e: &Explanation) -> Option<String> {
    let earlier = e.before.iter().filter(|happened| happened.at <= e.from);
    let events: Vec<String> = earlier.take(EVENTS).map(|happened| event(happened, e.from)).collect();
    let before = (!events.is_empty()).then(|| format!("Shortly before: {}", events.join(", ")));
    let last = e.last.as_ref().map(last);
    let parts: Vec<String> = [before, last].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(". "))
}

/// `run ci.yml #12 started (2 min earlier)`.
fn event(happened: &Happened, from: TimestampMs) -> String {
    format!("{} ({} earlier)", short(&happened.title), lasted(from - happened.at))
}

/// `The last one like it, 2026-11-25T14:02Z, lasted 12 min until its value went back`.
fn last(last: &Earlier) -> String {
    // To the minute.
    let minute = rfc3339(last.fired_at - last.fired_at.rem_euclid(60_000)).replacen(":00Z", "Z", 1);
    let end = last.reason.as_deref().map_or_else(|| "until its value went back".to_owned(), |why| format!("and ended: {}", short(why)));
    let then = last.before_its_end.first().map(|happened| format!(", just after: {}", short(&happened.title))).unwrap_or_default();
    let most = last.busiest.first().map(|most| format!(" (most by {})", short(most))).unwrap_or_default();
    format!("The last one like it, {minute}, lasted {} {end}{then}{most}", lasted(last.ended_at - last.fired_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Said;

    fn of(by: UsedBy, name: &str, mean: f64, share: Option<f64>, processes: Option<u64>) -> Used {
        Used { by, name: name.to_owned(), mean, share, cpu_seconds: None, processes }
    }

    #[test]
    fn who_used_a_resource_is_said_in_its_unit() {
        for (resource, one, text) in [
            (Resource::Cpu, of(UsedBy::Process, "rustc", 12.0, Some(0.75), Some(12)), "rustc (12 processes) 75 %"),
            (Resource::Cpu, of(UsedBy::Process, "sh\u{1b}[31m", 0.3, None, Some(1)), "sh\u{fffd}[31m 0.3 cores"),
            (Resource::Cpu, of(UsedBy::Children, "bash", 2.0, Some(0.12), None), "short-lived children of bash 12 %"),
            (Resource::Cpu, of(UsedBy::Unseen, "", 1.0, Some(0.06), None), "6 % not seen by name"),
            (Resource::Memory, of(UsedBy::Process, "chrome", 3.0 * 1024.0 * 1024.0 * 1024.0, None, Some(9)), "chrome (9 processes) 3 GiB"),
            (Resource::DiskIo, of(UsedBy::Process, "dd", 2_048.0, None, None), "dd 2 KiB/s"),
        ] {
            assert_eq!(used(resource, &one), text);
        }
    }

    #[test]
    fn no_line_claims_a_cause_and_what_is_not_known_is_said() {
        let unseen = Explanation {
            resource: Some(Resource::Cpu),
            used: vec![of(UsedBy::Unseen, "", 8.0, Some(0.5), None)],
            seen_ms: 60_000,
            compared: Some(900),
            ..Explanation::default()
        };
        assert_eq!(
            explanation(&unseen),
            ["Who used the CPU over 1 min is not known: 50 % not seen by name", "Nothing else moved with it among 900 series"]
        );
        assert!(explanation(&Explanation::default()).is_empty(), "nothing was looked at");
        let nothing = Explanation { compared: Some(12), ..Explanation::default() };
        assert_eq!(explanation(&nothing), ["Nothing else moved with it among 12 series; why cannot be said from what is measured"]);
        let moved = |name: &str, n: usize| Moved {
            metric: Labels::metric(name, &[("n", &n.to_string())]),
            value: 12.0,
            low: 1.0,
            high: 1.0,
            z: 9.0,
            reached_by: 0,
            windows: 99,
            together: 0.9,
            score: 9.0,
        };
        let many = Explanation { moved: (0..5).map(|n| moved("hits_total", n)).collect(), ..nothing };
        assert_eq!(
            explanation(&many),
            [
                "Moved together, which may be chance: Hits · 0 12/s, usually 1/s; Hits · 1 12/s, usually 1/s; Hits · 2 12/s, usually 1/s; and 2 more"
            ]
        );
    }

    #[test]
    fn what_was_said_stands_where_nobody_used_a_resource() {
        let one = |text: &str| Said { at: 0, text: text.to_owned() };
        let e = Explanation { said: vec![one("refused\\u{1b}[0m")], ..Explanation::default() };
        assert_eq!(explanation(&e), ["Said last: \"refused\\u{1b}[0m\""]);
        let e = Explanation { said: vec![one("b"), one("a"), one("a")], ..e };
        assert_eq!(explanation(&e), ["Said last: \"b\" (and 2 more)"]);
    }

    #[test]
    fn events_and_the_last_alert_are_one_line() {
        let happened = |at: i64, title: &str| Happened { at, source: "x".to_owned(), kind: "y".to_owned(), title: title.to_owned() };
        let last = Earlier {
            fired_at: 1_795_615_323_000,
            ended_at: 1_795_615_323_000 + 720_000,
            reason: Some("no sample for 5m".to_owned()),
            busiest: Vec::new(),
            before_its_end: vec![happened(0, "task 7 in-progress → done")],
            count: 3,
        };
        let before =
            vec![happened(9_000, "while it held"), happened(4_000, "task 7 started"), happened(1_000, "deployed"), happened(0, "older")];
        let e = Explanation { from: 5_000, before, last: Some(last), ..Explanation::default() };
        assert_eq!(
            explanation(&e),
            [
                "Shortly before: task 7 started (1 s earlier), deployed (4 s earlier). The last one like it, 2026-11-25T14:02Z, lasted 12 min and \
              ended: no sample for 5m, just after: task 7 in-progress → done"
            ]
        );
    }
}
