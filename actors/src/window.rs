//! One window aggregator a level: closes what is due, keeps it, tells the next level and the hub.
//!
//! Holds nothing that counts: what is due follows from the store (each series' newest sample and closed windows), and
//! closing a window computes its row from the store. So a restart loses nothing and counts nothing twice, and a missed
//! message only delays a window until the next sweep. A series that has been silent for `idle_after` no longer holds
//! its last windows open.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Supervised};
use rustc_hash::FxHashMap;
use taskpulse_engine::model::{SeriesId, TimestampMs};
use taskpulse_engine::store::{Progress, Store};
use taskpulse_engine::windows::{Level, close_through};

use crate::clock::now_ms;
use crate::messages::{Closed, StoredBatch};
use crate::supervisor::{Door, Vitals};

/// How often all series are looked at.
const SWEEP: Duration = Duration::from_secs(15);
/// Series closed in one step, so that appends get their turn in between.
const STEP: usize = 256;

/// See the module.
pub struct WindowAggregator {
    vitals: Arc<Vitals>,
    level: Level,
    store: Arc<Store>,
    idle_after_ms: i64,
    listeners: Vec<Door<Closed>>,
    /// When the next window of a series is due, in its event time. A memory only: the store knows.
    due_at: FxHashMap<SeriesId, TimestampMs>,
}

impl WindowAggregator {
    /// The aggregator of one level.
    #[must_use]
    pub fn new(vitals: Arc<Vitals>, level: Level, store: Arc<Store>, idle_after: Duration, listeners: Vec<Door<Closed>>) -> Self {
        let idle_after_ms = i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX);
        Self { vitals, level, store, idle_after_ms, listeners, due_at: FxHashMap::default() }
    }

    fn lateness(&self) -> i64 {
        self.store.options().allowed_lateness_ms
    }

    /// Up to where a series may be closed by what has come.
    fn through(&self, p: &Progress) -> TimestampMs {
        match self.level.below() {
            None => close_through(self.level, p.newest, self.lateness()),
            Some(_) => self.level.floor(p.below),
        }
    }

    /// Up to where a silent series may be closed by the clock: not past the day of its newest sample, so that history
    /// that is still being brought in finds later days open.
    fn through_when_idle(&self, p: &Progress, now: TimestampMs) -> Option<TimestampMs> {
        if self.level != Level::M1 || now - p.touched < self.idle_after_ms {
            return None;
        }
        let day_end = Level::H24.floor(p.newest).saturating_add(Level::H24.ms());
        Some(close_through(self.level, now, self.lateness()).min(day_end))
    }

    fn close(&mut self, due: &[(SeriesId, TimestampMs)]) {
        for step in due.chunks(STEP) {
            match self.store.close_windows(self.level, step) {
                Ok(rows) => {
                    for &(id, through) in step {
                        self.due_at.insert(id, through + self.level.ms() + self.lateness());
                    }
                    if !rows.is_empty() {
                        let rows = Arc::new(rows);
                        for door in &self.listeners {
                            // A full mailbox: the next level sweeps, the hub shows what comes next.
                            let _ = door.try_send(Closed { level: self.level, rows: Arc::clone(&rows) });
                        }
                    }
                }
                Err(error) => log::error!("windows {}: not closed yet, will be tried again: {error}", self.level.name()),
            }
        }
    }

    fn sweep(&mut self, now: TimestampMs) {
        let progress = self.store.progress(self.level);
        let due: Vec<_> = progress
            .iter()
            .map(|p| (p.id, p.closed, self.through(p).max(self.through_when_idle(p, now).unwrap_or(TimestampMs::MIN))))
            .filter(|(_, closed, through)| through > closed)
            .map(|(id, _, through)| (id, through))
            .collect();
        self.close(&due);
    }
}

impl Actor for WindowAggregator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.sweep(now_ms());
        ctx.run_interval(SWEEP, |this, _| {
            let _work = this.vitals.working("sweep");
            this.sweep(now_ms());
        });
    }
}

impl Supervised for WindowAggregator {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.due_at.clear();
    }
}

impl Handler<StoredBatch> for WindowAggregator {
    type Result = ();

    fn handle(&mut self, StoredBatch(stored): StoredBatch, _: &mut Self::Context) {
        let _work = self.vitals.handling("StoredBatch");
        let mut due: Vec<(SeriesId, TimestampMs)> = Vec::new();
        for (id, t, _) in stored.rows() {
            let at = *self.due_at.entry(id).or_insert_with(|| {
                let closed = self.store.progress_of(self.level, id).map_or(t, |p| p.closed);
                closed.saturating_add(self.level.ms()).saturating_add(self.store.options().allowed_lateness_ms)
            });
            if t >= at {
                let through = close_through(self.level, t, self.lateness());
                self.due_at.insert(id, through + self.level.ms() + self.lateness());
                due.push((id, through));
            }
        }
        self.close(&due);
    }
}

impl Handler<Closed> for WindowAggregator {
    type Result = ();

    fn handle(&mut self, below: Closed, _: &mut Self::Context) {
        let _work = self.vitals.handling("Closed");
        let mut due: Vec<(SeriesId, TimestampMs)> = Vec::new();
        for &(id, row) in below.rows.iter() {
            let end = row.start + below.level.ms();
            if end % self.level.ms() == 0 || self.due_at.get(&id).is_none_or(|at| end >= *at) {
                due.extend(self.store.progress_of(self.level, id).map(|p| (id, self.through(&p))));
            }
        }
        due.sort_unstable();
        due.dedup();
        self.close(&due);
    }
}
