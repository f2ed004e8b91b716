//! What spans cost: taken in durably, on the disk, in memory, and found again.
//!
//! ```sh
//! cargo bench -p taskpulse-engine --bench traces                        # 10 million spans over 20 hours, 8 services
//! cargo bench -p taskpulse-engine --bench traces -- --spans 1000000
//! ```
//!
//! The spans are deterministic (`workload`). They are given to the store as the actor does: a request of 512 spans, made durable alone,
//! and seals on a thread of their own; files are merged at times and at the end. CPU time is that of the process without the making
//! of the spans. Traces are looked for in a store that was opened anew, so that nothing of its own is in memory; the kernel may have
//! the files.

#[path = "../measure/mod.rs"]
mod measure;
mod workload;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taskpulse_engine::span_store::TraceReader;
use taskpulse_engine::store::{StoreOptions, StoreWriter};

use measure::{MIB, Outcome, ask, disk_bytes, process_cpu, status, thread_cpu};
use workload::{BEGIN_NS, HOUR_NS, HOURS, SERVICES, Workload};

/// Traces that are looked for.
const LOOKED_FOR: usize = 200;
/// Times that other questions are asked; the median counts.
const ASKED: usize = 5;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|a| a == "--spans").and_then(|at| arguments.get(at + 1));
    let spans: u64 = given.map_or(Ok(10_000_000), |text| text.parse())?;
    let (dir, now) = (tempfile::tempdir()?, BEGIN_NS / 1_000_000 + 86_400_000);
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), now)?;
    let traces = write(&store, spans, now)?;
    let folder = dir.path().join("traces");
    let on_disk = |what: &str| {
        let bytes = disk_bytes(&folder);
        println!("{what}: {:.1} MiB, {:.1} bytes a span", bytes as f64 / MIB, bytes as f64 / spans as f64);
    };
    on_disk("on the disk");
    look_for(&store.traces(), &traces, "before all is merged")?;
    while store.span_writer().compact(now + 2 * 86_400_000)?.is_some() {}
    on_disk("after merges");
    println!("{:?}", store.traces().status());
    drop(store);
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), now)?;
    let reader = store.traces();
    look_for(&reader, &traces, "after a start")?;
    let hour = BEGIN_NS + 7 * HOUR_NS..BEGIN_NS + 8 * HOUR_NS;
    ask("spans of a service of an hour, all", ASKED, || scan(&reader, hour.clone(), usize::MAX))?;
    ask("spans of a service of an hour, newest 100", ASKED, || scan(&reader, hour.clone(), 100))?;
    ask("services of all hours", ASKED, || Ok(format!("{} services", reader.services(BEGIN_NS..BEGIN_NS + HOURS * HOUR_NS)?.len())))?;
    println!("peak resident, with the making of the spans: {:.0} MiB", status("VmHWM")?);
    Ok(())
}

/// Writes all spans; gives some of the traces.
fn write(store: &StoreWriter, spans: u64, now: i64) -> Outcome<Vec<[u8; 16]>> {
    let writer = Arc::new(store.span_writer());
    let done = Arc::new(AtomicBool::new(false));
    let sealing = std::thread::spawn({
        let (writer, done) = (Arc::clone(&writer), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Relaxed) {
                if writer.head_is_over() {
                    let sealed = writer.seal().and_then(|_| writer.compact(now - 86_400_000));
                    sealed.err().into_iter().for_each(|error| eprintln!("a seal or a merge failed: {error}"));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let mut workload = Workload::new(spans);
    let (mut beside, mut accepted, mut resident) = (Duration::ZERO, 0, 0f64);
    let (begun, cpu) = (Instant::now(), process_cpu()?);
    for number in 0.. {
        let before = thread_cpu()?;
        let Some(request) = workload.request() else { break };
        beside += thread_cpu()? - before;
        accepted += writer.append(&request, now)?.0.accepted;
        writer.commit()?;
        if number % 64 == 0 {
            resident = resident.max(status("VmRSS")?);
        }
    }
    done.store(true, Ordering::Relaxed);
    sealing.join().map_err(|_| "the thread that seals panicked")?;
    writer.seal()?;
    let cost = (process_cpu()? - cpu).saturating_sub(beside).as_secs_f64();
    let mb = workload.bytes as f64 / 1e6;
    println!("{accepted} spans, {mb:.0} MB of ids, names and attributes in {:.1} s", begun.elapsed().as_secs_f64());
    println!("accepted per CPU second, durable and sealed: {:.0} spans, {:.1} MB", accepted as f64 / cost, mb / cost);
    println!("highest resident seen while writing: {resident:.0} MiB");
    Ok(workload.traces)
}

fn look_for(reader: &TraceReader, traces: &[[u8; 16]], when: &str) -> Outcome<()> {
    let (mut times, mut spans) = (Vec::new(), 0);
    let step = (traces.len() / LOOKED_FOR).max(1);
    for id in traces.iter().step_by(step).take(LOOKED_FOR) {
        let begun = Instant::now();
        let found = reader.trace(*id, None)?.spans.len();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if found == 0 {
            return Err("a trace is not there".into());
        }
        spans += found;
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let each = spans as f64 / times.len() as f64;
    println!("a trace by id {when}: p50 {:.2} ms, p99 {:.2} ms, {each:.1} spans each, {} traces", at(0.5), at(0.99), times.len());
    Ok(())
}

fn scan(reader: &TraceReader, hour: std::ops::Range<i64>, limit: usize) -> Outcome<String> {
    let mut found = 0;
    reader.scan(hour, Some(&|service| service == SERVICES[2]), true, None, |_| {
        found += 1;
        if found >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(format!("{found} spans"))
}
