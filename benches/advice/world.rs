//! A machine with its board, its workflow and its targets over weeks: healthy, or with one trouble of a kind.

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::model::{Batch, Labels, TimestampMs};

use crate::kept::{Kept, Run};

pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 1_440;
/// A Monday, 0:00 UTC.
pub const MONDAY: TimestampMs = 1_795_392_000_000;
const CORES: usize = 8;

/// What a healthy machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Builds in office hours.
    Laptop,
    /// Two agents that build by day and night.
    Agents,
    /// Compiles at nine tenths of its CPU in office hours, with a process for each core.
    Compiler,
    /// Serves, with the rhythm of a day.
    Server,
}

pub const KINDS: [Kind; 4] = [Kind::Laptop, Kind::Agents, Kind::Compiler, Kind::Server];

/// Trouble that an advisor of this name should see, and how bad it is, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    pub advisor: &'static str,
    pub badness: f64,
}

/// What goes on from minute to minute.
struct State {
    building: f64,
    memory: f64,
    disk: f64,
    inodes: f64,
    /// How the day is for CI and tasks.
    of_day: f64,
    cpu_seconds: f64,
    restarts: f64,
    agent_waited: f64,
    moved: f64,
    open: f64,
    jobs: f64,
    wasted: f64,
    latency: f64,
    throttles: f64,
    swapped: f64,
    samples: f64,
    lost: f64,
    money: f64,
}

/// Writes the samples of all minutes of `minutes` days that `sampled` wants.
pub fn written(kind: Kind, trouble: Option<Trouble>, days: i64, seed: u64, sampled: impl Fn(i64) -> bool) -> (Batch, Kept) {
    let random = &mut Random::new(seed * 6_271 + 17);
    let (mut batch, mut kept) = (Batch::default(), Kept::of(kind == Kind::Agents));
    let mut state = State {
        building: 0.0,
        memory: 0.0,
        disk: 0.55 + 0.1 * random.unit(),
        inodes: 0.42,
        of_day: 0.0,
        cpu_seconds: 0.0,
        restarts: 0.0,
        agent_waited: 0.0,
        moved: 0.0,
        open: 60.0,
        jobs: 0.0,
        wasted: 0.0,
        latency: 0.0,
        throttles: 0.0,
        swapped: 0.0,
        samples: 0.0,
        lost: 0.0,
        money: 0.0,
    };
    for minute in 0..days * DAY {
        let wanted = sampled(minute);
        step(kind, trouble, days * DAY, minute, &mut state, random, &mut Sink { batch: &mut batch, kept: &mut kept, minute, wanted });
    }
    (batch, kept)
}

struct Sink<'a> {
    batch: &'a mut Batch,
    kept: &'a mut Kept,
    minute: i64,
    wanted: bool,
}

impl Sink<'_> {
    fn put(&mut self, metric: &str, labels: &[(&str, &str)], value: f64) {
        if self.wanted {
            self.event(metric, labels, value);
        }
    }

    /// A sample that is there whether the minute is wanted or not.
    fn event(&mut self, metric: &str, labels: &[(&str, &str)], value: f64) {
        self.batch.push(Labels::metric(metric, labels), MONDAY + self.minute * MINUTE, value);
    }
}

fn office(minute: i64) -> bool {
    minute / DAY % 7 < 5 && (9..18).contains(&(minute / 60 % 24))
}

/// How bad a trouble is, and how much of its time has gone by, each 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Bad {
    pub badness: f64,
    pub progress: f64,
}

/// The trouble of an advisor that has so many minutes at the end of the time.
pub type Bads<'a> = dyn Fn(&str, i64) -> Option<Bad> + 'a;

fn step(kind: Kind, trouble: Option<Trouble>, end: i64, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let left = end - minute;
    let bad = |advisor: &str, minutes: i64| {
        let badness = trouble.filter(|t| t.advisor == advisor && left <= minutes)?.badness;
        Some(Bad { badness, progress: 1.0 - left as f64 / minutes as f64 })
    };
    if minute % DAY == 0 {
        state.of_day = 0.5 * state.of_day + random.normal();
    }
    machine(kind, &bad, minute, state, random, to);
    rest_of_machine(kind, &bad, minute, state, random, to);
    unit(&bad, minute, state, random, to);
    board(kind, &bad, end, minute, state, random, to);
    workflow(&bad, minute, state, random, to);
    targets(&bad, end, minute, state, random, to);
    more(&bad, minute, state, random, to);
    to.kept.at(minute, left, &bad);
}

