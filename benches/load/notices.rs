//! How long it takes from a sample that breaks a rule until a local webhook has the notice, alone and beside many samples being written.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::client::{Http, packed, push_series};
use crate::server::{Server, ServerKind};
use crate::workload::{Shape, write};
use crate::{Outcome, Table, now_ms, percentile};

/// Samples that break the rule, each of a series of its own.
const TRIES: usize = 200;

/// Samples a second that are written beside.
const RATE: f64 = 1e6;

/// What the webhook got: the number of the series, and when.
type Arrival = (usize, Instant);

/// Measures both, and adds what was written beside.
pub fn measure(shape: &Shape, table: &mut Table) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let receiver = TcpListener::bind("127.0.0.1:0")?;
    settings(dir.path(), receiver.local_addr()?.port())?;
    let (sender, arrivals) = channel();
    thread::spawn(move || receive(&receiver, &sender));
    let server = Server::start(ServerKind::Taskpulse, dir.path())?;
    put(table, "sample → notice, alone", delays(server.port, 0, &arrivals)?);
    let (port, over) = (server.port, AtomicBool::new(false));
    let (times, rate) = thread::scope(|scope| -> Outcome<_> {
        let writing = scope.spawn(|| {
            let begun = Instant::now();
            let written = write(port, shape, Some(RATE));
            over.store(true, Ordering::Relaxed);
            written.map(|_| shape.samples() / begun.elapsed().as_secs_f64())
        });
        thread::sleep(Duration::from_secs(2));
        let times = delays(port, TRIES, &arrivals)?;
        if over.load(Ordering::Relaxed) {
            return Err("all was written before the last notice came: ask for more --hours".into());
        }
        Ok((times, writing.join().map_err(|_| "a writer panicked")??))
    })?;
    put(table, &format!("sample → notice, beside {:.2} M samples a second", rate / 1e6), times);
    Ok(())
}

fn put(table: &mut Table, name: &str, mut times: Vec<f64>) {
    let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|part| percentile(&mut times, part));
    table.put(&format!("{name}, p50 / p99 / longest, ms"), format!("{p50:.0} / {p99:.0} / {longest:.0}"));
}

/// A group for each series, or all but the first would wait for `group_interval`; else what ships.
fn settings(dir: &Path, port: u16) -> Outcome<()> {
    let text = format!(
        "[notify]\ngroup_by = [\"alertname\", \"number\"]\n\n[notify.channels.bench]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nper_minute = 0\n\n\
         [alerts.rules.load_notice]\nexpr = \"load_notice > 100\"\nseverity = \"error\"\n"
    );
    Ok(fs::write(dir.join("Settings.toml"), text)?)
}

/// Writes samples that break the rule; milliseconds from each until its notice is there.
fn delays(port: u16, first: usize, arrivals: &Receiver<Arrival>) -> Outcome<Vec<f64>> {
    let mut writer = Http::connect(port)?;
    let mut times = Vec::with_capacity(TRIES);
    for number in first..first + TRIES {
        let mut request = Vec::new();
        let labels = packed(&[("__name__", "load_notice"), ("number", &number.to_string())]);
        push_series(&mut request, &labels, now_ms(), 101.0);
        let begun = Instant::now();
        writer.write(&request)?;
        let arrived = loop {
            let (which, at) = arrivals.recv_timeout(Duration::from_secs(30)).map_err(|_| format!("no notice of series {number}"))?;
            if which == number {
                break at;
            }
        };
        times.push(arrived.duration_since(begun).as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Answers deliveries until the program ends.
fn receive(listener: &TcpListener, arrivals: &Sender<Arrival>) {
    for stream in listener.incoming().flatten() {
        let arrivals = arrivals.clone();
        thread::spawn(move || while delivery(&stream, &arrivals).is_some() {});
    }
}

/// One request, with a body of known length.
fn delivery(stream: &TcpStream, arrivals: &Sender<Arrival>) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let at = Instant::now();
    writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    let notice: serde_json::Value = serde_json::from_slice(&body).ok()?;
    for alert in notice["alerts"].as_array().into_iter().flatten().filter(|alert| alert["status"] == "firing") {
        if let Some(number) = alert["labels"]["number"].as_str().and_then(|text| text.parse().ok()) {
            arrivals.send((number, at)).ok()?;
        }
    }
    Some(())
}
