//! Growth of the past in blocks, and how they belong together.

use super::growth::Growth;

/// Days that are remembered.
pub(super) const MAX_DAYS: usize = 28;
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
/// Fewest days that days are drawn from.
const MIN_DAYS: usize = 3;
/// Hours of a part, where there are fewer days.
const PART: usize = 3;
/// Fewest parts.
const MIN_PARTS: usize = 4;
/// From how many days on the days of a week are compared each with its like.
const TWO_WEEKS: usize = 14;

/// Neighbouring hours of the past.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) hours: Vec<Growth>,
    /// Growth over all of it.
    pub(super) total: f64,
    /// The hour of the week at which it begins.
    pub(super) begins: usize,
    /// How many blocks are newer.
    pub(super) age: usize,
}

/// Which days are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// All.
    All,
    /// Those that begin from Monday to Thursday; each other day of the week by itself.
    Workdays,
    /// Each day of the week by itself.
    Weekdays,
}

impl Grouping {
    /// The group of a block that begins at an hour of the week.
    pub(super) fn group(self, begins: usize) -> usize {
        let day = begins / DAY % 7;
        match self {
            Self::All => 0,
            Self::Workdays => day.saturating_sub(3),
            Self::Weekdays => day,
        }
    }
}

/// The rise of the logarithm of the pace a day, and its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rise {
    pub(super) per_day: f64,
    pub(super) error: f64,
}

/// The blocks that the future is drawn from, the newest first.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    /// Hours of each.
    pub(super) length: usize,
    pub(super) blocks: Vec<Block>,
    pub(super) grouping: Grouping,
    /// Where the pace rises or falls steadily.
    pub(super) rise: Option<Rise>,
    /// Whether a workday and a weekend are among them.
    pub(super) workday_seen: bool,
    /// See `workday_seen`.
    pub(super) weekend_seen: bool,
}

impl Blocks {
    /// Days, or parts of a day where there are fewer than three days; none where too little is known.
    pub(super) fn new(growth: &[Option<Growth>], hour_of_week: usize, dated: bool) -> Option<Self> {
        let days = cut(growth, DAY, hour_of_week, MAX_DAYS);
        if days.len() < MIN_DAYS {
            let parts = cut(growth, PART, hour_of_week, MIN_DAYS * DAY / PART);
            return is_steady(&parts, dated).then(|| Self::of(parts, PART));
        }
        let mut this = Self::of(days, DAY);
        this.rise = steady_rise(&this.blocks);
        if this.rise.is_none() {
            this.blocks.truncate(since_last_change(&this.blocks));
            this.grouping = grouping(&this.blocks);
        }
        Some(this)
    }

    fn of(blocks: Vec<Block>, length: usize) -> Self {
        let weekend = |block: &Block| is_weekend(block.begins + length / 2);
        let (workday_seen, weekend_seen) = (!blocks.iter().all(weekend), blocks.iter().any(weekend));
        Self { length, blocks, grouping: Grouping::All, rise: None, workday_seen, weekend_seen }
    }

    /// Whether these are whole days.
    pub(super) fn are_days(&self) -> bool {
        self.length == DAY
    }

    /// Mean growth of each hour of a block, by group.
    pub(super) fn means(&self) -> [Vec<f64>; 7] {
        let mean = |group: Option<usize>| -> Vec<f64> {
            let of: Vec<&Block> = self.blocks.iter().filter(|b| group.is_none_or(|g| self.grouping.group(b.begins) == g)).collect();
            (0..self.length).map(|hour| of.iter().map(|b| b.hours[hour].last).sum::<f64>() / of.len().max(1) as f64).collect()
        };
        std::array::from_fn(|group| mean(self.blocks.iter().any(|b| self.grouping.group(b.begins) == group).then_some(group)))
    }
}

/// Whether an hour of the week lies on a Saturday or Sunday.
pub(super) fn is_weekend(hour_of_week: usize) -> bool {
    hour_of_week / DAY % 7 >= 5
}

fn cut(growth: &[Option<Growth>], length: usize, hour_of_week: usize, most: usize) -> Vec<Block> {
    let newest_first = growth.rchunks_exact(length).take(most).enumerate();
    let block = |(age, hours): (usize, &[Option<Growth>])| {
        let known: Vec<Growth> = hours.iter().copied().flatten().collect();
        if 3 * known.len() < 2 * length {
            return None;
        }
        let mean = |of: fn(&Growth) -> f64| known.iter().map(of).sum::<f64>() / known.len() as f64;
        let usual = Growth { last: mean(|hour| hour.last), max: mean(|hour| hour.max) };
        let hours: Vec<Growth> = hours.iter().map(|hour| hour.unwrap_or(usual)).collect();
        let begins = (hour_of_week + WEEK * (MAX_DAYS + 1) - (age + 1) * length) % WEEK;
        Some(Block { total: hours.iter().map(|hour| hour.last).sum(), hours, begins, age })
    };
    newest_first.filter_map(block).collect()
}

