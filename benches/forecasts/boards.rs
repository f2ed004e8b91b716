//! Boards that are worked on in different ways.

use taskpulse_engine::board::{CompletionHistory, Missing};
use taskpulse_engine::forecast::random::Random;

use crate::{Options, between};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A Monday.
const MONDAY: i64 = 20_780 * DAY;

#[derive(Clone, Copy)]
enum Work {
    Always,
    Office,
    Evenings,
    Weekends,
    Sessions,
}

struct Case {
    name: &'static str,
    work: Work,
    /// Days that it was watched.
    days: f64,
    open: (f64, f64),
    /// Tasks done a day.
    pace: f64,
    /// Hours after a Monday began; none for any.
    at: Option<i64>,
    /// Tasks added for each that is done.
    added: f64,
}

const fn case(name: &'static str, work: Work, days: f64, open: (f64, f64), pace: f64) -> Case {
    Case { name, work, days, open, pace, at: None, added: 0.0 }
}

const CASES: [Case; 15] = [
    case("always 4 a day, 30 days, 10-40 open", Work::Always, 30.0, (10.0, 40.0), 4.0),
    case("always 4 a day, 14 days, 10-40 open", Work::Always, 14.5, (10.0, 40.0), 4.0),
    case("always 4 a day, 7 days, 10-40 open", Work::Always, 7.0, (10.0, 40.0), 4.0),
    case("always 100 a day, 6 hours, 5-20 open", Work::Always, 0.25, (5.0, 20.0), 100.0),
    case("always 0.25 a day, 30 days, 5-15 open", Work::Always, 30.0, (5.0, 15.0), 0.25),
    case("always 4 a day, 30 days, 1-3 open", Work::Always, 30.0, (1.0, 3.99), 4.0),
    case("office 4 a day, 30 days, 10-40 open", Work::Office, 30.0, (10.0, 40.0), 4.0),
    case("office 4 a day, 15 days, 10-40 open", Work::Office, 15.0, (10.0, 40.0), 4.0),
    Case { at: Some(4 * 24 + 17), ..case("office, 30 days, 3-8 open, Friday 17:00", Work::Office, 30.0, (3.0, 8.99), 4.0) },
    Case { at: Some(4 * 24 + 17), ..case("office, 7 days, 3-8 open, Friday 17:00", Work::Office, 7.0, (3.0, 8.99), 4.0) },
    case("evenings 3 a day, 30 days, 5-20 open", Work::Evenings, 30.0, (5.0, 20.0), 3.0),
    case("weekends 2 a day, 30 days, 5-20 open", Work::Weekends, 30.0, (5.0, 20.0), 2.0),
    case("sessions, 30 days, 10-40 open", Work::Sessions, 30.0, (10.0, 40.0), 4.0),
    Case { added: 0.3, ..case("office, 0.3 added for each done", Work::Office, 30.0, (10.0, 30.0), 4.0) },
    Case { added: 0.6, ..case("always, 0.6 added for each done", Work::Always, 30.0, (10.0, 40.0), 4.0) },
];

/// Of each case: how often no task was open by p50, p85 and p95, and how often there was no forecast.
pub fn coverage(options: &Options) {
    println!("{:<42} {:>5} {:>7} {:>7} {:>7} {:>24}", "boards", "n", "<= p50", "<= p85", "<= p95", "refused: few, far, weekend");
    for (number, case) in CASES.iter().enumerate() {
        let mut random = Random::new(options.seed * 7_919 + number as u64 * 977 + 5);
        let (mut asked, mut within, mut refused) = (0, [0; 3], [0; 3]);
        while asked < options.count && refused.iter().sum::<usize>() < 3 * options.count {
            let now = MONDAY + case.at.map_or_else(|| random.below(7 * 24 * 60) as i64 * 60_000, |hours| hours * HOUR);
            let mut at = now - (case.days * DAY as f64) as i64;
            let watched = at;
            let mut session = (at, at);
            let (mut done, mut scope) = (Vec::new(), Vec::new());
            loop {
                at = next(case, at, &mut session, &mut random);
                if at > now {
                    break;
                }
                done.push(at);
                scope.extend((random.unit() < case.added).then_some((at, 1)));
            }
            let open = between(&mut random, case.open.0, case.open.1) as u64;
            let history = CompletionHistory { watched_since_ms: Some(watched), completions_ms: &done, scope: &scope };
            let found = match history.forecast(open, now) {
                Ok(found) => found,
                Err(missing) => {
                    refused[match missing {
                        Missing::TooFar => 1,
                        Missing::Weekend => 2,
                        _ => 0,
                    }] += 1;
                    continue;
                }
            };
            let mut left = open as i64;
            loop {
                left -= i64::from(random.unit() >= case.added);
                if left <= 0 {
                    break;
                }
                at = next(case, at, &mut session, &mut random);
            }
            asked += 1;
            for (count, quantile) in within.iter_mut().zip([found.p50_ms, found.p85_ms, found.p95_ms]) {
                *count += usize::from(quantile.is_none_or(|quantile| at <= quantile));
            }
        }
        let [p50, p85, p95] = within.map(|count| 100.0 * count as f64 / asked.max(1) as f64);
        println!("{:<42} {asked:>5} {p50:>6.1}% {p85:>6.1}% {p95:>6.1}% {:>24}", case.name, format!("{refused:?}"));
    }
}

/// When the next task is done: candidates each six minutes, of which as many count as the work of that time asks for.
fn next(case: &Case, mut at: i64, session: &mut (i64, i64), random: &mut Random) -> i64 {
    loop {
        at += (random.exponential() * 360_000.0) as i64 + 1;
        let (hour, weekend) = (at % DAY / HOUR, (at / DAY + 3) % 7 >= 5);
        let share = |works: bool, hours_a_week: f64| if works { 168.0 / hours_a_week } else { 0.0 };
        let pace = case.pace
            * match case.work {
                Work::Always => 1.0,
                Work::Office => share(!weekend && (9..18).contains(&hour), 45.0),
                Work::Evenings => share((18..23).contains(&hour), 35.0),
                Work::Weekends => share(weekend && (8..22).contains(&hour), 28.0),
                Work::Sessions => {
                    if at > session.1 {
                        session.0 = at + (random.exponential() * 1.75 * DAY as f64) as i64;
                        session.1 = session.0 + (between(random, 1.0, 4.0) * HOUR as f64) as i64;
                    }
                    share(at >= session.0, 168.0 / 17.76)
                }
            };
        if random.unit() < pace / 240.0 {
            return at;
        }
    }
}
