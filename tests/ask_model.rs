//! The model that may translate questions, on the real binary with a stand-in for an OpenAI-compatible API: what it is asked, what becomes of
//! its answers, and what it cannot do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use common::http::{Asked, Server, respond};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

const KEY: &str = "sk-s3cret-of-the-model";
const QUIET: &str = "[system]\nenabled = false\n[github]\nenabled = false\n[containers]\nenabled = false\n";

/// A door that is opened once.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// The model: what it was asked, and its answers by words of the question.
struct Model {
    server: Server,
    asked: Arc<Mutex<Vec<Value>>>,
    /// Requests that it had at the same time, at the most.
    most: Arc<AtomicUsize>,
    door: Door,
}

fn completion(text: &str) -> Vec<u8> {
    json!({"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})
        .to_string()
        .into_bytes()
}

fn say(question: &str, asked: &Asked, stream: &mut TcpStream) {
    let has = |word: &str| question.contains(word);
    match () {
        () if has("alive") => respond(stream, "200 OK", "", &completion("`how many tasks are open`\n")),
        () if has("gist") => respond(stream, "200 OK", "", &completion("how many tasks are open in Narnia")),
        () if has("flurb answer") => respond(stream, "200 OK", "", &completion("There are 42 tasks.\nAsk me anything!")),
        () if has("nothing alike") => respond(stream, "200 OK", "", &completion("NONE")),
        () if has("echo") => respond(stream, "200 OK", "", &completion(&format!("who is {}", asked.headers["authorization"]))),
        () if has("broken") => {
            respond(stream, "500 Internal Server Error", "", format!("no GPU for {}", asked.headers["authorization"]).as_bytes());
        }
        () if has("garbage") => respond(stream, "200 OK", "", b"<html>it works!</html>"),
        () if has("verbose") => respond(stream, "200 OK", "", &completion(&"word ".repeat(200_000))),
        () if has("elsewhere") => respond(stream, "307 Temporary Redirect", "Location: /moved/chat/completions\r\n", b""),
        () => std::thread::sleep(Duration::from_secs(60)),
    }
}

impl Model {
    fn start() -> Self {
        let (asked, most, door) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<AtomicUsize>::default(), Door::default());
        let (log, highest, opened, now) = (Arc::clone(&asked), Arc::clone(&most), door.clone(), AtomicUsize::new(0));
        let server = Server::start(move |asked, stream| {
            highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            let question = body["messages"][1]["content"].as_str().unwrap().to_owned();
            log.lock().unwrap().push(json!({"path": asked.path, "key": asked.headers.get("authorization"), "body": body}));
            if question.contains("wait") {
                opened.wait();
            }
            now.fetch_sub(1, Ordering::SeqCst);
            say(&question, asked, stream);
        });
        Self { server, asked, most, door }
    }

    fn settings(&self, more: &str) -> String {
        format!("{QUIET}[ask]\nurl = \"{}\"\nmodel = \"small\"\n{more}", self.server.url("/v1"))
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

fn board(folder: &Folder) {
    let task = |id: u32, title: &str, status: &str| json!({"id": id, "title": title, "status": status, "dependencies": []});
    let tasks = json!({"master": {"tasks": [task(1, "Plan the garden", "done"), task(2, "Dig", "pending"), task(3, "Build", "pending")]}});
    std::fs::create_dir_all(folder.path().join(".taskmaster/tasks")).unwrap();
    std::fs::write(folder.path().join(".taskmaster/tasks/tasks.json"), tasks.to_string()).unwrap();
}

fn start(folder: &Folder) -> Service {
    board(folder);
    let service = folder.start_with(&[], &[("TASKPULSE__ASK__API_KEY", KEY)]);
    eventually("the board", || service.data("/api/v1/tasks")["boards"].as_array().filter(|boards| !boards.is_empty()).map(|_| ()));
    service
}

#[test]
fn a_translated_question_is_answered_by_the_grammar_and_says_what_it_was_understood_as() {
    let model = Model::start();
    let folder = Folder::with_settings(&model.settings(""));
    let service = start(&folder);
    let answer = service.ask("is my garden still alive");
    assert_eq!((&answer["understood"], &answer["understood_as"]), (&json!(true), &json!("how many tasks are open")), "{answer}");
    assert_eq!(answer["question"], "is my garden still alive");
    assert!(answer["sentence"].as_str().unwrap().contains("2 of 3 tasks are open"), "{answer}");
    // What it was asked, and with which key.
    let asked = model.asked();
    let (one, system) = (&asked[0], asked[0]["body"]["messages"][0]["content"].as_str().unwrap());
    assert_eq!((&one["path"], &one["key"]), (&json!("/v1/chat/completions"), &json!(format!("Bearer {KEY}"))));
    assert_eq!((&one["body"]["model"], &one["body"]["messages"][1]["content"]), (&json!("small"), &json!("is my garden still alive")));
    assert!(system.contains("how busy is the cpu") && system.contains("task 1: Plan the garden"), "{system}");
    // What the grammar understands, what is not written in words and what is too long stays here.
    let long = "cpu ".repeat(100);
    for question in ["how many tasks are done", "sum(rate(x[5m]))", "<b>alive</b>", &long, " ? "] {
        assert_eq!(service.ask(question)["understood_as"], Value::Null);
    }
    let zone = service.data("/api/v1/ask?q=is+it+alive&tz=Mars%2FBase");
    assert!(zone["sentence"].as_str().unwrap().contains("`Mars/Base` is not known"), "{zone}");
    assert_eq!(model.asked().len(), 1);
}

#[test]
fn what_is_no_translation_is_refused_with_its_reason_and_without_the_key() {
    let model = Model::start();
    let folder = Folder::with_settings(&model.settings("timeout = \"2s\"\n"));
    let service = start(&folder);
    for (question, reason) in [
        ("what is the gist", "The translation of the model, \"how many tasks are open in Narnia\", is not understood either: "),
        ("what does the flurb answer", "its answer has 2 lines, and one question is asked for"),
        ("is there nothing alike", "it found no question of the grammar that means the same"),
        ("please echo", "is not understood either: "),
        ("why is the flurb broken", "it answered with status 500: no GPU for Bearer …"),
        ("is it garbage", "its answer is no chat completion"),
        ("are you verbose", "the answer is longer than"),
        ("go elsewhere", "it answered with status 307"),
        ("hangs", "it did not answer within 2 s"),
    ] {
        let answer = service.ask(question);
        let sentence = answer["sentence"].as_str().unwrap();
        assert_eq!((&answer["understood"], &answer["understood_as"]), (&json!(false), &Value::Null), "{question}: {answer}");
        assert!(sentence.starts_with("Not understood: ") && sentence.contains(reason), "{question}: {sentence}");
        assert_eq!(answer["nearest"].as_array().unwrap().len(), 3, "{answer}");
        assert!(!answer.to_string().contains(KEY), "{answer}");
    }
    assert!(model.asked().iter().all(|one| one["path"] == "/v1/chat/completions"), "redirects are not followed");
    assert!(service.log().contains("it answered with status 500"), "{}", service.log());
    for place in ["/api/v1/status", "/metrics", "/healthz"] {
        assert!(!service.get(place).text().unwrap().contains(KEY), "{place}");
    }
    assert!(!service.log().contains(KEY), "{}", service.log());
}

#[test]
fn one_question_is_translated_at_a_time_and_holds_up_none_that_is_understood() {
    let model = Model::start();
    let folder = Folder::with_settings(&model.settings("timeout = \"15s\"\n"));
    let service = start(&folder);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| service.ask("wait until it is alive"))).collect();
        eventually("the model has a question", || (!model.asked().is_empty()).then_some(()));
        // Three are more than can wait: they are refused while the first one still waits.
        eventually("the queue is full", || (waiting.iter().filter(|one| one.is_finished()).count() == 3).then_some(()));
        assert!(service.ask("how many tasks are open")["sentence"].as_str().unwrap().contains("2 of 3"));
        model.door.open();
        let answers: Vec<Value> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
        let busy = |answer: &&Value| answer["sentence"].as_str().unwrap().contains("5 questions wait for it already");
        assert_eq!(answers.iter().filter(busy).count(), 3, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer["understood"] == true).count(), 5, "{answers:?}");
    });
    assert_eq!((model.most.load(Ordering::SeqCst), model.asked().len()), (1, 5));
}

#[test]
fn the_model_is_asked_only_where_it_is_set_and_so_many_times_a_minute() {
    let model = Model::start();
    let folder = Folder::with_settings(&model.settings("per_minute = 2\napi_key_file = \"key\"\n"));
    board(&folder);
    std::fs::write(folder.path().join("key"), "sk-of-a-file\n").unwrap();
    let service = folder.start();
    let answers: Vec<Value> = (0..3).map(|_| service.ask("is my garden alive")).collect();
    assert_eq!(answers[1]["understood_as"], "how many tasks are open", "{answers:?}");
    assert!(answers[2]["sentence"].as_str().unwrap().contains("it was asked 2 times within a minute"), "{answers:?}");
    assert_eq!((&model.asked()[0]["key"], model.asked().len()), (&json!("Bearer sk-of-a-file"), 2));
    drop(service);
    let service = folder.start_with(&["--no-advanced"], &[]);
    assert!(!service.ask("is my garden alive")["sentence"].as_str().unwrap().contains("model"));
    drop(service);
    folder.settings(QUIET);
    let service = folder.start();
    assert!(!service.ask("is my garden alive")["sentence"].as_str().unwrap().contains("model"));
    assert_eq!(model.asked().len(), 2);
}
