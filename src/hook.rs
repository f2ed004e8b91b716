//! `taskpulse hook`: passes what an agent gives a hook on to the service, for agents and events whose hooks can only run commands.
//!
//! An agent waits for its hooks, shows their errors, and takes some exit codes as a veto. So nothing here fails: whatever goes wrong, the
//! exit code is 0, nothing is printed (a reason only with `-v`), and it is over within [`LIMIT`].

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use taskpulse_actors::agents::machine;
use taskpulse_engine::board::mend_json;

use crate::cli::Cli;
use crate::client::{address, http};
use crate::console;
use crate::settings::{self, Settings};

/// Longest time of a hook; agents are set to wait for 2 s.
const LIMIT: Duration = Duration::from_millis(1_800);
/// Largest event that is sent.
pub const MAX_EVENT: usize = 1 << 20;
/// Most that is read of standard input: inputs and outputs of tools can be large, and what is left out of them is not needed.
const MAX_INPUT: u64 = 16 << 20;
/// Longest text that an event which is too large keeps.
const MAX_TEXT: usize = 2_048;
/// Largest answer that is printed.
const MAX_ANSWER: usize = 64 << 10;

/// Runs the command. The limit holds for all of it, the settings and a name server that does not answer included.
pub fn run(cli: Cli, agent: String, url: Option<String>, verbose: bool) {
    let passed = within(LIMIT, move || pass_on(&cli, &agent, url.as_deref()));
    match passed {
        Some(Ok(Some(answer))) => drop(console::print(&format!("{answer}\n"))),
        Some(Ok(None)) => {}
        Some(Err(error)) if verbose => console::print_error(&format!("taskpulse hook: {error:#}\n")),
        None if verbose => console::print_error(&format!("taskpulse hook: no answer within {LIMIT:?}\n")),
        Some(Err(_)) | None => {}
    }
}

/// The result of some work, if it ends in time; what has not ended goes with the process.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || drop(done.send(work())));
    result.recv_timeout(limit).ok()
}

/// Sends what is on standard input; the answer, if it says anything.
fn pass_on(cli: &Cli, agent: &str, url: Option<&str>) -> anyhow::Result<Option<String>> {
    let event = event(&read_input(MAX_INPUT)?)?;
    let (status, answer) = post(cli, url, "/hooks/agent", &[("agent", agent), ("host", &machine())], event)?;
    ensure!((200..300).contains(&status), "the service answered {status}: {}", answer.trim());
    let said = serde_json::from_str::<Value>(&answer).is_ok_and(|answer| answer.as_object().is_some_and(|fields| !fields.is_empty()));
    Ok(said.then(|| answer.trim().to_owned()))
}

/// Standard input, as far as this many bytes.
pub fn read_input(most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes).context("standard input")?;
    ensure!(bytes.len() as u64 <= most, "standard input is larger than {} MiB", most >> 20);
    Ok(bytes)
}

/// The event as it is sent: as it came, or with its texts cut where it is too large.
fn event(bytes: &[u8]) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(bytes);
    let read = serde_json::from_str(&text).or_else(|error| serde_json::from_slice(&mend_json(bytes)).map_err(|_| error));
    let mut event: Value = read.context("standard input is no JSON")?;
    ensure!(event.is_object(), "standard input is no JSON object");
    if text.len() <= MAX_EVENT {
        return Ok(text.into_owned());
    }
    cut_texts(&mut event);
    let cut = event.to_string();
    ensure!(cut.len() <= MAX_EVENT, "the event is larger than {} MiB", MAX_EVENT >> 20);
    Ok(cut)
}

fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) => text.truncate(text.floor_char_boundary(MAX_TEXT)),
        Value::Array(items) => items.iter_mut().for_each(cut_texts),
        Value::Object(fields) => fields.values_mut().for_each(cut_texts),
        _ => {}
    }
}

/// Posts JSON to the service; the status of the answer and its text.
pub fn post(cli: &Cli, url: Option<&str>, path: &str, query: &[(&str, &str)], body: String) -> anyhow::Result<(u16, String)> {
    // A folder in which an agent works may have settings that cannot be read, or that belong to another program.
    let settings = settings::load(cli).map(|loaded| loaded.settings).unwrap_or_default();
    let mut target = reqwest::Url::parse(&format!("{}{path}", base(&settings, url)?))?;
    if !query.is_empty() {
        target.query_pairs_mut().extend_pairs(query);
    }
    actix_rt::Runtime::new()?.block_on(async {
        let request = http(&settings, Some(LIMIT))?.post(target).header("content-type", "application/json").body(body);
        let mut response = request.send().await?;
        let (status, mut answer) = (response.status().as_u16(), Vec::new());
        while let Some(part) = response.chunk().await? {
            answer.extend_from_slice(&part);
            if answer.len() > MAX_ANSWER {
                bail!("the answer is larger than {} KiB", MAX_ANSWER >> 10);
            }
        }
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    })
}

/// Where the service is. Settings that lie in the folder of an agent must not send what it does to another machine.
pub fn base(settings: &Settings, url: Option<&str>) -> anyhow::Result<String> {
    if let Some(url) = url {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let listen = settings.server.listen;
    ensure!(listen.is_loopback() || listen.is_unspecified(), "the service listens on {listen}: give its address with --url");
    Ok(address(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_too_large_is_sent_with_its_texts_cut() {
        let small = r#"{"session_id": "a",  "prompt": "é"}"#;
        assert_eq!(event(small.as_bytes()).unwrap(), small, "as it came");
        let long = "é".repeat(MAX_EVENT);
        let large = serde_json::json!({"session_id": "a", "tool_input": {"content": [long, 7]}}).to_string();
        let sent: Value = serde_json::from_str(&event(large.as_bytes()).unwrap()).unwrap();
        assert_eq!((sent["session_id"].as_str(), sent["tool_input"]["content"][1].as_i64()), (Some("a"), Some(7)));
        assert_eq!(sent["tool_input"]["content"][0].as_str().unwrap().len(), MAX_TEXT);
        let many = serde_json::json!({"many": vec![1; MAX_EVENT]}).to_string();
        for (bytes, why) in [(many.as_bytes(), "larger than 1 MiB"), (b"", "no JSON"), (b"{", "no JSON"), (b"[]", "no JSON object")] {
            let error = format!("{:#}", event(bytes).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
        assert!(event(b"{\"prompt\": \"\xff\"}").unwrap().contains('\u{fffd}'));
        let half = br#"{"prompt": "a\ud83d"}"#;
        assert_eq!(event(half).unwrap().as_bytes(), half, "half of a character, as agents cut texts");
    }

    #[test]
    fn settings_of_a_folder_lead_to_no_other_machine() {
        let listening = |ip: &str| {
            let mut settings = Settings::default();
            settings.server.listen = ip.parse().unwrap();
            settings
        };
        assert_eq!(base(&listening("0.0.0.0"), None).unwrap(), "http://127.0.0.1:8090");
        assert!(base(&listening("192.0.2.7"), None).is_err());
        assert_eq!(base(&listening("192.0.2.7"), Some("http://there:1/")).unwrap(), "http://there:1");
    }
}
