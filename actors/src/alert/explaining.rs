//! Why an alert fired, as far as that is known: who used its resource at once, everything else from the pool.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::explain::SHORTEST_MS;
use taskpulse_engine::rules::{Alert, AlertState};

use super::{ACTIVE, AlertActor};
use crate::explain;
use crate::messages::{Describe, Publish};
use crate::supervisor::{Ctx, Schedule};
use crate::view;

/// Alerts that are explained when they fire at the same time. Where more do, the others have no explanation.
const AT_ONCE: usize = 20;
/// Alerts that wait for the pool.
const MOST_WAITING: usize = 100;

impl AlertActor {
    /// Names who used the resource of alerts that fired just now, and notes that the rest is to be worked out.
    pub(super) fn begin_to_explain(&mut self, changes: &mut [Alert]) {
        let fired = changes.iter_mut().filter(|alert| alert.state == AlertState::Firing && alert.explanation.is_none());
        for alert in fired.take(AT_ONCE) {
            let Some(since) = alert.firing_since else { continue };
            let explanation = Arc::new(explain::who(&self.store, alert));
            alert.explanation = Some(Arc::clone(&explanation));
            let goes_on = self.tracker.lock().explain(&alert.id, since, explanation).is_some();
            if goes_on && self.unexplained.len() < MOST_WAITING {
                self.unexplained.push_back(alert.clone());
            }
        }
    }

    /// Works out the explanation of the next alert that waits for it.
    pub(super) fn explain_next(&mut self, ctx: &mut Ctx<Self>) {
        if self.explaining {
            return;
        }
        let Some(alert) = self.unexplained.pop_front() else { return };
        self.explaining = true;
        let (store, now) = (self.store.clone(), self.clock.now_ms());
        let work = move || {
            let fired = alert.firing_since.unwrap_or(alert.last_sample);
            // The first time up to its firing; then as far as it takes to compare courses.
            let again = alert.explanation.as_ref().is_some_and(|explanation| explanation.compared.is_some());
            let until = if again { now.min(alert.pending_since + SHORTEST_MS).max(fired) } else { fired };
            let explanation = Arc::new(explain::complete(&store, &alert, until));
            Alert { explanation: Some(explanation), ..alert }
        };
        ctx.run_background("explain", work, |this, explained, ctx| {
            this.explaining = false;
            match explained {
                Ok(alert) => this.explained(alert, ctx),
                Err(error) => log::error!("alerts: an explanation: {error}"),
            }
            this.explain_next(ctx);
        });
    }

    /// Keeps and publishes the explanation of an alert that still fires. One that fired at once is explained again when more of its course
    /// is known.
    fn explained(&mut self, explained: Alert, ctx: &mut Ctx<Self>) {
        let (Some(since), Some(explanation)) = (explained.firing_since, explained.explanation) else { return };
        let compared_to = explanation.moved_to.unwrap_or(since);
        let Some(alert) = self.tracker.lock().explain(&explained.id, since, explanation) else { return };
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(vec![view::Alert::from(&alert)]));
        self.keep(ACTIVE, vec![(alert.id.clone(), serde_json::to_vec(&alert).ok())]);
        // Without it the notice goes as it is.
        let _ = self.outputs.texts.try_send(Describe(alert.clone()));
        let seen = compared_to - alert.pending_since;
        if compared_to == since && seen < SHORTEST_MS {
            let wait = Duration::from_millis(u64::try_from(SHORTEST_MS - seen).unwrap_or(0));
            ctx.after(wait, "explain again", move |this, ctx| {
                if this.unexplained.len() < MOST_WAITING {
                    this.unexplained.push_back(alert);
                }
                this.explain_next(ctx);
            });
        }
    }
}
