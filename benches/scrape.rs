//! What scraping costs: so many targets with so many series each, from Prometheus text over HTTP to the journal.
//!
//! `cargo bench --bench scrape` has 50 targets of 1,000 series, scraped every 10 s for a minute (`--targets`, `--series`,
//! `--seconds`). The targets are served by this program; half of their values move between scrapes. CPU is the service's own,
//! from `/proc/PID/stat`.

mod process;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{cpu_seconds, listening_port, status};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SETTLE: Duration = Duration::from_secs(25);

/// A target's text: counters by method and code, gauges by device, a help and a type for every ten series.
fn exposition(series: usize, scrape: usize) -> String {
    let mut out = String::with_capacity(series * 80);
    for n in 0..series {
        let (family, member) = (n / 10, n % 10);
        let counter = family % 2 == 0;
        if member == 0 {
            let kind = if counter { "counter" } else { "gauge" };
            let _ = writeln!(out, "# HELP app_family_{family} Something that is measured here.\n# TYPE app_family_{family} {kind}");
        }
        let _ = if counter {
            writeln!(
                out,
                "app_family_{family}{{method=\"get\",code=\"{}\",handler=\"/api/v{member}\"}} {}",
                200 + member,
                n * 17 + scrape * 3
            )
        } else {
            writeln!(out, "app_family_{family}{{device=\"disk{member}\",mode=\"idle\"}} {}.{:02}", n, (scrape * 7 + n) % 100)
        };
    }
    out
}

fn serve(stream: TcpStream, series: usize) -> Outcome<()> {
    let mut stream = BufReader::new(stream);
    for scrape in 0.. {
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let body = exposition(series, scrape);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body.as_bytes())?;
    }
    Ok(())
}

/// What a query of one value comes to.
fn value(port: u16, query: &str) -> Outcome<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET /api/v1/query?query={query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let json: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").ok_or("no body")?.1)?;
    let text = json["data"]["result"][0]["value"][1].as_str().ok_or_else(|| format!("{query}: {json}"))?;
    Ok(text.parse()?)
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let number =
        |key: &str, usual: usize| args.iter().position(|a| a == key).and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(usual);
    let (targets, series, seconds) = (number("--targets", 50), number("--series", 1_000), number("--seconds", 60));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream, series).map_err(|error| error.to_string()));
        }
    });
    let folder = tempfile::tempdir()?;
    let mut settings = String::from("[system]\nenabled = false\n[taskmaster]\nenabled = false\n");
    for target in 0..targets {
        let _ = writeln!(
            settings,
            "[scrape.targets.app{target}]\nurl = \"http://{address}/{target}\"\ninterval = \"10s\"\nlabels = {{ shard = \"{target}\" }}"
        );
    }
    fs::write(folder.path().join("Settings.toml"), settings)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskpulse"));
    command.current_dir(folder.path()).args(["--port", "0", "--no-browser"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    thread::sleep(SETTLE);
    let port = listening_port(child.id()).ok_or("the service does not listen")?;
    let (begun, before) = (Instant::now(), cpu_seconds(child.id())?);
    thread::sleep(Duration::from_secs(seconds as u64));
    let share = (cpu_seconds(child.id())? - before) / begun.elapsed().as_secs_f64();
    let resident = status(child.id(), "VmRSS")? / 1_024.0;
    let (up, scraped) = (value(port, "sum(up)")?, value(port, "sum(scrape_samples_post_metric_relabeling)")? / 10.0);
    child.kill()?;
    child.wait()?;
    println!("| targets × series, every 10 s | up | samples kept a second | CPU, % of one core | resident, MiB |");
    println!("|---|---|---|---|---|");
    println!("| {targets} × {series} | {up} | {scraped:.0} | {:.1} | {resident:.0} |", share * 100.0);
    Ok(())
}
