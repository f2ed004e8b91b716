//! Since which commit CI is as it is, what became slower, and whether changes helped.

use taskpulse_engine::ask::{Meaning, NameKind, Subject};
use taskpulse_engine::words::counted;

use super::compared::{RARE, than};
use super::draft::{Draft, figure, listed, ms, text_row};
use super::{AskError, Asker};
use crate::optimizer::OFF;
use crate::view::{ExperimentState, Recommendation, RecommendationStatus};

/// A target is named where its checks take longer by this factor.
const LONGER: f64 = 1.1;

/// Whether advice still stands.
fn stands(one: &Recommendation) -> bool {
    one.gone_at.is_none() && one.status != RecommendationStatus::Withdrawn
}

impl Asker {
    /// The recommendations of an advisor of CI for the workflows of a question.
    pub(super) fn of_advisor(&self, advisor: &str, meaning: &Meaning) -> Vec<Recommendation> {
        if !self.advises {
            return Vec::new();
        }
        let (workflow, repo) = (meaning.name(NameKind::Workflow), meaning.name(NameKind::Repo));
        let fits = |one: &&Recommendation| {
            let of = one.id.strip_prefix(advisor).and_then(|rest| rest.strip_prefix(':')).and_then(|rest| rest.split_once(':'));
            of.is_some_and(|(of_repo, of_workflow)| {
                workflow.is_none_or(|name| name == of_workflow) && repo.is_none_or(|name| name == of_repo)
            })
        };
        self.views.recommendations().iter().filter(|one| stands(one)).filter(fits).cloned().collect()
    }

    /// Since which commit a workflow fails, or takes longer.
    pub(super) fn since_commit(&self, meaning: &Meaning) -> Draft {
        let (advisor, what) = match meaning.subject {
            Subject::CiBroken => ("ci_broken", "in each run since one commit fails"),
            _ => ("ci_shifted", "takes longer since one commit, beyond what chance explains,"),
        };
        let found = self.of_advisor(advisor, meaning);
        if found.is_empty() {
            let of = meaning.name(NameKind::Workflow).map_or_else(|| "workflow".to_owned(), |name| format!("workflow {name}"));
            let why = if self.advises { format!("no {of} is known that {what} in what is kept") } else { OFF.to_owned() };
            return Draft::missing(why).page("ci");
        }
        let parts: Vec<String> = found.iter().map(|one| format!("{}. {}", one.title, one.why)).collect();
        let moment = |one: &Recommendation| one.evidence.iter().find(|evidence| evidence.unit == "time").map(|at| ms(at.value));
        let rows = found.iter().map(|one| text_row(one.title.clone(), one.why.clone(), moment(one))).collect();
        let mut moments: Vec<String> = found.iter().filter_map(moment).map(|at| self.at(at)).collect();
        moments.truncate(1);
        let first = moments.pop().map(|at| format!("Since {at}: ")).filter(|_| found.len() == 1).unwrap_or_default();
        Draft::said(format!("{first}{}", listed(&parts))).rows(rows).page("ci")
    }

    /// Workflows whose runs, and targets whose checks, take longer than in the time before.
    pub(super) fn slower(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let (Some(time), Some(other)) = (meaning.time, meaning.compared) else { return Ok(Draft::missing("two times are compared")) };
        let (mut parts, mut rows, mut known) = (Vec::new(), Vec::new(), 0);
        for subject in [Subject::CiDuration, Subject::ProbeTime] {
            let Some(read) = self.read_of(&Meaning { subject, ..meaning.clone() }) else { continue };
            for one in self.both(&read, time, other)? {
                known += 1;
                let rare = one.chance.map_or(subject == Subject::ProbeTime && one.now > one.before * LONGER, |p| p < RARE);
                if rare && one.now > one.before {
                    let text = format!("{}{}{}", figure(&read.metric, one.now), than(&one), figure(&read.metric, one.before));
                    parts.push(format!("{}: {text}", one.name));
                    rows.push(text_row(one.name.clone(), text, None));
                }
            }
        }
        let times = format!("{} beside {}", self.during(time), self.during(other));
        if known == 0 {
            return Ok(Draft::missing(format!("no workflow and no target has samples {times}")));
        }
        let of = counted(known, "workflow or target", "workflows and targets");
        let sentence = if parts.is_empty() {
            format!("Of {of}, none became slower beyond what chance explains; {times}")
        } else {
            format!("{} of {of} became slower: {}; {times}", parts.len(), listed(&parts))
        };
        let note = "Workflows by their median and chance; targets where the mean is a tenth higher".to_owned();
        Ok(Draft::said(sentence).rows(rows).page("ci").note(Some(note)))
    }

    /// What became of advice that was applied, and of changes that somebody marked.
    pub(super) fn verdicts(&self) -> Draft {
        let all = self.views.experiments();
        if all.is_empty() {
            let why = "no change is followed: mark one at a chart (\"Did it help?\"), or say of advice that it is applied";
            return Draft::missing(if self.advises { why } else { OFF }).page("advice");
        }
        let helped = all.iter().filter(|one| one.state == ExperimentState::Verified).count();
        let name = |title: &str| if title.is_empty() { "a change".to_owned() } else { title.to_owned() };
        let parts: Vec<String> =
            all.iter().map(|one| format!("{} ({}): {}", name(&one.title), self.at(ms(one.at)), one.sentence)).collect();
        let rows = all.iter().map(|one| text_row(name(&one.title), one.sentence.clone(), Some(ms(one.at)))).collect();
        let of = counted(all.len(), "change that is followed", "changes that are followed");
        Draft::said(format!("Of {of}, {helped} helped: {}", listed(&parts))).rows(rows).page("advice")
    }
}
