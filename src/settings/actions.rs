//! `[actions.bind.ADVISOR]`: its keys, and what the actor gets of them.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use taskpulse_actors::actions::{ActionOptions, Commands};
use taskpulse_engine::action::{Binding, Guard, Limit, Mode, Worse, guard};
use taskpulse_engine::advice;
use taskpulse_engine::span::Span;

use super::Settings;

const SECOND: Span = Span::secs(1);
const HOUR: Span = Span::secs(3_600);
const MONTH: Span = Span::secs(31 * 86_400);
const NONE: Span = Span::secs(0);

/// An amount in the unit of the guard, or a share of its value before: `"10%"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum By {
    Amount(f64),
    Share(String),
}

impl By {
    fn limit(&self) -> anyhow::Result<Limit> {
        let (number, limit): (_, fn(f64) -> Limit) = match self {
            Self::Amount(amount) => (Some(*amount), Limit::Amount),
            Self::Share(text) => {
                let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                (percent.map(|percent| percent / 100.0), Limit::Share)
            }
        };
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        number.map(limit).context("must be a number that is not negative, or a share such as \"10%\"")
    }
}

/// `[actions.bind.ADVISOR.guard]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSpec {
    pub query: String,
    pub worse: Option<String>,
    pub by: Option<By>,
    pub within: Option<Span>,
}

impl GuardSpec {
    fn guard(&self) -> anyhow::Result<Guard> {
        ensure!(!self.query.is_empty(), "needs query = \"PromQL that gives one value\"");
        guard::parse(&self.query).with_context(|| format!("query = {:?}", self.query))?;
        let worse = match self.worse.as_deref() {
            None | Some("higher") => Worse::Higher,
            Some("lower") => Worse::Lower,
            Some(other) => bail!("worse = {other:?}: must be higher or lower"),
        };
        let by = self.by.as_ref().context("needs by = \"10%\" or a number: how much worse it may become")?;
        let within = self.within.context("needs within = \"10m\": how long it is watched")?;
        ensure!((SECOND..=MONTH).contains(&within), "within = {within}: must be {SECOND} to {MONTH}");
        Ok(Guard { query: self.query.clone(), worse, limit: by.limit().context("by")?, watch_ms: within.ms() })
    }
}

/// `[actions.bind.ADVISOR]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionSpec {
    pub mode: Option<String>,
    pub after: Option<Span>,
    pub dry_run: Vec<String>,
    pub command: Vec<String>,
    pub undo: Vec<String>,
    pub timeout: Option<Span>,
    pub cooldown: Option<Span>,
    pub pass_environment: Vec<String>,
    pub guard: GuardSpec,
}

impl ActionSpec {
    /// What is bound to the advisor `name`.
    pub fn binding(&self, name: &str) -> anyhow::Result<(Binding, Commands)> {
        self.read(name).with_context(|| format!("actions.bind.{name}"))
    }

    fn read(&self, name: &str) -> anyhow::Result<(Binding, Commands)> {
        let known: Vec<&str> = advice::advisor_names().collect();
        ensure!(known.contains(&name), "no advisor has this name; they are {}", known.join(", "));
        for (key, command) in [("dry_run", &self.dry_run), ("command", &self.command), ("undo", &self.undo)] {
            ensure!(command.first().is_some_and(|program| !program.is_empty()), "needs {key} = [\"program\", \"argument\"]");
            ensure!(command.iter().all(|word| !word.contains('\0')), "{key}: no argument may have a NUL");
        }
        let mode = match (self.mode.as_deref(), self.after) {
            (None | Some("ask"), None) => Mode::Ask,
            (None | Some("ask"), Some(_)) => bail!("after: only with mode = \"auto\""),
            (Some("auto"), after) => {
                let after = after.unwrap_or(Span::secs(600));
                ensure!((NONE..=MONTH).contains(&after), "after = {after}: must be {NONE} to {MONTH}");
                Mode::Auto { after_ms: after.ms() }
            }
            (Some(other), _) => bail!("mode = {other:?}: must be ask or auto"),
        };
        let timeout = self.timeout.unwrap_or(Span::secs(300));
        ensure!((SECOND..=HOUR).contains(&timeout), "timeout = {timeout}: must be {SECOND} to {HOUR}");
        let cooldown = self.cooldown.unwrap_or(Span::secs(86_400));
        ensure!((NONE..=MONTH).contains(&cooldown), "cooldown = {cooldown}: must be {NONE} to {MONTH}");
        let guard = self.guard.guard().context("guard")?;
        let binding = Binding { advisor: name.to_owned(), mode, guard, cooldown_ms: cooldown.ms() };
        let commands = Commands {
            dry_run: self.dry_run.clone(),
            command: self.command.clone(),
            undo: self.undo.clone(),
            timeout: timeout.duration(),
            pass_environment: self.pass_environment.clone(),
        };
        Ok((binding, commands))
    }
}