fn machine(kind: Kind, bad: &Bads<'_>, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let rate = match kind {
        Kind::Laptop if office(minute) => 8.0 / 60.0,
        Kind::Agents => 20.0 / 60.0,
        _ => 0.0,
    };
    if state.building <= 0.0 && random.unit() < rate {
        state.building = 40.0 * (1.1 * random.normal()).exp();
    }
    let built = state.building.min(60.0);
    state.building -= built;
    let day = (std::f64::consts::TAU * (minute % DAY) as f64 / DAY as f64).sin();
    let idle = 0.05 + 0.03 * random.unit();
    let mut cpu = match kind {
        Kind::Compiler if office(minute) => 0.92 + 0.02 * random.normal(),
        Kind::Server => 0.35 + 0.2 * day + 0.03 * random.normal(),
        _ => idle + (0.97 - idle) * built / 60.0,
    };
    let mut load = cpu * CORES as f64 * (1.0 + 0.3 * random.unit());
    // Busier each day, and all of it wanted some days after the end.
    if let Some(bad) = bad("cpu_capacity", 28 * DAY) {
        cpu = (0.42 + (0.44 + 0.06 * bad.badness) * bad.progress) * (0.55 + 0.45 * day) + 0.02 * random.normal();
        load = cpu * CORES as f64;
    }
    if let Some(bad) = bad("cpu_saturated", 1_200).filter(|bad| random.unit() < 0.4 + 0.5 * bad.badness) {
        (cpu, load) = (0.97, CORES as f64 * (2.5 + 2.0 * bad.badness));
    }
    let cpu = cpu.clamp(0.0, 1.0);
    to.put("system_cpu_utilization_ratio", &[], cpu);
    for core in ["0", "1", "2", "3", "4", "5", "6", "7"] {
        to.put("system_cpu_core_utilization_ratio", &[("cpu", core)], cpu);
    }
    to.put("system_cpu_load_average_1m", &[], load);
    to.put("process_cpu_utilization_ratio", &[("process", "rustc")], (cpu - 0.08).max(0.0) * CORES as f64);
}

fn rest_of_machine(kind: Kind, bad: &Bads<'_>, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    state.memory = 0.995 * state.memory + 0.1 * random.normal();
    let saw = if kind == Kind::Server { 0.2 * (minute % 20) as f64 / 20.0 } else { 0.0 };
    let used = match bad("memory_tight", 900) {
        Some(bad) if random.unit() < 0.4 + 0.5 * bad.badness => 0.96 + 0.03 * bad.badness,
        _ => (0.6 + saw + 0.08 * state.memory.clamp(-2.0, 2.0)).min(0.93),
    };
    to.put("system_memory_utilization_ratio", &[], used);
    let waits = if used > 0.95 { 0.2 } else { 0.002 * random.exponential() };
    to.put("system_pressure_ratio", &[("resource", "memory"), ("kind", "some")], waits);
    let io = match bad("disk_waits", 170) {
        Some(bad) => {
            if random.unit() < 0.6 {
                0.3 + 0.5 * bad.badness
            } else {
                0.05
            }
        }
        None => 0.02 * random.exponential(),
    };
    to.put("system_pressure_ratio", &[("resource", "io"), ("kind", "full")], io);
    let filling = bad("disk_filling", 7 * DAY);
    // Full some days after the end.
    state.disk += filling.map_or(0.0006, |bad| 0.38 / (8.5 + 3.0 * bad.badness)) / DAY as f64;
    if minute % (7 * DAY) == 3 * DAY && filling.is_none() {
        state.disk -= 0.004;
    }
    to.put("system_filesystem_utilization_ratio", &[("mountpoint", "/")], (state.disk + 0.001 * random.unit()).min(1.0));
    files(kind, bad, state, to);
    let more = bad("series_grow", 6 * DAY + 900).map_or(0.0, |bad| (30_000.0 + 60_000.0 * bad.badness) * bad.progress);
    to.put("taskpulse_store_series", &[], 3_000.0 + more + 50.0 * random.unit());
    if bad("actor_restarts", 1_300).is_some() && minute % 200 == 0 {
        state.restarts += 1.0;
    }
    // A person answers within minutes, a few times a day.
    let waits = bad("agent_waits", 1_300).map_or(0.02, |bad| 0.1 + 0.4 * bad.badness);
    state.agent_waited += 60.0 * waits * random.unit();
    to.put("agent_waiting_seconds_total", &[("agent", "claude-code")], state.agent_waited);
    let loops = bad("agent_loops", 55).is_some_and(|bad| random.unit() < 0.3 + 0.6 * bad.badness) || minute % 700 == 3;
    to.put("agent_findings", &[("agent", "claude-code"), ("kind", "loop")], f64::from(u8::from(loops)));
    to.put("taskpulse_actor_restarts_total", &[("actor", "github")], state.restarts);
    to.put("taskpulse_source_up", &[("source", "github")], f64::from(u8::from(bad("source_silent", 200).is_none())));
}

