//! Bodies for chats and phones: Slack, Discord, Microsoft Teams, ntfy. Each is within what its receiver takes; what does not fit is counted.

use crate::model::{clipped, rfc3339};
use serde_json::{Value, json};

use super::webhook::generator_url;
use super::{line, title};
use crate::notices::{Notice, NoticeAlert};
use crate::rules::Severity;

/// Alerts that a message of Slack lists.
const SLACK_ALERTS: usize = 20;
/// Embeds of a message of Discord, and the characters of all of them.
const DISCORD_EMBEDS: usize = 10;
const DISCORD_CHARACTERS: usize = 5_500;
/// Bytes of a message to Teams; it takes 28 KB.
const TEAMS_BYTES: usize = 27 << 10;
/// Bytes of the text of ntfy; a longer one would become a file.
const NTFY_BYTES: usize = 3_500;
/// The priority at which ntfy makes no sound.
const NTFY_SILENT: u8 = 2;
/// Alerts of a message that say why they fired.
const EXPLAINED: usize = 3;
/// Characters of a line of an alert in a message.
const ALERT_CHARACTERS: usize = 500;
const GREEN: u32 = 0x2e_9e_5b;

const fn color(severity: Severity, over: bool) -> u32 {
    match severity {
        _ if over => GREEN,
        Severity::Debug | Severity::Info => 0x6b_72_80,
        Severity::Notice => 0x25_63_eb,
        Severity::Warning => 0xd9_77_06,
        Severity::Error => 0xdc_26_26,
        Severity::Critical => 0x9f_12_39,
    }
}

/// Labels beside those that every line has anyway.
fn labels(alert: &NoticeAlert) -> String {
    let own = alert.labels.iter().filter(|(name, _)| !["alertname", "severity"].contains(&name.as_str()));
    clipped(&own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "), ALERT_CHARACTERS)
}

/// What an alert says, and of the first ones why they fired as far as that is known.
fn said(alert: &NoticeAlert, at: usize) -> String {
    let lines = std::iter::once(alert.summary()).chain(alert.explanation().filter(|_| at < EXPLAINED));
    lines.map(|line| clipped(line, ALERT_CHARACTERS)).collect::<Vec<_>>().join("\n")
}

fn state(alert: &NoticeAlert) -> String {
    if alert.is_over() {
        return "ended".to_owned();
    }
    let acknowledged = if alert.acked_at.is_some() { ", acknowledged" } else { "" };
    let flapping = if alert.flapping { ", flapping" } else { "" };
    let unknown = if alert.is_unknown() { ", unknown" } else { "" };
    format!("{}{acknowledged}{flapping}{unknown}", alert.severity)
}

/// How many alerts a message does not list.
fn rest(notice: &Notice, listed: usize) -> Option<String> {
    let rest = notice.alerts.len() + notice.more - listed;
    (rest > 0).then(|| format!("… and {rest} more"))
}

/// `&`, `<` and `>` as Slack wants them; nothing of others becomes a link or a mention.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A message for an incoming webhook of Slack, and of those who speak like it (Mattermost, Rocket.Chat).
#[must_use]
pub fn slack(notice: &Notice, external_url: &str) -> Value {
    let attachment = |(at, alert): (usize, &NoticeAlert)| {
        json!({
            "color": format!("#{:06x}", color(alert.severity, alert.is_over())),
            "title": format!("{}: {}", state(alert), slack_text(&clipped(&alert.rule, ALERT_CHARACTERS))),
            "title_link": generator_url(alert, external_url),
            "text": slack_text(&said(alert, at)),
            "footer": slack_text(&labels(alert)),
            "fallback": slack_text(&line(alert)),
            "ts": alert.ends_at.unwrap_or(alert.starts_at) / 1_000,
        })
    };
    let mut attachments: Vec<Value> = notice.alerts.iter().take(SLACK_ALERTS).enumerate().map(attachment).collect();
    attachments.extend(rest(notice, attachments.len()).map(|text| json!({"text": text, "fallback": text})));
    json!({"text": slack_text(&title(notice)), "attachments": attachments})
}

/// The signs of Markdown as Discord shows them. The message itself switches mentions off.
fn discord_text(text: &str) -> String {
    text.chars().flat_map(|c| "\\*_~`|>[]<".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A message for a webhook of Discord.
#[must_use]
pub fn discord(notice: &Notice, external_url: &str) -> Value {
    let (mut embeds, mut characters) = (Vec::new(), 0);
    for (at, alert) in notice.alerts.iter().take(DISCORD_EMBEDS).enumerate() {
        let heading = clipped(&format!("{}: {}", state(alert), alert.rule), 250);
        let text = format!("{}\n{}", discord_text(&said(alert, at)), discord_text(&labels(alert)));
        characters += heading.chars().count() + text.chars().count();
        if characters > DISCORD_CHARACTERS {
            break;
        }
        embeds.push(json!({
            "title": heading,
            "url": generator_url(alert, external_url),
            "description": text,
            "color": color(alert.severity, alert.is_over()),
            "timestamp": rfc3339(alert.ends_at.unwrap_or(alert.starts_at)),
        }));
    }
    let rest = rest(notice, embeds.len()).map(|rest| format!("\n{rest}")).unwrap_or_default();
    json!({"content": format!("{}{rest}", discord_text(&title(notice))), "embeds": embeds, "allowed_mentions": {"parse": []}})
}

/// A message for a Workflows address of Microsoft Teams: an Adaptive Card 1.2.
#[must_use]
pub fn teams(notice: &Notice, external_url: &str) -> Value {
    let mut count = notice.alerts.len();
    loop {
        let message = teams_with(notice, external_url, count);
        if count <= 1 || message.to_string().len() <= TEAMS_BYTES {
            return message;
        }
        count = count * 3 / 4;
    }
}

fn teams_with(notice: &Notice, external_url: &str, count: usize) -> Value {
    let heading_color = match notice.severity() {
        _ if !notice.is_firing() => "good",
        Severity::Error | Severity::Critical => "attention",
        Severity::Warning => "warning",
        _ => "default",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "text": title(notice), "weight": "bolder", "size": "medium", "wrap": true, "color": heading_color,
    })];
    for (at, alert) in notice.alerts.iter().take(count).enumerate() {
        let facts = [("State", state(alert)), ("Rule", clipped(&alert.rule, ALERT_CHARACTERS)), ("Labels", labels(alert))];
        let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(title, value)| json!({"title": title, "value": value}));
        body.push(json!({"type": "TextBlock", "text": said(alert, at).replace('\n', "\n\n"), "wrap": true, "separator": true}));
        body.push(json!({"type": "FactSet", "facts": facts.collect::<Vec<_>>()}));
    }
    body.extend(rest(notice, count.min(notice.alerts.len())).map(|text| json!({"type": "TextBlock", "text": text, "wrap": true})));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open Taskpulse", "url": external_url}],
        "msteams": {"width": "Full"},
    });
    json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card}],
    })
}

