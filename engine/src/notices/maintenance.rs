//! Maintenance windows: times that come again, during which notices are held back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::matcher::all_accept;
use super::schedule::{Schedule, ScheduleError};
use super::{MatcherError, MatcherSpec, NoticeAlert};
use crate::model::{Matcher, TimestampMs};
use crate::store::DocumentChange;

/// Windows that are kept.
const MAX_WINDOWS: usize = 1_000;
/// Times of one window, and matchers.
const MAX_PARTS: usize = 32;
/// Longest name, time, matcher or comment, in bytes.
const MAX_TEXT: usize = 1_000;
const WINDOW: &str = "maintenance/";

/// A maintenance window as written. It is kept as a document, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaintenanceSpec {
    /// When: `sun 02:00-04:00`.
    pub times: Vec<String>,
    /// The time zone of the times; none for that of the machine.
    pub timezone: Option<String>,
    /// Which alerts; empty for all.
    #[serde(rename = "match")]
    pub matchers: Vec<String>,
    /// Why.
    pub comment: String,
}

/// Why a maintenance window cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaintenanceError {
    /// It has no times.
    #[error("times: needs at least one, like \"sun 02:00-04:00\"")]
    NoTimes,
    /// Its times.
    #[error("times: {0}")]
    Schedule(#[from] ScheduleError),
    /// Its matchers.
    #[error("match: {0}")]
    Matcher(#[from] MatcherError),
    /// It is too long.
    #[error("more than {MAX_PARTS} times or matchers, or a text of more than {MAX_TEXT} bytes")]
    TooLong,
    /// There is no room.
    #[error("there are {MAX_WINDOWS} maintenance windows; remove some")]
    TooMany,
    /// It is in the settings.
    #[error("`{0}` is a maintenance window of the settings (notify.maintenance.{0}); change it there")]
    OfSettings(String),
    /// There is none of that name.
    #[error("there is no maintenance window `{0}`")]
    NotFound(String),
}

#[derive(Debug, Clone)]
struct Window {
    spec: MaintenanceSpec,
    schedule: Schedule,
    matchers: Vec<Matcher>,
    of_settings: bool,
}

/// A maintenance window with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct MaintenanceWindow {
    /// Its name.
    pub name: String,
    /// As written.
    pub spec: MaintenanceSpec,
    /// Whether it is in the settings, and so cannot be changed over REST.
    pub of_settings: bool,
    /// Whether it holds notices back now.
    pub active: bool,
}

/// All maintenance windows.
#[derive(Debug, Clone, Default)]
pub struct MaintenanceWindows {
    windows: BTreeMap<String, Window>,
    changed: BTreeSet<String>,
}

impl Window {
    fn new(spec: MaintenanceSpec, of_settings: bool) -> Result<Self, MaintenanceError> {
        if spec.times.is_empty() {
            return Err(MaintenanceError::NoTimes);
        }
        let texts = spec.times.iter().chain(&spec.matchers).chain([&spec.comment]);
        if spec.times.len() > MAX_PARTS || spec.matchers.len() > MAX_PARTS || texts.into_iter().any(|text| text.len() > MAX_TEXT) {
            return Err(MaintenanceError::TooLong);
        }
        let schedule = Schedule::parse(&spec.times, spec.timezone.as_deref())?;
        let matchers = MatcherSpec::compile_all(&spec.matchers)?;
        Ok(Self { spec, schedule, matchers, of_settings })
    }
}

impl MaintenanceWindows {
    /// The windows of the settings.
    ///
    /// # Errors
    /// The name of the first that cannot be used, and why.
    pub fn new(settings: &BTreeMap<String, MaintenanceSpec>) -> Result<Self, (String, MaintenanceError)> {
        let window = |(name, spec): (&String, &MaintenanceSpec)| match Window::new(spec.clone(), true) {
            Ok(window) => Ok((name.clone(), window)),
            Err(error) => Err((name.clone(), error)),
        };
        Ok(Self { windows: settings.iter().map(window).collect::<Result<_, _>>()?, changed: BTreeSet::new() })
    }

    /// Takes over kept documents. A window of the settings comes before a kept one of its name.
    pub fn restore(&mut self, documents: &[(String, Vec<u8>)]) {
        for (key, bytes) in documents {
            let Some(name) = key.strip_prefix(WINDOW).filter(|name| !self.windows.contains_key(*name)) else { continue };
            let spec = serde_json::from_slice::<MaintenanceSpec>(bytes).ok();
            match spec.map(|spec| Window::new(spec, false)) {
                Some(Ok(window)) => {
                    self.windows.insert(name.to_owned(), window);
                }
                Some(Err(error)) => log::error!("maintenance window {name}: {error}"),
                None => log::error!("maintenance window {name}: its document cannot be read"),
            }
        }
    }