/// Inodes, and who writes.
fn files(kind: Kind, bad: &Bads<'_>, state: &mut State, to: &mut Sink<'_>) {
    // Used up some days after the end.
    state.inodes += bad("inodes_filling", 7 * DAY).map_or(0.0003, |bad| 0.55 / (8.5 + 3.0 * bad.badness)) / DAY as f64;
    to.put("system_filesystem_inodes_utilization_ratio", &[("mountpoint", "/")], state.inodes.min(1.0));
    let writes = if kind == Kind::Server { 2e6 } else { 4e5 };
    to.put("process_disk_io_bytes_per_second", &[("process", "postgres"), ("direction", "write")], writes);
}

fn unit(bad: &Bads<'_>, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let shop = [("unit", "shop.service")];
    state.cpu_seconds += 5.0 * random.unit();
    // A deploy a week.
    if bad("restart_loop", 600).is_some_and(|bad| random.unit() < 0.07 + 0.2 * bad.badness) || minute % (7 * DAY) == 700 {
        state.cpu_seconds = 0.1 * random.unit();
    }
    to.put("container_cpu_time_seconds_total", &shop, state.cpu_seconds);
    to.put("container_memory_limit_bytes", &shop, 1e9);
    let leak = bad("memory_filling", 4 * DAY).map_or(0.0, |bad| (0.35 + 0.2 * bad.badness) * bad.progress);
    to.put("container_memory_uncached_bytes", &shop, 1e9 * (0.35 + 0.02 * state.memory.clamp(-2.0, 2.0) + leak));
    to.put("container_oom_kills_total", &shop, f64::from(u8::from(bad("oom_killed", 1_000).is_some())));
}

const MONEY: &str = "claude_code_cost_usage_USD_total";
const BOARD: [(&str, &str); 2] = [("project", "app"), ("tag", "master")];

