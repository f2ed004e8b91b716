//! Actions over the real binary: what the settings bind to advice runs, is watched, and is undone, also across SIGKILL.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;

use common::disk::keep_a_filling_disk;
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const DISK: &str = "disk_filling:/srv/data";

/// A folder whose service gives advice on a disk, with a guard that reads the file `value`, and commands that write what they do into
/// the file `log`.
struct Setup {
    folder: Folder,
}

/// The binding as most tests have it.
const BOUND: &str = r#"
[actions.bind.disk_filling]
dry_run = ["sh", "-c", "echo $TASKPULSE_ACTION_STEP >> log; echo looks; exit $(cat dry)"]
command = ["sh", "-c", "echo $TASKPULSE_ACTION_STEP $TASKPULSE_RECOMMENDATION_ID >> log; echo token=hunter2 moved"]
undo = ["sh", "-c", "echo $TASKPULSE_ACTION_STEP >> log; echo brought back >&2"]
guard = { query = "guarded", by = "10%", within = "10m" }
"#;

impl Setup {
    fn new(actions: &str) -> Self {
        let folder = Folder::new();
        keep_a_filling_disk(&folder);
        let setup = Self { folder };
        setup.write("dry", "0");
        setup.write("value", "1");
        setup.settings(actions);
        setup
    }

    fn settings(&self, actions: &str) {
        let text = format!(
            "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n[pipeline]\nflush_interval = \"100ms\"\n\
             [commands.run.guarded]\ncommand = \"echo guarded $(cat value)\"\ninterval = \"1s\"\n[actions]\nenabled = true\ncooldown = \"0s\"\n{actions}"
        );
        self.folder.settings(&text);
    }

    fn write(&self, file: &str, text: &str) {
        common::replace(&self.folder.path().join(file), text.as_bytes());
    }

    /// What the commands did, in their order.
    fn log(&self) -> Vec<String> {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Starts the service, and waits for the advice and for the guard.
    fn start(&self) -> Service {
        let service = self.folder.start();
        eventually("the advice", || status_of(&service));
        eventually("the guard", || (!service.query("guarded").is_empty()).then_some(()));
        service
    }
}

/// How the advice on the disk stands.
fn status_of(service: &Service) -> Option<String> {
    let all = service.data("/api/v1/recommendations");
    let one = all.as_array().unwrap().iter().find(|one| one["id"] == DISK)?;
    Some(one["status"].as_str().unwrap().to_owned())
}

/// Posts to a path of these parts; status and body.
fn post(service: &Service, parts: &[&str]) -> (u16, Value) {
    let mut url = reqwest::Url::parse(&service.url("/api/v1/")).unwrap();
    url.path_segments_mut().unwrap().pop_if_empty().extend(parts);
    let response = service.client.post(url).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

/// Asks for a run of the advice on the disk; its id.
fn run(service: &Service) -> String {
    let (status, body) = post(service, &["recommendations", DISK, "run"]);
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["data"]["state"], &body["data"]["by"]), (&json!("planned"), &json!("person")));
    body["data"]["id"].as_str().unwrap().to_owned()
}

fn refused(service: &Service, parts: &[&str]) -> String {
    let (status, body) = post(service, parts);
    assert_eq!(status, 409, "{body}");
    body["error"].as_str().unwrap().to_owned()
}

fn runs(service: &Service) -> Vec<Value> {
    service.data("/api/v1/actions")["runs"].as_array().unwrap().clone()
}

/// Waits until a run stands like this; gives it.
fn becomes(service: &Service, id: &str, state: &str) -> Value {
    eventually(state, || runs(service).into_iter().find(|run| run["id"] == id).filter(|run| run["state"] == state))
}

/// The kinds of the events of actions, the oldest first, without their common start.
fn news(service: &Service) -> Vec<String> {
    let events = service.data("/api/v1/events?source=advice");
    let kinds = events.as_array().unwrap().iter().rev().filter_map(|event| event["kind"].as_str()?.strip_prefix("action_"));
    kinds.map(str::to_owned).collect()
}

