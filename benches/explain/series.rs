//! Incidents: an alert's own series, a companion, and series that move for other reasons.

use std::f64::consts::TAU;

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::model::{Columns, TimestampMs};

use crate::between;

const S: i64 = 1_000;
const MINUTE: i64 = 60 * S;
/// When the condition begins to hold.
const FROM: TimestampMs = 1_795_500_000_000;
/// The past that is made is longer than what is compared: at least so long, and so many times what it is compared with.
const PAST: i64 = 7 * 3_600 * S;
const PAST_WINDOWS: i64 = 26;

/// So many others go to another level at about the same time, at least so far apart.
const OTHER_STEPS: usize = 4;
const APART: i64 = 45 * S;

/// Why a series moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With the alert.
    Companion,
    /// White noise, sometimes with heavy tails.
    Noise,
    /// Each value is near the one before it.
    Drift,
    /// By the hour of the day, or each few minutes.
    Season,
    /// A job that runs again and again.
    Job,
    /// Bursts at random, some of them now.
    Bursts,
    /// It went to another level some minutes or hours before.
    EarlierStep,
    /// It goes to another level at about this time, for another reason.
    OtherStep,
    /// It rises all the time.
    Trend,
    /// It never changes, or seldom.
    Constant,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Companion => "companion",
            Self::Noise => "noise",
            Self::Drift => "drift",
            Self::Season => "season",
            Self::Job => "job that repeats",
            Self::Bursts => "random bursts",
            Self::EarlierStep => "step before",
            Self::OtherStep => "step at about this time",
            Self::Trend => "trend",
            Self::Constant => "constant",
        }
    }

    /// Red herrings, the commoner ones more often.
    const OTHERS: [Self; 20] = [
        Self::Noise,
        Self::Noise,
        Self::Noise,
        Self::Drift,
        Self::Drift,
        Self::Drift,
        Self::Season,
        Self::Season,
        Self::Job,
        Self::Job,
        Self::Bursts,
        Self::Bursts,
        Self::Bursts,
        Self::EarlierStep,
        Self::EarlierStep,
        Self::Trend,
        Self::Trend,
        Self::Trend,
        Self::Constant,
        Self::Constant,
    ];
}

/// A made series.
pub struct Made {
    pub kind: Kind,
    pub columns: Columns,
    pub is_counter: bool,
}

/// An alert and what else there is.
pub struct Incident {
    pub seed: u64,
    pub from: TimestampMs,
    pub to: TimestampMs,
    /// Its own series; none for a rule by a query whose result is not stored.
    pub alert: Option<Columns>,
    /// How it went, and what its companion is like.
    pub course: &'static str,
    pub companion: &'static str,
    /// The companion first.
    pub series: Vec<Made>,
}

/// How the trouble goes, 0 before it and about 1 at its height. It begins `lead` before the condition holds.
struct Course {
    name: &'static str,
    begins: TimestampMs,
    lasts: i64,
}

impl Course {
    fn at(&self, t: TimestampMs) -> f64 {
        let since = (t - self.begins) as f64 / self.lasts as f64;
        if since < 0.0 {
            return 0.0;
        }
        match self.name {
            "step" => 1.0,
            "ramp" => (0.25 + since).min(1.0),
            "burst" => (1.0 - 0.5 * since).max(0.3),
            _ => 0.7 + 0.3 * (since * TAU * 3.0).sin(),
        }
    }
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len())]
}

/// Mostly normal; one in forty is far out.
fn heavy(random: &mut Random) -> f64 {
    let z = random.normal();
    if random.unit() < 0.025 { z * 6.0 } else { z }
}

impl Incident {
    pub fn new(seed: u64, others: usize) -> Self {
        let mut random = Random::new(Random::new(seed).bits());
        // One that fires at once is compared again after a minute.
        let hold = pick(&mut random, &[60, 60, 120, 300, 300, 600, 1_800]) * S;
        let to = FROM + hold;
        let lead = pick(&mut random, &[0, 0, 10, 30, 60]) * S;
        let course = Course {
            name: pick(&mut random, &["step", "step", "ramp", "burst", "waves"]),
            begins: FROM - lead - 5 * S,
            lasts: (hold + lead).max(30 * S),
        };
        let noise = between(&mut random, 0.01, 0.08);
        let own = gauge(&mut random, 5 * S, to, |random, t| 0.2 + 0.7 * course.at(t) + noise * random.normal());
        let alert = (random.unit() < 0.7).then_some(own);
        let (companion, name) = companion(&mut random, &course, to);
        let mut series = vec![companion];
        for at in 0..others {
            let kind = if at < OTHER_STEPS { Kind::OtherStep } else { pick(&mut random, &Kind::OTHERS) };
            series.push(other(&mut random, kind, course.begins, to));
        }
        Self { seed, from: FROM, to, alert, course: course.name, companion: name, series }
    }
}

