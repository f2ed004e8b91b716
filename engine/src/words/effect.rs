//! Sentences about what a change did.

use super::figure::{date, figure, figure_beside, lasted};
use super::measured::{Measured, measured};
use crate::effect::{Direction, Effect, Estimate, NotMeasured};
use crate::model::Labels;

/// Ratios beyond this, or below its inverse, are not stated.
const MOST_TIMES: f64 = 10.0;

/// `Run duration of build fell from 10 min to 8 min, by 20 % (95 %: 14 to 26 %)`. `expr` is the query that gave the series.
#[must_use]
pub fn effect(series: &Labels, expr: &str, found: &Result<Effect, NotMeasured>) -> String {
    let Measured { name, unit_of: metric } = measured(series, expr);
    let found = match found {
        Ok(found) => found,
        Err(why) => return format!("{name}: {why}"),
    };
    let (before, after) = figure_beside(&metric, found.mean_before, found.mean_after);
    let went = match found.direction {
        Direction::Rose if found.mean_after > found.mean_before => "rose",
        Direction::Fell if found.mean_after < found.mean_before => "fell",
        _ => "went",
    };
    let since = found.since.map_or_else(String::new, |since| {
        let long = lasted(found.before.1 - since);
        format!(", compared with the {long} since {}, when it had last changed", date((since / 1_000) as f64))
    });
    format!("{name} {went} from {before} to {after}, {}{since}", by(found, &metric))
}

/// By how much. With a control it is relative to the change of that, which its own figures do not show.
fn by(found: &Effect, metric: &str) -> String {
    let others = found.control.map(|(before, after)| others(before, after));
    let direction = match found.direction {
        Direction::Unclear => {
            let beside = others.map_or_else(String::new, |others| format!(" beside the others, {others}"));
            let (low, high) = match found.ratio {
                Some(ratio) if ratio.high > MOST_TIMES || ratio.low < 1.0 / MOST_TIMES => {
                    return format!("of which nothing can be said: chance alone changes it more than tenfold{beside}");
                }
                Some(ratio) => (signed(ratio.low - 1.0), signed(ratio.high - 1.0)),
                None => (figure(metric, found.difference.low), figure(metric, found.difference.high)),
            };
            return format!("no more than chance explains{beside} (95 %: {low} to {high})");
        }
        direction => direction,
    };
    let rose = direction == Direction::Rose;
    // By how much it fell is a positive figure, and its ends change places.
    let by = |e: Estimate| if rose { (e.value, e.low, e.high) } else { (-e.value, -e.high, -e.low) };
    let (by, low, high) = match found.ratio {
        Some(ratio) => {
            let (by, low, high) = by(Estimate { value: ratio.value - 1.0, low: ratio.low - 1.0, high: ratio.high - 1.0 });
            let high = if high > MOST_TIMES - 1.0 { "more than tenfold".to_owned() } else { percent(high) };
            (percent(by), percent(low), high)
        }
        None => {
            let (by, low, high) = by(found.difference);
            (figure(metric, by), figure(metric, low), figure(metric, high))
        }
    };
    let than = others.map_or_else(String::new, |others| {
        // "Fell by 20 % more", and of what rose all the same "20 % less".
        let more = rose || found.mean_after < found.mean_before;
        format!(" {} than the others did, {others}", if more { "more" } else { "less" })
    });
    format!("by {by}{than} (95 %: {low} to {high})")
}

/// The change of the control, which may have another unit.
fn others(before: f64, after: f64) -> String {
    let change = after / before - 1.0;
    if before <= 0.0 || !change.is_finite() {
        return format!("which went from {} to {}", figure("", before), figure("", after));
    }
    match percent(change.abs()) {
        by if change > 0.0 => format!("which rose by {by}"),
        by => format!("which fell by {by}"),
    }
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
        Effect {
            before: (0, 1),
            after: (1, 2),
            mean_before: means.0,
            mean_after: means.1,
            ratio,
            difference,
            direction,
            pairs: Vec::new(),
            control: None,
            since: None,
        }
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
            let said = effect(series, "", &found);
            assert!(said.ends_with(sentence), "{said}");
        }
        assert!(effect(&Labels::metric("", &[]), "", &Err(NotMeasured::TooEarly { passed: 0 })).starts_with("The result of the query: "));
    }

    #[test]
    fn what_is_left_beside_others_says_so_and_what_is_beyond_all_figures_as_well() {
        let probe = Labels::metric("probe_duration_seconds", &[("target", "web")]);
        let said = |means: (f64, f64), control: Option<(f64, f64)>, ratio: (f64, f64, f64), direction: Direction| {
            let ratio = Some(Estimate { value: ratio.0, low: ratio.1, high: ratio.2 });
            effect(&probe, "", &Ok(Effect { control, ratio, ..found(means, None, direction) }))
        };
        let (rose, fell, unclear) = (Direction::Rose, Direction::Fell, Direction::Unclear);
        let net = said((0.121, 0.302), Some((0.1, 0.163)), (1.53, 1.2, 1.9), rose);
        assert!(
            net.ends_with("rose from 121 ms to 302 ms, by 53 % more than the others did, which rose by 63 % (95 %: 20 % to 90 %)"),
            "{net}"
        );
        for (said, sentence) in [
            (
                said((0.1, 0.11), Some((0.1, 0.15)), (0.73, 0.6, 0.9), fell),
                " went from 100 ms to 110 ms, by 27 % less than the others did, which rose by 50 % (95 %: 10 % to 40 %)",
            ),
            (
                said((0.1, 0.11), Some((0.1, 0.12)), (0.9, 0.8, 1.2), unclear),
                " went from 100 ms to 110 ms, no more than chance explains beside the others, which rose by 20 % (95 %: -20 % to +20 %)",
            ),
            (
                said((0.1, 0.11), None, (1.1, 0.0, 198_660_696.0), unclear),
                " went from 100 ms to 110 ms, of which nothing can be said: chance alone changes it more than tenfold",
            ),
        ] {
            assert!(said.ends_with(sentence), "{said}");
        }
        let cut =
            Effect { since: Some(86_400_000), before: (86_400_000, 5 * 86_400_000), ..found((600.0, 480.0), Some((0.74, 0.86)), fell) };
        let cut = effect(&probe, "", &Ok(cut));
        assert!(cut.ends_with("(95 %: 14 % to 26 %), compared with the 4 d since 1970-01-02 00:00 UTC, when it had last changed"), "{cut}");
        let wide = said((0.1, 0.9), None, (9.0, 1.5, 50.0), rose);
        assert!(wide.ends_with("by 800 % (95 %: 50 % to more than tenfold)"), "{wide}");
    }
}
