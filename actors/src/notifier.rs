//! The notifier: notifies people of alerts that fired or were resolved, on the console and in a file.
//!
//! One line an alert: time, state, severity, rule, summary. The file is rotated at [`MAX_FILE_BYTES`], one old file
//! is kept. A file that cannot be written shows as a failing source, and is tried again with the next alert.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use taskpulse_engine::rules::{Alert, AlertState, Severity};

use crate::files;
use crate::messages::Notify;
use crate::sources::SourceRegistry;
use crate::supervisor::{Ctx, Receive, ServiceActor};

/// Size at which the file is rotated.
pub const MAX_FILE_BYTES: u64 = 5 << 20;

/// Where notifications go.
#[derive(Debug, Clone)]
pub struct Channels {
    /// On the console (the log).
    pub console: bool,
    /// In this file.
    pub file: Option<PathBuf>,
}

/// See the module.
pub struct NotifierActor {
    channels: Channels,
    sources: SourceRegistry,
}

impl NotifierActor {
    /// A notifier for these channels; a file that cannot be written is reported to `sources`.
    #[must_use]
    pub fn new(channels: Channels, sources: SourceRegistry) -> Self {
        Self { channels, sources }
    }

    fn write(&self, path: &Path, line: &str) {
        let written = append(path, line);
        match written {
            Ok(()) => self.sources.remove("alert file"),
            Err(error) => self.sources.failing("alert file", format!("{}: {error}", path.display())),
        }
    }
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() + line.len() as u64 > MAX_FILE_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    // A FIFO that nobody reads is refused, and not waited for.
    let mut file = OpenOptions::new().create(true).append(true).custom_flags(files::DO_NOT_WAIT).open(path)?;
    file.write_all(line.as_bytes())
}

/// The line of an alert.
#[must_use]
pub fn line(alert: &Alert) -> String {
    let (state, at) = match alert.state {
        AlertState::Resolved => ("resolved", alert.resolved_at),
        AlertState::Firing => ("firing", alert.firing_since),
        AlertState::Unknown => ("unknown", alert.unknown_since),
        AlertState::Pending => ("pending", Some(alert.pending_since)),
    };
    let time = at.and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(|t| format!("{t:.0}")).unwrap_or_default();
    let reason = alert.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
    // Label values come from outside: no line breaks or control characters reach a terminal or the file.
    let summary: String = alert.summary.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("{time} {state:<8} {:<8} {}: {summary}{reason}\n", alert.severity.to_string(), alert.rule)
}

impl ServiceActor for NotifierActor {}

impl Receive<Notify> for NotifierActor {
    type Reply = ();

    fn receive(&mut self, Notify(alert): Notify, _: &mut Ctx<Self>) {
        let line = line(&alert);
        if self.channels.console {
            match (alert.state, alert.severity) {
                (AlertState::Firing, Severity::Error | Severity::Critical) => log::error!("alert {}", line.trim_end()),
                (AlertState::Firing, Severity::Warning) => log::warn!("alert {}", line.trim_end()),
                _ => log::info!("alert {}", line.trim_end()),
            }
        }
        if let Some(path) = &self.channels.file {
            self.write(path, &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_rotated_and_one_old_one_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/alerts.log");
        append(&path, "first\n").unwrap();
        fs::write(&path, vec![b'x'; MAX_FILE_BYTES as usize]).unwrap();
        append(&path, "second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
        assert_eq!(fs::metadata(dir.path().join("sub/alerts.log.1")).unwrap().len(), MAX_FILE_BYTES);
    }
}
