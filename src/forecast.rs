//! `taskpulse forecast`: the next values of the rows on standard input, each with an interval.

use std::io::{self, BufRead, BufWriter, Write};

use anyhow::Context;
use jiff::Timestamp;
use taskpulse_engine::forecast::series::{self, Grid};

use crate::{console, rows};

/// Reads rows of `timestamp,value` and prints `timestamp,low,mean,high` for each of the next steps. Times are written as they were read:
/// as Unix seconds, or as a date with a time in UTC.
pub fn forecast(horizon: usize, level: f64, input: impl BufRead, output: impl Write) -> anyhow::Result<()> {
    let mut found = Vec::new();
    let mut as_seconds = false;
    for (at, line) in input.lines().enumerate() {
        let line = line.with_context(|| format!("standard input, line {}", at + 1))?;
        let Some(row) = rows::parse(at + 1, &line)? else { continue };
        as_seconds = line.split(',').next().is_some_and(|time| time.trim().parse::<f64>().is_ok());
        found.push((row.at_s * 1_000, row.value));
    }
    let forecast = series::forecast(&Grid::new(&found).context("standard input")?, horizon, level);
    let mut output = BufWriter::new(output);
    let mut lines = std::iter::once(Ok("timestamp,low,mean,high".to_owned())).chain(forecast.steps.iter().map(|step| {
        let time = time(step.at_ms, as_seconds)?;
        anyhow::Ok(format!("{time},{:.6},{:.6},{:.6}", step.low, step.centre, step.high))
    }));
    let more = lines
        .try_fold(true, |more, line| if more { Ok(console::unless_gone(writeln!(output, "{}", line?))?) } else { anyhow::Ok(false) })?;
    if more {
        console::unless_gone(output.flush())?;
    }
    Ok(())
}

fn time(at_ms: i64, as_seconds: bool) -> anyhow::Result<String> {
    if as_seconds {
        return Ok((at_ms / 1_000).to_string());
    }
    let at = Timestamp::from_millisecond(at_ms).context("a time of the forecast is beyond the calendar")?;
    Ok(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Reads standard input and prints to standard output.
pub fn run(horizon: usize, level: f64) -> anyhow::Result<()> {
    forecast(horizon, level, io::stdin().lock(), io::stdout().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(rows: &str) -> anyhow::Result<String> {
        let mut out = Vec::new();
        forecast(3, 0.8, rows.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn the_next_steps_are_printed_with_times_as_they_were_read() {
        let values = |time: &dyn Fn(u32) -> String| {
            let rows: String = (0..96).map(|hour| format!("{},{}\n", time(hour), 10 + hour % 24)).collect();
            printed(&format!("timestamp,value\n{rows}")).unwrap()
        };
        let seconds = values(&|hour| (hour * 3_600).to_string());
        let lines: Vec<Vec<f64>> =
            seconds.lines().skip(1).map(|line| line.split(',').map(|part| part.parse().unwrap()).collect()).collect();
        assert_eq!(lines.iter().map(|line| line[0]).collect::<Vec<_>>(), [345_600.0, 349_200.0, 352_800.0]);
        assert!(lines.iter().all(|line| line[1] <= line[2] && line[2] <= line[3]), "{seconds}");
        assert!((lines[1][2] - 11.0).abs() < 0.5, "{seconds}");
        let dates = values(&|hour| format!("2026-03-{:02} {:02}:00:00", 1 + hour / 24, hour % 24));
        assert!(dates.starts_with("timestamp,low,mean,high\n2026-03-05 00:00:00,"), "{dates}");
    }

    #[test]
    fn values_at_the_ends_of_a_float_have_a_forecast_of_numbers() {
        for value in [|n: i32| if n % 2 == 0 { 1e308 } else { -1e308 }, |n: i32| 1e300 * f64::from(n), |n: i32| 1e-308 * f64::from(n % 3)] {
            let rows: String = (0..60).map(|n| format!("{},{:e}\n", n * 60, value(n))).collect();
            let out = printed(&rows).unwrap();
            let figures = out.lines().skip(1).flat_map(|line| line.split(',')).map(|part| part.parse::<f64>().unwrap());
            assert!(out.lines().count() == 4 && figures.clone().all(f64::is_finite), "{out}");
        }
        // In other units it is the same forecast.
        let of = |unit: f64| -> Vec<f64> {
            let rows: String = (0..200).map(|n| format!("{},{:e}\n", n * 60, unit * f64::from(n * 7 % 31 + n))).collect();
            let out = printed(&rows).unwrap();
            out.lines().skip(1).flat_map(|line| line.split(',').skip(1)).map(|part| part.parse::<f64>().unwrap() / unit).collect()
        };
        let large = of(2f64.powi(900));
        assert!(of(1.0).iter().zip(&large).all(|(small, large)| (small - large).abs() < 1e-5 * small.abs().max(1.0)), "{large:?}");
    }

    #[test]
    fn rows_that_cannot_be_forecast_are_refused() {
        for (rows, error) in [
            ("1,1\nx,2\n", "line 2: `x` is no time; write Unix seconds or a date such as 2026-11-26 08:00:00"),
            ("", "standard input: 0 values at different times; a forecast needs 12"),
            ("1,1\n2,2\n2,3\n", "standard input: 2 values at different times; a forecast needs 12"),
        ] {
            assert_eq!(format!("{:#}", printed(rows).unwrap_err()), error);
        }
    }
}
