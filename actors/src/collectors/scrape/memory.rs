//! What is remembered of a target's series from scrape to scrape, and what becomes of the text of one.
//!
//! Labels are taken apart when a text is met for the first time. Several texts may name one series (labels in another order, or after
//! relabelling); a scrape has one value of a series at a time then, the first, and the others are left out and reported.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::relabel;

use super::Target;
use crate::metadata::Metadata;
use crate::shared::Shared;

/// Metadata is read again after so long.
const METADATA_EVERY: Duration = Duration::from_secs(600);
/// What a scrape says of itself, beside the target's own series.
const REPORTED: [&str; 5] =
    ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"];

/// What becomes of the samples of a text.
enum Fate {
    /// They are kept in a series, by its place.
    Kept(u32),
    /// A rule drops them.
    Dropped,
    /// They cannot be kept, for this reason.
    LeftOut(String),
}

/// A text that was seen before.
struct Seen {
    fate: Fate,
    scrape: u32,
}

/// A series that is kept.
struct Series {
    labels: Labels,
    /// The scrape that it began with.
    since: u32,
    /// The last one that had it.
    scrape: u32,
    /// The time of its last sample, and whether it came with it: then it needs no marker.
    time: TimestampMs,
    timed: bool,
    /// What the scrape says of itself; the target may not.
    reported: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Memory {
    seen: FxHashMap<String, Seen>,
    series: Vec<Option<Series>>,
    /// Places in `series` that are free.
    free: Vec<u32>,
    places: FxHashMap<Labels, u32>,
    scrape: u32,
    metadata_at: Option<Instant>,
}

/// What a scrape came to.
#[derive(Default)]
pub(super) struct Scraped {
    pub(super) batch: Batch,
    pub(super) counts: Counts,
    pub(super) left_out: Option<String>,
}

/// How much of it there was.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    samples: usize,
    kept: usize,
    added: usize,
}

/// How many of something there were, and the first.
#[derive(Default)]
struct Several {
    count: usize,
    first: String,
}

impl Several {
    fn note(&mut self, first: impl FnOnce() -> String) {
        self.count += 1;
        if self.count == 1 {
            self.first = first();
        }
    }
}

