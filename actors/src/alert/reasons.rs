//! What sources say about why they are down, for the sentences of alerts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use taskpulse_engine::model::Labels;
use taskpulse_engine::rules::Reasons;
use tokio::sync::watch;

use crate::sources::SourcesByName;
use crate::targets::TargetsByName;
use crate::view::SourceState;

/// The names of scrape targets, by the labels `job` and `instance` of their series.
pub type ScrapedBy = BTreeMap<(String, String), String>;

/// The newest reason of the probe, scrape target or source that a series is about. None for one that works, or that is not of this service.
pub fn reasons(targets: watch::Receiver<TargetsByName>, sources: watch::Receiver<SourcesByName>, scraped: ScrapedBy) -> Reasons {
    let failing = move |name: &str| {
        let sources = sources.borrow();
        sources.get(name).filter(|source| source.state == SourceState::Failing).and_then(|source| source.reason.clone())
    };
    Arc::new(move |series: &Labels| match series.name() {
        "probe_success" => {
            let targets = targets.borrow();
            let down = targets.get(series.get("target")?).filter(|target| target.up == Some(false))?;
            down.reason.as_deref().map(in_a_sentence)
        }
        "up" => {
            let of = |name: &str| series.get(name).unwrap_or_default().to_owned();
            failing(&format!("scrape {}", scraped.get(&(of("job"), of("instance")))?))
        }
        "taskpulse_source_up" => failing(series.get("source")?),
        _ => None,
    })
}

/// A reason as the end of a sentence that names the target: without the address that was tried, and in small letters.
fn in_a_sentence(reason: &str) -> String {
    let said = reason.split_once(": ").filter(|(place, _)| place.parse::<SocketAddr>().is_ok()).map_or(reason, |(_, said)| said);
    let mut letters = said.chars();
    match (letters.next(), letters.next()) {
        // `TLS` stays.
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain([second]).chain(letters).collect(),
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SourceRegistry;
    use crate::targets::TargetRegistry;
    use crate::view::{Target, TargetKind};

    fn target(name: &str, up: Option<bool>, reason: &str) -> Target {
        Target {
            target: name.to_owned(),
            kind: TargetKind::Tcp,
            address: String::new(),
            up,
            reason: Some(reason.to_owned()),
            since: None,
            checked_at: None,
            interval_seconds: 1.0,
            duration_seconds: None,
            http_status: None,
            certificate_expires: None,
        }
    }

    #[test]
    fn a_reason_is_that_of_the_source_that_is_down() {
        let (targets, sources) = (TargetRegistry::default(), SourceRegistry::default());
        targets.report(target("database", Some(false), "[::1]:5432: Connection refused"));
        targets.report(target("tls", Some(false), "TLS: the certificate ended"));
        targets.report(target("shop", Some(true), "its certificate ends soon"));
        sources.failing("scrape node a:9100", "status 500");
        sources.failing("github octo/site", "status 401");
        sources.partly("system", 1, 1, "one disk cannot be read");
        let scraped = ScrapedBy::from([(("node".to_owned(), "a:9100".to_owned()), "node a:9100".to_owned())]);
        let reasons = reasons(targets.subscribe(), sources.subscribe(), scraped);
        for (name, labels, reason) in [
            ("probe_success", &[("target", "database")][..], Some("connection refused")),
            ("probe_success", &[("target", "tls")], Some("TLS: the certificate ended")),
            ("probe_success", &[("target", "shop")], None),
            ("probe_success", &[("target", "of another machine")], None),
            ("up", &[("job", "node"), ("instance", "a:9100")], Some("status 500")),
            ("up", &[("job", "node"), ("instance", "b:9100")], None),
            ("taskpulse_source_up", &[("source", "github octo/site")], Some("status 401")),
            ("taskpulse_source_up", &[("source", "system")], None),
            ("heartbeat_up", &[("target", "database")], None),
        ] {
            assert_eq!(reasons(&Labels::metric(name, labels)).as_deref(), reason, "{name} {labels:?}");
        }
    }
}
