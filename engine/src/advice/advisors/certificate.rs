//! Certificates of probed targets that end soon.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, approximate};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "certificate_ends",
    about: "a certificate ends within two weeks",
    reads: &["probe_ssl_earliest_cert_expiry"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "Clients refuse the target from the moment at which the certificate ends.",
        then: &["Have it renewed by a program, and probe that."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The target serves another certificate than the one that was probed.",
        expects: Expects::Unknown("it is either renewed or not"),
        measure: Measures::Nothing("whether it is renewed is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::Less(0),
    },
};

/// Renewal by machine happens before this: what is later was forgotten.
const SOON_DAYS: f64 = 14.0;
/// From here on it is urgent.
const URGENT_DAYS: f64 = 3.0;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (_, labels, ends) in history.newest("probe_ssl_earliest_cert_expiry", DAY_MS)? {
        let left = ends - history.now as f64 / 1e3;
        if left > SOON_DAYS * 86_400.0 {
            continue;
        }
        let target = labels.get("target").unwrap_or("?");
        let date = figure("probe_ssl_earliest_cert_expiry", ends);
        let (title, why) = if left <= 0.0 {
            (format!("The certificate of {target} has ended"), format!("It ended {date}. Clients refuse {target} since then."))
        } else {
            (
                format!("The certificate of {target} ends soon"),
                format!("It ends {date}, in {}. Clients refuse {target} from then on.", approximate(left)),
            )
        };
        found.push(Finding {
            id: format!("certificate_ends:{target}"),
            topic: Topic::Probe,
            title,
            why,
            action: format!("Renew the certificate of {target}, and see why that did not happen by itself."),
            severity: if left < URGENT_DAYS * 86_400.0 { Severity::Error } else { Severity::Warning },
            evidence: vec![Evidence::counted("time until it ends", left.max(0.0), "seconds")],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: 0,
        });
    }
    Ok(found)
}
