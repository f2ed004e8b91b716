//! Codex and Gemini CLI, as programs run them.

use std::process::Command;

use serde_json::{Value, json};

use super::model::{Model, Served, Step};
use super::{Home, host, service, session};
use crate::common::peer::npm_program;

fn ran(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    said
}

/// Tokens as both count them: `input` has the cached ones in it.
fn tokens(served: &[Served]) -> Value {
    let sum = |of: fn(&Served) -> u64| served.iter().map(of).sum::<u64>();
    json!({
        "input": sum(|served| served.tokens.input + served.tokens.read), "cache_read": sum(|served| served.tokens.read),
        "output": sum(|served| served.tokens.output), "reasoning": sum(|served| served.tokens.reasoning),
    })
}

#[test]
fn codex_is_known_by_its_records_and_hooks() {
    let Some(codex) = npm_program("@openai/codex@0.169.0", "codex", &[]) else { return };
    let (_folder, service) = service();
    let home = Home::new();
    let run = |command: &str| Step::Call("exec_command", json!({"cmd": command}));
    let model = Model::start(&[("work", vec![run("touch one.txt"), run("cat no-such-file"), Step::Say("Done.")])]);
    home.put(
        ".codex/config.toml",
        &format!(
            "model = \"gpt-5.5\"\nmodel_provider = \"standin\"\napproval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n\
             check_for_update_on_startup = false\n\n[model_providers.standin]\nname = \"standin\"\nbase_url = \"{}\"\n\
             wire_api = \"responses\"\nenv_key = \"STANDIN_KEY\"\nsupports_websockets = false\n",
            model.server.url("/v1")
        ),
    );
    home.connect("codex", &service);
    let mut command = home.agent(&codex);
    command.env("STANDIN_KEY", "a-key-of-nobody").args(["exec", "--json", "--dangerously-bypass-hook-trust", "Do it. [play work]"]);
    ran(&mut command);
    let known = session(&service, "it ended, with all of its requests", |session| {
        session["agent"] == "codex" && session["state"] == "ended" && session["requests"] == 3
    });
    let mut tokens = tokens(&model.served());
    tokens["cache_creation"] = json!(0);
    assert_eq!((&known["tokens"], &known["cost_usd"]), (&tokens, &Value::Null), "{known}");
    assert_eq!(known["tools"], json!([{"name": "exec_command", "ok": 1, "failed": 1, "refused": 0}]));
    assert_eq!((&known["folder"], &known["prompts"], &known["host"]), (&json!(home.path("work")), &json!(1), &json!(host())));
}

#[test]
fn gemini_is_known_by_its_records_and_hooks() {
    let Some(gemini) = npm_program("@google/gemini-cli@0.61.0", "gemini", &[]) else { return };
    let (_folder, service) = service();
    let home = Home::new();
    let run = |command: &str| Step::Call("run_shell_command", json!({"command": command, "description": "a step"}));
    let model = Model::start(&[("work", vec![run("touch one.txt"), run("cat no-such-file"), Step::Fail(500), Step::Say("Done.")])]);
    let settings = json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": false},
        "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false},
    });
    home.put(".gemini/settings.json", &settings.to_string());
    home.connect("gemini", &service);
    let mut command = home.agent(&gemini);
    command.envs([("GEMINI_API_KEY", "a-key-of-nobody"), ("GEMINI_CLI_TRUST_WORKSPACE", "true")]);
    command.env("GOOGLE_GEMINI_BASE_URL", model.server.url("")).args(["--yolo", "-p", "Do it. [play work]"]);
    let said = ran(&mut command);
    let known = session(&service, "it ended, with all of its requests", |session| {
        session["agent"] == "gemini-cli" && session["state"] == "ended" && session["requests"] == model.served().len()
    });
    assert_eq!((&known["tokens"], &known["cost_usd"]), (&tokens(&model.served()), &Value::Null), "{known}");
    assert_eq!(known["tools"], json!([{"name": "run_shell_command", "ok": 1, "failed": 1, "refused": 0}]));
    assert_eq!((&known["folder"], &known["prompts"], &known["errors"]), (&json!(home.path("work")), &json!(1), &json!(1)));
    assert_eq!(known["host"], host().as_str(), "its records and its hooks name the machine alike");
    assert!(!said.contains("Partial Success"), "what the service says of a request is not on the user's screen: {said}");
}
