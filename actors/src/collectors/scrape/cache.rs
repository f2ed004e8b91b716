//! The series of a target between scrapes, and the parser of a scrape's text.
//!
//! Labels are parsed when a text is seen for the first time. Several texts may name one series (labels in another order, or
//! after relabelling). Of a series with several values at one time the first is kept; the others are left out and named.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::relabel;

use super::Target;
use crate::metadata::{Metadata, MetadataRegistry};

/// Time between two readings of metadata.
const METADATA_EVERY: Duration = Duration::from_secs(600);
/// Metrics of the scrape itself, besides the target's series.
const REPORTED: [&str; 5] =
    ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"];

/// What becomes of the samples of a text (name and labels of a line).
enum Fate {
    /// They are kept in the series at this place.
    Kept(u32),
    /// A relabelling rule drops them.
    Dropped,
    /// They cannot be kept, for this reason.
    LeftOut(ScrapeError),
}

/// A text that was seen before.
struct Seen {
    fate: Fate,
    scrape: u32,
}

/// A series that is kept.
struct Series {
    labels: Labels,
    /// The scrape in which it began.
    since: u32,
    /// The last scrape that had it.
    scrape: u32,
    /// Time of its last sample, and whether the target gave it: then the series needs no stale marker.
    time: TimestampMs,
    timed: bool,
    /// One of [`REPORTED`], which the target may not give.
    reported: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct SeriesCache {
    seen: FxHashMap<String, Seen>,
    series: Vec<Option<Series>>,
    /// Places in `series` that are free.
    free: Vec<u32>,
    places: FxHashMap<Labels, u32>,
    scrape: u32,
    metadata_at: Option<Instant>,
}

/// Result of a scrape.
#[derive(Default)]
pub(super) struct Scraped {
    pub(super) batch: Batch,
    pub(super) counts: Counts,
    pub(super) left_out: Option<String>,
}

/// Counts of samples and series of a scrape.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    samples: usize,
    kept: usize,
    added: usize,
}

/// Why a scrape failed, or why a series of it cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScrapeError {
    /// A line is wrong; with its number.
    #[error("{0}")]
    Line(String),
    /// The labels of a series are wrong.
    #[error("{0}")]
    Labels(String),
    /// There are more samples than the limit.
    #[error("more than {0} samples; raise max_samples, or drop some at the target")]
    TooManySamples(usize),
}

/// A scrape that is being parsed.
struct Parsing<'a> {
    target: &'a Target,
    now: TimestampMs,
    out: Scraped,
    left_out: Several,
    repeated: Several,
}

impl Parsing<'_> {
    fn finish(self) -> Scraped {
        let parts = [
            (self.left_out, "series left out, the first:"),
            (self.repeated, "samples left out, since the scrape has one of their series at that time already, the first:"),
        ];
        let named = parts.iter().filter(|(several, _)| several.count > 0);
        let named: Vec<String> = named.map(|(several, what)| format!("{} {what} {}", several.count, several.first)).collect();
        Scraped { left_out: (!named.is_empty()).then(|| named.join("; ")), ..self.out }
    }
}

/// A count, and the first of what is counted.
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

