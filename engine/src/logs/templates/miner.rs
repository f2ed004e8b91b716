//! Finds templates, line by line, and says what is new.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::burst::is_burst;
use super::kept::service_key;
use super::note::{Activity, Note, Notes};
use super::template::{Example, MINUTE_MS, Template, id_of};
use super::text::{message, words};
use super::{LEARNING_MS, MAX_EVENTS, MAX_OF_SERVICE, MAX_SERVICES, MAX_TEMPLATES};
use crate::logs::record::Severity;
use crate::logs::shown;
use crate::model::TimestampMs;

/// Longest text of an example, in characters.
const MAX_EXAMPLE: usize = 200;
/// Lines older than this on arrival are counted and not announced.
const RECENT_MS: i64 = 600_000;
/// A service with lines in so many windows of five minutes (an hour) is known, also if they arrived at once.
pub(super) const KNOWN_WINDOWS: u32 = 12;
pub(super) const WINDOW_MS: i64 = 5 * MINUTE_MS;
/// Beyond a bound, one of so many templates is evicted at once, those without lines for the longest time first.
const EVICTED_SHARE: usize = 20;

/// What is known of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// When its first line arrived, ms.
    pub came: TimestampMs,
    /// The time of its oldest line that counts, ms.
    pub since: TimestampMs,
    /// The time of its newest line, ms.
    pub last: TimestampMs,
    /// Windows of five minutes that have a line of it.
    pub windows: u32,
}

impl Service {
    fn is_known(&self, now: TimestampMs) -> bool {
        now - self.came >= LEARNING_MS || self.windows >= KNOWN_WINDOWS
    }
}

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewsKind {
    /// A new template.
    New,
    /// Far more lines of a template than usual.
    Burst,
}

/// An announcement for the time line.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// What kind.
    pub kind: NewsKind,
    /// When, ms.
    pub at: TimestampMs,
    /// The template as it is now.
    pub template: Template,
    /// Lines of the last five minutes.
    pub lines: u32,
    /// How many are usual within five minutes.
    pub usual: f64,
}

/// A template of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The template.
    pub template: Template,
    /// Its lines within the requested time.
    pub count: u64,
}

/// Lines are compared only where all of these are the same: service, level, number of words, first word.
type Leaf = (String, Severity, usize, String);

/// See the module.
#[derive(Debug, Default)]
pub struct Miner {
    pub(super) templates: FxHashMap<String, Template>,
    leaves: FxHashMap<Leaf, Vec<String>>,
    pub(super) services: BTreeMap<String, Service>,
    of_service: FxHashMap<String, usize>,
    /// Documents to write: templates that changed, and what was removed.
    pub(super) changed: FxHashSet<String>,
    pub(super) gone: FxHashSet<String>,
    /// Templates that were created, and services that had lines, since the last write.
    pub(super) born: FxHashSet<String>,
    pub(super) active: FxHashSet<String>,
    /// New ones, to be announced with the next tick.
    fresh: Vec<String>,
    /// Times of the announcements of each kind within the last hour.
    announced: [Vec<TimestampMs>; 2],
    /// Templates that were dropped, since there were too many.
    pub evicted: u64,
    /// Announcements left out, since there were too many.
    pub unsaid: u64,
}

fn leaf_of(service: &str, severity: Severity, words: &[String]) -> Leaf {
    (service.to_owned(), level(severity), words.len(), words.first().cloned().unwrap_or_default())
}

/// The lowest number of a level.
fn level(severity: Severity) -> Severity {
    Severity(severity.0.saturating_sub(1) / 4 * 4 + 1)
}

impl Miner {
    /// Groups the notes of a request.
    pub fn observe(&mut self, notes: &Notes, now: TimestampMs) {
        notes.services.iter().for_each(|activity| self.note_activity(activity, now));
        for note in &notes.notes {
            if let Some(of) = notes.services.get(note.service) {
                self.line(&of.service, note, now);
            }
        }
        self.bound();
    }

