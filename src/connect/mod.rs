//! `taskpulse connect`: what an agent must be told so that the service hears of it; printed, or merged into the agent's own settings.
//!
//! The settings of an agent are the user's: values that are there stay, what cannot be read is refused before anything is written, what was
//! there is kept beside, and `--undo` takes exactly the own entries out again.

mod agents;
mod file;
mod fragment;
mod json;
mod toml;

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use taskpulse_actors::agents::machine;

pub use self::agents::Agent;
use self::agents::{Content, Plan, Planned, Target, base_of_plugin, plan};
use self::fragment::Merged;
use crate::client::address;
use crate::console;
use crate::settings::Settings;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Print what is needed.
    Print,
    /// Merge it into the settings of the agent.
    Write,
    /// Take it out of them.
    Undo,
}

/// Runs the command. Returns false where a value of the user is in the way, which is printed.
///
/// # Errors
/// Where the settings of the agent cannot be read or written; then none of them was changed.
pub fn run(settings: &Settings, agent: Agent, mode: Mode, project: bool, url: Option<&str>) -> anyhow::Result<bool> {
    let base = url.map_or_else(|| address(settings), |url| url.trim_end_matches('/').to_owned());
    let parsed = reqwest::Url::parse(&base).with_context(|| format!("--url {base}"))?;
    let is_plain =
        parsed.has_host() && ["http", "https"].contains(&parsed.scheme()) && parsed.query().is_none() && parsed.fragment().is_none();
    ensure!(is_plain, "--url {base}: give the address of the service, such as http://127.0.0.1:8090");
    let program = std::env::current_exe().context("the path of this program")?;
    let target = Target { base, program, host: machine(), token: settings.server.token.is_some() };
    let folder = std::env::current_dir().context("the working directory")?;
    let project = project.then_some(folder.as_path());
    let plan_for = |target: &Target| plan(agent, target, project);
    match mode {
        Mode::Print => show(&plan_for(&target)?).map(|()| true),
        Mode::Write => write(&target, plan_for),
        Mode::Undo => undo(&target, plan_for).map(|()| true),
    }
}

fn show(plan: &Plan) -> anyhow::Result<()> {
    let mut text = String::new();
    for planned in &plan.files {
        let content = merged(&planned.content, "")?.text;
        let _ = writeln!(text, "{}:\n\n{}\n", planned.path.display(), content.trim());
    }
    plan.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
    let _ = writeln!(text, "The same command with --write puts it there beside what is there already, and with --undo takes it out again.");
    Ok(console::print(&text)?)
}

/// A file of an agent, as it is and as it is to be.
struct Change {
    settings: file::Settings,
    planned: Planned,
    merged: Merged,
}

impl Change {
    /// Works out what a file is to be. `old` is what an earlier run may have put there, `moved` whether for another service.
    fn new(planned: Planned, old: Option<&Planned>, moved: bool) -> anyhow::Result<Self> {
        let settings = file::Settings::read(&planned.path)?;
        let there = settings.text.as_deref().unwrap_or_default();
        let mut text = there.to_owned();
        if let Some(old) = old
            && (moved || !is_settled(&planned.content, there)?)
        {
            text = stripped(&old.content, there, settings.backup().as_deref())?;
        }
        let merged = merged(&planned.content, &text)?;
        Ok(Self { settings, planned, merged })
    }

    /// Writes it; one line about it.
    fn apply(&self, old: Option<&Planned>) -> anyhow::Result<String> {
        let (shown, there) = (self.planned.path.display(), self.settings.text.as_deref());
        if there == Some(self.merged.text.as_str()) {
            return Ok(format!("{shown}: has it already"));
        }
        let is_first = match (old, there) {
            (Some(old), Some(there)) => stripped(&old.content, there, None)? == there,
            _ => true,
        };
        if is_first {
            self.settings.keep()?;
        }
        self.settings.change(Some(&self.merged.text))?;
        Ok(match (there, self.settings.backup()) {
            (Some(_), Some(_)) => format!("{shown}: changed; what was there before is in {}", self.settings.backup_path().display()),
            (Some(_), None) => format!("{shown}: changed"),
            (None, _) => format!("{shown}: written"),
        })
    }
}

