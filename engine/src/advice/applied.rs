//! What on the time line looks as if advice was carried out. It is offered, never assumed: a person says whether it was.

use super::{Recommendation, SeemsApplied, advisors};
use crate::ci::WORKFLOW_CHANGED;
use crate::event::Event;
use crate::rules::{Profile, shipped};

/// The kind of the event that says which settings changed between two starts.
pub const SETTINGS_CHANGED: &str = "settings_changed";
/// Settings that are named of one change.
const NAMED: usize = 3;

/// Whether an event looks as if advice was carried out: its task is done, a commit names it or the file of its workflow, that file changed, or
/// settings changed that it is about.
#[must_use]
pub fn seems_applied(one: &Recommendation, event: &Event) -> Option<SeemsApplied> {
    let text = |key: &str| event.data.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    if event.at < one.created {
        return None;
    }
    let title = text("title");
    let named = title.contains(&one.id);
    let (repo, workflow, path) = (text("repo"), text("workflow"), text("workflow_path"));
    let own_workflow = || one.kind == "ci" && !repo.is_empty() && !workflow.is_empty() && one.id.ends_with(&format!(":{repo}:{workflow}"));
    let what = match (event.source.as_str(), event.kind.as_str()) {
        ("taskmaster", "task_status") if text("to") == "done" => {
            let own = format!(":{}:{}:{}", text("project"), text("tag"), event.subject);
            (named || one.id.ends_with(&own)).then(|| format!("task {} of {} is done: {title}", event.subject, text("project")))
        }
        ("github", "run_started") => {
            let file = path.rsplit('/').next().unwrap_or_default();
            (named || (own_workflow() && !file.is_empty() && title.contains(file)))
                .then(|| format!("a commit of {repo} began to run: {title}"))
        }
        ("github", WORKFLOW_CHANGED) => own_workflow().then(|| format!("{path} changed on the default branch of {repo}")),
        ("service", SETTINGS_CHANGED) => of_settings(one, event),
        _ => None,
    }?;
    Some(SeemsApplied { at: event.at, what })
}

fn of_settings(one: &Recommendation, event: &Event) -> Option<String> {
    let keys = event.data.get("keys").and_then(serde_json::Value::as_array)?;
    let own: Vec<&str> = keys.iter().filter_map(serde_json::Value::as_str).filter(|key| is_about(&one.id, key)).collect();
    let more = own.len().saturating_sub(NAMED);
    let list = own.get(..NAMED).unwrap_or(&own).join(", ");
    match more {
        _ if own.is_empty() => None,
        0 => Some(format!("settings changed: {list}")),
        more => Some(format!("settings changed: {list} and {more} more")),
    }
}

/// Whether advice is about a setting of this service.
fn is_about(id: &str, key: &str) -> bool {
    let Some(advisor) = advisors::of(id) else { return false };
    let subject = id.strip_prefix(advisor.name).unwrap_or_default().trim_start_matches(':');
    // An entry that is new or gone as a whole is named without its keys.
    let within = |sections: &[&str]| sections.iter().any(|section| key.starts_with(section) || section.strip_suffix('.') == Some(key));
    match advisor.name {
        "alert_noise" => within(&[&format!("alerts.rules.{subject}.")]) || (key == "alerts.profile" && goes_by_profile(subject)),
        "history_cut" => within(&["store.max_bytes", "store.retention", "store.windows_retention"]),
        "series_grow" => within(&["scrape.targets.", "commands.run.", "otlp.", "containers.max_groups"]),
        "samples_lost" => within(&["pipeline.", "store.max_series", "store.out_of_order", "store.max_ahead"]),
        "source_silent" => within(&[&section_of(subject)]),
        _ => false,
    }
}

/// Whether a rule that ships is another one under the other profile.
fn goes_by_profile(rule: &str) -> bool {
    let [server, workstation] = [Profile::Server, Profile::Workstation].map(|profile| shipped(profile).remove(rule));
    server != workstation
}

