//! Levels whose future is known, what is forecast of them, and how such forecasts turn out.

use taskpulse_engine::forecast::fill::{Answer, Hour, Past};

/// Steps of five minutes in a day.
pub const DAY: usize = 288;

/// A level at each step, the step that is now, and the hour of the week then.
pub struct Levels {
    pub level: Vec<f64>,
    pub now: usize,
    pub hour_of_week: usize,
}

/// How a level is forecast: from so many steps.
pub struct Forecaster {
    pub steps: usize,
    pub forecast: fn(&Past<'_>) -> Answer,
}

impl Levels {
    pub fn ask(&self, by: &Forecaster, now: usize, dated: bool) -> Answer {
        let hours = now.min(by.steps) / 12;
        let hour = |at: usize| {
            let of = &self.level[now - (hours - at) * 12..now - (hours - at - 1) * 12];
            Some(Hour { max: of.iter().copied().fold(f64::MIN, f64::max), last: of[11] })
        };
        let hour_of_week = (self.hour_of_week + (now + 168 * 12 * 60 - self.now) / 12) % 168;
        (by.forecast)(&Past {
            hours: &(0..hours).map(hour).collect::<Vec<_>>(),
            recent: &self.level[now.saturating_sub(DAY)..now],
            hour_of_week,
            dated,
        })
    }

    /// Hours until it reaches a level.
    pub fn hours_until(&self, full: f64) -> f64 {
        self.level[self.now..].iter().position(|level| *level >= full).map_or(f64::INFINITY, |steps| steps as f64 / 12.0)
    }
}

/// How often a date is given, and how often its interval of 95 % holds the truth.
#[derive(Default)]
pub struct Score {
    dates: i32,
    held: i32,
    sooner: i32,
    open: i32,
    due: i32,
    missed: i32,
    pub early: i32,
}

impl Score {
    pub fn add(&mut self, truth: f64, answer: &Answer) {
        self.due += i32::from(truth < 24.0);
        self.early += i32::from(matches!(answer, Answer::TooEarly { .. }));
        let Answer::Date(date) = answer else {
            self.missed += i32::from(truth < 24.0 && *answer != Answer::Full);
            return;
        };
        self.dates += 1;
        self.open += i32::from(date.latest.is_none());
        self.sooner += i32::from(truth < date.earliest);
        self.held += i32::from(truth >= date.earliest && truth <= date.latest.unwrap_or(f64::INFINITY) + 1.0 / 12.0);
    }

    /// Dates, then shares of them: held, sooner, later, without a latest time; then how many of a last day had none.
    pub fn row(&self) -> String {
        let percent = |count: i32| 100.0 * f64::from(count) / f64::from(self.dates.max(1));
        format!(
            "{:>6} {:>7.1}% {:>6.1}% {:>6.1}% {:>8.1}% {:>12}",
            self.dates,
            percent(self.held),
            percent(self.sooner),
            percent(self.dates - self.held - self.sooner),
            percent(self.open),
            format!("{} of {}", self.missed, self.due)
        )
    }
}

/// Dates that begin to be given to levels that never get full, a look each 90 minutes from a step on: how many, and at how many looks.
#[derive(Default)]
pub struct FalseDates {
    dates: f64,
    shown: f64,
    looks: f64,
    levels: f64,
}

impl FalseDates {
    pub fn add(&mut self, levels: &Levels, by: &Forecaster, first: usize) {
        self.levels += 1.0;
        let mut on = false;
        for now in (first..levels.level.len()).step_by(18) {
            let given = matches!(levels.ask(by, now, on), Answer::Date(_));
            self.dates += f64::from(u8::from(given && !on));
            self.shown += f64::from(u8::from(given));
            (self.looks, on) = (self.looks + 1.0, given);
        }
    }

    /// Dates of one level, and the share of the time.
    pub fn row(&self) -> String {
        format!("{:>8.2} {:>7.2}%", self.dates / self.levels, 100.0 * self.shown / self.looks)
    }
}
