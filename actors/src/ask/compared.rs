//! Two times beside each other.

use taskpulse_engine::ask::{Kind, Meaning, Range, Subject, Trend, Wanted};
use taskpulse_engine::words::{counted, money};

use super::draft::{Draft, UP_SHARE, figure, listed, row};
use super::figures::{page_of, same};
use super::reading::{Read, called, over_query, quantile};
use super::{AskError, Asker};
use crate::view::AnswerRow;

/// A difference that is called one.
const DIFFERENCE: f64 = 0.02;
/// What chance brings in one of twenty cases.
pub(super) const RARE: f64 = 0.05;
/// Runs on both sides that a test needs.
const MIN_RUNS: usize = 5;

/// A figure at both times.
pub(super) struct Both {
    pub(super) name: String,
    pub(super) now: f64,
    pub(super) before: f64,
    /// How many there were of what ended; none of levels.
    pub(super) counts: Option<(usize, usize)>,
    /// How likely chance alone makes such a difference.
    pub(super) chance: Option<f64>,
}

impl Asker {
    pub(super) fn compared(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let (Some(time), Some(other)) = (meaning.time, meaning.compared) else { return Ok(Draft::missing("two times are compared")) };
        let trend = match meaning.wanted {
            Wanted::Compared(trend) => trend,
            _ => None,
        };
        match meaning.subject {
            Subject::Cost | Subject::CiCost | Subject::Tokens | Subject::AgentTime => {
                return self.cost_compared(meaning, time, other, trend);
            }
            Subject::Alerts => return self.alerts_compared(meaning, time, other, trend),
            Subject::CiFailures
            | Subject::CiSuccesses
            | Subject::CiRuns
            | Subject::CiCancelled
            | Subject::CiFailure
            | Subject::CiSuccess => {
                return self.shares_compared(meaning, time, other, trend);
            }
            _ => {}
        }
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let both = self.both(&read, time, other)?;
        if both.is_empty() {
            return self.not_comparable(&read, meaning, time, other);
        }
        let query = match read.kind {
            Kind::Events => read.selector.clone(),
            Kind::Counter => over_query("increase", &read.selector, time),
            _ => over_query("avg_over_time", &read.selector, time),
        };
        let chart = if read.kind == Kind::Counter { format!("rate({}[5m])", read.selector) } else { read.selector.clone() };
        let rate = read.kind == Kind::Counter && (time.length() != other.length());
        let metric = if read.kind == Kind::Flag { UP_SHARE } else { &read.metric };
        let draft = self.both_said(&both, metric, rate, (time, other), trend);
        let draft = draft.note(rate.then(|| "The times are not equally long; what is compared is per hour".to_owned()));
        Ok(draft.charted(&query, &chart, [time, other]).note(self.coverage(&read, time)?).page(page_of(meaning.subject)))
    }

    /// The figures of both times, of what has samples at both.
    pub(super) fn both(&self, read: &Read, time: Range, other: Range) -> Result<Vec<Both>, AskError> {
        let mut out = Vec::new();
        match read.kind {
            Kind::Events => {
                let before = self.grouped(read, other)?;
                for (name, samples) in self.grouped(read, time)? {
                    let Some((_, earlier)) = before.iter().find(|(of, _)| *of == name) else { continue };
                    let mut a: Vec<f64> = samples.into_iter().map(|(_, v)| v).collect();
                    let mut b: Vec<f64> = earlier.iter().map(|(_, v)| *v).collect();
                    let chance = by_chance(&a, &b);
                    let counts = Some((a.len(), b.len()));
                    if let (Some(now), Some(before)) = (quantile(&mut a, 0.5), quantile(&mut b, 0.5)) {
                        out.push(Both { name, now, before, counts, chance });
                    }
                }
            }
            Kind::Counter => {
                let hours = |range: Range| if time.length() == other.length() { 1.0 } else { range.length() as f64 / 3_600_000.0 };
                let before = self.rises(&read.selector, other)?;
                for (labels, risen) in self.rises(&read.selector, time)? {
                    let Some((_, earlier)) = before.iter().find(|(of, _)| same(of, &labels)) else { continue };
                    out.push(Both {
                        name: self.called(read, &labels),
                        now: risen / hours(time),
                        before: earlier / hours(other),
                        counts: None,
                        chance: None,
                    });
                }
            }
            _ => {
                let before = self.over("avg_over_time", &read.selector, other)?;
                for (labels, mean) in self.over("avg_over_time", &read.selector, time)? {
                    let Some((_, earlier)) = before.iter().find(|(of, _)| same(of, &labels)) else { continue };
                    out.push(Both { name: self.called(read, &labels), now: mean, before: *earlier, counts: None, chance: None });
                }
            }
        }
        out.sort_by(|a, b| change(b).abs().total_cmp(&change(a).abs()));
        Ok(out)
    }

