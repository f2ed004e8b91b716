//! Notices as text: a title, and one line an alert.

use std::fmt::Write;

use super::generator_url;
use crate::model::{clipped, rfc3339};
use crate::notices::{Notice, NoticeAlert};

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest line of an alert, in characters.
const MAX_LINE: usize = 1_000;

/// One line about a notice: what fires or ended, and how much more.
#[must_use]
pub fn title(notice: &Notice) -> String {
    let (firing, ended) = notice.counts();
    let Some(first) = notice.alerts.first() else { return "No alerts".to_owned() };
    let still = if notice.repeated { "still " } else { "" };
    let acknowledged = if notice.is_acknowledged() { ", acknowledged" } else { "" };
    let flapping = if first.flapping { ", flapping" } else { "" };
    let state = if notice.is_firing() { format!("{}{acknowledged}{flapping}", notice.severity()) } else { "ended".to_owned() };
    let others = firing + ended + notice.more - 1;
    let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    format!("{still}{state}: {}{others}", clipped(first.summary(), MAX_TITLE))
}

/// The line of an alert: time, state, severity, rule, summary.
#[must_use]
pub fn line(alert: &NoticeAlert) -> String {
    let at = alert.ends_at.or(alert.unknown_since).unwrap_or(alert.starts_at);
    // Where nothing is known any more, the summary says why.
    let reason =
        alert.reason.as_deref().filter(|_| !alert.is_unknown()).map(|why| format!(" ({})", clipped(why, MAX_LINE))).unwrap_or_default();
    let flaps = if alert.flapping { " (it fires again and again; its next changes are held back)" } else { "" };
    let time = rfc3339(at - at.rem_euclid(1_000));
    format!(
        "{time} {:<8} {:<8} {}: {}{reason}{flaps}",
        alert.state(),
        alert.severity.to_string(),
        clipped(&alert.rule, MAX_TITLE),
        clipped(alert.summary(), MAX_LINE)
    )
}

/// The line of an alert, and below it the lines about why it fired.
#[must_use]
pub fn lines(alert: &NoticeAlert) -> String {
    let explained = alert.explanation().map(|line| format!("\n  {}", clipped(line, MAX_LINE)));
    std::iter::once(line(alert)).chain(explained).collect()
}

/// The text of a mail: the title, and each alert with its labels and where to look.
#[must_use]
pub fn mail(notice: &Notice, external_url: &str) -> String {
    let mut text = format!("{}\n", title(notice));
    for alert in &notice.alerts {
        let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={}", clipped(value, MAX_TITLE))).collect();
        let link = generator_url(alert, external_url);
        let _ = write!(text, "\n{}\n  {}\n  {link}\n", lines(alert), clipped(&labels.join(" "), MAX_LINE));
    }
    if notice.more > 0 {
        let _ = write!(text, "\n… and {} more\n", notice.more);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::notices::alert::tests::{ended, firing};

    #[test]
    fn texts_say_what_changed_and_hold_no_control_characters() {
        let mut alert = firing("cpu", "a", 1_749_988_800_500);
        alert.annotations.insert("summary".to_owned(), "CPU \u{1b}[31m87 %\n\u{202e}fdp".to_owned());
        assert_eq!(line(&alert), "2025-06-15T12:00:00Z firing   warning  cpu: CPU \u{fffd}[31m87 %\u{fffd}\u{fffd}fdp");
        alert.annotations.insert("explanation".to_owned(), "Most CPU: a\u{7}\nb\nc\nd".to_owned());
        assert_eq!(lines(&alert), format!("{}\n  Most CPU: a\u{fffd}\n  b\n  c", line(&alert)), "three lines");
        assert_eq!(lines(&ended(&alert, 1)), line(&ended(&alert, 1)), "an end needs none");
        let over = ended(&firing("cpu", "b", 0), 61_000);
        assert_eq!(line(&over), "1970-01-01T00:01:01Z resolved warning  cpu: cpu on b");
        let notice = |alerts| Notice::new("ops", "g", BTreeMap::new(), 0, alerts);
        assert_eq!(title(&notice(vec![over.clone()])), "ended: cpu on b");
        assert_eq!(title(&notice(vec![over, firing("cpu", "c", 0)])), "warning: cpu on c (and 1 more)");
        let flaps = NoticeAlert { flapping: true, ..firing("cpu", "c", 0) };
        assert_eq!(title(&notice(vec![flaps])), "warning, flapping: cpu on c");
        let lost = NoticeAlert { unknown_since: Some(61_000), reason: Some("no sample for 5m".to_owned()), ..firing("cpu", "c", 0) };
        assert_eq!(line(&lost), "1970-01-01T00:01:01Z unknown  warning  cpu: cpu on c");
        assert_eq!(title(&Notice { repeated: true, ..notice(vec![firing("cpu", "c", 0)]) }), "still warning: cpu on c");
        let long = NoticeAlert { annotations: BTreeMap::from([("summary".to_owned(), "x".repeat(9_000))]), ..firing("cpu", "c", 0) };
        assert!(line(&long).chars().count() < MAX_LINE + 100 && title(&notice(vec![long])).chars().count() < MAX_TITLE + 20);
    }
}
