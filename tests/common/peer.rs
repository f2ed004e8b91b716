//! Other programs that tests measure the service by, and ports that no two tests can get at once.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use reqwest::blocking::Client;

use super::eventually;

/// Skips a test because a program or a privilege is missing. With CI set it fails, since nobody reads there what was skipped.
pub fn missing_peer(what: &str) {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    assert!(!in_ci, "{what}; with CI set no test is skipped for that, ./test.sh installs what is needed");
    eprintln!("skipped: {what}");
}

/// A program that ends with the test that started it.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Prometheus that takes remote writes, with a data directory of its own.
pub struct Prometheus {
    pub url: String,
    _program: Running,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    /// One that is ready; none where it is not installed. It keeps to `settings`, which name the file of `rules` `rules.yml`.
    pub fn start(client: &Client, settings: &str, rules: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("prometheus.yml");
        std::fs::write(dir.path().join("rules.yml"), rules).unwrap();
        std::fs::write(&config, settings).unwrap();
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let port = port_of(child.stderr.take().unwrap(), "\"Listening on\"");
        let this = Self { url: format!("http://127.0.0.1:{port}"), _program: Running(child), _dir: dir };
        eventually("prometheus is ready", || {
            client.get(format!("{}/-/ready", this.url)).send().is_ok_and(|answer| answer.status().is_success()).then_some(())
        });
        Some(this)
    }
}

/// The folder of the programs of a Python environment below `target/` that has some packages; none where it cannot be had, with the
/// reason printed.
pub fn python_environment(name: &str, packages: &[&str], module: &str) -> Option<PathBuf> {
    // Two tests of one file may want the same one at once.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let programs = home.join("bin");
    let python = programs.join("python");
    let has = || Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if has().is_ok_and(|done| done.status.success()) {
        return Some(programs);
    }
    let run = |command: &mut Command| match command.output() {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(format!("{command:?}: {}: {}{}", done.status, text(&done.stdout), text(&done.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    };
    let installed = run(Command::new("python3").args(["-m", "venv"]).arg(&home))
        .and_then(|()| run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages)));
    let Err(why) = installed else { return Some(programs) };
    missing_peer(&format!("{module} for Python cannot be installed: {why}"));
    None
}

/// A program of an npm package, below `target/`; none where npm cannot install it, with the reason printed.
pub fn npm_program(package: &str, program: &str, more: &[&str]) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package.trim_start_matches('@').replace(['/', '@'], "-"));
    let binary = home.join("node_modules/.bin").join(program);
    if !binary.exists() {
        std::fs::create_dir_all(&home).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund"]).args(more).arg("--prefix").arg(&home).arg(package);
        let _ = npm.stdin(Stdio::null()).stdout(Stdio::null()).status();
    }
    if binary.exists() {
        return Some(binary);
    }
    missing_peer(&format!("npm cannot install {package}"));
    None
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The port that a program was given, from the first line with `marker` that it prints. Reads on, so that the program never
/// waits for a reader.
pub fn port_of(output: impl Read + Send + 'static, marker: &'static str) -> u16 {
    let (sender, port) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, place)) = line.split_once(marker) {
                let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
                let _ = place.split(':').skip(1).find_map(digits).map(|port: u16| sender.send(port));
            }
        }
    });
    port.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("no line with a port after `{marker}`"))
}

/// An address where nobody listens, and where nobody else can begin to while this is held.
pub struct ClosedPort {
    address: SocketAddr,
    _connection: (TcpStream, TcpStream),
}

impl ClosedPort {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        Self { address: client.local_addr().unwrap(), _connection: (client, server) }
    }
}

impl ClosedPort {
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl std::fmt::Display for ClosedPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(f)
    }
}
