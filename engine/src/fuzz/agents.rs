//! What coding agents send.

use super::run;
use crate::agent::fuzz as agent;

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn hooks_status_lines_and_telemetry_of_agents() {
    run("agents", &agent::samples(), agent::take_anything);
}
