//! The life of recommendations.

use std::collections::BTreeMap;

use super::{Finding, Life, Recommendation, Status, advisors};
use crate::model::TimestampMs;

/// A dismissed recommendation stays so for this long after its evidence was last seen.
const DISMISSED_FOR_MS: i64 = 7 * 86_400_000;
/// Withdrawn recommendations kept at the most.
const MAX_WITHDRAWN: usize = 200;
/// Figures that change by a smaller share are the same.
const TOLERANCE: f64 = 0.05;

/// All recommendations by id.
#[derive(Debug, Default)]
pub struct RecommendationTracker {
    all: BTreeMap<String, Recommendation>,
}

impl RecommendationTracker {
    /// A tracker that continues with kept recommendations. Nobody looked for their evidence while it was off.
    #[must_use]
    pub fn new(mut kept: BTreeMap<String, Recommendation>, now: TimestampMs) -> Self {
        kept.values_mut().for_each(|one| one.seen = now);
        Self { all: kept }
    }

    /// Those that are not withdrawn, by priority, then the newest first.
    #[must_use]
    pub fn current(&self) -> Vec<Recommendation> {
        let mut current: Vec<_> = self.all.values().filter(|r| r.status != Status::Withdrawn).cloned().collect();
        current.sort_by(|a, b| (b.priority(), b.severity, b.created, &a.id).cmp(&(a.priority(), a.severity, a.created, &b.id)));
        current
    }

    /// Applies what the advisors found; returns the recommendations that changed.
    pub fn update(&mut self, found: Vec<Finding>, now: TimestampMs) -> Vec<Recommendation> {
        let mut changed = Vec::new();
        for old in self.all.values_mut() {
            let gone = !found.iter().any(|f| f.id == old.id);
            let stays_dismissed = old.status == Status::Dismissed && now - old.updated < DISMISSED_FOR_MS;
            let stays = stays_dismissed || now - old.seen < old.lasts_ms;
            if gone && old.status != Status::Withdrawn && !stays {
                old.status = Status::Withdrawn;
                old.updated = now;
                changed.push(old.clone());
            }
        }
        for finding in found {
            let id = finding.id.clone();
            match self.all.get_mut(&id) {
                Some(old) if old.status != Status::Withdrawn => {
                    old.seen = now;
                    if has_changed(old, &finding) {
                        let life = std::mem::take(&mut old.life);
                        *old = Recommendation { life, ..recommendation(finding, old.status, old.created, now) };
                        changed.push(old.clone());
                    }
                }
                _ => {
                    let new = recommendation(finding, Status::Open, now, now);
                    changed.push(new.clone());
                    self.all.insert(id, new);
                }
            }
        }
        self.drop_oldest();
        changed
    }

    /// Records a person's decision; none for an id that is unknown or withdrawn.
    pub fn decide(&mut self, id: &str, status: Status, now: TimestampMs) -> Option<Recommendation> {
        let recommendation = self.all.get_mut(id).filter(|r| r.status != Status::Withdrawn)?;
        recommendation.status = status;
        recommendation.updated = now;
        Some(recommendation.clone())
    }

    fn drop_oldest(&mut self) {
        let mut withdrawn: Vec<(TimestampMs, String)> =
            self.all.values().filter(|r| r.status == Status::Withdrawn).map(|r| (r.updated, r.id.clone())).collect();
        withdrawn.sort_unstable();
        let over = withdrawn.len().saturating_sub(MAX_WITHDRAWN);
        for (_, id) in &withdrawn[..over] {
            self.all.remove(id);
        }
    }
}

fn has_changed(old: &Recommendation, new: &Finding) -> bool {
    let moved = |a: f64, b: f64| (a - b).abs() > TOLERANCE * a.abs().max(b.abs());
    old.evidence.len() != new.evidence.len()
        || old.title != new.title
        || old.severity != new.severity
        || old.evidence.iter().zip(&new.evidence).any(|(a, b)| a.name != b.name || moved(a.value, b.value))
}

fn recommendation(f: Finding, status: Status, created: TimestampMs, updated: TimestampMs) -> Recommendation {
    let counsel = advisors::of(&f.id).map(|advisor| &advisor.counsel);
    Recommendation {
        expected: counsel.and_then(|counsel| counsel.expected(&f)),
        measure: counsel.and_then(|counsel| counsel.measure(&f)),
        life: Life::default(),
        id: f.id,
        kind: f.topic.name().to_owned(),
        title: f.title,
        why: f.why,
        action: f.action,
        severity: f.severity,
        status,
        created,
        updated,
        evidence: f.evidence,
        query: f.query,
        start: f.start,
        end: f.end,
        seen: updated,
        lasts_ms: f.lasts_ms,
    }
}