/// Waits until the time line has these steps: a run has ended before its events are there.
fn says(service: &Service, steps: &[&str]) {
    eventually(&format!("the time line has {steps:?}"), || (news(service) == steps).then_some(()));
}

#[test]
fn a_dry_run_that_fails_runs_nothing_and_a_run_whose_guard_holds_stays() {
    let setup = Setup::new(&BOUND.replace("within = \"10m\"", "within = \"3s\""));
    setup.write("dry", "3");
    let service = setup.start();
    let id = run(&service);
    let run_of = becomes(&service, &id, "refused");
    assert_eq!((setup.log(), &run_of["began_at"], &run_of["steps"][0]["code"]), (vec!["dry_run".to_owned()], &Value::Null, &json!(3)));
    assert_eq!(
        (&run_of["reason"], status_of(&service).unwrap().as_str()),
        (&json!("The dry run ended with code 3, so the command was not run."), "open")
    );

    // What was refused does not count against the cooldown.
    setup.write("dry", "0");
    let id = run(&service);
    let kept = becomes(&service, &id, "kept");
    assert_eq!(setup.log(), ["dry_run", "dry_run", &format!("run {DISK}")]);
    assert_eq!((&kept["guard"]["baseline"], &kept["guard"]["last"], &kept["guard"]["bound"]), (&json!(1.0), &json!(1.0), &json!(1.1)));
    let output = |step: usize| kept["steps"][step]["output"].as_str().unwrap().to_owned();
    assert_eq!((output(0), output(1)), ("looks".to_owned(), "token=…".to_owned()));
    eventually("it is applied", || (status_of(&service)? == "applied").then_some(()));
    says(&service, &["planned", "dry_run", "failed", "planned", "dry_run", "ran", "kept"]);
    // Rate limit.
    assert!(refused(&service, &["recommendations", DISK, "run"]).contains("is not open or accepted"));
    assert_eq!(post(&service, &["recommendations", DISK, "reopen"]).0, 200);
    let error = refused(&service, &["recommendations", DISK, "run"]);
    assert!(error.contains("the next one may be 1d after it"), "{error}");
    // A person takes it back later.
    assert_eq!(post(&service, &["actions", &id, "undo"]).0, 200);
    let undone = becomes(&service, &id, "undone");
    assert_eq!((&undone["reason"], &undone["steps"][2]["output"]), (&json!("A person asked for it."), &json!("brought back")));
    assert_eq!(undone["needs_person"], false, "who asked for it knows");
    assert!(refused(&service, &["actions", &id, "undo"]).contains("is undone, so there is nothing to undo"));
    let binding = service.data("/api/v1/actions")["bindings"][0].clone();
    assert_eq!((&binding["advisor"], &binding["command"], &binding["mode"]), (&json!("disk_filling"), &json!("echo …"), &json!("ask")));
    // It is all kept.
    let before = runs(&service);
    service.kill();
    assert_eq!(runs(&setup.folder.start()), before);
}