    fn not_comparable(&self, read: &Read, meaning: &Meaning, time: Range, other: Range) -> Result<Draft, AskError> {
        let has = |range: Range| -> Result<bool, AskError> { Ok(!self.samples(&read.selector, range)?.is_empty()) };
        let called = called(read, meaning);
        let without = |what: &str, range: Range| Draft {
            query: Some(read.selector.clone()),
            ..Draft::missing(format!("{what}: no samples of {called} {}", self.during(range)))
        };
        Ok(match (has(time)?, has(other)?) {
            (true, false) => without("nothing to compare with", other),
            (false, true) => without("nothing to compare", time),
            (true, true) => Draft::missing("none that has samples at one time has them at the other too".to_owned()),
            (false, false) => self.nothing(read, meaning),
        })
    }

    /// The sentence and rows of figures at two times.
    pub(super) fn both_said(&self, both: &[Both], metric: &str, rate: bool, (time, other): (Range, Range), trend: Option<Trend>) -> Draft {
        let per = if rate { " an hour" } else { "" };
        let alone = both.len() == 1;
        let parts: Vec<String> = both
            .iter()
            .map(|one| {
                let counts = one.counts.map(|(a, b)| format!(" (medians of {a} and {b})")).unwrap_or_default();
                let chance = match one.chance {
                    Some(p) if p < RARE => ", more than chance explains",
                    Some(_) => ", no more than chance explains",
                    None if one.counts.is_some() => ", too few to say more",
                    None => "",
                };
                let (first, second) =
                    if alone { (format!(" {}", self.during(time)), format!(" {}", self.during(other))) } else { Default::default() };
                let (now, before) = (figure(metric, one.now), figure(metric, one.before));
                format!("{}: {now}{per}{first}{}{before}{per}{second}{counts}{chance}", one.name, than(one))
            })
            .collect();
        let lead = match (trend, both) {
            (Some(trend), [one]) => verdict(one, trend),
            _ => "",
        };
        let times = format!("; the first figure of each {}, the second {}", self.during(time), self.during(other));
        let sentence = format!("{lead}{}{}", listed(&parts), if alone { String::new() } else { times });
        let rows = both.iter().map(|one| two(&one.name, metric, one.now, one.before)).collect();
        Draft::said(sentence).rows(rows)
    }

    fn cost_compared(&self, meaning: &Meaning, time: Range, other: Range, trend: Option<Trend>) -> Result<Draft, AskError> {
        if meaning.subject == Subject::CiCost {
            return self.ci_cost_compared(meaning, time, other, trend);
        }
        let ((now, metric), (before, _)) = (self.used(meaning.subject, time)?, self.used(meaning.subject, other)?);
        let (Some(now), Some(before)) = (now, before) else {
            let without = if now.is_none() { time } else { other };
            return Ok(Draft::missing(format!("nothing of coding agents was measured {}", self.during(without))));
        };
        let one = Both { name: "Coding agents".to_owned(), now, before, counts: None, chance: None };
        let lead = trend.map(|trend| verdict(&one, trend)).unwrap_or_default();
        let said = |value: f64| self.cost_said(meaning.subject, value);
        let sentence =
            format!("{lead}Coding agents: {} {}{}{} {}", said(now), self.during(time), than(&one), said(before), self.during(other));
        Ok(Draft::said(sentence).rows(vec![two("coding agents", metric, now, before)]).page("tasks").note(unequal(time, other)))
    }

