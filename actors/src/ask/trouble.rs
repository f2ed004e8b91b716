//! Whether all is well: what is down, late, red, firing or advised against with urgency; one cause is said once.

use taskpulse_engine::ask::Meaning;
use taskpulse_engine::heartbeat;
use taskpulse_engine::model::{Labels, MatchOp, NAME_LABEL, Selector, TimestampMs};
use taskpulse_engine::words::{counted, rule_name};

use super::draft::{Draft, listed, ms, text_row};
use super::{AskError, Asker};
use crate::view::{AlertState, AnswerRow, HeartbeatState, Recommendation, Severity, SourceState};

/// Labels that say what a series is about, and those that say where that is.
const ABOUT: [&str; 9] = ["target", "heartbeat", "workflow", "source", "job", "unit", "container", "process", "mountpoint"];
const WHERE: [&str; 2] = ["repo", "tag"];
/// How the counters end of processes that the kernel ended, of a unit and of the machine.
const KILLS: &str = "oom_kills_total";

/// Something that is not well.
struct Trouble {
    row: AnswerRow,
    /// The series that shows it.
    series: Labels,
}

impl Trouble {
    fn new(name: impl Into<String>, text: impl Into<String>, since: Option<TimestampMs>, series: Labels) -> Self {
        Self { row: text_row(name, text, since), series }
    }
}

fn with(what: &str, why: Option<String>) -> String {
    why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}

/// Whether two series are about the same thing.
fn one_thing(a: &Labels, b: &Labels) -> bool {
    let differ = |label: &str| matches!((a.get(label), b.get(label)), (Some(a), Some(b)) if a != b);
    // Series of this machine have no label that says so.
    let elsewhere = taskpulse_engine::machine::OTHERS.iter().any(|label| a.get(label) != b.get(label));
    if elsewhere || WHERE.iter().chain(&ABOUT).any(|label| differ(label)) {
        return false;
    }
    let named = |of: &Labels| ABOUT.iter().any(|label| of.get(label).is_some());
    match (named(a), named(b)) {
        (true, true) => ABOUT.iter().any(|label| a.get(label).is_some() && a.get(label) == b.get(label)),
        (false, false) => !a.name().is_empty() && a.name() == b.name(),
        _ => a.name().ends_with(KILLS) && b.name().ends_with(KILLS),
    }
}

/// The labels that a query asks for; only its name where it is more than a selector.
fn series_of(query: &str) -> Labels {
    let Ok(selector) = Selector::parse(query) else { return Labels::metric("", &[]) };
    let equal = selector.matchers.iter().filter_map(|matcher| match &matcher.op {
        MatchOp::Equal(value) => Some((matcher.name.as_str(), value.as_str())),
        _ => None,
    });
    let (mut name, mut labels) = ("", Vec::new());
    for (label, value) in equal {
        if label == NAME_LABEL { name = value } else { labels.push((label, value)) }
    }
    Labels::metric(name, &labels)
}

impl Asker {
    /// Whether all is well.
    pub(super) fn everything(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        if meaning.time.is_some() {
            return Ok(Draft::missing("what was down at another time is said of one target or job at a time; name it").page("now"));
        }
        let (workflows, mut wrong) = self.states_that_are_wrong()?;
        self.add_advice(&mut wrong);
        self.add_alerts(&mut wrong);
        let (sources, targets) = (self.views.sources().len(), self.views.targets().len());
        let sentence = if wrong.is_empty() {
            let advice = if self.advises { "no urgent advice is open" } else { "advice is switched off" };
            let mut of = vec![counted(sources, "source", "sources"), counted(targets, "target", "targets")];
            of.extend((workflows > 0).then(|| counted(workflows, "workflow", "workflows")));
            format!("Nothing is down, failing, late or firing, of {}; {advice}", of.join(", "))
        } else {
            let parts: Vec<String> = wrong.iter().map(|one| format!("{} {}", one.row.name, one.row.text)).collect();
            format!("{} not well: {}", counted(wrong.len(), "thing is", "things are"), listed(&parts))
        };
        let rows = wrong.into_iter().map(|one| one.row).collect();
        let mut draft = Draft::said(sentence).rows(rows).page("now");
        draft.missing = (sources == 0 && targets == 0).then(|| "no source has reported yet".to_owned());
        Ok(draft)
    }