/// What the actor gets of the settings.
pub fn options(settings: &Settings) -> anyhow::Result<ActionOptions> {
    let actions = &settings.actions;
    ensure!((NONE..=MONTH).contains(&actions.cooldown), "actions.cooldown = {}: must be {NONE} to {MONTH}", actions.cooldown);
    let off = if !actions.enabled {
        Some("`actions.enabled` is false, or the service runs with --no-advanced")
    } else if !settings.optimizer.enabled {
        Some("`optimizer.enabled` is false, so there is no advice")
    } else {
        None
    };
    let bindings = super::sources::each(&actions.bind, ActionSpec::binding)?;
    Ok(ActionOptions { off, cooldown: actions.cooldown.duration(), bindings })
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    const WHOLE: &str =
        "dry_run = [\"a\"]\ncommand = [\"b\", \"c\"]\nundo = [\"d\"]\nguard = { query = \"e\", by = \"10%\", within = \"5m\" }\n";

    #[test]
    fn what_is_not_said_is_on_the_safe_side() {
        let spec: ActionSpec = toml::from_str(WHOLE).unwrap();
        let (binding, commands) = spec.binding("disk_filling").unwrap();
        assert_eq!((binding.mode, binding.cooldown_ms), (Mode::Ask, 86_400_000));
        assert_eq!((binding.guard.worse, binding.guard.limit, binding.guard.watch_ms), (Worse::Higher, Limit::Share(0.1), 300_000));
        assert_eq!((commands.command, commands.timeout.as_secs()), (vec!["b".to_owned(), "c".to_owned()], 300));
        let off = options(&Settings::default()).unwrap().off;
        assert!(off.is_some_and(|why| why.contains("actions.enabled")));
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        for (from, to, part) in [
            ("undo = [\"d\"]\n", "", "needs undo = [\"program\", \"argument\"]"),
            ("[\"a\"]", "[\"\"]", "needs dry_run = "),
            ("command", "mode = \"always\"\ncommand", "mode = \"always\": must be ask or auto"),
            ("command", "after = \"5m\"\ncommand", "after: only with mode"),
            ("command", "timeout = \"2h\"\ncommand", "timeout = 2h: must be 1s to 1h"),
            ("command", "cooldown = \"99d\"\ncommand", "cooldown = 99d: must be 0s to 31d"),
            ("query = \"e\"", "query = \"e >\"", "guard: query = \"e >\""),
            ("query = \"e\", ", "", "guard: needs query"),
            (", within = \"5m\"", "", "guard: needs within"),
            ("by = \"10%\", ", "", "guard: needs by"),
            ("\"10%\"", "\"ten\"", "guard: by: must be a number"),
            ("\"10%\"", "-1.0", "guard: by: must be a number"),
            ("by = ", "worse = \"more\", by = ", "worse = \"more\": must be higher or lower"),
        ] {
            let spec: ActionSpec = toml::from_str(&WHOLE.replacen(from, to, 1)).unwrap();
            let error = format!("{:#}", spec.binding("disk_filling").unwrap_err());
            assert!(error.starts_with("actions.bind.disk_filling: ") && error.contains(part), "{from} → {to}: {error}");
        }
        let spec: ActionSpec = toml::from_str(WHOLE).unwrap();
        let error = format!("{:#}", spec.binding("disk_full").unwrap_err());
        assert!(error.contains("no advisor has this name; they are disk_filling, "), "{error}");
        assert!(toml::from_str::<ActionSpec>("command = \"a line for a shell\"").is_err());
    }

    #[test]
    fn every_key_is_in_the_documentation() {
        let text = include_str!("../../docs/ACTIONS.md");
        let spec = keys::<ActionSpec>();
        let guard = keys::<GuardSpec>();
        assert!(spec.len() == 9 && guard.len() == 4, "{spec:?} {guard:?}");
        for key in [spec, guard].concat() {
            assert!(text.contains(&format!("| `{key}` |")), "docs/ACTIONS.md lacks `{key}`");
        }
    }
}
