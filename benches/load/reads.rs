//! What people ask of history, at random moments of it: how long each kind of question takes, and how far a heavy one holds
//! up what may not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::client::{Http, Random, packed, push_series};
use crate::server::Server;
use crate::workload::{Shape, metric};
use crate::{Outcome, Table, now_ms, percentile};

const HOUR: i64 = 3_600_000;

/// A question: PromQL, and a range with its step where it is not about one instant.
struct Question {
    query: String,
    end: i64,
    range: Option<(i64, i64)>,
}

/// The kinds of question by name, each made from the workload and chance.
type Kinds = [(&'static str, fn(&Shape, &mut Random) -> Question); 7];

fn host(shape: &Shape, random: &mut Random) -> String {
    format!("host=\"host-{:05}\"", random.next() as usize % shape.hosts)
}

/// A moment with so much history before it, as far as there is so much.
fn moment(shape: &Shape, random: &mut Random, before: i64) -> i64 {
    let span = (shape.steps * shape.interval_ms - before).max(1);
    shape.end_ms - (random.next() % span as u64) as i64
}

fn one_of(random: &mut Random, from: usize, count: usize) -> String {
    metric(from + random.next() as usize % count)
}

const KINDS: Kinds = [
    ("one host's 20 last values", |shape, random| Question {
        query: format!("{{{}}}", host(shape, random)),
        end: moment(shape, random, HOUR / 6),
        range: None,
    }),
    ("one series, 1 h raw", |shape, random| Question {
        query: format!("{}{{{}}}", one_of(random, 0, 20), host(shape, random)),
        end: moment(shape, random, HOUR),
        range: Some((HOUR, shape.interval_ms)),
    }),
    ("one series, 1 h as a matrix", |shape, random| Question {
        query: format!("{}{{{}}}[1h]", one_of(random, 0, 20), host(shape, random)),
        end: moment(shape, random, HOUR),
        range: None,
    }),
    ("one series, 24 h at 1 m average", |shape, random| Question {
        query: format!("avg_over_time({}{{{}}}[1m])", one_of(random, 0, 8), host(shape, random)),
        end: shape.end_ms,
        range: Some((24 * HOUR, 60_000)),
    }),
    ("max by host, 6 h at 5 m", |shape, random| Question {
        query: format!("max by (host) ({})", one_of(random, 0, 8)),
        end: moment(shape, random, 6 * HOUR),
        range: Some((6 * HOUR, 300_000)),
    }),
    ("top 5 of rate over all hosts", |shape, random| Question {
        query: format!("topk(5, rate({}[5m]))", one_of(random, 8, 5)),
        end: moment(shape, random, HOUR / 6),
        range: None,
    }),
    ("p95 per hour over 24 h", |shape, random| Question {
        query: format!("quantile_over_time(0.95, {}{{{}}}[1h])", one_of(random, 18, 2), host(shape, random)),
        end: shape.end_ms,
        range: Some((24 * HOUR, HOUR)),
    }),
];

/// Asks each kind of question `times` times; median and 95th percentile in milliseconds into the table.
pub fn measure(server: &Server, shape: &Shape, times: usize, label: &str, table: &mut Table) -> Outcome<()> {
    let mut http = Http::connect(server.port)?;
    for (name, make) in KINDS {
        let mut random = Random(11);
        let mut taken = Vec::new();
        for _ in 0..times {
            let question = make(shape, &mut random);
            let begun = Instant::now();
            let answer = match question.range {
                Some((range, step)) => http.query_range(&question.query, question.end - range, question.end, step)?,
                None => http.query(&question.query, question.end)?,
            };
            taken.push(begun.elapsed().as_secs_f64() * 1e3);
            if answer["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                return Err(format!("{name}: no answer to {}", question.query).into());
            }
        }
        let (p50, p95) = (percentile(&mut taken, 0.5), percentile(&mut taken, 0.95));
        table.put(&format!("{name}{label}, p50 / p95, ms"), format!("{p50:.2} / {p95:.2}"));
    }
    Ok(())
}

/// How long single samples take to be acknowledged and streamed, with nothing else going on and while two clients ask heavy
/// questions all the time: the 99th percentile and the longest.
pub fn disturbed(server: &Server, shape: &Shape, table: &mut Table) -> Outcome<()> {
    let calm = acknowledged(server.port, 300)?;
    let done = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| -> Outcome<_> {
        let ask = || -> Outcome<usize> {
            let (mut http, mut asked) = (Http::connect(server.port)?, 0);
            while !done.load(Ordering::Relaxed) {
                let query = "quantile by (role) (0.9, quantile_over_time(0.5, load_latency_18_seconds[1h]))";
                http.query_range(query, shape.end_ms - 12 * HOUR, shape.end_ms, 120_000)?;
                asked += 1;
            }
            Ok(asked)
        };
        let clients = [scope.spawn(ask), scope.spawn(ask)];
        std::thread::sleep(Duration::from_millis(500));
        let busy = acknowledged(server.port, 300);
        done.store(true, Ordering::Relaxed);
        let mut asked = 0;
        for client in clients {
            asked += client.join().map_err(|_| "a client panicked")??;
        }
        Ok((busy?, asked))
    })?;
    let (busy, asked) = asked;
    let shown = |(acked, seen): ([f64; 2], [f64; 2])| format!("{:.1} / {:.1}, {:.1} / {:.1}", acked[0], acked[1], seen[0], seen[1]);
    table.put("alone: acknowledged, then in the live stream, p99 / longest, ms", shown(calm));
    table.put(&format!("beside heavy queries ({asked} answered)"), shown(busy));
    Ok(())
}

/// Writes single samples; milliseconds until each is acknowledged, and until the live stream shows it: 99th percentile and longest.
fn acknowledged(port: u16, tries: usize) -> Outcome<([f64; 2], [f64; 2])> {
    let mut writer = Http::connect(port)?;
    let (mut stream, _) = tungstenite::connect(format!("ws://127.0.0.1:{port}/ws"))?;
    stream.send(Message::text(r#"{"op":"subscribe","id":1,"topic":"samples","match":["load_beside"]}"#))?;
    let labels = packed(&[("__name__", "load_beside")]);
    let (mut acked, mut seen) = (Vec::new(), Vec::new());
    for number in 1..=tries {
        let (now, begun) = (now_ms(), Instant::now());
        let mut request = Vec::new();
        push_series(&mut request, &labels, now, number as f64);
        writer.write(&request)?;
        acked.push(begun.elapsed().as_secs_f64() * 1e3);
        let wanted = format!("\"{number}\"]");
        while !matches!(stream.read()?, Message::Text(text) if text.contains(&wanted)) {}
        seen.push(begun.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(5));
    }
    let of = |times: &mut Vec<f64>| [percentile(times, 0.99), percentile(times, 1.0)];
    Ok((of(&mut acked), of(&mut seen)))
}
