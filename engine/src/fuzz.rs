//! Mutation fuzzing of everything that parses input: remote write, OTLP, log lines and queries over them, spans, metric texts, chunks,
//! journal records, logs, queries, certificates, cgroup and machine files, responses of GitHub, boards, rule files and their tests,
//! templates.
//!
//! `FUZZ_SECONDS=60 cargo test -p taskpulse-engine --lib fuzz -- --ignored --nocapture` runs it; the test command does. Each
//! target starts from real inputs, changes some bytes (or splices, cuts, repeats), and checks that nothing panics and that
//! accepted input is consistent. Every run starts with the same seed, so that a commit gives the same result each time;
//! `FUZZ_SEED=$RANDOM` tries other inputs. A failure prints its seed.

use std::time::{Duration, Instant};

use crate::board::{Board, Figures, Watcher, parse_complexity, parse_state};
use crate::certificate;
use crate::cgroup::{self, Group, Scope};
use crate::ci;
use crate::ci::tracker::{ReportedBy, RunTracker};
use crate::codec::{self, Effort};
use crate::exposition;
use crate::forecast::random::Random;
use crate::logs::logql;
use crate::logs::push::tests as push;
use crate::logs::store::fuzz as logs;
use crate::machine::{mounts, proc};
use crate::model::{Budget, Columns, LabelError, Labels, SeriesId};
use crate::otlp::tests as otlp;
use crate::promql::deep::{on_a_small_stack, work_on};
use crate::promql::syntax;
use crate::promql::tests::{Memory, ask};
use crate::re2;
use crate::remote_write::{self, Sink};
use crate::store::fuzz as store;
use crate::traces::otlp::tests as traces;
use crate::traces::traceql;
use crate::{rules, template, yaml};

/// CPU time of this thread: unlike the time on the clock it does not grow while other programs have the processor.
pub(crate) fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Bytes at the boundaries that decoders check.
const EDGES: [u8; 10] = [0, 1, 2, 0x0a, 0x12, 0x7f, 0x80, 0x81, 0xfe, 0xff];

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = EDGES[random.below(EDGES.len())],
            2 if !bytes.is_empty() => bytes[at] = random.bits() as u8,
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.bits() as u8),
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let to = (at + random.below(32)).min(bytes.len());
                let part = bytes[at..to].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Runs a target for its share of `FUZZ_SECONDS`.
fn run(name: &str, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) {
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("FUZZ_SECONDS").unwrap_or(3) as f64 / TARGETS;
    let begun = Instant::now();
    let mut seed = number("FUZZ_SEED").unwrap_or(1);
    let mut count = 0u64;
    corpus.iter().for_each(|bytes| target(bytes));
    while begun.elapsed() < Duration::from_secs_f64(seconds) {
        for _ in 0..256 {
            let bytes = mutate(&mut Random::new(seed), corpus);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&bytes)));
            assert!(outcome.is_ok(), "{name}: FUZZ_SEED={seed} made it panic, on {bytes:02x?}");
            seed = seed.wrapping_add(1);
            count += 1;
        }
    }
    println!("fuzz {name}: {count} inputs");
}

const TARGETS: f64 = 24.0;

/// Accepts everything and stores nothing.
struct Count(usize);