#[test]
fn a_guard_that_is_worse_or_vanishes_undoes_and_the_advice_is_open_again() {
    let setup = Setup::new(&format!("{BOUND}cooldown = \"0s\"\n"));
    let service = setup.start();
    let undone = |spoil: &dyn Fn(), reason: &str| {
        let id = run(&service);
        becomes(&service, &id, "watching");
        assert!(
            refused(&service, &["recommendations", DISK, "run"]).contains("one runs at a time")
                || status_of(&service).unwrap() == "applied"
        );
        spoil();
        let run = becomes(&service, &id, "undone");
        assert!(run["reason"].as_str().unwrap().contains(reason), "{run}");
        assert_eq!(run["steps"][2]["step"], "undo");
        eventually("the advice is open again", || (status_of(&service)? == "open").then_some(()));
    };
    undone(&|| setup.write("value", "1.2"), "The guard was 1.2, beyond 1.1; before the command it was 1.");
    says(&service, &["planned", "dry_run", "ran", "guard_tripped", "undo", "undone"]);
    // Somebody should see that, once.
    let id = runs(&service)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(runs(&service)[0]["needs_person"], true);
    assert_eq!(service.status()["needs_person"][0]["id"], id.as_str());
    assert_eq!(post(&service, &["actions", &id, "resolve"]).0, 200);
    assert_eq!((&runs(&service)[0]["needs_person"], &runs(&service)[0]["state"]), (&json!(false), &json!("undone")));
    assert!(refused(&service, &["actions", &id, "resolve"]).contains("is undone, so there is nothing to resolve"));
    eventually("it is said", || (news(&service).last()? == "resolved").then_some(()));
    assert_eq!(service.status()["needs_person"], json!([]));
    undone(&|| fs::remove_file(setup.folder.path().join("value")).unwrap(), "The guard cannot be judged: it gives no series.");
    // There is none now: what cannot be watched does not begin.
    let id = run(&service);
    let refused = becomes(&service, &id, "refused");
    assert!(refused["reason"].as_str().unwrap().starts_with("The guard cannot be judged: it gives no series. The command was not run."));
    setup.write("value", "NaN");
    eventually("the guard", || (!service.query("guarded").is_empty()).then_some(()));
    let id = run(&service);
    assert!(becomes(&service, &id, "refused")["reason"].as_str().unwrap().contains("its value is NaN"));
    assert_eq!(setup.log().iter().filter(|line| *line == "undo").count(), 2);
}

#[test]
fn what_a_killed_service_had_begun_is_undone_exactly_once() {
    let setup = Setup::new(&format!("{BOUND}cooldown = \"0s\"\n"));
    let service = setup.start();
    let id = run(&service);
    becomes(&service, &id, "watching");
    service.kill();
    // Switched off: nothing runs, and it stays as it was.
    let service = setup.folder.start_with(&["--no-advanced"], &[]);
    assert!(service.data("/api/v1/actions")["off"].as_str().unwrap().contains("--no-advanced"));
    assert_eq!(runs(&service)[0]["state"], "watching");
    assert!(service.log().contains("is neither kept nor undone"), "{}", service.log());
    assert!(refused(&service, &["recommendations", DISK, "run"]).contains("actions are off") || status_of(&service).unwrap() == "applied");
    assert!(refused(&service, &["actions", &id, "undo"]).contains("actions are off"));
    service.kill();
    assert_eq!(setup.log(), ["dry_run", &format!("run {DISK}")]);

    let service = setup.folder.start();
    let undone = becomes(&service, &id, "undone");
    assert_eq!(undone["reason"], "The service ended in between.");
    eventually("it is said", || news(&service).ends_with(&["undoing", "undo", "undone"].map(str::to_owned)).then_some(()));
    service.kill();
    let service = setup.start();
    assert_eq!(runs(&service)[0]["state"], "undone");
    assert_eq!(setup.log(), ["dry_run", &format!("run {DISK}"), "undo"]);
}

#[test]
fn what_a_command_of_a_killed_service_left_running_is_ended_before_its_undo() {
    let command = "command = [\"sh\", \"-c\", \"echo begun >> log; setsid sh -c 'sleep 4; echo late >> log' & sleep 4; echo done >> log\"]";
    let setup =
        Setup::new(&BOUND.lines().map(|line| if line.starts_with("command") { command } else { line }).collect::<Vec<_>>().join("\n"));
    let service = setup.start();
    let id = run(&service);
    eventually("it runs", || setup.log().contains(&"begun".to_owned()).then_some(()));
    service.kill();
    let service = setup.folder.start();
    becomes(&service, &id, "undone");
    assert!(service.log().contains("were still there and were ended"), "{}", service.log());
    assert_eq!(setup.log(), ["dry_run", "begun", "undo"]);
}

