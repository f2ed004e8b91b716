//! What the service writes inside a project stays out of the project's repository: an agent's `git add -A` must not commit it.

use std::path::Path;

use taskpulse_engine::store::{GITIGNORE, keep_out_of_git, write_ignore_file};

use crate::options::TASKMASTER;
use crate::settings::Settings;

/// For `.taskmaster`, which belongs to the project: hides the file of alerts, its predecessor and this list.
const BESIDE_BOARD: &str = "# Made by taskpulse: its log of alerts belongs into no repository.\n/alerts.log\n/alerts.log.1\n/.gitignore\n";
/// Lines by which a list that somebody else wrote hides the file of alerts.
const HIDING: [&str; 7] = ["*", "*.log", "*.log*", "alerts.log", "alerts.log*", "alerts.*", "alerts*"];

/// Writes the lists that git reads, where there are none yet. A disk that refuses them stops nothing.
pub fn hide(settings: &Settings, data_dir: &Path) {
    // A folder that the user named may hold more than the history; the store hides it where it made it.
    if settings.store.data_dir.is_none()
        && let Err(error) = keep_out_of_git(data_dir)
    {
        log::debug!("{}: {error}", data_dir.join(GITIGNORE).display());
    }
    if settings.alerts.file && settings.alerts.file_path.is_none() {
        hide_alerts(Path::new(TASKMASTER));
    }
}

fn hide_alerts(taskmaster: &Path) {
    if !taskmaster.is_dir() {
        return;
    }
    let path = taskmaster.join(GITIGNORE);
    match write_ignore_file(taskmaster, BESIDE_BOARD) {
        Ok(true) => {}
        Ok(false) if std::fs::read_to_string(&path).is_ok_and(|text| hides_alerts(&text)) => {}
        Ok(false) => log::info!("{} does not name alerts.log: add the line /alerts.log* so that git does not see it", path.display()),
        Err(error) => log::debug!("{}: {error}", path.display()),
    }
}

/// Whether one of the lines of a `.gitignore` is known to hide the file of alerts.
fn hides_alerts(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        HIDING.contains(&line.strip_prefix('/').unwrap_or(line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_somebody_else_is_read_by_its_lines() {
        for (text, hidden) in [
            (BESIDE_BOARD, true),
            ("reports/\n/alerts.log*\n", true),
            ("*\n!tasks\n", true),
            ("# alerts.log\n", false),
            ("!alerts.log\n", false),
            ("", false),
        ] {
            assert_eq!(hides_alerts(text), hidden, "{text}");
        }
    }
}
