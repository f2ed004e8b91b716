//! What log lines cost: taken in durably, on the disk, in memory, and found again. Against `zstd -3` of the same text.
//!
//! ```sh
//! cargo bench -p taskpulse-engine --bench logs                  # 1 GiB of text over one hour, 18 streams
//! cargo bench -p taskpulse-engine --bench logs -- --mib 64
//! ```
//!
//! The text is deterministic (`workload`): half of it JSON of services with ids that nothing compresses, a quarter events of coding agents
//! whose content is attributes, a quarter access logs. It is given to the store as the actor does: a request of 1,000 lines, made durable
//! alone, and seals on a thread of their own. CPU time is that of the process without the making of the text.

#[path = "../measure/mod.rs"]
mod measure;
mod workload;

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taskpulse_engine::logs::logql::{Bounds, MetricRequest, Query, metric};
use taskpulse_engine::logs::store::LogReader;
use taskpulse_engine::logs::templates::{Miner, Notes};
use taskpulse_engine::logs::{Direction, Filter, Order, Source};
use taskpulse_engine::promql::Answer;
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::store::{StoreOptions, StoreWriter};

use measure::{MIB, Outcome, ask, disk_bytes, process_cpu, status, thread_cpu};
use workload::{BEGIN_NS, COMMON, HOUR_NS, RARE, Workload};

/// Times that each question is asked; the median counts.
const ASKED: usize = 9;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let mib = arguments.iter().position(|a| a == "--mib").and_then(|at| arguments.get(at + 1)).map_or(Ok(1_024), |text| text.parse())?;
    let (dir, now) = (tempfile::tempdir()?, BEGIN_NS / 1_000_000);
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), now)?;
    let (text, compressed) = write(&store, mib * (1 << 20), now)?;
    let logs = dir.path().join("logs");
    let disk = disk_bytes(&logs);
    println!("on the disk: {:.1} MiB, {:.4} of the text", disk as f64 / MIB, disk as f64 / text as f64);
    println!(
        "zstd -3 of the text: {:.1} MiB, {:.4}; the store has {:.3} of it",
        compressed as f64 / MIB,
        compressed as f64 / text as f64,
        disk as f64 / compressed as f64
    );
    while store.log_writer().compact(now + 2 * 86_400_000)?.is_some() {}
    println!("after merges: {:.1} MiB", disk_bytes(&logs) as f64 / MIB);
    let reader = store.logs();
    println!("{:?}", reader.status());
    ask("a rare word", ASKED, || find(&reader, RARE, Order::ByTime(Direction::Backward), usize::MAX))?;
    ask("a common word, newest 100", ASKED, || find(&reader, COMMON, Order::ByTime(Direction::Backward), 100))?;
    ask("a common word, all", ASKED, || find(&reader, COMMON, Order::Any, usize::MAX))?;
    ask("a word of five letters that is nowhere", ASKED, || find(&reader, "zqzqz", Order::Any, usize::MAX))?;
    const BY_SERVICE: &str = "sum by (service_name) (count_over_time({service_name=~`.+`}[1m]))";
    const BY_LEVEL: &str = "sum by (detected_level) (count_over_time({service_name=~`.+`}[1m]))";
    ask("lines by service of each minute", ASKED, || count(&reader, BY_SERVICE, 60_000))?;
    ask("lines by service of the hour", ASKED, || count(&reader, &BY_SERVICE.replace("1m", "1h"), 3_600_000))?;
    ask("lines by level of each minute", ASKED, || count(&reader, BY_LEVEL, 60_000))?;
    println!("peak resident, with the making of the text: {:.0} MiB", status("VmHWM")?);
    Ok(())
}