#[test]
fn a_command_that_hangs_and_forks_is_ended_with_all_that_it_started_and_undone() {
    for command in ["echo begun; sleep 1000 & sleep 1000", "echo begun; sleep 1000 & exit 0"] {
        let command = format!("command = [\"sh\", \"-c\", \"{command}\"]\ntimeout = \"1s\"");
        let setup =
            Setup::new(&BOUND.lines().map(|line| if line.starts_with("command") { &command } else { line }).collect::<Vec<_>>().join("\n"));
        let service = setup.start();
        let id = run(&service);
        let undone = becomes(&service, &id, "undone");
        let step = &undone["steps"][1];
        assert_eq!((&step["code"], &step["output"]), (&Value::Null, &json!("begun")), "{undone}");
        assert!(step["exit"].as_str().unwrap().contains("after 1 s"), "{undone}");
        assert_eq!(setup.log(), ["dry_run", "undo"]);
        let marked = |entry: fs::DirEntry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let text = String::from_utf8_lossy(&environment).into_owned();
            text.contains(&format!("TASKPULSE_ACTION_RUN={id}")).then(|| entry.file_name())
        };
        let left: Vec<_> = fs::read_dir("/proc").unwrap().flatten().filter_map(marked).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn an_undo_that_fails_calls_a_person_and_keeps_others_away() {
    let failing = BOUND.replace("echo brought back >&2", "exit $(cat undo)");
    let setup = Setup::new(&format!("{failing}cooldown = \"0s\"\n"));
    setup.write("undo", "4");
    let service = setup.start();
    let id = run(&service);
    becomes(&service, &id, "watching");
    assert_eq!(post(&service, &["actions", &id, "undo"]).0, 200);
    let failed = becomes(&service, &id, "failed");
    assert_eq!(failed["reason"], "A person asked for it. The undo command ended with code 4: see to it by hand.");
    assert_eq!(failed["needs_person"], true);
    assert_eq!(post(&service, &["recommendations", DISK, "reopen"]).0, 200);
    assert!(refused(&service, &["recommendations", DISK, "run"]).contains("neither kept nor undone"));
    assert_eq!(post(&service, &["actions", &id, "resolve"]).0, 200);
    becomes(&service, &id, "resolved");
    run(&service);
    assert_eq!(post(&service, &["actions", "none", "undo"]).0, 404);
}

#[test]
fn nothing_runs_that_no_binding_names_and_by_itself_only_what_may() {
    let other = BOUND.replace("disk_filling", "ci_queued");
    let setup = Setup::new(&other);
    let service = setup.start();
    assert!(refused(&service, &["recommendations", DISK, "run"]).contains("bind no action to `disk_filling`"));
    assert_eq!(post(&service, &["recommendations", "none", "run"]).0, 404);
    service.kill();
    // Nobody said that actions are on.
    setup.settings(&BOUND.replace("[actions.bind", "# [actions.bind").replace("guard =", "# guard ="));
    let text = fs::read_to_string(setup.folder.path().join("Settings.toml")).unwrap();
    let off = text.split("# [actions.bind").next().unwrap().replace("enabled = true", "enabled = false");
    setup.folder.settings(&format!("{off}{}mode = \"auto\"\nafter = \"0s\"\n", &BOUND[1..]));
    let service = setup.start();
    assert!(refused(&service, &["recommendations", DISK, "run"]).contains("actions are off"));
    service.kill();
    assert!(setup.log().is_empty());
    // By itself, once.
    setup.settings(&format!("{BOUND}mode = \"auto\"\nafter = \"0s\"\ncooldown = \"0s\"\n"));
    let service = setup.start();
    let by_itself = eventually("a run", || runs(&service).pop());
    assert_eq!(by_itself["by"], "service");
    let id = by_itself["id"].as_str().unwrap().to_owned();
    becomes(&service, &id, "watching");
    setup.write("value", "9");
    becomes(&service, &id, "undone");
    setup.write("value", "1");
    eventually("the advice is open again", || (status_of(&service)? == "open").then_some(()));
    let counted = service.samples("guarded[1h]").len();
    eventually("a few seconds", || (service.samples("guarded[1h]").len() >= counted + 4).then_some(()));
    assert_eq!(runs(&service).len(), 1, "it does not try again without a person");
}