    /// Notes that a service had lines within a time.
    fn note_activity(&mut self, activity: &Activity, now: TimestampMs) {
        let (name, oldest) = (activity.service.as_str(), now - super::MINUTES * MINUTE_MS);
        let to = activity.to.min(now);
        let from = activity.from.clamp(oldest, to.max(oldest));
        let after =
            |last: i64| activity.windows.iter().filter(|window| **window > last && **window <= now.div_euclid(WINDOW_MS)).count() as u32;
        self.active.insert(name.to_owned());
        match self.services.get_mut(name) {
            Some(service) => {
                service.windows = service.windows.saturating_add(after(service.last.div_euclid(WINDOW_MS)));
                service.since = service.since.min(from);
                service.last = service.last.max(to);
            }
            None => {
                if self.services.len() >= MAX_SERVICES {
                    self.drop_a_service();
                }
                self.services
                    .insert(name.to_owned(), Service { came: now, since: from, last: to, windows: after(oldest.div_euclid(WINDOW_MS)) });
            }
        }
    }

    /// Removes the service without lines for the longest time, with its templates.
    fn drop_a_service(&mut self) {
        let Some(name) = self.services.iter().min_by_key(|(_, service)| service.last).map(|(name, _)| name.clone()) else { return };
        self.services.remove(&name);
        self.active.remove(&name);
        self.gone.insert(service_key(&name));
        let ids: Vec<String> = self.templates.values().filter(|template| template.service == name).map(|of| of.id.clone()).collect();
        ids.iter().for_each(|id| self.evict(id));
    }

    fn line(&mut self, service: &str, note: &Note, now: TimestampMs) {
        let words = words(&message(&note.text));
        if words.is_empty() {
            return;
        }
        let at = note.at.min(now);
        let id = self.find(service, note.severity, &words).unwrap_or_else(|| self.add(service, note, words, now));
        let Some(template) = self.templates.get_mut(&id) else { return };
        template.add(at, now);
        // Decoding costs more than counting: an example a second is enough.
        if at - template.example.at >= 1_000 || template.example.text.is_empty() {
            template.example = Example { at, text: shown(&note.text, MAX_EXAMPLE) };
        }
        self.changed.insert(id);
    }

    /// The template of a line, generalised where the line differs.
    fn find(&mut self, service: &str, severity: Severity, words: &[String]) -> Option<String> {
        let born = id_of(service, severity, words);
        if self.templates.contains_key(&born) {
            return Some(born);
        }
        let ids = self.leaves.get(&leaf_of(service, severity, words))?;
        let differs = |id: &String| self.templates.get(id).and_then(|template| template.differs(words));
        let (different, id) = ids.iter().filter_map(|id| Some((differs(id)?, id.clone()))).min()?;
        if different > 0 {
            self.templates.get_mut(&id)?.generalise(words);
        }
        Some(id)
    }

    fn add(&mut self, service: &str, note: &Note, words: Vec<String>, now: TimestampMs) -> String {
        let id = id_of(service, note.severity, &words);
        let is_known = self.services.get(service).is_some_and(|service| service.is_known(now));
        let is_news = is_known && now - note.at.min(now) < RECENT_MS;
        self.insert(Template {
            id: id.clone(),
            service: service.to_owned(),
            level: note.severity.word().to_owned(),
            words,
            lines: 0,
            first_seen: note.at.min(now),
            last_seen: note.at.min(now),
            example: Example { at: TimestampMs::MIN / 2, text: String::new() },
            minutes: std::collections::VecDeque::new(),
            is_news,
            burst: None,
        });
        self.gone.remove(&id);
        self.born.insert(id.clone());
        if is_news {
            self.fresh.push(id.clone());
        }
        id
    }

    /// Adds a template to the maps.
    pub(super) fn insert(&mut self, template: Template) {
        let leaf = leaf_of(&template.service, Severity::from_word(&template.level), &template.words);
        self.leaves.entry(leaf).or_default().push(template.id.clone());
        *self.of_service.entry(template.service.clone()).or_default() += 1;
        self.templates.insert(template.id.clone(), template);
    }

    fn evict(&mut self, id: &str) {
        let Some(template) = self.templates.remove(id) else { return };
        let leaf = leaf_of(&template.service, Severity::from_word(&template.level), &template.words);
        if let Some(ids) = self.leaves.get_mut(&leaf) {
            ids.retain(|other| other != id);
            if ids.is_empty() {
                self.leaves.remove(&leaf);
            }
        }
        if let Some(count) = self.of_service.get_mut(&template.service) {
            *count -= 1;
            if *count == 0 {
                self.of_service.remove(&template.service);
            }
        }
        self.changed.remove(id);
        self.born.remove(id);
        self.gone.insert(id.to_owned());
        self.evicted += 1;
    }

