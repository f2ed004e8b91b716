//! The life of recommendations: what the evidence makes of them. What people decide is in `decide`, what follows a change in `follow`.

use std::collections::{BTreeMap, BTreeSet};

use super::counsel::{Worse, one_machine};
use super::{Attempt, Dismissal, Evidence, Finding, Life, Outcome, Recommendation, Status, advisors};
use crate::model::{Selector, TimestampMs};
use crate::words::lasted;

/// Withdrawn recommendations kept at the most.
const MAX_WITHDRAWN: usize = 200;
/// Attempts kept of a recommendation, the newest.
const MAX_ATTEMPTS: usize = 20;
/// Figures that change by a smaller share are the same.
const TOLERANCE: f64 = 0.05;
/// What was dismissed is raised again once it is worse by this factor.
const GROWN: f64 = 1.5;
/// Advice whose effect cannot be measured, and whose evidence is still there so long after it was applied, is open again.
const STILL_THERE_MS: i64 = 7 * 86_400_000;

/// All recommendations by id.
#[derive(Debug, Default)]
pub struct RecommendationTracker {
    pub(super) all: BTreeMap<String, Recommendation>,
    /// Ids whose documents are to be removed.
    forgotten: Vec<String>,
}

impl RecommendationTracker {
    /// A tracker that continues with kept recommendations. Nobody looked for their evidence while it was off.
    #[must_use]
    pub fn new(mut kept: BTreeMap<String, Recommendation>, now: TimestampMs) -> Self {
        for one in kept.values_mut() {
            one.seen = now;
            // An earlier version kept less.
            if one.status == Status::Dismissed && one.life.dismissed.is_none() {
                let figure = figure(&one.id, &one.evidence);
                one.life.dismissed = Some(Dismissal { at: one.updated, reason: String::new(), figure });
            }
            if one.status == Status::Applied && one.life.applied_at.is_none() {
                one.life.applied_at = Some(one.updated);
            }
        }
        Self { all: kept, forgotten: Vec::new() }
    }

    /// Those that are not withdrawn, by priority, then the newest first.
    #[must_use]
    pub fn current(&self) -> Vec<Recommendation> {
        let mut current: Vec<_> = self.all.values().filter(|r| r.status != Status::Withdrawn).cloned().collect();
        current.sort_by(|a, b| (b.priority(), b.severity, b.created, &a.id).cmp(&(a.priority(), a.severity, a.created, &b.id)));
        current
    }

    /// The ids of those that are not withdrawn.
    #[must_use]
    pub fn standing(&self) -> BTreeSet<String> {
        self.all.values().filter(|r| r.status != Status::Withdrawn).map(|r| r.id.clone()).collect()
    }

    /// Applies what the advisors found; returns the recommendations that changed. Those that stand elsewhere since `now` are news.
    pub fn update(&mut self, found: Vec<Finding>, now: TimestampMs) -> Vec<Recommendation> {
        let mut changed = BTreeSet::new();
        for old in self.all.values_mut() {
            let gone = !found.iter().any(|f| f.id == old.id) && now - old.seen >= old.lasts_ms;
            if gone && evidence_gone(old, now) {
                changed.insert(old.id.clone());
            }
        }
        for finding in found {
            let id = finding.id.clone();
            let is_new = match self.all.get_mut(&id) {
                Some(old) if old.status != Status::Withdrawn => evidence_there(old, finding, now),
                Some(old) => {
                    *old = again(old, finding, now);
                    true
                }
                None => {
                    let life = Life { since: now, ..Life::default() };
                    self.all.insert(id.clone(), Recommendation { life, ..recommendation(finding, Status::Open, now, now) });
                    true
                }
            };
            if is_new {
                changed.insert(id);
            }
        }
        self.drop_oldest();
        changed.into_iter().filter_map(|id| self.all.get(&id).cloned()).collect()
    }

    /// Ids of recommendations that are kept no longer, each once.
    pub fn take_forgotten(&mut self) -> Vec<String> {
        std::mem::take(&mut self.forgotten)
    }

    fn drop_oldest(&mut self) {
        let mut withdrawn: Vec<(TimestampMs, String)> =
            self.all.values().filter(|r| r.status == Status::Withdrawn).map(|r| (r.updated, r.id.clone())).collect();
        withdrawn.sort_unstable();
        let over = withdrawn.len().saturating_sub(MAX_WITHDRAWN);
        for (_, id) in withdrawn.drain(..over) {
            self.all.remove(&id);
            self.forgotten.push(id);
        }
    }
}

impl Recommendation {
    /// Moves it on, as the time line has it.
    pub(super) fn stands(&mut self, status: Status, now: TimestampMs) {
        self.status = status;
        self.updated = now;
        self.life.since = now;
    }

    /// Ends what was applied with what became of it.
    pub(super) fn conclude(&mut self, otherwise: &str, now: TimestampMs) {
        let Some(at) = self.life.applied_at else { return };
        let (outcome, sentence) = match &self.life.verdict {
            Some(verdict) => (Outcome::Judged(verdict.state), verdict.sentence.clone()),
            None => (Outcome::Unmeasured, format!("{otherwise}. Whether that was the reason was not measured")),
        };
        let experiment = self.life.experiment.clone();
        self.remember(Attempt { at, until: now, outcome, sentence, experiment });
    }

