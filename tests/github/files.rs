//! The file of a workflow that changes on the default branch: seen with the first run of a commit, an event once, and found after a restart.

use serde_json::json;

use super::common::github::Fake;
use super::common::{Folder, Service, eventually};

const FILE: &str = ".github/workflows/ci.yml";
const ASKED: &str = "/repos/octo/app/contents/.github/workflows";

fn changes(service: &Service) -> Vec<serde_json::Value> {
    let events = service.data("/api/v1/events?source=github");
    events.as_array().unwrap().iter().filter(|event| event["kind"] == "workflow_changed").cloned().collect()
}

#[test]
fn a_workflow_file_that_changed_is_on_the_time_line_once_also_after_a_restart() {
    // A new run every few seconds.
    let fake = Fake::start(&["--speed", "600", "--token", "t0ken", "--runs", "30"]);
    let folder = Folder::with_settings(&fake.settings(&["octo/app"], "share = 1.0\n"));
    let service = folder.start();
    eventually("the files are read", || fake.served().0.get(ASKED).map(|_| ()));
    fake.control(&json!({"files": {FILE: "0123456789"}}));
    let found = eventually("the change", || changes(&service).pop());
    assert_eq!((&found["subject"], &found["data"]["workflow"], &found["data"]["change"]), (&json!(FILE), &json!("CI"), &json!("changed")));
    assert_eq!(found["title"], format!("{FILE} of octo/app was changed on the default branch"));
    service.kill();
    fake.control(&json!({"files": {FILE: "9876543210"}}));
    let service = folder.start();
    eventually("what changed meanwhile", || (changes(&service).len() == 2).then_some(()));
    let polls = fake.served().1;
    eventually("it is polled on", || (fake.served().1 >= polls + 3).then_some(()));
    assert_eq!(changes(&service).len(), 2, "what did not change is no news");
}
