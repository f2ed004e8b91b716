//! The past of a level, and its growth from hour to hour.

/// One hour of a level between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// Its highest value.
    pub max: f64,
    /// Its last value.
    pub last: f64,
}

/// What is known of a level.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Hours, the newest last; it ends now. None where nothing was measured.
    pub hours: &'a [Option<Hour>],
    /// Values of up to a day at steps of five minutes, the newest last; it is the current level.
    pub recent: &'a [f64],
    /// Whole hours from the beginning of a Monday to now.
    pub hour_of_week: usize,
    /// Whether a date was given a short time ago: it is kept until it is rather unlikely, so that it does not come and go.
    pub dated: bool,
}

/// Growth of an hour, from the end of the hour before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    /// To its end.
    pub(super) last: f64,
    /// To its highest value.
    pub(super) max: f64,
}

/// Growth of each hour, the oldest first. What grew over a gap is spread evenly over its hours.
pub(super) fn growth(hours: &[Option<Hour>]) -> Vec<Option<Growth>> {
    let mut found = Vec::new();
    let mut known: Option<(usize, f64)> = None;
    for (at, hour) in hours.iter().enumerate() {
        let Some(Hour { max, last }) = hour else { continue };
        if let Some((before, level)) = known {
            let each = (last - level) / (at - before) as f64;
            found.extend(std::iter::repeat_n(Some(Growth { last: each, max: each.max(0.0) }), at - before - 1));
            found.push(Some(Growth { last: each, max: max - (last - each) }));
        }
        known = Some((at, *last));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_goes_from_end_to_end_and_is_even_over_a_gap() {
        let hour = |max, last| Some(Hour { max, last });
        let found = growth(&[None, hour(0.5, 0.25), hour(0.75, 0.5), None, hour(1.0, 1.0)]);
        let expected = [(0.25, 0.5), (0.25, 0.25), (0.25, 0.25)].map(|(last, max)| Some(Growth { last, max }));
        assert_eq!(found, expected);
        assert_eq!(growth(&[None, hour(0.5, 0.5), None]), []);
    }
}
