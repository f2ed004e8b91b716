//! The notation of samples: `1 2 _ 3+2x4 _x3 stale`, one sample an interval.

use crate::model::STALE_NAN_BITS;

/// Most samples of one series.
pub const MAX_SAMPLES: usize = 1_000_000;

/// The values of a series, interval by interval; none where there is no sample.
///
/// # Errors
/// What cannot be read, and what would be right.
pub fn values(text: &str) -> Result<Vec<Option<f64>>, String> {
    let mut values = Vec::new();
    for item in text.split_ascii_whitespace() {
        push(&mut values, item)?;
        if values.len() > MAX_SAMPLES {
            return Err(format!("a series has more than {MAX_SAMPLES} samples"));
        }
    }
    Ok(values)
}

fn push(values: &mut Vec<Option<f64>>, item: &str) -> Result<(), String> {
    let refuse = || {
        if item.starts_with("{{") {
            return "native histograms are not kept; write the series of a classic one".to_owned();
        }
        let shown: String = item.chars().take(64).collect();
        format!("`{shown}` is no sample; write 5, 1+2x3 (1 3 5 7), 5-1x2 (5 4 3), 5x2 (5 5 5), _ or _x3 (no samples), stale, NaN or Inf")
    };
    let (item, count) = match item.rsplit_once('x') {
        Some((head, times)) => {
            let times: usize = times.parse().map_err(|_| refuse())?;
            if times >= MAX_SAMPLES {
                return Err(format!("a series has more than {MAX_SAMPLES} samples"));
            }
            (head, Some(times))
        }
        None => (item, None),
    };
    if item == "_" {
        values.extend(std::iter::repeat_n(None, count.unwrap_or(1)));
        return Ok(());
    }
    let times = count.unwrap_or(0);
    if item == "stale" {
        values.extend(std::iter::repeat_n(Some(f64::from_bits(STALE_NAN_BITS)), times + 1));
        return Ok(());
    }
    let (start, step) = start_and_step(item).ok_or_else(refuse)?;
    if step.is_some() && count.is_none() {
        return Err(refuse());
    }
    let mut value = start;
    for _ in 0..=times {
        values.push(Some(value));
        value += step.unwrap_or(0.0);
    }
    Ok(())
}

/// `1`, `-1.5e3`, `1+2`, `Inf-1`
fn start_and_step(item: &str) -> Option<(f64, Option<f64>)> {
    if let Some(value) = number(item) {
        return Some((value, None));
    }
    // The sign of the step is not that of an exponent.
    let signs = item.char_indices().skip(1).filter(|(at, c)| matches!(c, '+' | '-') && !item[..*at].ends_with(['e', 'E']));
    signs.map(|(at, _)| item.split_at(at)).find_map(|(start, step)| Some((number(start)?, Some(number(step)?))))
}

fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_word = digits.eq_ignore_ascii_case("nan") || digits.eq_ignore_ascii_case("inf");
    let is_number =
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    if is_word || is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_as_promtool_reads_them() {
        for (text, expected) in [
            ("1 2 3", "1 2 3"),
            ("1+2x3", "1 3 5 7"),
            ("5-1x2", "5 4 3"),
            ("-2+4x3", "-2 2 6 10"),
            ("-1-1x2", "-1 -2 -3"),
            ("5x2", "5 5 5"),
            ("_ 1 _x3 2", "_ 1 _ _ _ 2"),
            ("_x0 1", "1"),
            ("1e2+1e1x1", "100 110"),
            ("1e-1x1", "0.1 0.1"),
            ("stale 1", "stale 1"),
            ("NaN Inf -Inf +Inf", "NaN +Inf -Inf +Inf"),
            ("NaNx1", "NaN NaN"),
            ("0x2", "0 0 0"),
            ("", ""),
        ] {
            let shown = |value: Option<f64>| match value {
                None => "_".to_owned(),
                Some(value) if crate::model::is_stale_marker(value) => "stale".to_owned(),
                Some(value) => crate::model::format_value(value),
            };
            let read = values(text).unwrap().into_iter().map(shown).collect::<Vec<_>>().join(" ");
            assert_eq!(read, expected, "{text}");
        }
        for bad in ["1+2", "a", "1x", "1x-1", "1+x2", "{{schema:1}}", "1,2", "0x1F", "1x9999999"] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }
}
