//! `taskpulse detect`: one anomaly score a row of standard input. What the service does to a series, for a file of one's own.

use std::io::{self, BufRead, BufWriter, Write};

use anyhow::Context;
use taskpulse_engine::anomaly::{Ensemble, Tuning, ZScore};

use crate::{console, rows};

/// Deviations from the mean at which the plain detector reports an anomaly.
const SENSITIVITY: f64 = 3.0;

/// Which detector, and what it prints.
pub enum Detector {
    /// The one that the service uses.
    Ensemble {
        /// Print what the score rests on beside it.
        explain: bool,
    },
    /// Distance from the mean of so many samples before.
    ZScore {
        /// How many.
        window: usize,
    },
}

/// Prints a score in [0, 1] for each row; 0 where there is no value, or too little before it to compare with.
pub fn detect(detector: &Detector, input: impl BufRead, output: impl Write) -> anyhow::Result<()> {
    let mut output = BufWriter::new(output);
    let mut score = scorer(detector);
    if matches!(detector, Detector::Ensemble { explain: true })
        && !console::unless_gone(writeln!(output, "score,low,high,reached_by,blocks,unusual"))?
    {
        return Ok(());
    }
    for (at, line) in input.lines().enumerate() {
        let line = line.with_context(|| format!("standard input, line {}", at + 1))?;
        let Some(row) = rows::parse(at + 1, &line)? else { continue };
        if !console::unless_gone(writeln!(output, "{}", score(row)))? {
            return Ok(());
        }
    }
    console::unless_gone(output.flush())?;
    Ok(())
}

/// What turns a row into a line.
fn scorer(detector: &Detector) -> Box<dyn FnMut(rows::Row) -> String> {
    match *detector {
        Detector::ZScore { window } => {
            let mut zscore = ZScore::new(window, SENSITIVITY);
            Box::new(move |row| format!("{:.6}", zscore.observe(row.value).map_or(0.0, |verdict| verdict.score)))
        }
        Detector::Ensemble { explain } => {
            let mut ensemble = Ensemble::new(Tuning::default());
            Box::new(move |row| {
                let verdict = ensemble.observe(row.at_s, row.value);
                let score = verdict.map_or(0.0, |verdict| verdict.score);
                if !explain {
                    return format!("{score:.6}");
                }
                let Some(verdict) = verdict else { return format!("{score:.6},,,,,") };
                let band = verdict.expected.map_or(",".to_owned(), |band| format!("{},{}", band.low, band.high));
                let (rank, what) = (verdict.rank, verdict.most_unusual);
                format!("{score:.6},{band},{},{},{what}", rank.reached_by, rank.blocks)
            })
        }
    }
}

/// Reads standard input and prints to standard output.
pub fn run(detector: &Detector) -> anyhow::Result<()> {
    detect(detector, io::stdin().lock(), io::stdout().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(detector: &Detector, rows: &str) -> String {
        let mut out = Vec::new();
        detect(detector, rows.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_row_has_one_score() {
        let mut rows = "timestamp,value\n".to_owned();
        (0..1_000).for_each(|i| rows.push_str(&format!("{},{}\n", i * 60, if i == 900 { 500 } else { i % 7 })));
        rows.push_str("60000,\n");
        let found = scores(&Detector::Ensemble { explain: false }, &rows);
        let found: Vec<f64> = found.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!((found.len(), found[1_000]), (1_001, 0.0));
        let above: Vec<usize> = (0..found.len()).filter(|&i| found[i] >= 0.5).collect();
        assert!(above.contains(&900) && above.len() <= 3, "{above:?}");
        let explained = scores(&Detector::Ensemble { explain: true }, &rows);
        assert!(explained.lines().all(|line| line.split(',').count() == 6), "{explained}");
        assert_eq!(scores(&Detector::ZScore { window: 4 }, "1,1\n2,3\n3,1\n4,3\n5,5\n").lines().last(), Some("0.500000"));
    }

    #[test]
    fn a_broken_row_ends_it_with_its_line() {
        let error = detect(&Detector::Ensemble { explain: false }, "t,v\n1,1\n2,x\n".as_bytes(), Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "line 3: `x` is no number; leave the value empty where there is none");
    }
}