    /// Drops templates where there are too many, those without lines for the longest time first.
    fn bound(&mut self) {
        let over: Vec<String> =
            self.of_service.iter().filter(|(_, count)| **count > MAX_OF_SERVICE).map(|(name, _)| name.clone()).collect();
        for name in over {
            self.evict_oldest(MAX_OF_SERVICE, |template| template.service == name);
        }
        if self.templates.len() > MAX_TEMPLATES {
            self.evict_oldest(MAX_TEMPLATES, |_| true);
        }
    }

    fn evict_oldest(&mut self, most: usize, of: impl Fn(&Template) -> bool) {
        let mut all: Vec<(TimestampMs, String)> =
            self.templates.values().filter(|template| of(template)).map(|template| (template.last_seen, template.id.clone())).collect();
        all.sort_unstable();
        let left = most - most / EVICTED_SHARE;
        let count = all.len().saturating_sub(left);
        all.iter().take(count).for_each(|(_, id)| self.evict(id));
    }

    /// New templates and bursts since the last call.
    pub fn tick(&mut self, now: TimestampMs) -> Vec<News> {
        let mut news = Vec::new();
        let fresh = std::mem::take(&mut self.fresh);
        for id in fresh {
            let Some(template) = self.templates.get(&id).cloned() else { continue };
            let lines = template.windows(now, now).0;
            news.push(News { kind: NewsKind::New, at: template.first_seen, template, lines, usual: 0.0 });
        }
        let spoke = now - 2 * WINDOW_MS;
        let services = &self.services;
        for template in self.templates.values_mut().filter(|template| template.burst.is_some() || template.last_seen >= spoke) {
            let Some(service) = services.get(&template.service) else { continue };
            let (lines, past) = template.windows(now, service.since);
            match template.burst {
                Some((_, end)) if lines <= end => {
                    template.burst = None;
                    self.changed.insert(template.id.clone());
                }
                Some(_) => {}
                None if is_burst(f64::from(lines), &past) => {
                    // It ends at what is usual: a rate near the limit would begin and end it again and again.
                    let end = (past.most.max(2.0 * past.mean)).min(f64::from(lines) / 2.0) as u32;
                    template.burst = Some((now, end));
                    self.changed.insert(template.id.clone());
                    // A new template was announced as new.
                    if !template.is_new(now) {
                        let at = template.last_seen;
                        news.push(News { kind: NewsKind::Burst, at, template: template.clone(), lines, usual: past.mean });
                    }
                }
                None => {}
            }
        }
        news.retain(|one| self.may_announce(one.kind, now));
        news
    }

    /// Whether one more of a kind may be announced within the hour.
    fn may_announce(&mut self, kind: NewsKind, now: TimestampMs) -> bool {
        let announced = &mut self.announced[usize::from(kind == NewsKind::Burst)];
        announced.retain(|at| now - *at < LEARNING_MS);
        let room = announced.len() < MAX_EVENTS;
        if room {
            announced.push(now);
        } else {
            self.unsaid += 1;
        }
        room
    }

    /// The templates with lines within a time, those with most lines first.
    #[must_use]
    pub fn list(&self, service: Option<&str>, (start, end): (TimestampMs, TimestampMs), limit: usize) -> Vec<Found> {
        let wanted = self.templates.values().filter(|template| service.is_none_or(|service| template.service == service));
        let mut found: Vec<(u64, &Template)> =
            wanted.map(|template| (template.count(start, end), template)).filter(|(count, _)| *count > 0).collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.last_seen.cmp(&a.1.last_seen)).then_with(|| a.1.id.cmp(&b.1.id)));
        found.into_iter().take(limit).map(|(count, template)| Found { template: template.clone(), count }).collect()
    }

    /// How many templates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.templates.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty()
    }

    /// Templates of the service that has most.
    #[cfg(test)]
    pub(super) fn of_service_at_most(&self) -> usize {
        self.of_service.values().copied().max().unwrap_or(0)
    }

    /// Whether each template is in its leaf, and nothing else.
    #[cfg(test)]
    pub(super) fn leaves_agree(&self) -> bool {
        let listed: FxHashSet<&String> = self.leaves.values().flatten().collect();
        listed.len() == self.templates.len() && self.templates.keys().all(|id| listed.contains(id))
    }
}