/// The labels of a series of a target; none if a rule drops it.
fn series_labels(own: exposition::LabelPairs<'_>, target: &Target) -> Result<Option<Labels>, ScrapeError> {
    let mut labels: Vec<(String, String)> = own.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    relabel::attach(&mut labels, &target.own_labels(), target.honor_labels);
    if !relabel::apply(&target.relabel, &mut labels).map_err(|error| ScrapeError::Labels(error.to_string()))? {
        return Ok(None);
    }
    Labels::new(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map(Some).map_err(|error| ScrapeError::Labels(error.to_string()))
}

impl SeriesCache {
    /// Parses the text of a scrape.
    ///
    /// # Errors
    /// [`ScrapeError`]; nothing of the text is kept then.
    pub(super) fn parse(
        &mut self,
        text: &str,
        format: Format,
        target: &Target,
        now: TimestampMs,
        registry: &MetadataRegistry,
    ) -> Result<Scraped, ScrapeError> {
        self.scrape += 1;
        self.reserve(target);
        let parsed = self.parse_lines(text, format, target, now, registry);
        if parsed.is_err() {
            // Series without a sample have no end.
            let scrape = self.scrape;
            for place in 0..self.series.len() as u32 {
                if self.at(place).is_some_and(|series| series.since == scrape) {
                    self.forget(place);
                }
            }
        }
        parsed
    }

    fn parse_lines(
        &mut self,
        text: &str,
        format: Format,
        target: &Target,
        now: TimestampMs,
        registry: &MetadataRegistry,
    ) -> Result<Scraped, ScrapeError> {
        let mut metadata = self.metadata_at.is_none_or(|at| at.elapsed() >= METADATA_EVERY).then(Metadata::default);
        let mut scrape = Parsing { target, now, out: Scraped::default(), left_out: Several::default(), repeated: Several::default() };
        let mut lines = exposition::lines(text, format);
        while let Some(line) = lines.next() {
            match line.map_err(|error| ScrapeError::Line(error.to_string()))? {
                Line::Sample { series, value, time, exemplar } => {
                    let time = time.filter(|_| target.honor_timestamps);
                    let wrong = |error: ScrapeError| ScrapeError::Line(format!("line {}: {error}", lines.number()));
                    self.sample(&mut scrape, series, value, time, exemplar).map_err(|error| match error {
                        ScrapeError::Labels(_) => wrong(error),
                        error => error,
                    })?;
                }
                other => metadata.iter_mut().for_each(|metadata| metadata.note(&other)),
            }
        }
        if let Some(metadata) = metadata {
            self.metadata_at = Some(Instant::now());
            registry.record(metadata);
        }
        let mut out = scrape.finish();
        self.end(&mut out.batch, now);
        Ok(out)
    }

    /// Adds one sample of a scrape.
    fn sample(
        &mut self,
        scrape: &mut Parsing<'_>,
        text: &str,
        value: f64,
        time: Option<TimestampMs>,
        exemplar: Option<&str>,
    ) -> Result<(), ScrapeError> {
        scrape.out.counts.samples += 1;
        if scrape.out.counts.samples > scrape.target.max_samples {
            return Err(ScrapeError::TooManySamples(scrape.target.max_samples));
        }
        let number = self.scrape;
        if !self.seen.contains_key(text) {
            let fate = self.fate(scrape, text)?;
            self.seen.insert(text.to_owned(), Seen { fate, scrape: number });
        }
        let Some(seen) = self.seen.get_mut(text) else { return Ok(()) };
        seen.scrape = number;
        match &seen.fate {
            Fate::Kept(place) => {
                // A text that is cached has its series.
                let Some(series) = self.series.get_mut(*place as usize).and_then(Option::as_mut) else { return Ok(()) };
                let at = time.unwrap_or(scrape.now);
                if series.reported || (series.scrape == number && series.time == at) {
                    scrape.repeated.note(|| series.labels.to_string());
                    return Ok(());
                }
                (series.scrape, series.time, series.timed) = (number, at, time.is_some());
                scrape.out.batch.push(series.labels.clone(), at, value);
                if let Some(exemplar) = exemplar {
                    scrape.out.batch.exemplars.push(series.labels.clone(), exposition::parse_exemplar(exemplar, at));
                }
                scrape.out.counts.kept += 1;
            }
            Fate::Dropped => {}
            Fate::LeftOut(why) => scrape.left_out.note(|| why.to_string()),
        }
        Ok(())
    }

    /// What becomes of a text that is seen for the first time.
    fn fate(&mut self, scrape: &mut Parsing<'_>, text: &str) -> Result<Fate, ScrapeError> {
        let own = exposition::parse_labels(text).map_err(|error| ScrapeError::Labels(error.to_string()))?;
        Ok(match series_labels(own, scrape.target) {
            Ok(Some(labels)) => {
                let (place, new) = self.place(labels);
                scrape.out.counts.added += usize::from(new);
                Fate::Kept(place)
            }
            Ok(None) => Fate::Dropped,
            Err(error) => Fate::LeftOut(error),
        })
    }

    /// Reserves the series of [`REPORTED`], so that the target cannot give them.
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

    /// The place of a series, and whether it is new.
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

    /// Adds stale markers for the series that the last scrape had and this one lacks, and removes them.
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

    /// Ends all series: the target did not answer, or its text cannot be parsed.
    pub(super) fn end_all(&mut self, batch: &mut Batch, now: TimestampMs) {
        self.scrape += 1;
        self.end(batch, now);
    }
}

/// Adds the metrics of the scrape itself.
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

    /// Samples and stale markers without the target's own labels, and what was left out.
    fn scrape(cache: &mut SeriesCache, target: &Target, text: &str) -> Result<(Vec<String>, String), ScrapeError> {
        let scraped = cache.parse(text, Format::Prometheus, target, 5, &MetadataRegistry::default())?;
        let rows = scraped.batch.rows().map(|(labels, sample)| {
            let value = if is_stale_marker(sample.v) { "stale".to_owned() } else { sample.v.to_string() };
            format!("{}={value}@{}", labels.without(&["job", "instance"]), sample.t)
        });
        Ok((rows.collect(), scraped.left_out.unwrap_or_default()))
    }

    #[test]
    fn two_texts_of_one_series_give_one_sample_and_the_other_is_named() {
        let target = target(&[], vec![]);
        let cache = &mut SeriesCache::default();
        let (rows, left_out) = scrape(cache, &target, "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\nb 1\nb 1\n").unwrap();
        assert_eq!(rows, [r#"a{x="1",y="2"}=1@5"#, "b=1@5"]);
        assert!(left_out.starts_with("2 samples left out") && left_out.contains(r#"x="1",y="2"}"#), "{left_out}");
        let (rows, left_out) = scrape(cache, &target, "a{y=\"2\",x=\"1\"} 3\n").unwrap();
        assert_eq!((rows, left_out), (vec![r#"a{x="1",y="2"}=3@5"#.to_owned(), "b=stale@5".to_owned()], String::new()), "it lives on");
        let (rows, left_out) = scrape(cache, &target, "c 1 1000\nc 2 2000\n").unwrap();
        assert_eq!((rows.len(), left_out), (3, String::new()), "{rows:?}: two times of one series are two samples");
        let (rows, _) = scrape(cache, &target, "").unwrap();
        assert!(rows.is_empty(), "{rows:?}: samples with a time of their own need no marker");
    }

    #[test]
    fn rules_that_merge_two_series_name_the_samples_that_are_left_out() {
        let rule = RuleSpec { action: relabel::Action::LabelDrop, regex: "x".to_owned(), ..RuleSpec::default() };
        let (rows, left_out) = scrape(&mut SeriesCache::default(), &target(&[], vec![rule]), "a{x=\"1\"} 1\na{x=\"2\"} 2\n").unwrap();
        assert_eq!(rows, ["a=1@5"]);
        assert!(left_out.starts_with("1 samples left out"), "{left_out}");
    }

    #[test]
    fn a_target_cannot_give_its_own_up() {
        let (rows, left_out) = scrape(&mut SeriesCache::default(), &target(&[], vec![]), "up 7\nup{of=\"another\"} 1\n").unwrap();
        assert_eq!(rows, [r#"up{of="another"}=1@5"#]);
        assert!(left_out.contains("1 samples left out"), "{left_out}");
    }

    #[test]
    fn conflicting_labels_are_all_kept() {
        let target = target(&[("foo", "a"), ("exported_foo", "b")], vec![]);
        let text = "e{job=\"x\",exported_job=\"1\"} 1\ne{job=\"x\",exported_job=\"2\"} 2\ne{foo=\"c\"} 3\n";
        let (rows, left_out) = scrape(&mut SeriesCache::default(), &target, text).unwrap();
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
    fn a_wrong_line_fails_the_scrape_and_begins_no_series() {
        let target = target(&[], vec![]);
        let cache = &mut SeriesCache::default();
        scrape(cache, &target, "a 1\n").unwrap();
        for (text, part) in [
            ("n 1\na{b=\"1\",b=\"2\"} 1\n", "line 2: `a{b=\"1\",b=\"2\"}`: label `b` is given twice"),
            ("n 1\n1a 1\n", "line 2: `1a`: `1a` is no metric name"),
            ("n 1\na 1_0\n", "line 2: `a 1_0`: `1_0` is not a number"),
        ] {
            let why = scrape(cache, &target, text).unwrap_err().to_string();
            assert!(why.starts_with(part), "{why}");
            let mut batch = Batch::default();
            cache.end_all(&mut batch, 6);
            assert!(batch.rows().all(|(labels, _)| labels.name() == "a"), "{:?}", batch.labels);
            scrape(cache, &target, "a 1\n").unwrap();
        }
    }
}