    fn remember(&mut self, attempt: Attempt) {
        let attempts = &mut self.life.attempts;
        attempts.push(attempt);
        let over = attempts.len().saturating_sub(MAX_ATTEMPTS);
        attempts.drain(..over);
    }

    /// Whether all that can be known of its effect is known. Advice whose effect is not measured has nothing to wait for.
    fn is_judged(&self) -> bool {
        let followed = self.life.not_followed.is_none() && (self.measure.is_some() || self.life.baseline.is_some());
        self.life.verdict.as_ref().map_or(!followed, |verdict| verdict.is_final)
    }
}

/// The evidence is no longer there. Whether that changed anything.
fn evidence_gone(old: &mut Recommendation, now: TimestampMs) -> bool {
    match old.status {
        Status::Withdrawn => return false,
        Status::Open | Status::Accepted => old.stands(Status::Withdrawn, now),
        // Nobody wants to know.
        Status::Dismissed => (old.status, old.updated) = (Status::Withdrawn, now),
        Status::Applied => {
            let is_new = old.life.gone_at.is_none();
            let gone_at = *old.life.gone_at.get_or_insert(now);
            if !old.is_judged() {
                if is_new {
                    old.updated = now;
                }
                return is_new;
            }
            let after = old.life.applied_at.map_or(0, |at| (gone_at - at).max(0) / 60_000 * 60);
            old.conclude(&format!("Its cause was gone {} after it was applied", lasted(after * 1_000)), now);
            old.stands(Status::Withdrawn, now);
        }
    }
    true
}

/// The evidence is there. Whether that changed anything.
fn evidence_there(old: &mut Recommendation, finding: Finding, now: TimestampMs) -> bool {
    old.seen = now;
    let back = old.life.gone_at.take().is_some();
    let is_new = has_changed(old, &finding) || back;
    match old.status {
        Status::Dismissed if is_worse(old, &finding) => {
            *old = raised(old, finding, now);
            return true;
        }
        Status::Applied => {
            let applied = old.life.applied_at.unwrap_or(old.updated);
            let measured = old.life.verdict.is_some();
            if old.is_judged() && (measured || now - applied >= STILL_THERE_MS) {
                let after = (now - applied).max(0) / 3_600_000 * 3_600;
                old.conclude(&format!("Its cause was still there {} after it was applied", lasted(after * 1_000)), now);
                let life = Life { since: now, attempts: std::mem::take(&mut old.life.attempts), ..Life::default() };
                *old = Recommendation { life, ..recommendation(finding, Status::Open, now, now) };
                return true;
            }
        }
        _ => {}
    }
    if is_new {
        let life = std::mem::take(&mut old.life);
        *old = Recommendation { life, ..recommendation(finding, old.status, old.created, now) };
    }
    is_new
}

/// What was withdrawn comes again. What was dismissed stays so, unless it is worse now.
fn again(old: &mut Recommendation, finding: Finding, now: TimestampMs) -> Recommendation {
    if old.life.dismissed.is_some() {
        if is_worse(old, &finding) {
            return raised(old, finding, now);
        }
        let life = std::mem::take(&mut old.life);
        return Recommendation { life, ..recommendation(finding, Status::Dismissed, old.created, now) };
    }
    let life = Life { since: now, attempts: std::mem::take(&mut old.life.attempts), ..Life::default() };
    Recommendation { life, ..recommendation(finding, Status::Open, now, now) }
}

/// What was dismissed, and is worse now.
fn raised(old: &mut Recommendation, finding: Finding, now: TimestampMs) -> Recommendation {
    if let Some(dismissed) = old.life.dismissed.take() {
        let sentence = if dismissed.reason.is_empty() { "Dismissed without a reason".to_owned() } else { dismissed.reason };
        old.remember(Attempt { at: dismissed.at, until: now, outcome: Outcome::Dismissed, sentence, experiment: None });
    }
    let life = Life { since: now, attempts: std::mem::take(&mut old.life.attempts), ..Life::default() };
    Recommendation { life, ..recommendation(finding, Status::Open, now, now) }
}

/// The figure that says how bad it is.
pub(super) fn figure(id: &str, evidence: &[Evidence]) -> Option<f64> {
    let (Worse::More(number) | Worse::Less(number)) = advisors::of(id)?.counsel.worse;
    evidence.get(number).map(|figure| figure.value)
}

/// Whether a finding is worse by half than what was dismissed.
fn is_worse(old: &Recommendation, finding: &Finding) -> bool {
    let dismissed = old.life.dismissed.as_ref().and_then(|dismissed| dismissed.figure);
    let (Some(then), Some(now), Some(advisor)) = (dismissed, figure(&finding.id, &finding.evidence), advisors::of(&finding.id)) else {
        return false;
    };
    match advisor.counsel.worse {
        Worse::More(_) => now > then && now >= GROWN * then,
        Worse::Less(_) => now < then && GROWN * now <= then,
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
        query: shown(f.query),
        start: f.start,
        end: f.end,
        seen: updated,
        lasts_ms: f.lasts_ms,
    }
}

/// The query of the chart of a finding; a selector selects its own machine alone.
fn shown(query: String) -> String {
    if Selector::parse(&query).is_err() {
        return query;
    }
    one_machine(&query).unwrap_or(query)
}
