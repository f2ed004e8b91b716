//! What an agent is told in the answer to its hook: what went wrong after something that its session did. Each cause once.

use std::sync::Arc;

use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::{Budget, BudgetPer, CiRepository, Target};
use taskpulse_engine::agent::costs::{How, tasks_of};
use taskpulse_engine::agent::{Commit, Hook, TaskRef, is_same_commit};
use taskpulse_engine::ci::figures::verdict;
use taskpulse_engine::model::fnv1a;
use taskpulse_engine::money::budget::is_of;
use taskpulse_engine::money::lasting::part_of;
use taskpulse_engine::money::period::Per;

use crate::server::AppState;

/// Most characters of what is told.
const MAX_TOLD: usize = 1_000;
/// A probe that went down so long after a commit may have to do with it.
const AFTER_SECONDS: f64 = 3_600.0;
/// Hooks whose answers an agent reads.
const READ: [&str; 5] = ["UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "SessionStart", "Stop"];

/// Something that went wrong: what tells it from others, and a sentence.
type Cause = (String, String);

/// The answer to a hook of a session that is to be told something.
pub(super) fn of(state: &AppState, hook: &Hook) -> Option<Value> {
    if !READ.contains(&hook.event.as_str()) {
        return None;
    }
    let views = &state.reporter.views;
    let (key, commits, tasks) = state.agents.read(|book| {
        let known = book.known(&hook.session)?;
        Some((known.key.clone(), known.commits.clone(), tasks_of(known, now_ms(), &views.work()).0))
    })?;
    let mut causes = failed_runs(&commits, &views.repositories());
    causes.extend(probes_down(&commits, &views.targets()));
    causes.extend(budgets_used_up(&views.budgets(), &tasks));
    let new = causes.into_iter().filter(|(cause, _)| state.agents.tell(&key, fnv1a(cause.bytes())));
    let sentences: Vec<String> = new.map(|(_, sentence)| sentence).collect();
    if sentences.is_empty() {
        return None;
    }
    let text: String = format!("Taskpulse: {}", sentences.join(" ")).chars().take(MAX_TOLD).collect();
    Some(json!({"hookSpecificOutput": {"hookEventName": hook.event, "additionalContext": text}}))
}

/// Budgets that are used up, by agents at all or by the tasks that a session works on.
fn budgets_used_up(budgets: &[Budget], tasks: &[TaskRef]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for budget in budgets.iter().filter(|budget| budget.of.iter().any(|of| of == "agents")) {
        let of = |used: f64| format!("{used:.2} of {:.2} {}", budget.limit, budget.currency);
        let per = match budget.per {
            BudgetPer::Task => Per::Task,
            BudgetPer::Tag => Per::Tag,
            BudgetPer::Project => Per::Project,
            BudgetPer::Day | BudgetPer::Week | BudgetPer::Month => {
                let is_ours = |task: &TaskRef| is_of(budget.project.as_deref(), budget.tag.as_deref(), task);
                let counts = (budget.project.is_none() && budget.tag.is_none()) || tasks.iter().any(is_ours);
                if let (true, Some(_), Some(used)) = (counts, budget.crossed_at, budget.used) {
                    let cause = format!("budget {} {}", budget.name, budget.start.unwrap_or(0.0));
                    causes.push((cause, format!("The budget {} is used up: {}.", budget.name, of(used))));
                }
                continue;
            }
        };
        let mut names: Vec<String> = tasks.iter().map(|task| part_of(per, task)).collect();
        names.dedup();
        for part in budget.over.iter().filter(|part| names.contains(&part.name)) {
            let told = format!("The budget {} is used up by your {} {}: {}.", budget.name, per.name(), part.name, of(part.used));
            causes.push((format!("budget {} {}", budget.name, part.name), told));
        }
    }
    causes
}

/// Runs of CI that failed on commits of a session.
fn failed_runs(commits: &[Commit], repositories: &[Arc<CiRepository>]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for run in repositories.iter().flat_map(|repository| &repository.runs).filter(|run| verdict(run.conclusion.as_deref()) == Some(false)) {
        let Some(commit) = commits.iter().find(|commit| is_same_commit(&commit.id, &run.sha)) else { continue };
        // Where several sessions were in the folder, nobody knows whose it is.
        let which = if commit.how == How::Shared { "commit in your folder," } else { "your commit" };
        let told = format!("CI failed on {which} {}: workflow {}, {}.", short(&commit.id), run.workflow, run.url);
        causes.push((format!("run {} {}", run.id, run.attempt), told));
    }
    causes
}

/// The beginning of the id of a commit, as git shows it.
fn short(id: &str) -> &str {
    &id[..id.floor_char_boundary(7)]
}

/// Probes that went down soon after the newest commit before.
fn probes_down(commits: &[Commit], targets: &[Target]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for target in targets.iter().filter(|target| target.up == Some(false)) {
        let Some(since) = target.since else { continue };
        let before = |commit: &&Commit| (0.0..AFTER_SECONDS).contains(&(since - commit.at as f64 / 1e3));
        let Some(commit) = commits.iter().rev().find(before) else { continue };
        let minutes = ((since - commit.at as f64 / 1e3) / 60.0).round();
        let why = target.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        let told = format!("The probe {} is down{why} since {minutes} min after your commit {}.", target.target, short(&commit.id));
        causes.push((format!("probe {} {since}", target.target), told));
    }
    causes
}

#[cfg(test)]
mod tests {
    use taskpulse_actors::view::{BudgetPart, TargetKind};

    use super::*;

    #[test]
    fn ids_of_commits_may_be_short() {
        let same = is_same_commit;
        assert!(same("5a47fbbc61124b4c", "5a47fbb") && same("5a47fbb", "5a47fbbc61124b4c"));
        assert!(!same("5a47fbb", "5a47fbc") && !same("", "5a47fbb") && !same("5a4", "5a47fbb"));
    }

    #[test]
    fn a_budget_that_is_used_up_is_told_to_whoever_works_on_what_used_it() {
        let budget = |per: BudgetPer, project: Option<&str>, over: &[&str]| Budget {
            name: "b".to_owned(),
            of: vec!["agents".to_owned()],
            per,
            project: project.map(str::to_owned),
            tag: None,
            subject: None,
            over: over.iter().map(|&name| BudgetPart { name: name.to_owned(), since: 0.0, used: 5.1, crossed_at: 9.0 }).collect(),
            currency: "USD".to_owned(),
            limit: 5.0,
            start: Some(1.0),
            end: None,
            used: Some(5.1),
            crossed_at: Some(9.0),
            forecast: None,
            exhaustion: None,
            missing: None,
        };
        let ours = [TaskRef { project: "app".to_owned(), tag: "master".to_owned(), id: "7".to_owned() }];
        let told =
            |budget: Budget, tasks: &[TaskRef]| budgets_used_up(&[budget], tasks).into_iter().map(|cause| cause.1).collect::<Vec<_>>();
        assert_eq!(told(budget(BudgetPer::Day, None, &[]), &[]), ["The budget b is used up: 5.10 of 5.00 USD."]);
        assert!(told(budget(BudgetPer::Week, Some("shop"), &[]), &ours).is_empty(), "of another project");
        assert_eq!(told(budget(BudgetPer::Week, Some("app"), &[]), &ours).len(), 1);
        let of_task = budget(BudgetPer::Task, None, &["app/master/8", "app/master/7"]);
        assert_eq!(told(of_task.clone(), &ours), ["The budget b is used up by your task app/master/7: 5.10 of 5.00 USD."]);
        assert!(told(of_task, &[]).is_empty());
        assert_eq!(
            told(budget(BudgetPer::Project, None, &["app"]), &ours),
            ["The budget b is used up by your project app: 5.10 of 5.00 USD."]
        );
        let later = Budget { crossed_at: Some(10.0), ..budget(BudgetPer::Day, None, &[]) };
        let cause = |budget: Budget| budgets_used_up(&[budget], &[]).remove(0).0;
        assert_eq!(cause(later), cause(budget(BudgetPer::Day, None, &[])), "once a period, though the time is known better later");
    }

    #[test]
    fn a_probe_that_went_down_within_an_hour_after_a_commit_is_told() {
        let commit = Commit { id: "5a47fbbc61124b4c".to_owned(), at: 1_000_000, ..Commit::default() };
        let target = |since: f64| Target {
            target: "shop".to_owned(),
            kind: TargetKind::Http,
            address: String::new(),
            up: Some(false),
            reason: Some("status 503".to_owned()),
            since: Some(since),
            checked_at: None,
            interval_seconds: 10.0,
            duration_seconds: None,
            http_status: None,
            certificate_expires: None,
        };
        let told =
            |since: f64| probes_down(std::slice::from_ref(&commit), &[target(since)]).into_iter().map(|cause| cause.1).collect::<Vec<_>>();
        assert_eq!(told(1_120.0), ["The probe shop is down (status 503) since 2 min after your commit 5a47fbb."]);
        assert!(told(900.0).is_empty() && told(5_000.0).is_empty());
    }
}
