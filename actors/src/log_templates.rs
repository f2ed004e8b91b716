//! The templates actor: groups error lines by template, in the background.
//!
//! Notes of the lines of a request ([`LogTemplates::take_in`]) wait here once those are durable, bounded by their bytes: what does not fit is
//! counted and not grouped, but stored all the same. A second after the first of them the pool groups what waits; what is new goes to the
//! time line, and templates are kept as documents. Restart: templates are restored; counts of the last minutes may be missing. Where no line
//! was ever sent, it does nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use taskpulse_engine::event::Event;
use taskpulse_engine::logs::templates::{Counted, DOCUMENTS, Miner, News, NewsKind, Notes};
use taskpulse_engine::store::{DocumentChange, StoreReader};
use taskpulse_engine::words::log_news;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::Clock;
use crate::messages::{ChangeDocuments, Finish, RecordEvents};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};

/// Bytes of notes that wait at the most.
const MAX_WAITING: usize = 8 << 20;
/// Services whose lines are counted by name; those of others are counted together.
const MAX_COUNTED: usize = 200;
/// The service of the lines of all others.
const OTHERS: &str = "others";
/// How long notes are gathered before they are grouped.
const GATHER: Duration = Duration::from_secs(1);
/// How often bursts are judged where nothing comes, and for how long after the last line.
const JUDGE: Duration = Duration::from_secs(10);
const JUDGED_FOR: Duration = Duration::from_secs(900);
/// How often counts are kept.
const KEEP: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct Waiting {
    notes: VecDeque<Notes>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    miner: Mutex<Miner>,
    counted: Mutex<Counted>,
    dropped: AtomicU64,
    /// Wakes the actor.
    arrived: Notify,
}

/// What waits to be grouped, and the templates so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LogTemplates(Arc<Shared>);

impl LogTemplates {
    /// Takes notes of lines that are durable.
    pub fn take_in(&self, notes: Notes) {
        self.count(&notes);
        let bytes = notes.bytes();
        let mut waiting = self.0.waiting.lock();
        if waiting.bytes + bytes > MAX_WAITING {
            self.0.dropped.fetch_add(notes.notes.len() as u64, Ordering::Relaxed);
            return;
        }
        waiting.bytes += bytes;
        waiting.notes.push_back(notes);
        self.0.arrived.notify_one();
    }

    /// Waits until there are notes to group, for `patience` at the most if there is one.
    async fn gathered(&self, patience: Option<Duration>) {
        let nothing_waits = self.0.waiting.lock().notes.is_empty();
        if nothing_waits {
            let arrived = self.0.arrived.notified();
            match patience {
                None => arrived.await,
                Some(patience) => {
                    if timeout(patience, arrived).await.is_err() {
                        return;
                    }
                }
            }
        }
        sleep(GATHER).await;
    }

    fn count(&self, notes: &Notes) {
        let mut counted = self.0.counted.lock();
        for (place, level, lines) in &notes.counts {
            let Some(service) = notes.services.get(*place).map(|of| of.service.as_str()) else { continue };
            let has_room = counted.len() < MAX_COUNTED || counted.contains_key(service);
            let service = if has_room { service } else { OTHERS };
            *counted.entry(service.to_owned()).or_default().entry(level).or_default() += lines;
        }
    }

    /// Lines by service and level since the start.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.0.counted.lock().clone()
    }

    /// Lines of level `warn` and worse that were not grouped, since too many waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Reads the templates.
    pub fn read<T>(&self, read: impl FnOnce(&Miner) -> T) -> T {
        read(&self.0.miner.lock())
    }

    fn take(&self) -> VecDeque<Notes> {
        std::mem::take(&mut *self.0.waiting.lock()).notes
    }

    /// Groups what waits.
    fn group(&self, notes: VecDeque<Notes>, now: i64, all: bool) -> (Vec<News>, Vec<DocumentChange>) {
        for notes in notes {
            // A request at a time: who reads the templates waits for no more.
            self.0.miner.lock().observe(&notes, now);
        }
        let mut miner = self.0.miner.lock();
        (miner.tick(now), miner.changes(all))
    }
}

/// See the module.
pub struct LogTemplatesActor {
    clock: Clock,
    store: StoreReader,
    templates: LogTemplates,
    documents: Mailbox<ChangeDocuments>,
    events: Mailbox<RecordEvents>,
    /// When lines came last, and when counts were kept.
    came: Option<Instant>,
    kept: Instant,
}

impl LogTemplatesActor {
    /// An actor that groups what waits in `templates`.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        templates: LogTemplates,
        documents: Mailbox<ChangeDocuments>,
        events: Mailbox<RecordEvents>,
    ) -> Self {
        Self { clock, store, templates, documents, events, came: None, kept: Instant::now() }
    }

    /// Waits for notes; for some time after the last ones, bursts are judged meanwhile.
    fn wait(&self, ctx: &mut Ctx<Self>) {
        let is_awake = self.came.is_some_and(|came| came.elapsed() < JUDGED_FOR);
        let templates = self.templates.clone();
        let gathered = async move { templates.gathered(is_awake.then_some(JUDGE)).await };
        ctx.wait_for("notes", gathered, |this, (), ctx| this.group(ctx));
    }

    /// Groups what waits, then waits again.
    fn group(&mut self, ctx: &mut Ctx<Self>) {
        let notes = self.templates.take();
        if !notes.is_empty() {
            self.came = Some(Instant::now());
        }
        let all = self.kept.elapsed() >= KEEP;
        if all {
            self.kept = Instant::now();
        }
        let (templates, now) = (self.templates.clone(), self.clock.now_ms());
        ctx.run_background(
            "templates",
            move || templates.group(notes, now, all),
            |this, done, ctx| {
                match done {
                    Ok((news, changes)) => this.conclude(&news, changes),
                    Err(error) => log::error!("templates of log lines: {error}"),
                }
                this.wait(ctx);
            },
        );
    }

    fn conclude(&self, news: &[News], changes: Vec<DocumentChange>) {
        let events: Vec<Event> = news.iter().map(event).collect();
        if !events.is_empty() && self.events.try_send(RecordEvents(events)).is_err() {
            log::error!("templates of log lines: the store is too busy for the time line");
        }
        if !changes.is_empty() && self.documents.try_send(ChangeDocuments { kind: DOCUMENTS, changes }).is_err() {
            log::error!("templates of log lines: the store is too busy to keep them; a restart may not know the newest");
        }
    }
}

