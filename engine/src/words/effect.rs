//! Sentences about what a change did.

use super::figure::{figure, figure_beside};
use super::subject::subject;
use crate::effect::{Direction, Effect, Estimate, NotMeasured};
use crate::model::Labels;

/// What a series is called; that of a query may have no labels.
pub(super) fn name(series: &Labels) -> String {
    if series.iter().next().is_none() { "The result of the query".to_owned() } else { subject(series) }
}

/// `Run duration of build fell from 10 min to 8 min, by 20 % (95 %: 14 to 26 %)`.
#[must_use]
pub fn effect(series: &Labels, found: &Result<Effect, NotMeasured>) -> String {
    let name = name(series);
    let found = match found {
        Ok(found) => found,
        Err(why) => return format!("{name}: {why}"),
    };
    let metric = series.name();
    let (before, after) = figure_beside(metric, found.mean_before, found.mean_after);
    let (went, sign) = match found.direction {
        Direction::Rose => ("rose", 1.0),
        Direction::Fell => ("fell", -1.0),
        Direction::Unclear => {
            let (low, high) = match found.ratio {
                Some(ratio) => (signed(ratio.low - 1.0), signed(ratio.high - 1.0)),
                None => (figure(metric, found.difference.low), figure(metric, found.difference.high)),
            };
            return format!("{name} went from {before} to {after}, no more than chance explains (95 %: {low} to {high})");
        }
    };
    // By how much it fell is a positive figure, and its ends change places.
    let by = |e: Estimate| if sign > 0.0 { (e.value, e.low, e.high) } else { (-e.value, -e.high, -e.low) };
    let (by, low, high) = match found.ratio {
        Some(ratio) => {
            let (by, low, high) = by(Estimate { value: ratio.value - 1.0, low: ratio.low - 1.0, high: ratio.high - 1.0 });
            (percent(by), percent(low), percent(high))
        }
        None => {
            let (by, low, high) = by(found.difference);
            (figure(metric, by), figure(metric, low), figure(metric, high))
        }
    };
    format!("{name} {went} from {before} to {after}, by {by} (95 %: {low} to {high})")
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn signed(share: f64) -> String {
    let text = percent(share);
    if share > 0.0 { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(means: (f64, f64), ratio: Option<(f64, f64)>, direction: Direction) -> Effect {
        let ratio = ratio.map(|(low, high)| Estimate { value: means.1 / means.0, low, high });
        let difference = match ratio {
            Some(_) => Estimate { value: means.1 - means.0, low: 0.0, high: 0.0 },
            None => Estimate { value: means.1 - means.0, low: means.1 - means.0 - 1.0, high: means.1 - means.0 + 1.0 },
        };
        Effect { before: (0, 1), after: (1, 2), mean_before: means.0, mean_after: means.1, ratio, difference, direction, pairs: Vec::new() }
    }

    #[test]
    fn an_effect_is_a_sentence_with_both_figures_and_its_interval() {
        let duration = Labels::metric("github_actions_run_duration_seconds", &[("workflow", "build")]);
        let other = Labels::metric("queue_depth", &[]);
        let cases = [
            (
                &duration,
                Ok(found((600.0, 480.0), Some((0.74, 0.86)), Direction::Fell)),
                "fell from 10 min to 8 min, by 20 % (95 %: 14 % to 26 %)",
            ),
            (
                &other,
                Ok(found((40.0, 50.0), Some((1.04, 1.45)), Direction::Rose)),
                "Queue depth rose from 40 to 50, by 25 % (95 %: 4.0 % to 45 %)",
            ),
            (
                &other,
                Ok(found((40.0, 41.0), Some((0.9, 1.2)), Direction::Unclear)),
                "Queue depth went from 40 to 41, no more than chance explains (95 %: -10 % to +20 %)",
            ),
            (&other, Ok(found((-3.0, -8.0), None, Direction::Fell)), "Queue depth fell from -3 to -8, by 5 (95 %: 4 to 6)"),
            (&other, Err(NotMeasured::TooEarly { passed: 2 }), "Queue depth: it is too early: 2 of 5 days have gone by since"),
        ];
        for (series, found, sentence) in cases {
            let said = effect(series, &found);
            assert!(said.ends_with(sentence), "{said}");
        }
        assert!(effect(&Labels::metric("", &[]), &Err(NotMeasured::TooEarly { passed: 0 })).starts_with("The result of the query: "));
    }
}
