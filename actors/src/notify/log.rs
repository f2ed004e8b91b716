//! The console and the file: a line for each alert of a notice.
//!
//! The console gets text: time, state, severity, rule, summary, and the lines about why it fired. The file gets JSON; it is rotated at [`MAX_FILE_BYTES`], and one old
//! file is kept.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use taskpulse_engine::model::rfc3339;

use futures_util::future::ready;
use serde_json::json;
use taskpulse_engine::notices::render::lines;
use taskpulse_engine::notices::{Notice, NoticeAlert};
use taskpulse_engine::rules::Severity;
use tokio::task::spawn_blocking;

use super::channel::{Delivery, DeliveryError, Transport};
use crate::files;

/// Size at which the file is rotated.
pub const MAX_FILE_BYTES: u64 = 5 << 20;

/// The log of the service.
pub struct Console;

impl Transport for Console {
    fn kind(&self) -> &'static str {
        "console"
    }

    fn target(&self) -> String {
        "standard error".to_owned()
    }

    fn deliver(&self, notice: &Notice, _: Option<&str>) -> Delivery {
        for alert in &notice.alerts {
            let text = lines(alert);
            match alert.severity {
                Severity::Error | Severity::Critical if !alert.is_over() => log::error!("alert {text}"),
                Severity::Warning if !alert.is_over() => log::warn!("alert {text}"),
                _ => log::info!("alert {text}"),
            }
        }
        Box::pin(ready(Ok(None)))
    }
}

/// A file of JSON lines.
pub struct JsonLines {
    /// Where it is.
    pub path: PathBuf,
}

impl Transport for JsonLines {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn target(&self) -> String {
        self.path.display().to_string()
    }

    fn deliver(&self, notice: &Notice, _: Option<&str>) -> Delivery {
        let lines: String = notice.alerts.iter().map(|alert| json_line(alert, notice.repeated)).collect();
        let path = self.path.clone();
        // On the pool: the disk may be slow.
        Box::pin(async move {
            let written = spawn_blocking(move || append(&path, &lines)).await;
            let written = written.map_err(|error| DeliveryError::channel(format!("writing it panicked: {error}")))?;
            written.map(|()| None).map_err(|error| DeliveryError::channel(error.to_string()))
        })
    }
}

fn json_line(alert: &NoticeAlert, repeated: bool) -> String {
    let line = json!({
        "time": rfc3339(alert.ends_at.or(alert.unknown_since).unwrap_or(alert.starts_at)),
        "state": alert.state(),
        "severity": alert.severity,
        "rule": alert.rule,
        "summary": alert.summary(),
        "explanation": alert.explanation().collect::<Vec<_>>(),
        "labels": alert.labels,
        "value": alert.value,
        "starts_at": rfc3339(alert.starts_at),
        "ends_at": alert.ends_at.map(rfc3339),
        "reason": alert.reason,
        "flapping": alert.flapping,
        "repeated": repeated,
        "id": alert.id,
    });
    format!("{line}\n")
}

fn append(path: &Path, lines: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() + lines.len() as u64 > MAX_FILE_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    // A FIFO that nobody reads is refused, and not waited for.
    let mut file = OpenOptions::new().create(true).append(true).custom_flags(files::DO_NOT_WAIT).open(path)?;
    file.write_all(lines.as_bytes())
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