    /// Targets, sources, calls and workflows; with how many workflows there are.
    fn states_that_are_wrong(&self) -> Result<(usize, Vec<Trouble>), AskError> {
        let mut wrong = Vec::new();
        for target in self.views.targets().into_iter().filter(|target| target.up == Some(false)) {
            let series = Labels::metric("probe_success", &[("target", &target.target)]);
            wrong.push(Trouble::new(target.target, with("is down", target.reason), target.since.map(ms), series));
        }
        for source in self.views.sources().into_iter().filter(|source| source.state == SourceState::Failing) {
            // What a probe or scrape is of is known from its name.
            let (kind, of) = source.source.split_once(' ').unwrap_or_default();
            let mut labels = vec![("source", source.source.as_str())];
            labels.extend(
                [("probe", "target"), ("scrape", "job"), ("github", "repo")]
                    .iter()
                    .filter(|(own, _)| *own == kind)
                    .map(|(_, label)| (*label, of)),
            );
            let series = Labels::metric("taskpulse_source_up", &labels);
            if !wrong.iter().any(|known: &Trouble| known.series.get("target").is_some_and(|target| Some(target) == series.get("target"))) {
                wrong.push(Trouble::new(format!("source {}", source.source), with("fails", source.reason), Some(ms(source.since)), series));
            }
        }
        for call in self.calls().into_iter().filter(|call| call.state == HeartbeatState::Late) {
            let text = if call.last_call.is_some() { "its call is late" } else { "it never called, and its call is late" };
            let series = Labels::metric(heartbeat::UP, &[(heartbeat::LABEL, &call.name)]);
            wrong.push(Trouble::new(call.name, text, Some(ms(call.due)), series));
        }
        let (workflows, red) = self.red()?;
        for one in red {
            let series = Labels::metric("github_actions_success_ratio", &[("repo", &one.repo), ("workflow", &one.workflow)]);
            let text = format!("{}, since {}", one.said, self.at(one.since));
            wrong.push(Trouble::new(format!("workflow {}", one.name), text, Some(one.since), series));
        }
        Ok((workflows, wrong))
    }

    /// Urgent advice that is open; what says the same as a state that is wrong is left out.
    fn add_advice(&self, wrong: &mut Vec<Trouble>) {
        let all = self.views.recommendations();
        for one in all.iter().filter(|one| self.advises && is_urgent(one)) {
            let series = series_of(&one.query);
            if !wrong.iter().any(|known| known.series.name() == series.name() && one_thing(&known.series, &series)) {
                wrong.push(Trouble::new("advice", one.title.clone(), Some(ms(one.created)), series));
            }
        }
    }

    /// Alerts that fire; of what is said already, they add only that they fire.
    fn add_alerts(&self, wrong: &mut Vec<Trouble>) {
        for alert in self.views.alerts().iter().filter(|alert| alert.details.state == AlertState::Firing) {
            let details = &alert.details;
            let rule = rule_name(&details.rule);
            let ends = details.metric.name().contains("cert");
            match wrong.iter_mut().find(|known| one_thing(&known.series, &details.metric) && !ends) {
                Some(known) if known.row.name.starts_with("alert ") => {}
                Some(known) => known.row.text = format!("{} (alert {rule} fires)", known.row.text),
                None => {
                    let since = details.firing_since.map(ms);
                    wrong.push(Trouble::new(format!("alert {rule}"), details.summary.clone(), since, details.metric.clone()));
                }
            }
        }
    }
}

fn is_urgent(one: &Recommendation) -> bool {
    one.status.is_open() && matches!(one.severity, Severity::Error | Severity::Critical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_cause_are_told_from_others() {
        for (a, b, same) in [
            ("probe_success{target=\"shop\"}", "probe_duration_seconds{target=\"shop\"}", true),
            ("probe_success{target=\"shop\"}", "probe_success{target=\"blog\"}", false),
            (
                "github_actions_success_ratio{repo=\"a/b\",workflow=\"CI\"}",
                "github_actions_success_ratio{repo=\"a/c\",workflow=\"CI\"}",
                false,
            ),
            ("github_actions_success_ratio{repo=\"a/b\",workflow=\"CI\"}", "github_actions_run_duration_seconds{workflow=\"CI\"}", true),
            ("container_oom_kills_total{unit=\"db\"}", "system_oom_kills_total", true),
            ("container_oom_kills_total{unit=\"db\"}", "container_memory_usage_bytes{unit=\"web\"}", false),
            ("system_cpu_utilization_ratio", "system_cpu_utilization_ratio", true),
            ("system_cpu_utilization_ratio", "system_cpu_utilization_ratio{instance=\"db-1\"}", false),
            ("system_cpu_utilization_ratio", "system_memory_utilization_ratio", false),
            ("sum(x)", "sum(y)", false),
        ] {
            assert_eq!(one_thing(&series_of(a), &series_of(b)), same, "{a} and {b}");
        }
    }
}