    fn ci_cost_compared(&self, meaning: &Meaning, time: Range, other: Range, trend: Option<Trend>) -> Result<Draft, AskError> {
        let (Some((now, currency)), Some((before, of))) = (self.ci_spent(meaning, time)?, self.ci_spent(meaning, other)?) else {
            return Ok(Draft::missing("what CI cost is not known at both times, or in several currencies").page("ci"));
        };
        if currency != of {
            return Ok(Draft::missing(format!("what CI cost is in {currency} at one time, and in {of} at the other")).page("ci"));
        }
        let one = Both { name: String::new(), now, before, counts: None, chance: None };
        let lead = trend.map(|trend| verdict(&one, trend)).unwrap_or_default();
        let (said, beside) = (money(now, Some(&currency)), money(before, Some(&currency)));
        let sentence = format!("{lead}CI runs cost {said} {}{}{beside} {}", self.during(time), than(&one), self.during(other));
        Ok(Draft::said(sentence).rows(vec![two("CI runs", "", now, before)]).page("ci").note(unequal(time, other)))
    }

    fn alerts_compared(&self, meaning: &Meaning, time: Range, other: Range, trend: Option<Trend>) -> Result<Draft, AskError> {
        let all = self.fired(meaning)?;
        let count =
            |range: Range| all.iter().filter(|alert| alert.firing_since.is_some_and(|at| (range.start..range.end).contains(&at))).count();
        let (now, before) = (count(time), count(other));
        let one = Both { name: String::new(), now: now as f64, before: before as f64, counts: None, chance: None };
        let lead = trend.map(|trend| verdict(&one, trend)).unwrap_or_default();
        let sentence =
            format!("{lead}{} began to fire {}, {before} {}", counted(now, "alert", "alerts"), self.during(time), self.during(other));
        Ok(Draft::said(sentence).rows(vec![two("alerts", "", now as f64, before as f64)]).page("alerts").note(unequal(time, other)))
    }

    /// How many runs ended so at both times, and which share that is.
    fn shares_compared(&self, meaning: &Meaning, time: Range, other: Range, trend: Option<Trend>) -> Result<Draft, AskError> {
        let judged = ["success", "failure", "timed_out", "startup_failure"];
        let wanted = |conclusion: &str| match meaning.subject {
            Subject::CiFailures | Subject::CiFailure => judged[1..].contains(&conclusion),
            Subject::CiSuccesses | Subject::CiSuccess => conclusion == "success",
            Subject::CiCancelled => conclusion == "cancelled",
            _ => true,
        };
        let all = Meaning { subject: Subject::CiRuns, ..meaning.clone() };
        let Some(read) = self.read_of(&all) else { return Ok(Draft::missing("nothing is known of that")) };
        let share = matches!(meaning.subject, Subject::CiFailures | Subject::CiFailure | Subject::CiSuccesses | Subject::CiSuccess);
        let count = |range: Range| -> Result<(usize, usize), AskError> {
            let (mut so, mut of) = (0, 0);
            for (labels, samples) in self.samples(&read.selector, range)? {
                let conclusion = labels.get("conclusion").unwrap_or_default();
                so += if wanted(conclusion) { samples.len() } else { 0 };
                of += if !share || judged.contains(&conclusion) { samples.len() } else { 0 };
            }
            Ok((so, of))
        };
        let (now, before) = (count(time)?, count(other)?);
        if now.1 == 0 || before.1 == 0 {
            return self.not_comparable(&read, &all, time, other);
        }
        let ratio = |(so, of): (usize, usize)| if share { so as f64 / of as f64 } else { so as f64 };
        let chance = share.then(|| two_shares(now, before));
        let one = Both { name: String::new(), now: ratio(now), before: ratio(before), counts: Some((now.1, before.1)), chance };
        let lead = trend.map(|trend| verdict(&one, trend)).unwrap_or_default();
        let said = |(so, of): (usize, usize)| {
            if share { format!("{so} of {of} runs ({})", figure("a_ratio", so as f64 / of as f64)) } else { format!("{so} runs") }
        };
        let what = meaning.subject.about().trim_end_matches('.').to_owned();
        let beyond = match chance {
            Some(p) if p < RARE => ", more than chance explains",
            Some(_) => ", no more than chance explains",
            None => "",
        };
        let sentence = format!("{lead}{what}: {} {}, {} {}{beyond}", said(now), self.during(time), said(before), self.during(other));
        let rows = vec![two("runs", if share { "a_ratio" } else { "" }, ratio(now), ratio(before))];
        let note = if share { None } else { unequal(time, other) };
        Ok(Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [time, other]).page("ci").note(note))
    }
}

