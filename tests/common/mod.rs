//! The real binary on a free port and in a folder of its own, driven through its public outputs.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod disk;
pub mod github;
pub mod http;
pub mod otlp;
pub mod peer;
#[path = "../../benches/process/mod.rs"]
pub mod process;
pub mod receiver;
pub mod remote;
pub mod weeks;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

pub const BINARY: &str = env!("CARGO_BIN_EXE_taskpulse");

/// Polls until something is there; the deadline is far beyond what a loaded machine needs.
pub fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(60), what, &mut poll)
}

pub fn within<T>(limit: Duration, what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// The JSON of an answer that must be a success.
pub fn json_of(response: Response) -> Value {
    let (status, text) = (response.status(), response.text().unwrap());
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A source that counts: its sample grows by one each second, so a lost sample leaves a gap. A run that is
/// cut off for its time prints its number again at the next one.
pub const COUNTER: &str = "[commands.run.counter]
command = \"n=$(($(cat counter 2>/dev/null || echo 0) + 1)); echo counted $n; echo $n > counter\"
interval = \"1s\"
timeout = \"1s\"
";

/// A folder that services run in, one after the other.
pub struct Folder {
    dir: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn with_settings(text: &str) -> Self {
        let folder = Self::new();
        folder.settings(text);
        folder
    }

    pub fn settings(&self, text: &str) {
        fs::write(self.path().join("Settings.toml"), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts a recorded board in place, as Task Master does: each file written beside and renamed.
    pub fn board(&self, snapshot: &str) {
        let from = recorded(snapshot);
        let to = self.path().join(".taskmaster");
        fs::create_dir_all(to.join("tasks")).unwrap();
        for file in ["state.json", "tasks/tasks.json"] {
            replace(&to.join(file), &fs::read(from.join(file)).unwrap());
        }
    }

    /// Writes a board with this number of pending tasks.
    pub fn pending_tasks(&self, count: usize) {
        let tasks: Vec<Value> = (1..=count).map(|id| json!({"id": id, "title": format!("task {id}"), "status": "pending"})).collect();
        fs::create_dir_all(self.path().join(".taskmaster/tasks")).unwrap();
        replace(&self.path().join(".taskmaster/tasks/tasks.json"), json!({"master": {"tasks": tasks}}).to_string().as_bytes());
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.current_dir(self.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TASKPULSE__") || name == "FAILPOINTS") {
            command.env_remove(name);
        }
        command
    }

    pub fn start(&self) -> Service {
        self.start_with(&[], &[])
    }

    pub fn start_with(&self, args: &[&str], env: &[(&str, &str)]) -> Service {
        let mut command = self.command();
        command.args(["--port", "0", "--no-browser"]).args(args).envs(env.iter().copied());
        Service::spawn(command)
    }

    /// Starts it as systemd does: with a socket for notifications, and a watchdog that names the process.
    pub fn start_under_systemd(&self, socket: &Path, watchdog_us: u32, env: &[(&str, &str)]) -> Service {
        let plain = self.command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("WATCHDOG_PID=$$ exec {BINARY} --port 0 --no-browser")]).current_dir(self.path()).stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            if value.is_none() {
                command.env_remove(name);
            }
        }
        command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", watchdog_us.to_string()).envs(env.iter().copied());
        Service::spawn(command)
    }

    /// Runs to the end; exit code and what was printed.
    pub fn run(&self, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
        let output = self.command().args(args).envs(env.iter().copied()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), text)
    }
}

pub fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/taskmaster").join(name)
}

pub fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("tmp");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

/// A running service; killed when dropped.
pub struct Service {
    child: Child,
    pub port: u16,
    log: Arc<Mutex<String>>,
    pub client: Client,
}

