//! A stand-in for the models of all three agents: it plays what a test wrote, and remembers what it served.
//!
//! A prompt names its play as `[play NAME]`. How many results of tools followed it says which step is next. Each answer has other
//! counts of tokens than all others, so that an answer which is lost, or counted twice, changes the sums.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::apis;
use crate::common::http::{Asked, Server, respond};

/// What the model does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Calls a tool with an input.
    Call(&'static str, Value),
    /// Answers with a sentence, which ends the turn.
    Say(&'static str),
    /// Fails once with this status.
    Fail(u16),
    /// Answers only once the test lets it.
    Hold,
}

/// An answer that was served.
#[derive(Clone, Debug)]
pub struct Served {
    /// What the request says of its session, where it does.
    pub session: Option<String>,
    pub model: String,
    pub tokens: Tokens,
}

/// Tokens of an answer. `input` has the cached ones not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tokens {
    pub input: u64,
    pub read: u64,
    pub written: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl Tokens {
    /// Those of the n-th answer. All divide so that its price is a whole number of micro-dollars.
    fn of(n: u64) -> Self {
        Self { input: 1_000 + 7 * n, read: 9_000 + 10 * n, written: 400 + 4 * n, output: 80 + n, reasoning: 20 + n % 5 }
    }
}

/// A conversation as one of the APIs has it.
pub struct Conversation {
    pub session: Option<String>,
    pub model: String,
    pub messages: Vec<Message>,
    /// Tools on offer; without any it is a small question of the agent itself.
    pub tools: BTreeSet<String>,
}

/// What was said to the model.
pub enum Message {
    Text(String),
    Result(String),
}

/// What an answer of the model is.
pub enum Answer<'a> {
    Text(&'a str),
    Call(&'a str, &'a Value),
}

#[derive(Default)]
struct State {
    served: Vec<Served>,
    failed: BTreeSet<(Option<String>, String, usize)>,
    results: Vec<String>,
    held: usize,
    is_open: bool,
}

/// See the module.
pub struct Model {
    pub server: Server,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Model {
    pub fn start(plays: &[(&str, Vec<Step>)]) -> Self {
        let plays: BTreeMap<String, Vec<Step>> = plays.iter().map(|(name, steps)| ((*name).to_owned(), steps.clone())).collect();
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |asked, stream| answer(&plays, &shared, asked, stream));
        Self { server, state }
    }

    /// What was served, in order.
    pub fn served(&self) -> Vec<Served> {
        self.state.0.lock().unwrap().served.clone()
    }

    /// Results of tools that it was given.
    pub fn results(&self) -> Vec<String> {
        self.state.0.lock().unwrap().results.clone()
    }

    /// How many requests are held.
    pub fn held(&self) -> usize {
        self.state.0.lock().unwrap().held
    }

    /// Lets all go on that are held, now and later.
    pub fn open(&self) {
        self.state.0.lock().unwrap().is_open = true;
        self.state.1.notify_all();
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.open();
    }
}

fn answer(plays: &BTreeMap<String, Vec<Step>>, shared: &(Mutex<State>, Condvar), asked: &Asked, stream: &mut TcpStream) {
    let Some(api) = apis::of(asked) else { return respond(stream, "404 Not Found", "Content-Type: application/json\r\n", b"{}") };
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let conversation = api.conversation(asked, &body);
    let next = next_step(plays, shared, &conversation);
    let next = match next {
        Ok(step) => step,
        Err(status) => {
            let head = "Content-Type: application/json\r\nRetry-After: 1\r\n";
            return respond(stream, &format!("{status} Failed"), head, api.failure(status).to_string().as_bytes());
        }
    };
    let (n, tokens) = {
        let mut state = shared.0.lock().unwrap();
        let n = state.served.len() as u64 + 1;
        state.served.push(Served { session: conversation.session.clone(), model: conversation.model.clone(), tokens: Tokens::of(n) });
        (n, Tokens::of(n))
    };
    let answer = match &next {
        Step::Call(tool, input) => Answer::Call(tool, input),
        Step::Say(text) => Answer::Text(text),
        Step::Fail(_) | Step::Hold => Answer::Text("Done."),
    };
    let (kind, text) = api.answer(n, asked, &body, &conversation.model, &answer, tokens);
    respond(stream, "200 OK", &format!("Content-Type: {kind}\r\nRequest-Id: req_{n}\r\n"), text.as_bytes());
}

/// The next step of the play that the newest prompt names, or the status to fail with.
fn next_step(plays: &BTreeMap<String, Vec<Step>>, shared: &(Mutex<State>, Condvar), conversation: &Conversation) -> Result<Step, u16> {
    let (mut play, mut results) = (None, Vec::new());
    for message in &conversation.messages {
        match message {
            Message::Text(text) => {
                let named = text.rsplit_once("[play ").and_then(|(_, rest)| rest.split_once(']'));
                if let Some((name, _)) = named {
                    (play, results) = (Some(name.to_owned()), Vec::new());
                }
            }
            Message::Result(text) => results.push(text.clone()),
        }
    }
    let done = Step::Say("Done.");
    let Some(name) = play.filter(|_| !conversation.tools.is_empty()) else { return Ok(done) };
    let Some(steps) = plays.get(&name) else { return Ok(done) };
    let mut state = shared.0.lock().unwrap();
    if let Some(newest) = results.last() {
        state.results.push(newest.clone());
    }
    let mut left = results.len();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Call(..) if left > 0 => left -= 1,
            Step::Fail(status) if left == 0 && state.failed.insert((conversation.session.clone(), name.clone(), at)) => {
                return Err(*status);
            }
            Step::Hold if left == 0 => {
                state.held += 1;
                let patience = Duration::from_secs(60);
                state = shared.1.wait_timeout_while(state, patience, |state| !state.is_open).unwrap().0;
                state.held -= 1;
            }
            Step::Fail(_) | Step::Hold => {}
            step => return Ok(step.clone()),
        }
    }
    Ok(done)
}