fn unequal(time: Range, other: Range) -> Option<String> {
    let ratio = time.length() as f64 / other.length() as f64;
    (!(0.95..1.05).contains(&ratio)).then(|| "The times are not equally long".to_owned())
}

fn two(name: &str, metric: &str, now: f64, before: f64) -> AnswerRow {
    let mut one = row(if name.is_empty() { "now" } else { name }, metric, now);
    one.compared = Some(before);
    one.text = format!("{} beside {}", figure(metric, now), figure(metric, before));
    one
}

fn change(one: &Both) -> f64 {
    if one.before == 0.0 { if one.now == 0.0 { 0.0 } else { 1e9 } } else { one.now / one.before - 1.0 }
}

/// `, 20 % more than `, to stand between both figures: true whichever time was first.
pub(super) fn than(one: &Both) -> String {
    if one.before == 0.0 || !change(one).is_finite() {
        return " beside ".to_owned();
    }
    match change(one) * 100.0 {
        p if p.abs() < 0.5 => ", about the same as ".to_owned(),
        p if p > 0.0 => format!(", {p:.0} % more than "),
        p => format!(", {:.0} % less than ", -p),
    }
}

/// Whether it went the way that the question supposes.
fn verdict(one: &Both, trend: Trend) -> &'static str {
    let went = change(one);
    let unclear = one.counts.is_some() && one.chance.is_none_or(|p| p >= RARE);
    match trend {
        _ if went.abs() < DIFFERENCE => "No, about the same: ",
        _ if unclear => "That cannot be said: ",
        Trend::Up if went > 0.0 => "Yes: ",
        Trend::Down if went < 0.0 => "Yes: ",
        _ => "No: ",
    }
}

/// How likely chance alone makes two sets as different: Mann and Whitney's test with its normal approximation and its correction for ties, two-sided.
/// None where there are too few.
fn by_chance(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < MIN_RUNS || b.len() < MIN_RUNS {
        return None;
    }
    let mut all: Vec<(f64, bool)> = a.iter().map(|v| (*v, true)).chain(b.iter().map(|v| (*v, false))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|(v, _)| v.total_cmp(&all[at].0).is_eq()).count();
        let (count, mean) = ((end - at) as f64, (at + 1 + end) as f64 / 2.0);
        ranks += mean * all[at..end].iter().filter(|(_, of_a)| *of_a).count() as f64;
        ties += count.powi(3) - count;
        at = end;
    }
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let u = ranks - n * (n + 1.0) / 2.0;
    if variance <= 0.0 {
        return Some(1.0);
    }
    Some(two_sided(((u - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt()))
}

/// How likely chance alone makes two shares as different: the pooled test of two proportions, with the continuity correction.
fn two_shares(a: (usize, usize), b: (usize, usize)) -> f64 {
    let ((x, n), (y, m)) = ((a.0 as f64, a.1 as f64), (b.0 as f64, b.1 as f64));
    let pooled = (x + y) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error <= 0.0 {
        return 1.0;
    }
    two_sided((((x / n - y / m).abs() - 0.5 * (1.0 / n + 1.0 / m)).max(0.0)) / error)
}

/// Both tails of the normal distribution beyond `z`. Abramowitz and Stegun 7.1.26, to 1.5e-7.
fn two_sided(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    poly * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn chance_is_told_from_a_difference() {
        let run = |from: f64| -> Vec<f64> { (0..20).map(|n| from + f64::from(n % 7)).collect() };
        assert!(by_chance(&run(100.0), &run(100.0)).unwrap() > 0.9);
        assert!(by_chance(&run(110.0), &run(100.0)).unwrap() < 0.001);
        assert_eq!(by_chance(&run(100.0)[..4], &run(100.0)), None);
        assert_eq!(by_chance(&[1.0; 9], &[1.0; 9]), Some(1.0));
        // U is 6 of 25, its standard deviation 4.787: z is 1.2534.
        let p = by_chance(&[1.1, 2.2, 3.3, 4.4, 5.5], &[3.0, 4.0, 5.0, 6.0, 7.0]).unwrap();
        assert!((p - 0.2101).abs() < 1e-4, "{p}");
        assert!((two_sided(1.96) - 0.05).abs() < 1e-4);
        assert!(two_shares((30, 40), (10, 40)) < 0.001 && two_shares((11, 40), (10, 40)) > 0.5);
    }
}