impl Service {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<Mutex<String>> = Arc::default();
        let stderr = child.stderr.take().unwrap();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let port = within(Duration::from_secs(60), "the service says where it listens", || {
            let text = log.lock().unwrap().clone();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the service ended ({status}):\n{text}");
            }
            let at = text.find(" on http://")?;
            text[at + 11..].split(|c: char| c.is_whitespace() || c == ',').next()?.rsplit(':').next()?.parse().ok()
        });
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            // A kept connection may end while a test stops the service.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .no_proxy()
            .build()
            .unwrap();
        Self { child, port, log, client }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().unwrap()
    }

    /// The `data` of a successful answer.
    pub fn data(&self, path: &str) -> Value {
        let response = self.get(path);
        let status = response.status();
        let mut body: Value = response.json().unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body["data"].take()
    }

    /// The answer to a question in plain words.
    pub fn ask(&self, question: &str) -> Value {
        let response = self.client.get(self.url("/api/v1/ask")).query(&[("q", question), ("tz", "UTC")]).send().unwrap();
        let status = response.status();
        let mut body: Value = response.json().unwrap();
        assert_eq!(status, 200, "{question}: {body}");
        body["data"].take()
    }

    pub fn status(&self) -> Value {
        self.data("/api/v1/status")
    }

    /// A source of the status; none before it reported.
    pub fn source(&self, name: &str) -> Option<Value> {
        self.status()["sources"].as_array().unwrap().iter().find(|source| source["source"] == name).cloned()
    }

    /// Asks with parameters, which are escaped.
    pub fn get_with(&self, path: &str, query: &[(&str, &str)]) -> Response {
        self.client.get(self.url(path)).query(query).send().unwrap()
    }

    /// Result of an instant query.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let response = self.client.get(self.url("/api/v1/query")).query(&[("query", query)]).send().unwrap();
        let body: Value = response.json().unwrap();
        body["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {body}")).clone()
    }

    /// All samples of the one series that a selector with a range names.
    pub fn samples(&self, query: &str) -> Vec<(f64, f64)> {
        let number = |v: &Value| v.as_str().unwrap().parse::<f64>().unwrap();
        let result = self.query(query);
        assert!(result.len() <= 1, "{query} names {} series", result.len());
        result.iter().flat_map(|r| r["values"].as_array().unwrap().iter().map(|v| (v[0].as_f64().unwrap(), number(&v[1])))).collect()
    }

    /// Waits for this number of further samples of [`COUNTER`]; from the first to the last none may be missing.
    pub fn counts_without_a_gap(&self, more: usize) {
        let counted = || self.samples("counted[1h]").iter().map(|sample| sample.1).collect::<Vec<f64>>();
        let before = counted().len();
        let counted = eventually("the count continues", || Some(counted()).filter(|values| values.len() >= before + more));
        let gaps: Vec<&[f64]> = counted.windows(2).filter(|pair| ![0.0, 1.0].contains(&(pair[1] - pair[0]))).collect();
        assert!(gaps.is_empty() && counted[0] == 1.0, "from {}, gaps {gaps:?}", counted[0]);
    }

    /// Every metric that it keeps must stand in the table of `docs/METRICS.md`, and no collection may give a series twice.
    pub fn metrics_are_documented(&self) {
        let dropped = self.status()["pipeline"]["dropped"].as_object().unwrap().clone();
        assert!(dropped.keys().all(|reason| !reason.ends_with("/repeated")), "{dropped:?}");
        let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md")).unwrap();
        let names = self.data("/api/v1/label/__name__/values").as_array().unwrap().clone();
        assert!(names.len() > 5, "{names:?}");
        for name in names {
            let name = name.as_str().unwrap();
            assert!(table.contains(&format!("| `{name}` |")), "{name} is not in docs/METRICS.md");
        }
    }

    /// The address of a script or style of the dashboard, which has a hash in its name: `style` leads to `/assets/style-3f2a9c01.css`.
    pub fn asset(&self, stem: &str) -> String {
        let page = self.client.get(self.url("/login")).send().unwrap().text().unwrap();
        let start = format!("/assets/{stem}-");
        page.split('"').find(|part| part.starts_with(&start)).unwrap_or_else(|| panic!("no {stem} in {page}")).to_owned()
    }

    /// Method and path of every route: the pages, and all operations of the API's document with something in place of their
    /// parameters.
    pub fn routes(&self, token: &str) -> Vec<(Method, String)> {
        let document: Value = self.client.get(self.url("/api/v1/openapi.json")).bearer_auth(token).send().unwrap().json().unwrap();
        let pages = ["/", "/login", "/ws", "/assets/none.js", "/favicon.ico", "/none", "/api/v1/none", "/hooks/none"];
        let mut routes: Vec<_> = pages.map(|path| (Method::GET, path.to_owned())).to_vec();
        routes.extend([(Method::POST, "/login".to_owned()), (Method::POST, "/logout".to_owned())]);
        for (path, operations) in document["paths"].as_object().unwrap() {
            let path = path.split('{').map(|part| part.split_once('}').map_or_else(|| part.to_owned(), |(_, rest)| format!("none{rest}")));
            let path = path.collect::<String>();
            let methods = operations.as_object().unwrap().keys().filter_map(|name| Method::from_bytes(name.to_uppercase().as_bytes()).ok());
            routes.extend(methods.map(|method| (method, path.clone())));
        }
        assert!(routes.len() > 40, "{routes:?}");
        routes
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap().success());
    }

    /// Stops it in order; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait().code()
    }

    pub fn wait(&mut self) -> ExitStatus {
        within(Duration::from_secs(30), "the service ends", || self.child.try_wait().unwrap())
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn socket(&self) -> Socket {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let handle = stream.try_clone().unwrap();
        // On a busy machine the handshake takes longer than what a message is waited for.
        handle.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{}/ws", self.port), stream).unwrap();
        handle.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Socket(socket)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the service ---\n{}", self.log());
        }
    }
}

/// A client of the live stream.
pub struct Socket(pub WebSocket<TcpStream>);

impl Socket {
    pub fn send(&mut self, value: &Value) {
        self.0.send(Message::text(value.to_string())).unwrap();
    }

    pub fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next frame, if one comes within the read timeout.
    pub fn next(&mut self) -> Option<Message> {
        match self.0.read() {
            Ok(message) => Some(message),
            Err(tungstenite::Error::Io(error)) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                None
            }
            Err(error) => panic!("socket: {error}"),
        }
    }

    /// The next JSON frame for which `wanted` holds.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let Message::Text(text) = self.next()? else { return None };
            let value: Value = serde_json::from_str(&text).unwrap();
            wanted(&value).then_some(value)
        })
    }
}