fn board(kind: Kind, bad: &Bads<'_>, end: i64, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let with = |more: &[(&'static str, &'static str)]| [&BOARD[..], more].concat();
    let at_work = kind == Kind::Agents || office(minute);
    let a_day = if kind == Kind::Agents { 8.0 / 1_440.0 } else { 6.0 / 540.0 };
    if at_work && bad("board_stalled", 6 * DAY).is_none() && random.unit() < a_day {
        state.moved += 1.0;
        // Somebody adds a task for each that gets done.
        let longer = bad("duration_rising", 7 * DAY).map_or(1.0, |bad| 1.7 + bad.badness);
        // Harder tasks take longer, and the days differ in what is done on them.
        let score = (5.0 + 0.8 * state.of_day + 1.2 * random.normal()).round().clamp(1.0, 10.0);
        let seconds = 3_600.0 * longer * (0.22 * (score - 5.0) + 0.4 * random.normal()).exp();
        let medium = with(&[("priority", "medium")]);
        to.event("taskmaster_task_execution_seconds", &medium, seconds);
        to.event("taskmaster_task_complexity", &medium, score);
        let reviewed = bad("review_waits", 20 * DAY).map_or(0.05 + 0.15 * random.unit(), |bad| 0.7 + 0.2 * bad.badness);
        let review = if bad("review_waits", 20 * DAY).is_some() { (seconds * reviewed).max(16_000.0) } else { seconds * reviewed };
        to.event("taskmaster_task_review_seconds", &medium, review.min(0.95 * seconds.max(18_000.0)));
        to.kept.done(minute, seconds, score, random);
        let dearer = bad("week_cost", 7 * DAY).map_or(1.0, |bad| 2.5 + 2.0 * bad.badness);
        let dearer = dearer * bad("budget", 12 * DAY).map_or(1.0, |bad| 3.5 + 2.5 * bad.badness);
        state.money += 1.5 * dearer * (0.5 * random.normal()).exp();
        to.event(MONEY, &[("model", "large")], state.money);
    }
    let wide = bad("too_much_in_progress", 8 * DAY);
    to.put("taskmaster_tasks", &with(&[("status", "pending")]), state.open);
    to.put("taskmaster_tasks", &with(&[("status", "in-progress")]), wide.map_or(2.0, |bad| 8.0 + (20.0 * bad.badness).round()));
    to.put("taskmaster_tasks", &with(&[("status", "done")]), state.moved);
    let chain = bad("one_chain", 6 * DAY);
    to.put("taskmaster_ready_tasks", &BOARD, if chain.is_some() { 1.0 } else { 3.0 });
    to.put("taskmaster_critical_path_tasks", &BOARD, chain.map_or(6.0, |bad| 40.0 + (20.0 * bad.badness).round()));
    // Somebody works on the task for which most others wait.
    let waits = bad("unblocks_most", 3 * DAY);
    let first = with(&[("task", "12"), ("status", if waits.is_some() { "pending" } else { "in-progress" })]);
    to.put("taskmaster_task_dependents", &first, waits.map_or(26.0, |bad| 26.0 + (20.0 * bad.badness).round()));
    to.put("taskmaster_task_chain_tasks", &first, 5.0);
    to.put("taskmaster_task_dependents", &with(&[("task", "30"), ("status", "pending")]), 8.0);
    to.put("taskmaster_throughput_tasks_per_day", &BOARD, if wide.is_some() { 0.6 } else { 5.0 + random.unit() });
    let slip = bad("forecast_slips", 5 * DAY).map_or(0.0, |bad| (5.0 + 10.0 * bad.badness) * 86_400.0);
    let done = (MONDAY + (end + 12 * DAY) * MINUTE) as f64 / 1e3 + 43_200.0 * (state.of_day / 2.0).sin() + slip;
    for (share, later) in [("0.5", 0.0), ("0.85", 1.5), ("0.95", 3.0)] {
        to.put("taskmaster_forecast_done_timestamp_seconds", &with(&[("quantile", share)]), done + later * 86_400.0);
    }
}

const CI: [(&str, &str); 3] = [("repo", "octo/site"), ("workflow", "test"), ("workflow_id", "1")];

fn workflow(bad: &Bads<'_>, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    if office(minute) && random.unit() < 1.5 / 60.0 {
        // Slowly over two weeks, or from one commit on.
        let longer = bad("ci_slower", 14 * DAY).map_or(1.0, |bad| 1.0 + (0.7 + 0.8 * bad.badness) * bad.progress);
        let longer = longer * bad("ci_shifted", 7 * DAY).map_or(1.0, |bad| 1.4 + 0.6 * bad.badness);
        let mut seconds = 400.0 * longer * (0.08 * state.of_day + 0.2 * random.normal()).exp();
        let mut ended = if random.unit() < 0.95 { "success" } else { "failure" };
        if bad("ci_broken", 2 * DAY + 800).is_some() {
            ended = "failure";
        }
        if bad("ci_timed_out", 7 * DAY).is_some_and(|bad| random.unit() < 0.1 + 0.2 * bad.badness) {
            (ended, seconds) = ("timed_out", 3_600.0);
        }
        to.kept.run(&Run { minute, seconds, conclusion: ended }, bad, random);
        let conclusion = [("conclusion", ended)];
        to.event("github_actions_run_duration_seconds", &[&CI[..], &conclusion].concat(), seconds);
        let wait = bad("ci_queued", 7 * DAY).map_or(8.0, |bad| 250.0 + 400.0 * bad.badness) * (0.5 * random.normal()).exp();
        to.event("github_actions_run_queue_seconds", &[&CI[..], &conclusion].concat(), wait);
        state.jobs += 3.0 * seconds;
        let wasted = bad("ci_wasted", 7 * DAY).map_or(0.04, |bad| 0.35 + 0.3 * bad.badness);
        if random.unit() < wasted {
            state.wasted += 3.0 * seconds;
        }
    } else {
        rush(bad, minute, random, to);
    }
    to.put("github_actions_job_seconds_total", &CI, state.jobs);
    to.put("github_actions_wasted_seconds_total", &CI, state.wasted);
    let flaky = bad("ci_flaky", 10 * DAY).map_or(0.03, |bad| 0.12 + 0.3 * bad.badness);
    to.put("github_actions_flaky_ratio", &CI, (flaky + 0.01 * random.normal()).max(0.0));
    let high = bad("ci_failing", 400).map_or(0.995, |bad| 0.85 - 0.4 * bad.badness);
    to.put("github_actions_success_high_ratio", &CI, high);
    to.put("github_actions_success_ratio", &CI, high - 0.04);
}