/// The settings of a source: `github octo/site`, `scrape node`.
fn section_of(source: &str) -> String {
    match source.split_once(' ') {
        Some(("scrape", name)) => format!("scrape.targets.{name}."),
        Some(("command", name)) => format!("commands.run.{name}."),
        Some(("probe", name)) => format!("probes.check.{name}."),
        Some(("channel", name)) => format!("notify.channels.{name}."),
        Some((section, _)) => format!("{section}."),
        None => format!("{source}."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use serde_json::json;

    use super::*;
    use crate::advice::RecommendationTracker;
    use crate::advice::life_tests::finding;

    fn advice(id: &str, kind: &str) -> Recommendation {
        let mut tracker = RecommendationTracker::default();
        let opened = tracker.update(vec![finding(id, 1.0)], 1_000).remove(0);
        Recommendation { kind: kind.to_owned(), ..opened }
    }

    #[test]
    fn settings_seem_to_answer_the_advice_that_is_about_them_alone() {
        for (id, key, seems) in [
            ("alert_noise:loud", "alerts.rules.loud.for", true),
            ("alert_noise:loud", "alerts.rules.louder.for", false),
            ("alert_noise:loud", "alerts.rules.loud", true),
            ("alert_noise:high_cpu_usage", "alerts.profile", true),
            ("alert_noise:probe_down", "alerts.profile", false),
            ("history_cut", "store.max_bytes", true),
            ("history_cut", "store.retentions.cpu.keep", true),
            ("history_cut", "server.port", false),
            ("series_grow", "scrape.targets.node.relabel", true),
            ("samples_lost", "pipeline.backlog", true),
            ("source_silent:github octo/site", "github.token", true),
            ("source_silent:scrape node", "scrape.targets.node.url", true),
            ("source_silent:scrape node", "scrape.targets.other.url", false),
            ("source_silent:system", "system.enabled", true),
            ("cpu_saturated", "system.interval", false),
            ("of_an_earlier_version", "store.max_bytes", false),
        ] {
            let event =
                Event::new(2_000, "service", SETTINGS_CHANGED, "0.1.0", "x").with_data(json!({"keys": ["log.level", key], "count": 2}));
            let expected = seems.then(|| SeemsApplied { at: 2_000, what: format!("settings changed: {key}") });
            assert_eq!(seems_applied(&advice(id, "service"), &event), expected, "{id} {key}");
        }
        let many = ["a", "b", "c", "d", "e"].map(|name| format!("pipeline.{name}"));
        let event = Event::new(2_000, "service", SETTINGS_CHANGED, "0.1.0", "x").with_data(json!({"keys": many}));
        let seen = seems_applied(&advice("samples_lost", "service"), &event).unwrap();
        assert_eq!(seen.what, "settings changed: pipeline.a, pipeline.b, pipeline.c and 2 more");
        let early = Event { at: 999, ..event };
        assert_eq!(seems_applied(&advice("samples_lost", "service"), &early), None, "before it was given");
    }

    #[test]
    fn a_file_of_a_workflow_that_changed_seems_to_answer_the_advice_on_it() {
        let event = |repo: &str, workflow: &str| {
            let data = json!({"repo": repo, "workflow": workflow, "workflow_path": ".github/workflows/ci.yml", "change": "changed"});
            Event::new(2_000, "github", WORKFLOW_CHANGED, ".github/workflows/ci.yml", "x").with_data(data)
        };
        for (id, kind, repo, workflow, seems) in [
            ("ci_slower:octo/site:CI", "ci", "octo/site", "CI", true),
            ("ci_slower:octo/site:CI", "ci", "octo/app", "CI", false),
            ("ci_slower:octo/site:Full CI", "ci", "octo/site", "CI", false),
            ("stuck:octo/site:CI", "board", "octo/site", "CI", false),
            ("ci_slower:octo/site:", "ci", "octo/site", "", false),
        ] {
            assert_eq!(seems_applied(&advice(id, kind), &event(repo, workflow)).is_some(), seems, "{id} {repo} {workflow}");
        }
        let seen = seems_applied(&advice("ci_queued:octo/site:CI", "ci"), &event("octo/site", "CI")).unwrap();
        assert_eq!(seen.what, ".github/workflows/ci.yml changed on the default branch of octo/site");
    }
}