/// Whether all parts grew about as much; where a date was given, whether they still grow.
fn is_steady(parts: &[Block], dated: bool) -> bool {
    let most = if dated { 2.0 } else { 1.0 };
    let (mean, deviation) = mean_and_deviation(parts.iter().map(|part| part.total));
    let error = student(parts.len()) * deviation / (parts.len() as f64).sqrt();
    parts.len() >= MIN_PARTS && deviation < most * mean && error < 0.5 * most * mean
}

/// Mean and standard deviation.
pub(super) fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n.max(1.0);
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, variance.sqrt())
}

/// The 97.5 % quantile of Student's t with n − 1 degrees of freedom: a table, beyond it an approximation.
pub(super) fn student(n: usize) -> f64 {
    const TABLE: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
    let degrees = n.saturating_sub(1).max(1);
    TABLE.get(degrees - 1).copied().unwrap_or(1.96 + 2.9 / degrees as f64)
}

/// How many of the newest blocks grow at another pace than those before them; all where none do. The two-sample t of the best cut decides.
fn since_last_change(blocks: &[Block]) -> usize {
    const EVIDENT: f64 = 5.5;
    let n = blocks.len();
    let least = if n < TWO_WEEKS { 3 } else { 2 };
    let t = |m: usize| {
        let (newer, older) = blocks.split_at(m);
        let (a, b) = (mean_and_deviation(newer.iter().map(|b| b.total)), mean_and_deviation(older.iter().map(|b| b.total)));
        let (m, k) = (m as f64, (n - m) as f64);
        let pooled = ((a.1 * a.1 * (m - 1.0) + b.1 * b.1 * (k - 1.0)) / (m + k - 2.0)).sqrt().max(1e-6);
        (a.0 - b.0).abs() / pooled / (1.0 / m + 1.0 / k).sqrt()
    };
    let best = (least..=n.saturating_sub(3)).map(|m| (t(m), m)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(t, _)| *t > EVIDENT).map_or(n, |(_, m)| m)
}

/// A straight line through the logarithms of the growth of the newest days, where its slope is beyond doubt.
fn steady_rise(days: &[Block]) -> Option<Rise> {
    /// Days, and the ratio of slope to error that is asked of so many.
    const SPANS: [(usize, f64); 4] = [(5, 8.0), (7, 5.5), (10, 4.5), (14, 4.0)];
    let growing = days.iter().take_while(|day| day.total > 0.0).count();
    let line = |count: usize| {
        let points: Vec<(f64, f64)> = days[..count].iter().map(|day| (-(day.age as f64), day.total.ln())).collect();
        let n = count as f64;
        let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let sxx: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / sxx;
        let left: f64 = points.iter().map(|p| (p.1 - y - slope * (p.0 - x)).powi(2)).sum();
        (slope, (left / (n - 2.0) / sxx).sqrt().max(0.005))
    };
    SPANS.iter().filter(|(count, _)| growing >= *count).find_map(|(count, evident)| {
        let (slope, error) = line(*count);
        let rise = slope * (*count as f64 - 1.0);
        let matters = !(-0.4..=0.7).contains(&rise);
        (matters && slope.abs() > evident * error).then(|| Rise { per_day: slope, error: error * student(count - 1) / 1.96 })
    })
}

/// The grouping by which a day is predicted best from the other days of its group.
fn grouping(days: &[Block]) -> Grouping {
    /// By how much the squared errors of a finer grouping must be smaller.
    const BETTER: f64 = 0.8;
    if days.len() < TWO_WEEKS {
        return grouping_of_a_week(days);
    }
    let error = |grouping: Grouping| {
        let mut sum = 0.0;
        for day in days {
            let alike = days.iter().filter(|other| other.age != day.age && grouping.group(other.begins) == grouping.group(day.begins));
            let (mean, _) = mean_and_deviation(alike.clone().map(|other| other.total));
            alike.clone().next()?;
            sum += (day.total - mean).powi(2);
        }
        Some(sum)
    };
    let mut best = (Grouping::All, BETTER * error(Grouping::All).unwrap_or(f64::INFINITY));
    for finer in [Grouping::Workdays, Grouping::Weekdays] {
        if let Some(error) = error(finer).filter(|error| *error < best.1) {
            best = (finer, BETTER * error);
        }
    }
    best.0
}

/// One to two weeks show each weekend day once or twice: workdays stand apart where they agree with each other, and not with all days.
fn grouping_of_a_week(days: &[Block]) -> Grouping {
    if days.len() < 7 {
        return Grouping::All;
    }
    let work = days.iter().filter(|day| Grouping::Workdays.group(day.begins) == 0).map(|day| day.total);
    let (all, _) = mean_and_deviation(days.iter().map(|day| day.total));
    let (mean, _) = mean_and_deviation(work.clone());
    let around = |center: f64| work.clone().map(|total| (total - center).powi(2)).sum::<f64>();
    let apart = (mean - all).abs() > 0.15 * mean.abs() && around(mean) < 0.5 * around(all);
    if apart { Grouping::Workdays } else { Grouping::All }
}
