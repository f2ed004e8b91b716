//! Bursts: far more lines of a template than usual.

/// Minutes of a window.
pub const WINDOW: i64 = 5;
/// Fewest windows of the past: an hour.
const LEAST_WINDOWS: usize = 12;
/// Fewer lines within a window are no burst.
const LEAST_LINES: f64 = 10.0;
/// Smallest factor over what is usual: a certain rise may still be small.
const TIMES: f64 = 3.0;
/// Highest probability that a window without any change counts as a burst, for lines that follow a Poisson law with the ratio of variance to
/// mean of the past. A thousand templates are judged 1.44 million times a day.
pub const FALSE_ALARM: f64 = 1e-9;

/// What is known of the past windows of a template.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Past {
    /// How many there are.
    pub windows: usize,
    /// Lines of a window, on average.
    pub mean: f64,
    /// The variance of that, as a multiple of the mean; 1 for independent lines.
    pub spread: f64,
    /// Lines of the fullest window.
    pub most: f64,
}

impl Past {
    /// Of the counts of windows.
    #[must_use]
    pub fn of(counts: &[u32]) -> Self {
        let n = counts.len() as f64;
        let sum: f64 = counts.iter().map(|count| f64::from(*count)).sum();
        // One line more than there were: with a rate of zero, the first line would be a burst.
        let mean = (sum + 1.0) / n.max(1.0);
        let variance = counts.iter().map(|count| (f64::from(*count) - sum / n.max(1.0)).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let most = counts.iter().copied().max().map_or(0.0, f64::from);
        Self { windows: counts.len(), mean, spread: (variance / mean).max(1.0), most }
    }
}

/// Whether so many lines within a window are a burst. The bound of Chernoff on the tail of the Poisson law is below [`FALSE_ALARM`], and no
/// window of the past had as many: whatever the law, a window out of n + 1 alike ones is the fullest with a chance of 1/(n + 1).
#[must_use]
pub fn is_burst(lines: f64, past: &Past) -> bool {
    if past.windows < LEAST_WINDOWS || lines < LEAST_LINES || lines <= past.most || lines < TIMES * past.mean {
        return false;
    }
    let (x, mean) = (lines / past.spread, past.mean / past.spread);
    let exponent = x - mean - x * (x / mean).ln();
    exponent < FALSE_ALARM.ln()
}
