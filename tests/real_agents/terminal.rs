//! Claude Code in a terminal, with a person who is asked.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::claude::{bash, command, is_known, program};
use super::model::{Model, Step};
use super::{Home, service, session};
use crate::common::{eventually, peer};

/// A terminal without a screen, of a server of its own that ends with it.
struct Terminal<'a>(&'a Home);

impl Terminal<'_> {
    fn tmux(&self) -> Command {
        let mut command = self.0.agent(Path::new("tmux"));
        command.env("TMUX_TMPDIR", self.0.path("")).args(["-u", "-f", "/dev/null"]);
        command
    }

    /// Starts a command in it, with its environment and in its folder.
    fn start(&self, command: &Command) {
        let mut tmux = self.tmux();
        tmux.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        tmux.current_dir(command.get_current_dir().unwrap()).args(["new-session", "-d", "-x", "140", "-y", "45"]);
        let done = tmux.arg(command.get_program()).args(command.get_args()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn run(&self, args: &[&str]) -> Output {
        self.tmux().args(args).output().unwrap()
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.run(&["capture-pane", "-p"]).stdout).into_owned()
    }

    fn shows(&self, text: &str) {
        let mut screen = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("the screen", || {
                screen = self.screen();
                screen.contains(text).then_some(())
            })
        }));
        assert!(found.is_ok(), "`{text}` is not on the screen:\n{screen}");
    }

    fn press(&self, keys: &[&str]) {
        assert!(self.run(&[&["send-keys"], keys].concat()).status.success());
    }

    /// Writes a prompt, and sends it once it stands there.
    fn say(&self, text: &str) {
        self.press(&["-l", text]);
        self.shows(text);
        self.press(&["Enter"]);
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn a_person_who_is_asked_is_waited_for_until_the_answer() {
    let Some(claude) = program() else { return };
    if Command::new("tmux").arg("-V").output().is_err() {
        return peer::missing_peer("tmux is not installed");
    }
    let (_folder, service) = service();
    let home = Home::new();
    let model = Model::start(&[
        ("allow", vec![bash("touch allowed.txt"), Step::Say("It is there.")]),
        ("decline", vec![bash("touch declined.txt"), Step::Say("It is not there.")]),
    ]);
    let work = home.path("work");
    is_known(&home, &[&work]);
    home.connect("claude", &service);
    let terminal = Terminal(&home);
    let began = std::time::Instant::now();
    terminal.start(command(&home, &claude, &model, &work).arg("Do it. [play allow]"));
    let of = |what: &str, state: &str| session(&service, what, |session| session["state"] == state);
    let waiting = of("it waits for permission", "waiting");
    assert_eq!((&waiting["waits_for"], &waiting["tool"], &waiting["folder"]), (&json!("permission"), &json!("Bash"), &json!(work)));
    terminal.shows("Do you want to proceed?");
    session(&service, "the wait grows", |session| session["waiting_seconds"].as_f64().is_some_and(|seconds| seconds > 1.0));
    assert!(!work.join("allowed.txt").exists());
    terminal.press(&["Enter"]);
    let idle = of("its turn is over", "idle");
    assert!(work.join("allowed.txt").exists());
    let waited = idle["waiting_seconds"].as_f64().unwrap();
    assert!(waited > 1.0 && waited < began.elapsed().as_secs_f64(), "{waited} s of {:?}", began.elapsed());

    // The status line: what it is given is kept, and its words are on the screen.
    session(&service, "context is known", |session| session["context_used_ratio"].as_f64().is_some());
    terminal.shows("of 200k context · $0.0");

    // A person who declines: no hook says so, the records do.
    terminal.say("Again. [play decline]");
    of("it waits again", "waiting");
    terminal.shows("Do you want to proceed?");
    terminal.press(&["Escape"]);
    let after =
        session(&service, "it does not wait any more", |session| session["state"] != "waiting" && session["tools"][0]["refused"] == 1);
    assert_eq!((&after["tools"][0]["ok"], work.join("declined.txt").exists()), (&json!(1), false), "{after}");
    assert!(after["waiting_seconds"].as_f64().unwrap() > waited, "{after}");
    terminal.say("/exit");
    of("it ended", "ended");
}