/// A message for ntfy, to be posted to the root of its server. A button acknowledges the first alert over the address that `acknowledge` gives
/// for it. With `edits` it takes the place of the message of that id, without a sound; servers before 2.16 show it as a
/// message of its own.
#[must_use]
pub fn ntfy(notice: &Notice, topic: &str, external_url: &str, acknowledge: &dyn Fn(&NoticeAlert) -> String, edits: Option<&str>) -> Value {
    let (mut text, mut listed) = (String::new(), 0);
    for (at, alert) in notice.alerts.iter().enumerate() {
        let line = format!("{} {}: {}\n", state(alert), clipped(&alert.rule, ALERT_CHARACTERS), said(alert, at));
        if text.len() + line.len() > NTFY_BYTES {
            break;
        }
        text.push_str(&line);
        listed += 1;
    }
    text.extend(rest(notice, listed));
    let (priority, tag) = match notice.severity() {
        _ if !notice.is_firing() => (3, "white_check_mark"),
        Severity::Debug | Severity::Info => (2, "information_source"),
        Severity::Notice => (3, "information_source"),
        Severity::Warning => (3, "warning"),
        Severity::Error => (4, "rotating_light"),
        Severity::Critical => (5, "rotating_light"),
    };
    let mut actions = vec![json!({"action": "view", "label": "Open", "url": external_url})];
    let firing = notice.alerts.first().filter(|alert| !alert.is_over() && alert.acked_at.is_none());
    if let Some(alert) = firing {
        actions.push(json!({"action": "http", "label": "Acknowledge", "url": acknowledge(alert), "method": "POST", "clear": true}));
    }
    let mut message = json!({
        "topic": topic,
        "title": title(notice),
        "message": text.trim_end(),
        "priority": if edits.is_some() { NTFY_SILENT } else { priority },
        "tags": [tag],
        "click": notice.alerts.first().map_or_else(|| external_url.to_owned(), |alert| generator_url(alert, external_url)),
        "actions": actions,
    });
    if let Some(id) = edits {
        message["sequence_id"] = json!(id);
    }
    message
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::notices::alert::tests::{ended, firing};

    const URL: &str = "http://host:8090";

    fn notice(alerts: Vec<NoticeAlert>) -> Notice {
        Notice::new("ops", "ops/1", BTreeMap::new(), 0, alerts)
    }

    fn acknowledge(alert: &NoticeAlert) -> String {
        format!("{URL}/ack/{}", alert.id)
    }

    /// As many and as large alerts as there may be.
    fn huge() -> Notice {
        let alert = |n: usize| {
            let mut alert = firing(&"r".repeat(2_000), &format!("{n}{}", "é".repeat(20_000)), 0);
            alert.id = n.to_string();
            alert.annotations.insert("summary".to_owned(), "\"<@everyone>\\*".repeat(2_000));
            alert.annotations.insert("explanation".to_owned(), vec!["<@everyone>*".repeat(200); 3].join("\n"));
            alert
        };
        notice((0..300).map(alert).collect())
    }

    #[test]
    fn each_message_says_what_happened_and_where_to_look() {
        let mut busy = firing("cpu", "a", 1_000);
        busy.annotations.insert("explanation".to_owned(), "Most CPU over 1 min: rustc 71 %\nNothing else moved".to_owned());
        let one = notice(vec![busy, ended(&firing("disk", "b", 0), 2_000)]);
        let slack = slack(&one, URL);
        assert_eq!(slack["text"], "warning: cpu on a (and 1 more)");
        let why = "cpu on a\nMost CPU over 1 min: rustc 71 %\nNothing else moved";
        assert_eq!(slack["attachments"][0]["text"], why);
        assert_eq!(slack["attachments"][0]["title_link"], "http://host:8090/#/alerts/cpu-a");
        assert_eq!((&slack["attachments"][1]["title"], &slack["attachments"][1]["color"]), (&json!("ended: disk"), &json!("#2e9e5b")));
        let discord = discord(&one, URL);
        assert_eq!((&discord["embeds"][0]["title"], &discord["allowed_mentions"]["parse"]), (&json!("warning: cpu"), &json!([])));
        let teams = teams(&one, URL);
        let card = &teams["attachments"][0]["content"];
        assert_eq!(card["body"][1]["text"], why.replace('\n', "\n\n"));
        assert_eq!((&card["version"], &card["body"][0]["text"]), (&json!("1.2"), &json!("warning: cpu on a (and 1 more)")));
        let sent = ntfy(&one, "alerts", URL, &acknowledge, None);
        assert_eq!(
            (&sent["topic"], &sent["priority"], &sent["message"]),
            (
                &json!("alerts"),
                &json!(3),
                &json!("warning cpu: cpu on a\nMost CPU over 1 min: rustc 71 %\nNothing else moved\nended disk: disk on b")
            )
        );
        assert_eq!(sent["actions"][1]["url"], "http://host:8090/ack/cpu-a");
    }

    #[test]
    fn an_edit_makes_no_sound_and_shows_who_saw_to_it() {
        let acked = NoticeAlert { acked_at: Some(5), severity: Severity::Critical, ..firing("cpu", "a", 0) };
        let edit = ntfy(&notice(vec![acked.clone()]), "alerts", URL, &acknowledge, Some("m1"));
        assert_eq!((&edit["sequence_id"], &edit["priority"]), (&json!("m1"), &json!(2)));
        assert_eq!(
            (&edit["title"], &edit["message"]),
            (&json!("critical, acknowledged: cpu on a"), &json!("critical, acknowledged cpu: cpu on a"))
        );
        assert_eq!(edit["actions"].as_array().map(Vec::len), Some(1), "no button for what is acknowledged");
        let partly = notice(vec![acked, firing("cpu", "b", 0)]);
        assert_eq!(ntfy(&partly, "alerts", URL, &acknowledge, None)["title"], "critical: cpu on a (and 1 more)");
    }

    #[test]
    fn no_message_is_larger_than_its_receiver_takes_and_none_mentions_anybody() {
        let huge = huge();
        let characters = |value: &Value| value.as_str().unwrap_or_default().chars().count();
        let slack = slack(&huge, URL);
        assert!(slack.to_string().len() < 100_000 && !slack.to_string().contains("<@"));
        assert_eq!(slack["attachments"][SLACK_ALERTS]["text"], "… and 280 more");
        let discord = discord(&huge, URL);
        let embeds = discord["embeds"].as_array().unwrap();
        let all: usize = embeds.iter().map(|embed| characters(&embed["title"]) + characters(&embed["description"])).sum();
        assert!(!embeds.is_empty() && embeds.len() <= 10 && all <= 6_000 && characters(&discord["content"]) <= 2_000);
        assert!(embeds.iter().all(|embed| characters(&embed["title"]) <= 256 && characters(&embed["description"]) <= 4_096));
        assert!(teams(&huge, URL).to_string().len() <= 28_000);
        let ntfy = ntfy(&huge, "alerts", URL, &acknowledge, None);
        assert!(ntfy["message"].as_str().unwrap().len() <= 4_096, "{}", ntfy["message"]);
    }
}