impl Sink for Count {
    fn series(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError> {
        self.0 += pairs.len();
        let labels = Labels::from_pairs(pairs)?;
        assert!(!labels.name().is_empty());
        assert_eq!(Labels::from_bytes(labels.as_bytes()).as_ref(), Ok(&labels));
        Ok(())
    }

    fn push(&mut self, _: i64, _: f64) {
        self.0 += 1;
    }
}

fn columns() -> Vec<(Vec<i64>, Vec<f64>)> {
    let shape = |rows: i64, time: fn(i64) -> i64, value: fn(i64) -> f64| ((0..rows).map(time).collect(), (0..rows).map(value).collect());
    vec![
        shape(1, |_| 7, |_| 1.0),
        shape(40, |i| i * 10_000, |i| i as f64 / 10.0),
        shape(300, |i| i * 10_000 + i % 7, |i| (i * i) as f64),
        shape(300, |i| i * i, |i| (i as f64).sin()),
        shape(200, |i| i, |_| f64::NAN),
    ]
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn remote_write_requests() {
    let corpus = remote_write::samples_of_requests();
    run("remote write", &corpus, |bytes| {
        let _ = remote_write::decode(bytes, &mut Count(0));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn exposition_texts() {
    let corpus = [
        "# HELP up Is it\\n up?\n# TYPE \"my.metric\" untyped\nup{a=\"b\\\"c\",d=\"\\\\\"} 1 1764000000000\n{\"my.metric\",\"a b\"=\"c\"} -Inf\n",
        "# UNIT a_s s\na_s_total{q=\"x\ny\"} 1e5 1764000000.5 # {t=\"x\"} 1 2\na 0x1p-2\n\u{feff}b NaN\n# EOF\n",
        "up,1764000000,StaleNaN\nup{a=\"\"} NaN(0x7ff8000000000000) 5\n",
    ];
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("exposition", &corpus, |bytes| {
        let text = exposition::decode_text(bytes.to_vec()).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
        for format in [exposition::Format::Prometheus, exposition::Format::OpenMetrics] {
            for line in exposition::lines(&text, format) {
                let Ok(exposition::Line::Sample { series, exemplar, .. }) = line else { continue };
                let _ = exemplar.map(|text| exposition::parse_exemplar(text, 0));
                let Ok(pairs) = exposition::parse_labels(series) else { continue };
                let Ok(labels) = Labels::new(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))) else { continue };
                let mut written = String::new();
                exposition::push_series(&mut written, &labels);
                let again = exposition::parse_labels(&written).unwrap();
                assert_eq!(Labels::new(again.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))), Ok(labels));
            }
        }
        text.split([' ', ',']).for_each(|word| {
            let Some(v) = exposition::parse_exact(word) else { return };
            let mut written = String::new();
            exposition::push_exact(&mut written, v);
            assert_eq!(exposition::parse_exact(&written).map(f64::to_bits), Some(v.to_bits()));
        });
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_exemplars() {
    run("exemplars", &[store::exemplars()], |bytes| _ = store::read_exemplars(bytes));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn otlp_requests() {
    let (names, corpus): (Vec<_>, Vec<_>) = otlp::samples_of_requests().into_iter().unzip();
    run("otlp", &corpus, |bytes| names[..2].iter().for_each(|encoding| otlp::take_anything(*encoding, bytes)));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn requests_with_log_lines() {
    run("log lines", &push::samples_of_requests(), push::take_anything);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn requests_with_spans() {
    run("spans", &traces::samples_of_requests(), traces::take_anything);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn certificates() {
    let corpus = [
        certificate::example(true, 0x17, "261124150102Z"),
        certificate::example(false, 0x18, "99991231235959Z"),
        certificate::example(true, 0x18, "20500101000000Z"),
    ];
    run("certificates", &corpus, |bytes| {
        let _ = (certificate::not_before(bytes), certificate::common_name(bytes));
        if let Ok(end) = certificate::not_after(bytes) {
            assert!((-62_200_000_000..253_402_300_800).contains(&end), "{end}");
        }
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_and_folders_of_control_groups() {
    let id = "4f3c".repeat(16);
    let corpus = [
        b"usage_usec 1234567\nuser_usec 1000000\noom_kill 3\n".to_vec(),
        b"8:0 rbytes=18446744073709551615 wbytes=20 rios=3\n8:16 rbytes=1 wbytes=2\n".to_vec(),
        format!("system.slice/docker-{id}.scope").into_bytes(),
        format!("user.slice/user@1000.service/app.slice/x.service/libpod-{id}.scope").into_bytes(),
        format!("web-7d4_front_nginx-{id}.log").into_bytes(),
    ];
    run("control groups", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = (cgroup::keyed(&text, "usage_usec"), cgroup::single(&text), cgroup::io_bytes(&text), cgroup::kubernetes_log(&text));
        let folders: Vec<&str> = text.split('/').collect();
        for scope in [Scope::top(), Scope::Unit, Scope::Foreign] {
            let _ = scope.look_inside(&folders, text.lines());
            if let (Some(Group::Container { id, .. }), _) = scope.enter(&folders) {
                assert!(Group::short(&id).len() <= id.len());
            }
        }
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_of_the_machine() {
    let corpus = [
        b"cpu  100 10 50 800 40 1 2 3 90 5\ncpu0 50 5 25 400 20 0 1 1 0 0\n".to_vec(),
        b"MemTotal:       16000 kB\nMemAvailable:    4000 kB\n".to_vec(),
        b" eth0: 1296 16 0 0 0 0 0 0 1297 16 0 0 0 0 0 0\n 259 0 nvme0n1 5 1 38943220 1 9 1 462375378 4 0 1 4\n".to_vec(),
        b"42 () R 1 () S 1 2 2 0 -1 4194560 1 2 3 4 700 30 0 0 20 0 1 0 98765 11931648 443 18446744073709551615\n".to_vec(),
        b"28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n40 28 0:51 / /a\\040b rw - fuse.x\\134.AppImage x ro\n31 28 8:3 / / rw - xfs b rw\n".to_vec(),
    ];
    run("files of the machine", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for (_, times) in proc::cpu_times(&text) {
            assert!(times.busy <= times.total);
        }
        let _ = (proc::load_average(&text), proc::process_io(&text), proc::disks(&text), proc::Process::parse(bytes));
        let found = mounts::file_systems(bytes);
        let devices: std::collections::BTreeSet<_> = found.iter().map(|fs| fs.device).collect();
        assert_eq!(devices.len(), found.len(), "each once");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn encoded_columns() {
    let mut corpus = Vec::new();
    for (times, values) in columns() {
        for effort in [Effort::Quick, Effort::Thorough] {
            let (mut t, mut v) = (vec![times.len() as u8], vec![times.len() as u8]);
            codec::encode_times(&times, effort, &mut t).expect("encodes");
            codec::encode_values(&values, effort, &mut v).expect("encodes");
            corpus.extend([t, v]);
        }
    }
    run("columns", &corpus, |bytes| {
        let Some((&rows, rest)) = bytes.split_first() else { return };
        for rows in [usize::from(rows), 300, usize::from(rows) << 8] {
            if let Ok(times) = codec::decode_times(rest, rows, 5) {
                assert_eq!(times.len(), rows);
            }
            if let Ok(values) = codec::decode_values(rest, rows) {
                assert_eq!(values.len(), rows);
            }
        }
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn chunk_pages() {
    let of = |effort| store::page(effort, &columns().into_iter().zip(0..).map(|((t, v), id)| (SeriesId(id * 3), t, v)).collect::<Vec<_>>());
    let corpus = [of(Effort::Quick), of(Effort::Thorough)];
    // Correct the checksums, so that mutated content behind them is decoded.
    run("pages", &corpus, |bytes| {
        let _ = store::read_page(bytes);
        let mut bytes = bytes.to_vec();
        store::mend_directory(&mut bytes);
        let _ = store::read_page(&bytes);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_of_days() {
    let folder = tempfile::tempdir().expect("a folder");
    run("files of days", &store::day_files(), |bytes| store::read_day_file(folder.path(), bytes));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_days() {
    run("records of days", &store::day_records(), store::read_day_record);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn journal_records() {
    let rows = |n: u32| (0..n).map(|i| (SeriesId(i % 7), i64::from(i) * 10, f64::from(i))).collect::<Vec<_>>();
    let corpus = [1, 7, 500].map(|n| store::journal_rows(&rows(n)));
    run("journal", &corpus, |bytes| {
        let _ = store::read_journal_rows(bytes);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_logs() {
    run("logs", &store::logs(), store::read_logs);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn answers_of_github() {
    let of = |id: u64, rest: &str| {
        format!(
            r#"{{"id":{id},"name":"CI","path":".github/workflows/ci.yml","status":"completed","conclusion":"success","run_attempt":2,"head_sha":"a{id}","created_at":"2026-11-24T00:00:00Z","run_started_at":"2026-11-24T00:00:05Z","updated_at":"2026-11-24T00:01:00Z"{rest}}}"#
        )
    };
    let corpus: Vec<Vec<u8>> = [
        format!(r#"{{"total_count":2,"workflow_runs":[{},{}]}}"#, of(1, r#","head_commit":null"#), of(2, r#","html_url":"https://x/y""#)),
        format!(r#"{{"action":"completed","repository":{{"full_name":"o/r"}},"workflow_run":{}}}"#, of(3, "")),
        r#"{"jobs":[{"run_attempt":1,"status":"completed","started_at":"2026-11-24T00:00:07Z","completed_at":"2026-11-24T00:00:59Z"}]}"#
            .to_owned(),
        r#"{"workflows":[{"name":"CI","state":"active"}],"message":"no","resources":{"core":{"remaining":5}}}"#.to_owned(),
        "[remote \"origin\"]\n\turl = git@github.com:o/r.git\n[remote \"x\"]\n\turl = https://u:p@github.com:443/o/r".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec();
    let now = 1_795_478_400_000;
    run("answers of GitHub", &corpus, |bytes| {
        let mut tracker = RunTracker::restore("o/r", 30 * 86_400_000, &[("o/r".to_owned(), bytes.to_vec())]);
        if let Ok(page) = ci::parse::workflows(bytes) {
            tracker.observe_workflows(&page.items);
        }
        if let Ok(page) = ci::parse::runs(bytes) {
            assert!(page.items.len() + page.skipped == page.length);
            tracker.observe_newest_page(ci::parse::Page { more: true, ..page.clone() }, now);
            tracker.observe_gap_page(page, now);
        }
        if let Ok(ci::parse::Delivery::Run { run, .. }) = ci::parse::delivery("workflow_run", bytes) {
            tracker.observe(*run, ReportedBy::Webhook, now);
        }
        let jobs = ci::parse::jobs(bytes).ok();
        let figures_of = |run: &ci::parse::WorkflowRun| {
            jobs.as_ref().map(|page| ci::jobs::JobFigures { ended: true, ..ci::jobs::JobFigures::new(&page.items, run, true) })
        };
        while let Some((run, _)) = tracker.next_run_without_jobs(now) {
            tracker.observe_jobs((run.id, run.attempt), figures_of(&run), now);
        }
        tracker.push_samples(now);
        let changes = tracker.take_changes();
        assert!(changes.batch.times.iter().all(|t| *t <= now + 1_000));
        let again = RunTracker::restore(
            "o/r",
            30 * 86_400_000,
            &changes.documents.into_iter().filter_map(|(k, v)| Some((k, v?))).collect::<Vec<_>>(),
        );
        assert_eq!(again.records().count(), tracker.records().count());
        let _ = (ci::parse::message(bytes), ci::parse::remaining(bytes), ci::parse::repository(bytes));
        let _ = ci::paging::has_next_page(std::str::from_utf8(bytes).ok(), None, 1, 1, 1);
        let _ = ci::remote::repository(&String::from_utf8_lossy(bytes), &["github.com".to_owned()]);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn boards() {
    let corpus = [
        &br#"{"master":{"tasks":[{"id":1,"title":"Ship it \ud83d","status":"done","dependencies":["2.1",null,{"id":3}],"updatedAt":1764000000000},
            {"id":"2","title":"\ud83d\ude00 \\ud83d","status":"in-progress","subtasks":[{"id":1},{"id":"2.1"},"text",null],"updatedAt":"2026-11-25T20:00:00Z"}],"metadata":{}}}"#[..],
        br#"{"version":"1.0","tasks":[{"id":1e999,"dependencies":"1"},{"id":1},{"id":1,"subtasks":{}},5,{"title":"x"}],"v2":{"metadata":{}}}"#,
        b"\xEF\xBB\xBF{\"m\":{\"tasks\":[{\"id\":-1.5E3,\"title\":\"Caf\xe9\",\"priority\":\"high\",\"dependencies\":[1,2]}]},\"n\":{\"tasks\":null}}",
        br#"{"complexityAnalysis":[{"taskId":3,"complexityScore":7}],"currentTag":"x\udfff"}"#,
    ]
    .map(<[u8]>::to_vec);
    let mut watcher = Watcher::default();
    let mut now = 1_795_478_400_000;
    run("boards", &corpus, |bytes| {
        let _ = (parse_state(bytes), parse_complexity(bytes).is_ok());
        let Ok(board) = Board::parse(bytes, None) else { return };
        now += 1_000;
        let before: Vec<_> = board.tags.keys().map(|tag| watcher.counters(tag)).collect();
        watcher.observe(&board, now);
        for ((name, tag), before) in board.tags.iter().zip(before) {
            let (figures, after) = (Figures::of(tag), watcher.counters(name));
            assert_eq!(figures.tasks.values().sum::<u64>(), tag.tasks.len() as u64);
            assert!(after.completed >= before.completed && after.reopened >= before.reopened);
            assert!(after.completed + after.reopened <= before.completed + before.reopened + tag.tasks.len() as u64);
        }
        assert!(board.findings.first.len() <= board.findings.count);
        let again = watcher.observe(&board, now + 1);
        assert!(again.transitions.is_empty() && again.switched.is_empty());
    });
}

/// Queries that use every part of the language.
const QUERIES: [&str; 26] = [
    "sum by (g) (rate(m{i=~\"1|2\",g!=\"0\"}[5m])) / on (g) group_left (i) count without (i) (m) > bool 1",
    "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m:30s] offset 1m)))",
    "topk(3, m) or bottomk(2, -m) unless m @ 300 and m @ end()",
    "label_replace(m, \"x\", \"$1-${2}\", \"i\", \"(.)(.*)\") * ignoring (x) group_right () m",
    "quantile_over_time(scalar(m{i=\"0\"}) / 100, m[2m * 2 + step()])",
    "count_values without (g) (\"v\", m) % 7 ^ 2 atan2 3",
    "increase(m[2m] anchored offset (1h / 60)) + delta(m[2m] smoothed)",
    "m smoothed @ start() == 1_000 + 0x1F - 1e3 + Inf",
    "info(m, {__name__=~\".+\", data!=\"\"})",
    "m + on (i) fill (0) m - fill_left (1) fill_right (-1) m",
    "predict_linear(m[5m], 3600) > deriv(m[5m]) * 60",
    "double_exponential_smoothing(m[5m], 0.5, 0.5) < holt_winters(m[5m], 0.1, 0.9)",
    "absent(none{a=\"b\"}) or absent_over_time(none[5m])",
    "sort_desc(sum_over_time(m[3m])) and sort_by_label(m, \"i\", \"g\")",
    "clamp(m, -1, 1) + round(m, 0.1) + sgn(m) - abs(m)",
    "day_of_week(vector(time())) + hour() + timestamp(m) + pi()",
    "stddev(m) + stdvar(m) + group(m) + avg(m) + quantile(0.5, m)",
    "limitk(1, m) or limit_ratio(0.5, m)",
    "changes(m[5m]) + resets(m[5m]) + irate(m[5m]) + idelta(m[5m])",
    "label_join(m, \"all\", \"-\", \"g\", \"i\") # a comment",
    "max_over_time(min_over_time(m[2m])[4m:1m] @ 100 offset -1m)",
    "{\"m\",\"g\"=\"1\"} == 1 or label_replace(m, `x`, 'y', \"\", \"\")",
    "sum(m{g=\"\\x6d\\u00e9\"}) by (g,) + histogram_fraction(0, 1, b_bucket)",
    "histogram_quantiles(b_bucket, \"q\", 0.5, 1.5) or vector(max_of(1, min_of(2, NaN)))",
    "m{g=~`\\d`} + on (i) group_left () m offset (1m) @ end() smoothed unless on (smoothed) smoothed",
    "rate((m)[2m:30s]) or quantile by (g) ((1.5), m) or label_replace((m), \"g\", \"\", (\"i\"), \"1\")",
];

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn any_text_is_answered_or_refused() {
    let series = (0..6).map(|n: usize| {
        let labels = Labels::metric("m", &[("g", &(n % 2).to_string()), ("i", &n.to_string())]);
        (
            labels,
            Columns { times: (0..21).map(|t| t * 30_000).collect(), values: (0..21).map(|v| f64::from(v * n as i32 % 7) - 2.0).collect() },
        )
    });
    let buckets = ["0.1", "1", "+Inf"].into_iter().map(|le| {
        let labels = Labels::metric("b_bucket", &[("le", le)]);
        (labels, Columns { times: (0..21).map(|t| t * 30_000).collect(), values: (0..21).map(f64::from).collect() })
    });
    let source = Memory(series.chain(buckets).collect());
    let corpus: Vec<Vec<u8>> = QUERIES.iter().map(|query| query.as_bytes().to_vec()).collect();
    run("queries", &corpus, |bytes| {
        let query = String::from_utf8_lossy(bytes);
        let begun = cpu_time();
        // Any result is fine, but it must not take long.
        let _ = ask(&source, &query);
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{query}: took {took:?}");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_over_lines_are_answered_or_refused() {
    let corpus: Vec<Vec<u8>> = logql::tests::CORPUS.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("LogQL and lines", &corpus, |bytes| {
        let begun = cpu_time();
        on_a_small_stack(|| logql::tests::is_answered_or_refused(bytes));
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{}: took {took:?}", String::from_utf8_lossy(bytes));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_over_traces_are_answered_or_refused() {
    let corpus: Vec<Vec<u8>> = traceql::tests::CORPUS.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("TraceQL", &corpus, |bytes| {
        let begun = cpu_time();
        on_a_small_stack(|| traceql::tests::is_answered_or_refused(bytes));
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(20), "{}: took {took:?}", String::from_utf8_lossy(bytes));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn any_text_is_parsed_or_refused_at_a_place() {
    let corpus: Vec<Vec<u8>> = syntax::tests::queries().chain(QUERIES.map(str::to_owned)).map(String::into_bytes).collect();
    run("PromQL syntax", &corpus, |bytes| syntax::tests::holds_together(&String::from_utf8_lossy(bytes)));
}

/// Deeply nested texts, some of which hide their depth.
#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn queries_of_any_depth_are_answered_or_refused() {
    let pieces = [
        "(",
        "-",
        "m+",
        "m^",
        "sum(",
        "# \"\n",
        "# '(\r",
        "'\\'(' ",
        "abs(",
        "`\\`",
        "rate(m[-",
        "m[",
        "m offset -(",
        "[2m:1m])",
        "min_of(",
        "{a=~\"(\",",
        "}",
    ];
    let closers = [")", "", "[1m:])", "]", "+m)", ", 1)", "\"", "#"];
    let mut random = Random::new(7);
    let corpus: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            let (open, close) = (pieces[n % pieces.len()], closers[n % closers.len()]);
            let (other, times) = (pieces[random.below(pieces.len())], 1 + random.below(400));
            let text = format!("{}{other}m{}", [open, other].concat().repeat(times / 2), close.repeat(random.below(times + 1)));
            text.into_bytes()
        })
        .collect();
    run("deep queries", &corpus, |bytes| {
        let query = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            work_on(&query);
        });
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn patterns_are_compiled_or_refused() {
    let deep = |open: &str, close: &str, times: usize| [open.repeat(times), "a".to_owned(), close.repeat(times)].concat().into_bytes();
    let mut corpus: Vec<Vec<u8>> =
        ["a|b|c", "(host-1\\.x:9100|host-2)", "foo.*", ".*foo.*", "(?i)[a-z]+\\d{1,3}", "\\pL{1,12}x", "[[:alpha:]&&[^a]]"]
            .into_iter()
            .chain(re2::SYNTAX.iter().map(|row| row.0))
            .map(|text| text.as_bytes().to_vec())
            .collect();
    corpus.extend([deep("(", ")", 60), deep("(?:x|", ")*", 60), deep("[", "]", 60), deep("(", "){1,9}", 30), deep("(", ")", 5_000)]);
    run("patterns", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            if let Ok(pattern) = Budget::default().pattern(&text) {
                let _ = (pattern.is_match("aab"), pattern.is_match(""), pattern.is_match(&text));
            }
            for scope in [re2::Scope::Value, re2::Scope::Wrapped, re2::Scope::Anywhere] {
                match re2::Regex::within(&text, scope, 256 << 10) {
                    Ok(regex) => {
                        let _ = (regex.is_match_bytes(bytes), regex.expand(&text, [&text]));
                    }
                    Err(error) => assert!(!matches!(error, re2::RegexError::Unknown(_)), "{text}: {error}"),
                }
            }
        });
    });
}

const TEMPLATES: &str = include_str!("../../tests/data/rules/templates.rules.yml");

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn templates_are_expanded_or_refused() {
    let file = rules::files::parse(TEMPLATES, "templates").expect("the file has no faults");
    let rules = file.groups.iter().flat_map(|group| &group.rules);
    let corpus: Vec<Vec<u8>> = rules.flat_map(|rule| rule.spec.annotations.values()).map(|text| text.clone().into_bytes()).collect();
    assert!(corpus.len() > 100);
    run("templates", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let begun = cpu_time();
        on_a_small_stack(|| {
            if let Err(error) = template::tests::expanded(&text) {
                assert!(!error.is_empty());
            }
        });
        let took = cpu_time() - begun;
        assert!(took < Duration::from_secs(10), "{text}: took {took:?}");
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn rule_files_and_their_tests_are_read_or_refused() {
    let corpus: Vec<Vec<u8>> = [
        include_str!("../../tests/data/rules/machine.rules.yml"),
        include_str!("../../tests/data/rules/machine.test.yml"),
        "groups:\n- &g {name: a, rules: [{record: a, expr: 1}]}\n- {<<: *g, name: \"b\\n\"}\n",
        "tests:\n- input_series:\n  - {series: 'a{b=\"c\"}', values: '1+2x3 _x2 -5 Inf stale'}\n  promql_expr_test: [{expr: a, eval_time: 1m}]\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    run("rule files", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        on_a_small_stack(|| {
            match rules::files::parse(&text, "") {
                Ok(read) => {
                    let written = rules::files::write(&read.groups);
                    let again = rules::files::parse(&written, "").unwrap_or_else(|faults| panic!("{written}: {faults:?}"));
                    assert_eq!(again.groups, read.groups, "{written}");
                }
                Err(faults) => assert!(!faults.list().is_empty() && faults.list().len() <= yaml::MAX_FAULTS),
            }
            if let Ok(tests) = rules::unit_tests::parse(&text)
                && tests.tests.iter().flat_map(|test| &test.series).map(|(_, values)| values.len()).sum::<usize>() < 10_000
                && tests.tests.iter().flat_map(|test| test.exprs.iter().map(|expr| expr.at)).all(|at| at.ms() / tests.interval.ms() < 1_000)
                && tests
                    .tests
                    .iter()
                    .flat_map(|test| test.alerts.iter().map(|alert| alert.at))
                    .all(|at| at.ms() / tests.interval.ms() < 1_000)
            {
                let _ = tests.run(&[], Instant::now() + Duration::from_secs(5));
            }
        });
    });
}

/// Recursive decoders never recurse deeper than a small stack allows, whatever the input.
#[test]
fn deeply_nested_input_is_refused() {
    let (names, _): (Vec<_>, Vec<_>) = otlp::samples_of_requests().into_iter().unzip();
    let value = |open: &str, close: &str, times: usize| {
        let attribute = [open.repeat(times), r#"{"stringValue":"x"}"#.to_owned(), close.repeat(times)].concat();
        format!(r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"job","value":{attribute}}}]}}}}]}}"#).into_bytes()
    };
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for times in [1, 10, 20, 30, 31, 32, 40, 41, 42, 43, 60, 120, 126, 127, 128, 129, 1_000, 100_000] {
        inputs.push(value(r#"{"arrayValue":{"values":["#, "]}}", times));
        inputs.push(value(r#"{"kvlistValue":{"values":[{"key":"a","value":"#, "}]}}", times));
        for (open, close) in [
            ("[", "]"),
            ("{\"a\":", "}"),
            ("{\"tasks\":[", "]}"),
            ("{\"subtasks\":[", "]}"),
            ("{\"workflow_runs\":[", "]}"),
            ("\\\"(", ")"),
        ] {
            inputs.push([open.repeat(times), "1".to_owned(), close.repeat(times)].concat().into_bytes());
            inputs.push(format!("{{\"master\":{{\"tasks\":[{{\"id\":{}1{}}}]}}}}", open.repeat(times), close.repeat(times)).into_bytes());
        }
        // Lists of values in protobuf, each within the one before.
        let mut list = vec![0x0a, 1, b'x'];
        for field in [5u8, 1].repeat(times.min(2_000)).into_iter().chain([2, 1, 1, 1]) {
            let mut outer = vec![field << 3 | 2];
            prost::encoding::encode_varint(list.len() as u64, &mut outer);
            outer.extend(list);
            list = outer;
        }
        inputs.push(list);
    }
    for bytes in &inputs {
        on_a_small_stack(|| {
            names[..2].iter().for_each(|encoding| otlp::take_anything(*encoding, bytes));
            let _ = (Board::parse(bytes, None), parse_state(bytes));
            let _ = (ci::parse::runs(bytes).is_ok(), ci::parse::jobs(bytes).is_ok(), ci::parse::delivery("workflow_run", bytes).is_ok());
            let _ = serde_json::from_slice::<serde_json::Value>(bytes).map(|value| value.to_string());
            let text = String::from_utf8_lossy(bytes);
            let _ = (exposition::lines(&text, exposition::Format::OpenMetrics).count(), exposition::parse_labels(&text).is_ok());
        });
    }
}

#[test]
fn the_queries_of_the_corpus_are_answered() {
    for query in QUERIES {
        let answer = ask(&Memory(Vec::new()), query);
        assert!(answer.is_ok(), "{query}: {answer:?}");
    }
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn journal_records_of_log_lines() {
    run("journal records of log lines", &logs::records(), logs::record);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn blocks_of_log_lines() {
    run("blocks of log lines", &logs::columns(), logs::column);
}