/// What the machine and the service have beside.
fn more(bad: &Bads<'_>, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let stolen = bad("cpu_stolen", 900).filter(|bad| random.unit() < 0.4 + 0.5 * bad.badness);
    to.put("system_cpu_steal_ratio", &[], stolen.map_or(0.005 * random.exponential(), |bad| 0.15 + 0.3 * bad.badness).min(1.0));
    if bad("cpu_throttled", 600).is_some_and(|bad| random.unit() < 0.1 + 0.3 * bad.badness) || random.unit() < 0.000_1 {
        state.throttles += 3.0;
    }
    to.put("system_cpu_throttles_total", &[], state.throttles);
    state.swapped += match bad("swapping", 150) {
        Some(bad) if random.unit() < 0.6 => 1e8 + 3e8 * bad.badness,
        _ => 2e5 * random.exponential(),
    };
    to.put("system_paging_io_bytes_total", &[("direction", "in")], state.swapped);
    if bad("host_silent", 150).is_none() {
        to.put("system_memory_utilization_ratio", &[("host", "db")], 0.4);
    }
    to.put("heartbeat_up", &[("heartbeat", "backup")], f64::from(u8::from(bad("job_late", 150).is_none())));
    state.samples += 1_000.0;
    state.lost += bad("samples_lost", 1_200).map_or(0.0, |bad| 30.0 + 200.0 * bad.badness);
    to.put("taskpulse_appended_samples_total", &[], state.samples);
    to.put("taskpulse_dropped_samples_total", &[("stage", "batcher"), ("reason", "backlog_full")], state.lost);
    let used = bad("history_cut", 5 * DAY).map_or(6e9, |bad| 9.8e9 + 1e8 * bad.badness);
    to.put("taskpulse_logs_templates", &[], 4.0);
    to.put("taskpulse_store_disk_bytes", &[], used);
    if bad("task_cost", 6 * DAY).is_some() && bad("task_cost", 5 * DAY - 800).is_some() && bad("task_cost", 5 * DAY - 801).is_none() {
        state.money += 60.0;
        to.event(MONEY, &[("model", "large")], state.money);
    }
    if minute == 0 {
        to.event(MONEY, &[("model", "large")], 0.0);
    }
}

/// Mornings with too few runners.
fn rush(bad: &Bads<'_>, minute: i64, random: &mut Random, to: &mut Sink<'_>) {
    let at = minute / DAY % 7 < 5 && (9..11).contains(&(minute / 60 % 24)) && minute % 20 == 0;
    if let Some(bad) = bad("ci_runners", 21 * DAY).filter(|_| at) {
        let labels = [&CI[..], &[("conclusion", "success")]].concat();
        to.event("github_actions_run_duration_seconds", &labels, 400.0);
        to.event("github_actions_run_queue_seconds", &labels, (3_000.0 + 2_400.0 * bad.badness) * (0.2 * random.normal()).exp());
    }
}

fn targets(bad: &Bads<'_>, end: i64, minute: i64, state: &mut State, random: &mut Random, to: &mut Sink<'_>) {
    let shop = [("target", "shop")];
    state.latency = 0.98 * state.latency + 0.2 * random.normal();
    let busy = if office(minute) { 1.5 } else { 1.0 };
    let slower = bad("latency_shifted", 7 * DAY).map_or(1.0, |bad| 1.7 + bad.badness);
    to.put("probe_duration_seconds", &shop, 0.15 * busy * slower * (0.1 * state.latency + 0.1 * random.normal()).exp());
    // One check in a thousand fails.
    let fails = bad("failures_risen", 2 * DAY).map_or(0.001, |bad| 0.04 + 0.2 * bad.badness);
    let up = bad("probe_down", 150).is_none() && random.unit() > fails;
    to.put("probe_success", &shop, f64::from(u8::from(up)));
    to.put("up", &[("job", "api"), ("instance", "api:9100")], f64::from(u8::from(bad("target_down", 150).is_none())));
    let days = bad("certificate_ends", 30 * DAY).map_or(60.0, |bad| 12.0 - 13.0 * bad.badness);
    to.put("probe_ssl_earliest_cert_expiry", &shop, (MONDAY + end * MINUTE) as f64 / 1e3 + days * 86_400.0);
}