/// The labels of a series of a target; none where a rule drops it, the reason where it cannot be kept.
fn labels_of(own: exposition::LabelPairs<'_>, target: &Target) -> Result<Option<Labels>, String> {
    let mut labels: Vec<(String, String)> = own.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    relabel::attach(&mut labels, &target.own_labels(), target.honor_labels);
    if !relabel::apply(&target.relabel, &mut labels).map_err(|error| error.to_string())? {
        return Ok(None);
    }
    Labels::new(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map(Some).map_err(|error| error.to_string())
}

impl Memory {
    /// Takes a scrape's text apart.
    ///
    /// # Errors
    /// The line that is wrong, and why; nothing of the text is kept then.
    pub(super) fn take(
        &mut self,
        text: &str,
        format: Format,
        target: &Target,
        now: TimestampMs,
        shared: &Shared,
    ) -> Result<Scraped, String> {
        self.scrape += 1;
        self.reserve(target);
        let taken = self.read(text, format, target, now, shared);
        if taken.is_err() {
            // Series of which nothing was kept have no end either.
            let scrape = self.scrape;
            for place in 0..self.series.len() as u32 {
                if self.at(place).is_some_and(|series| series.since == scrape) {
                    self.forget(place);
                }
            }
        }
        taken
    }

    fn read(&mut self, text: &str, format: Format, target: &Target, now: TimestampMs, shared: &Shared) -> Result<Scraped, String> {
        let with_metadata = self.metadata_at.is_none_or(|at| at.elapsed() >= METADATA_EVERY);
        let mut out = Scraped::default();
        let (mut left_out, mut again) = (Several::default(), Several::default());
        let mut metadata = Metadata::default();
        let mut lines = exposition::lines(text, format);
        while let Some(line) = lines.next() {
            let (text, value, time) = match line.map_err(|error| error.to_string())? {
                Line::Sample { series, value, time } => (series, value, time.filter(|_| target.honor_timestamps)),
                other => {
                    if with_metadata {
                        metadata.note(&other);
                    }
                    continue;
                }
            };
            out.counts.samples += 1;
            if out.counts.samples > target.max_samples {
                return Err(format!("more than {} samples; raise max_samples, or drop some at the target", target.max_samples));
            }
            let scrape = self.scrape;
            let seen = match self.seen.get_mut(text) {
                Some(seen) => seen,
                None => {
                    let own = exposition::parse_labels(text).map_err(|why| lines.error(why).to_string())?;
                    let fate = match labels_of(own, target) {
                        Ok(Some(labels)) => {
                            let (place, new) = self.place(labels);
                            out.counts.added += usize::from(new);
                            Fate::Kept(place)
                        }
                        Ok(None) => Fate::Dropped,
                        Err(why) => Fate::LeftOut(why),
                    };
                    self.seen.entry(text.to_owned()).or_insert(Seen { fate, scrape })
                }
            };
            seen.scrape = scrape;
            match &seen.fate {
                Fate::Kept(place) => {
                    // A text that is remembered has its series.
                    let Some(series) = self.series.get_mut(*place as usize).and_then(Option::as_mut) else { continue };
                    let at = time.unwrap_or(now);
                    if series.reported || (series.scrape == scrape && series.time == at) {
                        again.note(|| series.labels.to_string());
                        continue;
                    }
                    (series.scrape, series.time, series.timed) = (scrape, at, time.is_some());
                    out.batch.push(series.labels.clone(), at, value);
                    out.counts.kept += 1;
                }
                Fate::Dropped => {}
                Fate::LeftOut(why) => left_out.note(|| why.clone()),
            }
        }
        if with_metadata {
            self.metadata_at = Some(Instant::now());
            shared.metadata.record(metadata);
        }
        let parts = [
            (left_out, "series left out, the first:"),
            (again, "samples left out, since the scrape has one of their series at that time already, the first:"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(several, _)| several.count > 0)
            .map(|(several, what)| format!("{} {what} {}", several.count, several.first))
            .collect();
        out.left_out = (!parts.is_empty()).then(|| parts.join("; "));
        self.end(&mut out.batch, now);
        Ok(out)
    }

    /// Keeps the target from saying what the scrape says of itself.
    fn reserve(&mut self, target: &Target) {
        if !self.series.is_empty() {
            return;
        }
        for name in REPORTED {
            if let Ok(labels) = Labels::new(target.own_labels().into_iter().chain([(NAME_LABEL, name)])) {
                let (place, _) = self.place(labels);
                if let Some(series) = &mut self.series[place as usize] {
                    series.reported = true;
                }
            }
        }
    }

    /// The place of a series, and whether it is a new one.
    fn place(&mut self, labels: Labels) -> (u32, bool) {
        if let Some(place) = self.places.get(&labels) {
            return (*place, false);
        }
        let series = Series { labels: labels.clone(), since: self.scrape, scrape: 0, time: 0, timed: false, reported: false };
        let place = match self.free.pop() {
            Some(place) => {
                self.series[place as usize] = Some(series);
                place
            }
            None => {
                self.series.push(Some(series));
                self.series.len() as u32 - 1
            }
        };
        self.places.insert(labels, place);
        (place, true)
    }

    fn at(&self, place: u32) -> Option<&Series> {
        self.series.get(place as usize)?.as_ref()
    }

    fn forget(&mut self, place: u32) {
        if self.at(place).is_some_and(|series| !series.reported)
            && let Some(series) = self.series[place as usize].take()
        {
            self.places.remove(&series.labels);
            self.free.push(place);
        }
    }

    /// Marks the series that the last scrape had and this one has not, and forgets them.
    fn end(&mut self, batch: &mut Batch, now: TimestampMs) {
        let scrape = self.scrape;
        self.seen.retain(|_, seen| seen.scrape == scrape);
        for place in 0..self.series.len() as u32 {
            let Some(series) = self.at(place) else { continue };
            if series.reported || series.scrape == scrape {
                continue;
            }
            if !series.timed {
                batch.push(series.labels.clone(), now, f64::from_bits(STALE_NAN_BITS));
            }
            self.forget(place);
        }
    }

    /// Marks everything: the target did not answer, or not with what can be read.
    pub(super) fn end_all(&mut self, batch: &mut Batch, now: TimestampMs) {
        self.scrape += 1;
        self.end(batch, now);
    }
}

/// What a scrape says of itself.
pub(super) fn report(target: &Target, now: TimestampMs, seconds: f64, counts: Option<Counts>, batch: &mut Batch) {
    let Counts { samples, kept, added } = counts.unwrap_or_default();
    let values = [f64::from(counts.is_some()), seconds, samples as f64, kept as f64, added as f64];
    for (name, v) in REPORTED.into_iter().zip(values) {
        if let Ok(labels) = Labels::new(target.own_labels().into_iter().chain([(NAME_LABEL, name)])) {
            batch.push(labels, now, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use taskpulse_engine::model::is_stale_marker;
    use taskpulse_engine::relabel::{Rule, RuleSpec};

    use super::super::Credentials;
    use super::*;

    fn target(labels: &[(&str, &str)], rules: Vec<RuleSpec>) -> Target {
        Target {
            name: "t".to_owned(),
            url: String::new(),
            job: "j".to_owned(),
            instance: "i".to_owned(),
            labels: labels.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<BTreeMap<_, _>>(),
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            credentials: Credentials::None,
            honor_labels: false,
            honor_timestamps: true,
            max_bytes: 1 << 20,
            max_samples: 1_000,
            relabel: Arc::new(rules.iter().map(|spec| Rule::new(spec).unwrap()).collect()),
        }
    }

    /// Samples and markers without the target's own labels, and what was left out.
    fn take(memory: &mut Memory, target: &Target, text: &str) -> Result<(Vec<String>, String), String> {
        let scraped = memory.take(text, Format::Prometheus, target, 5, &Shared::default())?;
        let rows = scraped.batch.rows().map(|(labels, sample)| {
            let value = if is_stale_marker(sample.v) { "stale".to_owned() } else { sample.v.to_string() };
            format!("{}={value}@{}", labels.without(&["job", "instance"]), sample.t)
        });
        Ok((rows.collect(), scraped.left_out.unwrap_or_default()))
    }

    #[test]
    fn two_texts_of_one_series_are_one_sample_and_the_other_is_told() {
        let target = target(&[], vec![]);
        let memory = &mut Memory::default();
        let (rows, left_out) = take(memory, &target, "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\nb 1\nb 1\n").unwrap();
        assert_eq!(rows, [r#"a{x="1",y="2"}=1@5"#, "b=1@5"]);
        assert!(left_out.starts_with("2 samples left out") && left_out.contains(r#"x="1",y="2"}"#), "{left_out}");
        let (rows, left_out) = take(memory, &target, "a{y=\"2\",x=\"1\"} 3\n").unwrap();
        assert_eq!((rows, left_out), (vec![r#"a{x="1",y="2"}=3@5"#.to_owned(), "b=stale@5".to_owned()], String::new()), "it lives on");
        let (rows, left_out) = take(memory, &target, "c 1 1000\nc 2 2000\n").unwrap();
        assert_eq!((rows.len(), left_out), (3, String::new()), "{rows:?}: two times of one series are two samples");
        let (rows, _) = take(memory, &target, "").unwrap();
        assert!(rows.is_empty(), "{rows:?}: samples with a time of their own need no marker");
    }

    #[test]
    fn rules_that_make_two_series_one_lose_no_sample_without_a_word() {
        let rule = RuleSpec { action: relabel::Action::LabelDrop, regex: "x".to_owned(), ..RuleSpec::default() };
        let (rows, left_out) = take(&mut Memory::default(), &target(&[], vec![rule]), "a{x=\"1\"} 1\na{x=\"2\"} 2\n").unwrap();
        assert_eq!(rows, ["a=1@5"]);
        assert!(left_out.starts_with("1 samples left out"), "{left_out}");
    }

    #[test]
    fn a_target_cannot_say_of_itself_that_it_is_up() {
        let (rows, left_out) = take(&mut Memory::default(), &target(&[], vec![]), "up 7\nup{of=\"another\"} 1\n").unwrap();
        assert_eq!(rows, [r#"up{of="another"}=1@5"#]);
        assert!(left_out.contains("1 samples left out"), "{left_out}");
    }

    #[test]
    fn labels_that_clash_are_all_kept() {
        let target = target(&[("foo", "a"), ("exported_foo", "b")], vec![]);
        let text = "e{job=\"x\",exported_job=\"1\"} 1\ne{job=\"x\",exported_job=\"2\"} 2\ne{foo=\"c\"} 3\n";
        let (rows, left_out) = take(&mut Memory::default(), &target, text).unwrap();
        assert_eq!(left_out, "");
        assert_eq!(
            rows,
            [
                r#"e{exported_exported_job="x",exported_foo="b",exported_job="1",foo="a"}=1@5"#,
                r#"e{exported_exported_job="x",exported_foo="b",exported_job="2",foo="a"}=2@5"#,
                r#"e{exported_exported_foo="c",exported_foo="b",foo="a"}=3@5"#,
            ]
        );
    }

    #[test]
    fn a_line_that_is_wrong_fails_the_scrape_and_begins_no_series() {
        let target = target(&[], vec![]);
        let memory = &mut Memory::default();
        take(memory, &target, "a 1\n").unwrap();
        for (text, part) in [
            ("n 1\na{b=\"1\",b=\"2\"} 1\n", "line 2: `a{b=\"1\",b=\"2\"}`: label `b` is given twice"),
            ("n 1\n1a 1\n", "line 2: `1a`: `1a` is no metric name"),
            ("n 1\na 1_0\n", "line 2: `a 1_0`: `1_0` is not a number"),
        ] {
            let why = take(memory, &target, text).unwrap_err();
            assert!(why.starts_with(part), "{why}");
            let mut batch = Batch::default();
            memory.end_all(&mut batch, 6);
            assert!(batch.rows().all(|(labels, _)| labels.name() == "a"), "{:?}", batch.labels);
            take(memory, &target, "a 1\n").unwrap();
        }
    }
}