fn write(target: &Target, plan_for: impl Fn(&Target) -> anyhow::Result<Plan>) -> anyhow::Result<bool> {
    let plan = plan_for(target)?;
    let (old, moved) = match connected_to(&plan)? {
        Some(base) => (plan_for(&Target { base: base.clone(), ..target.clone() })?.files, base != target.base),
        None => (Vec::new(), false),
    };
    let old_of = |path: &Path| old.iter().find(|planned| planned.path == path);
    let change = |planned: Planned| {
        let path = planned.path.clone();
        Change::new(planned, old_of(&path), moved).with_context(|| unchanged(&path))
    };
    // All are worked out before one is written.
    let changes: Vec<Change> = plan.files.into_iter().map(change).collect::<anyhow::Result<_>>()?;
    let mut text = format!("{} is connected to {}:\n", plan.name, target.base);
    for change in &changes {
        let path = &change.planned.path;
        let _ = writeln!(text, "{}", change.apply(old_of(path)).with_context(|| path.display().to_string())?);
        change.merged.kept.iter().for_each(|kept| text.push_str(&format!("{}: {kept}\n", path.display())));
    }
    plan.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
    console::print(&text)?;
    Ok(changes.iter().all(|change| change.merged.kept.is_empty()))
}

fn undo(target: &Target, plan_for: impl Fn(&Target) -> anyhow::Result<Plan>) -> anyhow::Result<()> {
    let plan = plan_for(target)?;
    let plan = match connected_to(&plan)? {
        Some(base) => plan_for(&Target { base, ..target.clone() })?,
        None => plan,
    };
    let mut text = String::new();
    for planned in &plan.files {
        let line = take_out(planned).with_context(|| unchanged(&planned.path))?;
        let _ = writeln!(text, "{}: {line}", planned.path.display());
    }
    Ok(console::print(&text)?)
}

/// Takes the own entries out of one file; what was done.
fn take_out(planned: &Planned) -> anyhow::Result<&'static str> {
    let settings = file::Settings::read(&planned.path)?;
    let Some(there) = settings.text.as_deref() else { return Ok("is not there") };
    let before = settings.backup();
    if let Some(before) = before.as_deref()
        && merged(&planned.content, before).is_ok_and(|merged| merged.text == there)
    {
        settings.change(Some(before))?;
        settings.forget_backup();
        return Ok("is as it was before");
    }
    let left = stripped(&planned.content, there, before.as_deref())?;
    if left == there {
        return Ok("has nothing of taskpulse");
    }
    let empty = before.is_none() && is_empty(&planned.content, &left);
    settings.change(Some(left.as_str()).filter(|_| !empty))?;
    settings.forget_backup();
    Ok(if empty { "removed" } else { "the entries of taskpulse are out, all others stayed" })
}

fn unchanged(path: &Path) -> String {
    format!("{}, which was not changed", path.display())
}

/// The service that an agent is connected to by an earlier run.
fn connected_to(plan: &Plan) -> anyhow::Result<Option<String>> {
    for planned in &plan.files {
        let text = file::Settings::read(&planned.path).with_context(|| unchanged(&planned.path))?.text.unwrap_or_default();
        let base = match &planned.content {
            Content::Json(fragment) => json::base_in(&text, fragment).with_context(|| unchanged(&planned.path))?,
            Content::Whole(_) => base_of_plugin(&text),
            Content::Toml(_) => None,
        };
        if base.is_some() {
            return Ok(base);
        }
    }
    Ok(None)
}

fn merged(content: &Content, text: &str) -> anyhow::Result<Merged> {
    match content {
        Content::Json(fragment) => json::merge(text, fragment),
        Content::Toml(fragment) => toml::merge(text, fragment),
        Content::Whole(whole) => {
            let own = text.is_empty() || base_of_plugin(text).is_some();
            ensure!(own, "is not as taskpulse wrote it; move it away first");
            Ok(Merged { text: whole.clone(), kept: Vec::new() })
        }
    }
}

fn stripped(content: &Content, text: &str, before: Option<&str>) -> anyhow::Result<String> {
    match content {
        Content::Json(fragment) => json::strip(text, fragment, before),
        Content::Toml(fragment) => toml::strip(text, fragment, before),
        Content::Whole(_) if base_of_plugin(text).is_some() => Ok(String::new()),
        Content::Whole(_) => bail!("is not as taskpulse wrote it; remove it by hand"),
    }
}

fn is_settled(content: &Content, text: &str) -> anyhow::Result<bool> {
    match content {
        Content::Json(fragment) => json::is_settled(text, fragment),
        Content::Toml(fragment) => toml::is_settled(text, fragment),
        Content::Whole(whole) => Ok(text == whole),
    }
}

fn is_empty(content: &Content, text: &str) -> bool {
    match content {
        Content::Json(_) => json::is_empty(text),
        Content::Toml(_) | Content::Whole(_) => text.trim().is_empty(),
    }
}
