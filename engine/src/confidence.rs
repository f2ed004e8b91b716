//! What a share of few trials says of the true one.
//!
//! 17 of 20 green runs are 85 %, and of a workflow that is green in 95 % of its runs every thirteenth such share is that low. A rule that
//! compares the share with a limit would fire on noise, so it asks for the ends of an interval as well: the lowest and the highest true
//! share that agree with the outcomes (Clopper and Pearson, 1934). The newest 3, 5, 10 and 20 outcomes are judged beside all of them, so
//! that what has just broken is not hidden by what was; each judgement has its part of the doubt (Bonferroni).

use statrs::function::beta::beta_reg;

/// Newest outcomes that are judged by themselves.
const NEWEST: [usize; 4] = [3, 5, 10, 20];
/// In so many of all cases a true share lies beyond one end.
const DOUBT: f64 = 0.025;
/// Halvings of the interval of a solution: more than a double has digits.
const HALVINGS: usize = 60;

/// The lowest true share of `true` that agrees with outcomes, the newest first; none where there are none.
#[must_use]
pub fn lowest_share(outcomes: &[bool]) -> Option<f64> {
    ends(outcomes, lowest).reduce(f64::max)
}

/// The highest true share of `true` that agrees with outcomes, the newest first; none where there are none.
#[must_use]
pub fn highest_share(outcomes: &[bool]) -> Option<f64> {
    ends(outcomes, |met, all, doubt| 1.0 - lowest(all - met, all, doubt)).reduce(f64::min)
}

/// One end of an interval by each judgement.
fn ends<'a>(outcomes: &'a [bool], end: impl Fn(usize, usize, f64) -> f64 + 'a) -> impl Iterator<Item = f64> + 'a {
    let lengths = NEWEST.into_iter().filter(|length| *length < outcomes.len()).chain([outcomes.len()]).filter(|length| *length > 0);
    lengths.map(move |length| {
        let met = outcomes[..length].iter().filter(|outcome| **outcome).count();
        end(met, length, DOUBT / (NEWEST.len() + 1) as f64)
    })
}

/// The share of which `met` and more of `all` trials have the probability `doubt`.
fn lowest(met: usize, all: usize, doubt: f64) -> f64 {
    if met == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        // P(X >= met) of a binomial distribution is the regularised incomplete beta function.
        if beta_reg(met as f64, (all - met + 1) as f64, middle) < doubt {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outcomes from a text, the newest first.
    fn of(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == '+').collect()
    }

    #[test]
    fn few_outcomes_say_little_and_many_say_more() {
        assert_eq!((lowest_share(&[]), highest_share(&[])), (None, None));
        for (outcomes, below_90, above_10) in [
            ("-", false, false),
            ("--", false, false),
            ("---", true, false),
            // A workflow that is green in 95 % of its runs has such a share every day.
            ("+-++++-+++++-+++++++", false, true),
            // What has just broken.
            ("---+++++++++++++++++", true, true),
            ("++-+-+++--+-+++-++-+", true, true),
            ("+", false, false),
            ("+++", false, true),
            ("++++++++++", false, true),
        ] {
            let outcomes_of = of(outcomes);
            let (low, high) = (lowest_share(&outcomes_of).unwrap(), highest_share(&outcomes_of).unwrap());
            assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high), "{outcomes}: {low} {high}");
            assert_eq!((high < 0.9, low > 0.1), (below_90, above_10), "{outcomes}: {low} {high}");
        }
    }

    #[test]
    fn the_ends_are_those_of_clopper_and_pearson() {
        // Ten of ten: the lowest share is the tenth root of the doubt.
        let doubt: f64 = 0.005;
        assert!((lowest(10, 10, doubt) - doubt.powf(0.1)).abs() < 1e-9);
        assert!((lowest(1, 20, doubt) - (1.0 - (1.0 - doubt).powf(0.05))).abs() < 1e-9);
        let many: Vec<bool> = (1..=10_000).map(|at| at % 10 != 0).collect();
        assert!(lowest_share(&many).unwrap() > 0.89 && highest_share(&many).unwrap() < 0.91);
    }
}