/// Writes all of the text; gives its bytes, and how many they are after `zstd -3`.
fn write(store: &StoreWriter, bytes: u64, now: i64) -> Outcome<(u64, u64)> {
    let writer = Arc::new(store.log_writer());
    let done = Arc::new(AtomicBool::new(false));
    let sealing = std::thread::spawn({
        let (writer, done) = (Arc::clone(&writer), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Relaxed) {
                if writer.head_is_over()
                    && let Err(error) = writer.seal()
                {
                    eprintln!("a seal failed: {error}");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let mut workload = Workload::new(bytes);
    let mut yardstick = zstd::stream::write::Encoder::new(Count(0), 3)?;
    let (mut text, mut total, mut beside, mut lines) = (Vec::new(), 0u64, Duration::ZERO, 0);
    let (begun, cpu) = (Instant::now(), process_cpu()?);
    let mut resident: f64 = 0.0;
    let (mut miner, mut noting, mut grouping, mut noted) = (Miner::default(), Duration::ZERO, Duration::ZERO, 0);
    for number in 0.. {
        let before = thread_cpu()?;
        text.clear();
        let Some(request) = workload.request(&mut text) else { break };
        total += text.len() as u64;
        yardstick.write_all(&text)?;
        beside += thread_cpu()? - before;
        // As the actor does: what templates need is noted before, and grouped beside.
        let before = thread_cpu()?;
        let notes = Notes::of(&request);
        noting += thread_cpu()? - before;
        lines += writer.append(request, now)?.accepted;
        writer.commit()?;
        let before = thread_cpu()?;
        noted += notes.notes.len();
        miner.observe(&notes, now);
        grouping += thread_cpu()? - before;
        if number % 64 == 0 {
            resident = resident.max(status("VmRSS")?);
        }
    }
    done.store(true, Ordering::Relaxed);
    sealing.join().map_err(|_| "the thread that seals panicked")?;
    writer.seal()?;
    let cost = (process_cpu()? - cpu).saturating_sub(beside + grouping);
    println!("{lines} lines, {:.0} MiB of text in {:.1} s", total as f64 / MIB, begun.elapsed().as_secs_f64());
    println!("accepted per CPU second, durable and sealed: {:.1} MB", total as f64 / 1e6 / cost.as_secs_f64());
    let share = 100.0 * noting.as_secs_f64() / cost.as_secs_f64();
    println!(
        "{noted} error lines noted in {share:.2} % of that, grouped in {:.2} s more: {} templates",
        grouping.as_secs_f64(),
        miner.len()
    );
    println!("highest resident seen while writing: {resident:.0} MiB");
    Ok((total, yardstick.finish()?.0))
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn find(reader: &LogReader, word: &str, order: Order, limit: usize) -> Outcome<String> {
    let needles = vec![word.as_bytes().to_vec()];
    let filter = Filter {
        matchers: Vec::new(),
        start: BEGIN_NS,
        end: BEGIN_NS + HOUR_NS,
        order,
        needles,
        trace: None,
        bodies: true,
        attributes: true,
    };
    let mut found = 0;
    reader.read(&filter, &mut |entry| {
        found += usize::from(memchr::memmem::find(entry.body, word.as_bytes()).is_some());
        if found >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(format!("{found} lines"))
}

/// Asks a metric query over the hour, as clients do.
fn count(reader: &LogReader, text: &str, step_ms: i64) -> Outcome<String> {
    let (start, end) = (BEGIN_NS + step_ms * 1_000_000, BEGIN_NS + HOUR_NS);
    let grid = Grid { step: step_ms, range: (end - start) / 1_000_000 };
    let Query::Metric(query) = Query::parse(text, grid)? else { return Err("no metric query".into()) };
    let bounds =
        Bounds { max_bytes: 256 << 20, max_series: 1_000, deadline: Instant::now() + Duration::from_secs(60), cancelled: Arc::default() };
    let (answer, _, read) = metric(&query, &MetricRequest { start, end, step_ms, now: end / 1_000_000 }, &bounds, reader)?;
    let Answer::Vector(rows) = &answer else { return Err("no series".into()) };
    Ok(format!("{} series, {} lines", rows.len(), read.lines))
}