/// Samples of a value at an interval, with the jitter of a real collector.
fn gauge(random: &mut Random, every: i64, to: TimestampMs, mut value: impl FnMut(&mut Random, TimestampMs) -> f64) -> Columns {
    let mut columns = Columns::default();
    let past = PAST.max(PAST_WINDOWS * (to - FROM + 10 * MINUTE));
    let mut t = FROM - past + (random.unit() * every as f64) as i64;
    while t <= to {
        columns.times.push(t);
        columns.values.push(value(random, t));
        t += every;
    }
    columns
}

/// The total of a rate.
fn total(columns: &mut Columns, every: i64) {
    let mut sum = 1_000.0;
    for v in &mut columns.values {
        sum += v.max(0.0) * every as f64 / 1e3;
        *v = sum;
    }
}

fn companion(random: &mut Random, course: &Course, to: TimestampMs) -> (Made, &'static str) {
    let every = pick(random, &[5, 5, 10, 15, 30]) * S;
    let lag = pick(random, &[0, 0, 0, 5, 10, 20]) * S;
    let size = between(random, 3.0, 25.0) * if random.unit() < 0.25 { -1.0 } else { 1.0 };
    let level = between(random, 20.0, 200.0) + size.abs();
    let unit = 10f64.powf(between(random, -2.0, 6.0));
    // It moved before as well, half as far, some hours ago.
    let earlier = (random.unit() < 0.3).then(|| FROM - (between(random, 1.5, 5.0) * 3_600.0) as i64 * S);
    let name = pick(random, &["a level", "a level", "a counter", "a count of things", "a level with a season", "noisy", "a state"]);
    let phase = random.unit() * TAU;
    let mut columns = gauge(random, every, to, |random, t| {
        let moved = course.at(t - lag) * size;
        let before = earlier.filter(|at| (0..10 * MINUTE).contains(&(t - at))).map_or(0.0, |_| size / 2.0);
        match name {
            "a count of things" => (level / 10.0 + (moved + before) / 2.0 + random.normal() / 2.0).round().max(0.0),
            "a level with a season" => {
                level + moved + before + size.abs() * 0.3 * (t as f64 / 3_600e3 * TAU / 24.0 + phase).sin() + random.normal()
            }
            "noisy" => level + moved + before + heavy(random) * 1.5,
            "a state" => {
                if course.at(t - lag) > 0.5 {
                    1.0
                } else {
                    0.0
                }
            }
            _ => unit * (level + moved + before + random.normal()),
        }
    });
    let is_counter = name == "a counter";
    if is_counter {
        total(&mut columns, every);
    }
    (Made { kind: Kind::Companion, columns, is_counter }, name)
}

fn other(random: &mut Random, kind: Kind, begins: TimestampMs, to: TimestampMs) -> Made {
    let every = pick(random, &[5, 10, 15, 15, 30]) * S;
    let (level, unit) = (between(random, 0.0, 200.0), 10f64.powf(between(random, -2.0, 6.0)));
    let size = between(random, 3.0, 30.0) * if random.unit() < 0.3 { -1.0 } else { 1.0 };
    let phase = random.unit();
    let period = pick(random, &[5, 10, 15, 30, 60, 1_440]) as f64 * MINUTE as f64;
    let rarely = between(random, 0.002, 0.03);
    let step_at = match kind {
        Kind::EarlierStep => FROM - (between(random, 3.0, 300.0) * 60.0) as i64 * S,
        // From ten minutes before until it fires, but not at the moment when the trouble begins: nobody could tell that apart.
        _ => loop {
            let at = FROM - 10 * MINUTE + ((to - FROM + 10 * MINUTE) as f64 * random.unit()) as i64;
            if (at - begins).abs() > APART {
                break at;
            }
        },
    };
    let (pull, slope) = (between(random, 0.0, 0.05), between(random, 0.02, 2.0));
    let is_heavy = random.unit() < 0.4;
    let (mut walk, mut burst_until) = (0.0, 0);
    let mut columns = gauge(random, every, to, |random, t| {
        let noise = if is_heavy { heavy(random) } else { random.normal() };
        let part = ((t as f64 / period) + phase).fract();
        let moved = match kind {
            Kind::Companion | Kind::Noise => 0.0,
            Kind::Drift => {
                walk = walk * (1.0 - pull) + random.normal() * 0.4;
                walk
            }
            Kind::Season => size * (part * TAU).sin(),
            Kind::Job => {
                if part < 0.15 {
                    size
                } else {
                    0.0
                }
            }
            Kind::Bursts => {
                if t > burst_until && random.unit() < rarely * every as f64 / 15e3 {
                    burst_until = t + (between(random, 0.5, 8.0) * MINUTE as f64) as i64;
                }
                if t <= burst_until { size } else { 0.0 }
            }
            Kind::EarlierStep | Kind::OtherStep => {
                if t >= step_at {
                    size
                } else {
                    0.0
                }
            }
            Kind::Trend => slope * (t - FROM) as f64 / 3_600e3,
            Kind::Constant => return unit * level.round() + if random.unit() < rarely / 100.0 { unit } else { 0.0 },
        };
        unit * (level + moved + noise)
    });
    let is_counter = kind != Kind::Constant && level > 60.0 && random.unit() < 0.3;
    if is_counter {
        total(&mut columns, every);
    }
    Made { kind, columns, is_counter }
}
