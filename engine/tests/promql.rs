//! PromQL by cases of our own, in Prometheus' test language, through the runner that anyone can use.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The runner lies beside the tests: both are built together.
fn runner() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples/promqltest")
}

fn run(files: &[PathBuf]) -> (bool, String) {
    let output = Command::new(runner()).args(files).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_cases_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (passed, output) = run(&files);
    assert!(passed && files.len() >= 2, "{output}");
}

#[test]
fn the_runner_tells_what_fails_and_skips_native_histograms() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.test");
    std::fs::write(
        &file,
        "load 1m\n  up 0+1x5\n  native {{schema:0 count:1}}\n\neval instant at 5m up\n  up 4\n\neval instant at 5m up\n  up 5\n\neval instant at 5m native\n  native {{schema:0 count:1}}\n",
    )
    .unwrap();
    let (passed, output) = run(&[file]);
    assert!(!passed && output.contains("wrong.test:5: up: expected {__name__=\"up\"} 4@300, came 5@300"), "{output}");
    assert!(output.ends_with("1 passed, 1 failed, 1 skipped\n"), "{output}");
}