    /// Makes or replaces a window.
    ///
    /// # Errors
    /// [`MaintenanceError`] says why nothing changed.
    pub fn set(&mut self, name: &str, spec: MaintenanceSpec) -> Result<(), MaintenanceError> {
        self.not_of_settings(name)?;
        if name.is_empty() || name.len() > MAX_TEXT {
            return Err(MaintenanceError::TooLong);
        }
        if self.windows.len() >= MAX_WINDOWS && !self.windows.contains_key(name) {
            return Err(MaintenanceError::TooMany);
        }
        self.windows.insert(name.to_owned(), Window::new(spec, false)?);
        self.changed.insert(name.to_owned());
        Ok(())
    }

    /// Removes a window.
    ///
    /// # Errors
    /// [`MaintenanceError`] where there is none, or it is in the settings.
    pub fn remove(&mut self, name: &str) -> Result<(), MaintenanceError> {
        self.not_of_settings(name)?;
        self.windows.remove(name).ok_or_else(|| MaintenanceError::NotFound(name.to_owned()))?;
        self.changed.insert(name.to_owned());
        Ok(())
    }

    fn not_of_settings(&self, name: &str) -> Result<(), MaintenanceError> {
        match self.windows.get(name) {
            Some(window) if window.of_settings => Err(MaintenanceError::OfSettings(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// All, by name.
    #[must_use]
    pub fn all(&self, now: TimestampMs) -> Vec<MaintenanceWindow> {
        let view = |(name, window): (&String, &Window)| MaintenanceWindow {
            name: name.clone(),
            spec: window.spec.clone(),
            of_settings: window.of_settings,
            active: window.schedule.contains(now),
        };
        self.windows.iter().map(view).collect()
    }

    /// Names and matchers of those that are active.
    pub(super) fn active(&self, now: TimestampMs) -> Vec<(&str, &[Matcher])> {
        let active = self.windows.iter().filter(|(_, window)| window.schedule.contains(now));
        active.map(|(name, window)| (name.as_str(), window.matchers.as_slice())).collect()
    }

    /// The documents that changed since the last call.
    pub fn take_changes(&mut self) -> Vec<DocumentChange> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let bytes = |name: &str| self.windows.get(name).and_then(|window| serde_json::to_vec(&window.spec).ok());
        changed.map(|name| (format!("{WINDOW}{name}"), bytes(&name))).collect()
    }
}

/// Whether a window holds an alert back.
pub(super) fn mutes(matchers: &[Matcher], alert: &NoticeAlert) -> bool {
    all_accept(matchers, alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(times: &str) -> MaintenanceSpec {
        MaintenanceSpec { times: vec![times.to_owned()], timezone: Some("UTC".to_owned()), ..MaintenanceSpec::default() }
    }

    #[test]
    fn windows_over_rest_are_kept_and_those_of_the_settings_are_not_changed() {
        let settings = BTreeMap::from([("backup".to_owned(), spec("02:00-04:00"))]);
        let mut windows = MaintenanceWindows::new(&settings).unwrap();
        assert_eq!(windows.set("patch", spec("thu")), Ok(()));
        assert_eq!(windows.set("backup", spec("thu")), Err(MaintenanceError::OfSettings("backup".to_owned())));
        assert_eq!(
            windows.set("bad", spec("noon")).unwrap_err().to_string().split(';').next(),
            Some("times: `noon` is no time that comes again")
        );
        let kept: Vec<(String, Vec<u8>)> = windows.take_changes().into_iter().map(|(key, bytes)| (key, bytes.unwrap())).collect();
        let mut windows = MaintenanceWindows::new(&settings).unwrap();
        windows.restore(&kept);
        // 2025-06-15, a Sunday, at noon; the Thursday after it at three.
        let (sunday, thursday) = (1_749_988_800_000, 1_749_988_800_000 + (3 * 24 + 15) * 3_600_000);
        let active = |windows: &MaintenanceWindows, at| windows.active(at).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!((active(&windows, sunday), active(&windows, thursday)), (vec![], vec!["backup".to_owned(), "patch".to_owned()]));
        assert_eq!(windows.remove("patch"), Ok(()));
        assert_eq!((windows.all(sunday).len(), windows.take_changes().len()), (1, 1));
        assert_eq!(windows.remove("patch"), Err(MaintenanceError::NotFound("patch".to_owned())));
    }
}