fn event(news: &News) -> Event {
    let kind = match news.kind {
        NewsKind::New => "log_template_new",
        NewsKind::Burst => "log_burst",
    };
    let template = &news.template;
    let data = serde_json::json!({
        "service": template.service, "level": template.level, "template": template.text(), "lines": news.lines, "usual": news.usual,
        "example": template.example.text,
    });
    Event::new(news.at, "logs", kind, template.id.as_str(), log_news(news)).with_data(data)
}

impl ServiceActor for LogTemplatesActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        if self.templates.read(Miner::is_empty) {
            match self.store.documents(DOCUMENTS) {
                Ok(kept) => {
                    let miner = Miner::restored(&kept);
                    // A burst that went on has to be ended.
                    self.came = (!miner.is_empty()).then(Instant::now);
                    *self.templates.0.miner.lock() = miner;
                }
                Err(error) => log::error!("templates of log lines: kept ones cannot be read: {error}"),
            }
        }
        self.wait(ctx);
    }
}

impl Receive<Finish> for LogTemplatesActor {
    type Reply = ();

    fn receive(&mut self, _: Finish, _: &mut Ctx<Self>) {
        let (news, changes) = self.templates.group(self.templates.take(), self.clock.now_ms(), true);
        self.conclude(&news, changes);
    }
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::logs::{Lines, Record, Severity, StreamLines};
    use taskpulse_engine::model::Labels;

    use super::*;
    use crate::testing::on_stage;

    fn lines(app: &str, count: usize, bytes: usize) -> Lines {
        let record = Record { severity: Severity(17), body: vec![b'x'; bytes], ..Record::default() };
        vec![StreamLines { labels: Labels::of(vec![("app", app)]), records: vec![record; count] }]
    }

    #[test]
    fn what_waits_is_bounded_and_what_does_not_fit_is_counted() {
        let templates = LogTemplates::default();
        for _ in 0..10 {
            templates.take_in(Notes::of(&lines("web", 1_000, 4_096)));
        }
        assert_eq!(templates.dropped() % 1_000, 0);
        assert!((5_000..8_000).contains(&templates.dropped()), "{}", templates.dropped());
        let waiting = templates.take();
        assert_eq!(waiting.len() as u64 * 1_000 + templates.dropped(), 10_000);
        assert_eq!(templates.0.waiting.lock().bytes, 0);
        assert_eq!(templates.counted(), Counted::from([("web".to_owned(), [("error", 10_000)].into())]), "all are counted");
    }

    #[test]
    fn nothing_happens_before_lines_come_nor_long_after() {
        on_stage(async |stage| {
            let (documents, events) = (stage.inbox(|_: &ChangeDocuments| Ok(())), stage.inbox(|_: &RecordEvents| ()));
            let templates = LogTemplates::default();
            let (clock, store, own) = (stage.clock.clone(), stage.store.clone(), templates.clone());
            let (to_documents, to_events) = (documents.mailbox(), events.mailbox());
            let make = move || LogTemplatesActor::new(clock.clone(), store.clone(), own.clone(), to_documents.clone(), to_events.clone());
            let actor = stage.start("templates", make);
            let handled = || stage.status("templates").handled;
            stage.pass(Duration::from_secs(3_600)).await;
            assert_eq!(handled(), 0);
            for app in ["web", "db"] {
                templates.take_in(Notes::of(&lines(app, 2, 5)));
            }
            stage.pass(2 * GATHER).await;
            assert_eq!((templates.read(Miner::len), documents.taken().len()), (2, 1));
            stage.pass(KEEP).await;
            templates.take_in(Notes::of(&lines("web", 2, 5)));
            stage.pass(2 * GATHER).await;
            assert_eq!(documents.taken().len(), 1, "counts are kept as well");
            stage.pass(JUDGED_FOR + 2 * JUDGE).await;
            let before = handled();
            stage.pass(Duration::from_secs(3_600)).await;
            assert_eq!(handled(), before);
            drop(actor);
        });
    }

    #[test]
    fn services_are_counted_by_name_as_far_as_there_is_room() {
        let templates = LogTemplates::default();
        for n in 0..MAX_COUNTED + 50 {
            templates.take_in(Notes::of(&lines(&format!("app{n}"), 2, 1)));
        }
        templates.take_in(Notes::of(&lines("app7", 1, 1)));
        let counted = templates.counted();
        assert_eq!((counted.len(), counted[OTHERS]["error"]), (MAX_COUNTED + 1, 100));
        assert_eq!(counted["app7"]["error"], 3);
    }
}
