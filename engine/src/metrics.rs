//! What each metric of the product is: type, unit, and one line of help. Held to what is measured by a test.
//!
//! Served at `/api/v1/metadata` and in `/metrics`; `docs/METRICS.md` says more.

/// A counter only rises (and starts over with its process); a gauge goes both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// Goes both ways.
    Gauge,
    /// Only rises.
    Counter,
    /// One of the series of a histogram (`_bucket`, `_sum`, `_count`), which only rise.
    Histogram,
}

impl MetricType {
    /// As Prometheus names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricType,
    /// Base unit, empty where it is a plain number.
    pub unit: &'static str,
    /// What a sentence about a series of it begins with; `{label}` stands for a label, `{value}` for the value. Empty: the words of its name.
    pub phrase: &'static str,
    /// One line.
    pub help: &'static str,
}

impl Metric {
    /// The name that its series have in common: that of a histogram is without `_bucket`, `_sum` and `_count`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        if self.kind != MetricType::Histogram {
            return self.name;
        }
        ["_bucket", "_sum", "_count"].iter().find_map(|part| self.name.strip_suffix(part)).unwrap_or(self.name)
    }
}

macro_rules! metrics {
    ($($name:literal $kind:ident $unit:literal $phrase:literal $help:literal;)*) => {
        /// Every metric that the product measures, of its sources and of itself.
        pub const METRICS: &[Metric] = &[$(Metric { name: $name, kind: MetricType::$kind, unit: $unit, phrase: $phrase, help: $help }),*];
    };
}

metrics! {
    "system_cpu_utilization_ratio" Gauge "ratio" "CPU" "Busy share of all CPU cores since the sample before";
    "system_cpu_steal_ratio" Gauge "ratio" "CPU taken by other machines" "Share of the CPU's time that the host gave to other machines since the sample before";
    "system_cpu_throttles_total" Counter "" "Cores slowed down by heat" "Times that a core was slowed down because it was too hot";
    "system_cpu_core_utilization_ratio" Gauge "ratio" "CPU core {cpu}" "Busy share of one CPU core since the sample before";
    "system_cpu_load_average_1m" Gauge "" "Load over 1 minute" "Runnable tasks, averaged over one minute";
    "system_cpu_load_average_5m" Gauge "" "Load over 5 minutes" "Runnable tasks, averaged over five minutes";
    "system_cpu_load_average_15m" Gauge "" "Load over 15 minutes" "Runnable tasks, averaged over fifteen minutes";
    "system_memory_usage_bytes" Gauge "bytes" "Memory {state}" "Memory by state: used, free, available";
    "system_memory_limit_bytes" Gauge "bytes" "Memory of the machine" "All the memory there is";
    "system_memory_utilization_ratio" Gauge "ratio" "Memory" "Memory that is not available, as a share of all";
    "system_memory_time_to_full_bound_seconds" Gauge "seconds" "Memory {unit}{container}{process}: {quantile} of cases are used up in {value}" "Time within which memory is used up in a share of cases, by the forecast";
    "system_memory_time_to_full_seconds" Gauge "seconds" "Memory {unit}{container}{process} used up in {value}" "When the memory of a unit with a limit, else that of the machine, will be used up by the forecast, where it will be";
    "system_paging_usage_bytes" Gauge "bytes" "Swap {state}" "Swap by state: used, free";
    "system_paging_io_bytes_total" Counter "bytes" "Swap {direction}" "Bytes read back from swap (in) and moved there (out)";
    "system_pressure_ratio" Gauge "ratio" "Processes wait for {resource} {value} of the time" "Share of the last ten seconds in which some processes, or all (full), waited for a resource";
    "system_oom_kills_total" Counter "" "Processes ended for want of memory" "Processes that the kernel ended for want of memory since the machine started";
    "system_filesystem_inodes" Gauge "" "Inodes of {mountpoint} {state}" "Inodes of a file system by state: used, free; each file takes one. A file system that makes them as they are needed has no such series";
    "system_filesystem_inodes_time_to_full_seconds" Gauge "seconds" "Inodes of {mountpoint}: used up in {value}" "When the inodes of a file system will be used up by the forecast, where they will be; 0 while they are";
    "system_filesystem_inodes_utilization_ratio" Gauge "ratio" "Inodes of {mountpoint}" "Used share of the inodes of a file system";
    "system_filesystem_time_to_full_bound_seconds" Gauge "seconds" "Disk {mountpoint}: {quantile} of cases are full in {value}" "Time within which a file system is full in a share of cases, by the forecast";
    "system_filesystem_time_to_full_seconds" Gauge "seconds" "Disk {mountpoint}: full in {value}" "When a file system will be full by the forecast, where it will be; 0 while it is";
    "system_filesystem_usage_bytes" Gauge "bytes" "Disk {mountpoint} {state}" "File system by state: used, free";
    "system_filesystem_utilization_ratio" Gauge "ratio" "Disk {mountpoint}" "Used share of a file system";
    "system_disk_io_bytes_total" Counter "bytes" "Disk {device} {direction}" "Bytes read from and written to a disk";
    "system_network_io_bytes_total" Counter "bytes" "Network {device} {direction}" "Bytes received and transmitted by a network interface";
    "system_uptime_seconds" Gauge "seconds" "Uptime of the machine" "Time since the machine started";
    "system_processes" Gauge "" "Processes" "Processes";
    "system_temperature_celsius" Gauge "celsius" "Temperature {sensor}" "Temperature of a sensor";
    "process_cpu_utilization_ratio" Gauge "ratio" "CPU of {process}" "CPU time of the processes of one name per second, in cores; the ten highest";
    "process_children_cpu_utilization_ratio" Gauge "ratio" "CPU of short-lived children of {process}" "CPU time of ended children of the processes of one name that no sample of their own has, per second, in cores; the ten highest";
    "process_memory_usage_bytes" Gauge "bytes" "Memory of {process}" "Resident memory of the processes of one name; the ten highest";
    "process_disk_io_bytes_per_second" Gauge "bytes_per_second" "Disk {direction} of {process}" "Bytes that the processes of one name read from and wrote to disks since the sample before, per second; the ten highest";
    "process_count" Gauge "" "Processes of {process}" "Processes of one name that is among the ten highest by CPU, memory or bytes";
    "agent_sessions" Gauge "" "Sessions of {agent} {state}" "Sessions of coding agents that work, wait or rest";
    "agent_cost_usd_total" Counter "" "Cost of {agent} with {model}" "What coding agents said that their requests cost, in US dollars";
    "agent_tokens_total" Counter "" "Tokens of {agent} {model}, {type}" "Tokens of coding agents by kind, as the client counts them";
    "agent_requests_total" Counter "" "Requests of {agent} to {model}" "Requests to models that were answered";
    "agent_request_errors_total" Counter "" "Failed requests of {agent}" "Requests to models that failed";
    "agent_tool_calls_total" Counter "" "Calls of {tool} by {agent}, {outcome}" "Calls of tools by outcome: ok, failed, refused";
    "agent_findings" Gauge "" "Sessions of {agent} in trouble ({kind})" "Sessions of coding agents of which something is wrong, by kind: waits, loop, errors, context, limit, stuck, no_progress, rewrites, cache";
    "agent_prompts_total" Counter "" "Prompts to {agent}" "Prompts that coding agents were given";
    "agent_commits_total" Counter "" "Commits of {agent}" "Commits that coding agents made";
    "agent_active_seconds_total" Counter "seconds" "Active time of {agent}" "Time in which coding agents were used, as they say it";
    "agent_waiting_seconds_total" Counter "seconds" "Waiting time of {agent}" "Time that coding agents waited for a person";
    "taskmaster_tasks" Gauge "" "Tasks {status} in {project} {tag}" "Tasks by status";
    "taskmaster_subtasks" Gauge "" "Subtasks {status} in {project} {tag}" "Subtasks by status";
    "taskmaster_completion_ratio" Gauge "ratio" "Completion of {project} {tag}" "Tasks done, as a share of those not cancelled";
    "taskmaster_queue_depth" Gauge "" "Pending tasks in {project} {tag}" "Tasks pending";
    "taskmaster_ready_tasks" Gauge "" "Ready tasks in {project} {tag}" "Pending tasks with every dependency done";
    "taskmaster_blocked_tasks" Gauge "" "Blocked tasks in {project} {tag}" "Pending tasks that wait for a dependency, and tasks whose status is blocked";
    "taskmaster_throughput_tasks_per_day" Gauge "" "Tasks done a day in {project} {tag}" "Tasks done a day over the last seven days, or as many of them as were watched";
    "taskmaster_open_complexity" Gauge "" "Open complexity of {project} {tag}" "Complexity scores of the open tasks together";
    "taskmaster_forecast_done_timestamp_seconds" Gauge "seconds" "Forecast end of {project} {tag}" "When no task will be open, by quantile of a simulation over the throughput seen";
    "taskmaster_failure_ratio" Gauge "ratio" "{project} {tag}: {value} of tasks cancelled or reopened" "Cancelled and reopened tasks as a share of those and the done ones, last 24 h";
    "taskmaster_failure_low_ratio" Gauge "ratio" "{project} {tag}: lowest likely share of tasks cancelled or reopened" "Lowest true failure ratio that agrees with the tasks it is made of";
    "taskmaster_critical_path_tasks" Gauge "" "Critical path of {project} {tag}" "Unfinished tasks on the longest chain of dependencies";
    "taskmaster_task_complexity" Gauge "" "Complexity of a task in {project} {tag}" "Complexity score of a task, at its end, where it was analysed";
    "taskmaster_task_chain_tasks" Gauge "" "Chain of tasks from {task} of {project} {tag}" "Tasks on the longest chain that begins with a task of taskmaster_task_dependents";
    "taskmaster_task_dependents" Gauge "" "Tasks that wait for {task} of {project} {tag}" "Open tasks that wait for an open task which itself waits for none, directly or through others; the three with most of a tag";
    "taskmaster_task_execution_seconds" Gauge "seconds" "Time for a task in {project} {tag}" "Time in progress and in review of a task, at its end";
    "taskmaster_task_review_seconds" Gauge "seconds" "Time in review of a task in {project} {tag}" "Time in review of a task, at its end";
    "taskmaster_tasks_completed_total" Counter "" "Tasks done in {project} {tag}" "Tasks seen to become done";
    "taskmaster_tasks_reopened_total" Counter "" "Tasks reopened in {project} {tag}" "Tasks seen to leave done or review for pending or in-progress";
    "container_cpu_time_seconds_total" Counter "seconds" "CPU time of {container}{unit}" "CPU time of a container or of a unit of systemd's";
    "container_memory_usage_bytes" Gauge "bytes" "Memory of {container}{unit}" "Memory of a container or unit, page cache included";
    "container_memory_uncached_bytes" Gauge "bytes" "Memory of {container}{unit} without page cache" "Memory of a container or unit without page cache, which the kernel takes back when memory is short";
    "container_memory_limit_bytes" Gauge "bytes" "Memory limit of {container}{unit}" "Memory that it may use, where there is a limit";
    "container_disk_io_bytes_total" Counter "bytes" "Disk {direction} of {container}{unit}" "Bytes that it read from and wrote to disks";
    "container_processes" Gauge "" "Processes of {container}{unit}" "Its processes and threads";
    "container_oom_kills_total" Counter "" "Processes of {container}{unit} ended for want of memory" "Its processes that the kernel ended for want of memory";
    "up" Gauge "" "{job} {instance}" "1 where the last scrape of a target worked, else 0";
    "scrape_duration_seconds" Gauge "seconds" "Scrape of {job} {instance}" "How long a scrape took";
    "scrape_samples_scraped" Gauge "" "Samples of {job} {instance}" "Samples that a target gave";
    "scrape_samples_post_metric_relabeling" Gauge "" "Samples kept of {job} {instance}" "Those that are left after the rules";
    "scrape_series_added" Gauge "" "New series of {job} {instance}" "Series that the scrape before did not have";
    "heartbeat_up" Gauge "" "The call of {heartbeat}" "1 while calls of a job come in time, 0 while one is late; none before the first is due";
    "heartbeat_last_call_timestamp_seconds" Gauge "seconds" "Last call of {heartbeat}" "When a job called, at each call";
    "heartbeat_interval_seconds" Gauge "seconds" "Interval of the calls of {heartbeat}" "How often a call of a job is expected";
    "probe_success" Gauge "" "{target}" "1 while a target answers as it should, 0 while it does not";
    "probe_duration_seconds" Gauge "seconds" "Check of {target}" "How long a check took, whatever its end";
    "probe_dns_lookup_time_seconds" Gauge "seconds" "Name look-up of {target}" "How long the look-up of a target's name took";
    "probe_http_status_code" Gauge "" "Status of {target}" "Status of the last answer";
    "probe_http_duration_seconds" Gauge "seconds" "{phase} of {target}" "Time of a check over HTTP by phase: resolve, connect, tls, processing, transfer";
    "probe_http_redirects" Gauge "" "Redirects of {target}" "Redirects that were followed";
    "probe_http_version" Gauge "" "HTTP version of {target}" "Version of HTTP that the target answered in";
    "probe_http_content_length" Gauge "" "Length of the answer of {target}" "Bytes that the last answer said its body has";
    "probe_http_ssl" Gauge "" "TLS of {target}" "1 where the last answer came over TLS, else 0";
    "probe_ssl_earliest_cert_expiry" Gauge "" "End of the certificate of {target}" "When the first certificate that was shown ends, Unix seconds";
    "probe_failed_due_to_regex" Gauge "" "Text check of {target}" "1 if the body failed its regex check, else 0";
    "github_actions_run_duration_seconds" Gauge "seconds" "Duration of {workflow} on {repo}" "Time from the beginning to the end of a run's last attempt, one sample a run, at its end";
    "github_actions_run_queue_seconds" Gauge "seconds" "Queue time of {workflow} on {repo}" "Time that a run waited for its first job, one sample a run, at its end";
    "github_actions_success_ratio" Gauge "ratio" "CI on {repo}: {value} of {workflow} runs succeed" "Successes as a share of successes and failures among the last 20 completed runs";
    "github_actions_success_high_ratio" Gauge "ratio" "CI on {repo}: highest likely share of {workflow} runs that succeed" "Highest true success ratio that agrees with the runs it is made of";
    "github_actions_flaky_ratio" Gauge "ratio" "CI on {repo}: {value} of {workflow} commits are flaky" "Flaky commits as a share of those that succeeded or failed, of the runs that are held";
    "github_actions_active_runs" Gauge "" "Runs {status} of {workflow} on {repo}" "Runs that did not end yet, by status";
    "github_actions_runs_total" Counter "" "Runs of {workflow} on {repo} with {conclusion}" "Ends of runs, by conclusion";
    "github_actions_job_seconds_total" Counter "seconds" "Job time of {workflow} on {repo}" "Seconds of jobs of runs that ended";
    "github_actions_wasted_seconds_total" Counter "seconds" "Wasted job time of {workflow} on {repo}" "Job seconds of runs that were cancelled or whose commit later got a green run";
    "github_actions_run_cost" Gauge "" "Cost of {workflow} on {repo}" "What the jobs of a run cost by the prices of the settings, one sample a run, at its end; none where one of its runners has no price";
    "github_rate_limit_remaining" Gauge "" "GitHub requests left" "Requests that are left in this hour, by GitHub's count";
    "taskpulse_github_requests_total" Counter "" "Requests to GitHub {outcome}" "Requests to GitHub by outcome: paid, unchanged (304), failed";
    "taskpulse_webhooks_total" Counter "" "Webhooks {event} {outcome}" "Webhook deliveries by event and outcome";
    "taskpulse_mcp_requests_total" Counter "" "Requests to MCP {tool} {outcome}" "Requests to the MCP server by tool and outcome: ok, failed (the tool could not answer), refused (the message was wrong)";
    "taskpulse_anomaly_score" Gauge "" "Anomaly score of {metric}" "How unusual the newest five minutes of a series are, 0 to 1; 0.5 and more is an anomaly";
    "taskpulse_budget_limit" Gauge "" "Budget {budget}" "The most that is to be spent within the period of a budget, or by each task, tag or project";
    "taskpulse_budget_used" Gauge "" "Spent of the budget {budget}" "What was spent since the period of a budget began, or by the dearest task, tag or project";
    "taskpulse_capacity_utilization_ratio" Gauge "ratio" "{resource} {mountpoint} in use" "Share of a resource of this machine that is in use: of the CPU over the last hour, of memory and disks now";
    "taskpulse_capacity_shortfall_ratio" Gauge "ratio" "{resource} {mountpoint}: {bound} shortfall of the next week" "By which share of what there is a resource falls short at the worst time of the next week; 0 where it suffices";
    "taskpulse_capacity_shortfall_runners" Gauge "" "{repo}: {bound} shortfall of runners" "Runs that will wait for a runner at the worst time of the next week, on average over two hours";
    "taskpulse_capacity_exhaustion_timestamp_seconds" Gauge "seconds" "{resource} {mountpoint}: {bound} time at which it is used up" "When a resource is used up, Unix time";
    "taskpulse_expected_low" Gauge "" "Lowest expected {metric}" "Lowest value that a series is expected to have now, in its own unit; of a counter, its rate per second";
    "taskpulse_expected_high" Gauge "" "Highest expected {metric}" "Highest value that a series is expected to have now, in its own unit; of a counter, its rate per second";
    "ALERTS" Gauge "" "Alert {alertname}" "1 while an alert is in the state of its label alertstate: pending or firing";
    "ALERTS_FOR_STATE" Gauge "" "Start of alert {alertname}" "When the condition of an alert that is pending or firing began to hold, Unix seconds";
    "taskpulse_health_score" Gauge "" "Health score" "0 to 100; the formula is in METRICS.md";
    "taskpulse_health_part_score" Gauge "" "Health of {part}" "One part of the health score, 0 to 100";
    "taskpulse_source_up" Gauge "" "Source {source}" "1 while a source gives samples, 0 while it fails";
    "taskpulse_appended_samples_total" Counter "" "" "Samples kept";
    "taskpulse_rejected_samples_total" Counter "" "" "Samples refused by the store, by reason";
    "taskpulse_dropped_samples_total" Counter "" "" "Samples lost on the way, by stage and reason";
    "taskpulse_duplicate_samples_total" Counter "" "" "Samples that were there already";
    "taskpulse_late_samples_total" Counter "" "" "Samples that came after their window had closed";
    "taskpulse_windows_closed_total" Counter "" "" "Times that a series moved past the end of windows, by length";
    "taskpulse_standstill_seconds_total" Counter "seconds" "" "Time during which the service stood still: asleep, stopped or without CPU";
    "taskpulse_store_commits_total" Counter "" "" "Journal flushes";
    "taskpulse_store_seals_total" Counter "" "" "Rewrites of the head into chunks";
    "taskpulse_store_series" Gauge "" "" "Series known";
    "taskpulse_store_head_samples" Gauge "" "" "Samples not in chunks yet";
    "taskpulse_store_seal_seconds_total" Counter "seconds" "" "Time that seals took";
    "taskpulse_store_compactions_total" Counter "" "" "Days written anew";
    "taskpulse_store_compaction_seconds_total" Counter "seconds" "" "Time that took, pauses included";
    "taskpulse_store_journal_records" Gauge "" "" "Records in the journal";
    "taskpulse_store_journal_bytes" Gauge "bytes" "" "Size of the journal";
    "taskpulse_store_journal_age_seconds" Gauge "seconds" "" "How long the oldest record waits for its seal";
    "taskpulse_store_open_partitions" Gauge "" "" "Days that are open";
    "taskpulse_store_partition_hits_total" Counter "" "" "Times that a day was wanted and open";
    "taskpulse_store_partition_opens_total" Counter "" "" "Times that a day had to be opened";
    "taskpulse_store_disk_bytes" Gauge "bytes" "Data directory" "Size of the data directory on the disk";
    "taskpulse_exemplars" Gauge "" "" "Exemplars kept";
    "taskpulse_dropped_exemplars_total" Counter "" "" "Exemplars that were not kept, by reason";
    "taskpulse_logs_lines_total" Counter "" "" "Log lines taken in";
    "taskpulse_logs_bytes_total" Counter "bytes" "" "Bytes of the bodies and attributes of log lines taken in";
    "taskpulse_logs_duplicate_lines_total" Counter "" "" "Log lines that were there already";
    "taskpulse_logs_cut_lines_total" Counter "" "" "Log lines whose body or attributes were cut";
    "taskpulse_logs_overflowed_lines_total" Counter "" "" "Log lines of streams beyond the most of a day, kept with others of their service";
    "taskpulse_logs_rejected_lines_total" Counter "" "" "Log lines refused by the store, by reason";
    "taskpulse_logs_commits_total" Counter "" "" "Flushes of the journal of log lines";
    "taskpulse_logs_seals_total" Counter "" "" "Rewrites of log lines into blocks";
    "taskpulse_logs_compactions_total" Counter "" "" "Merges of files of log lines";
    "taskpulse_logs_head_lines" Gauge "" "" "Log lines not in blocks yet";
    "taskpulse_logs_head_bytes" Gauge "bytes" "" "Memory of log lines not in blocks yet";
    "taskpulse_logs_journal_bytes" Gauge "bytes" "" "Size of the journal of log lines";
    "taskpulse_logs_disk_bytes" Gauge "bytes" "" "Size of log lines on the disk";
    "taskpulse_logs_kept_lines" Gauge "" "" "Log lines in blocks";
    "taskpulse_logs_blocks" Gauge "" "" "Blocks of log lines";
    "taskpulse_logs_streams" Gauge "" "" "Streams of log lines of the newest day";
    "taskpulse_logs_service_lines_total" Counter "" "Log lines of {service} at level {level}" "Log lines taken in, by service and level";
    "taskpulse_logs_templates" Gauge "" "" "Kinds of error lines that are known";
    "taskpulse_logs_templates_evicted_total" Counter "" "" "Kinds of error lines that were forgotten, since there were too many";
    "taskpulse_logs_templates_unsaid_total" Counter "" "" "New kinds and bursts of error lines left off the time line, since there were too many within an hour";
    "taskpulse_logs_templates_dropped_lines_total" Counter "" "" "Error lines that were not grouped, since too many came at once";
    "taskpulse_traces_spans_total" Counter "" "" "Spans taken in";
    "taskpulse_traces_bytes_total" Counter "bytes" "" "Bytes of the bodies and ids of spans taken in";
    "taskpulse_traces_duplicate_spans_total" Counter "" "" "Spans that were there already";
    "taskpulse_traces_overflowed_spans_total" Counter "" "" "Spans of services beyond the most of a day, kept together";
    "taskpulse_traces_rejected_spans_total" Counter "" "" "Spans refused by the store, by reason";
    "taskpulse_traces_commits_total" Counter "" "" "Flushes of the journal of spans";
    "taskpulse_traces_seals_total" Counter "" "" "Rewrites of spans into blocks";
    "taskpulse_traces_compactions_total" Counter "" "" "Merges of files of spans";
    "taskpulse_traces_head_spans" Gauge "" "" "Spans not in blocks yet";
    "taskpulse_traces_head_bytes" Gauge "bytes" "" "Memory of spans not in blocks yet";
    "taskpulse_traces_journal_bytes" Gauge "bytes" "" "Size of the journal of spans";
    "taskpulse_traces_disk_bytes" Gauge "bytes" "" "Size of spans on the disk";
    "taskpulse_traces_kept_spans" Gauge "" "" "Spans in blocks";
    "taskpulse_traces_blocks" Gauge "" "" "Blocks of spans";
    "taskpulse_traces_services" Gauge "" "" "Services with spans of the newest day";
    "traces_spanmetrics_calls_total" Counter "" "Calls of {span_name} in {service}" "Spans taken in, by service, name, kind and status";
    "traces_spanmetrics_latency_bucket" Histogram "" "Durations of {span_name} in {service}" "Durations of spans taken in, seconds, by service, name, kind and status";
    "traces_spanmetrics_latency_count" Histogram "" "Spans {span_name} in {service}" "Durations of spans taken in, seconds, by service, name, kind and status";
    "traces_spanmetrics_latency_sum" Histogram "seconds" "Time of {span_name} in {service}" "Durations of spans taken in, seconds, by service, name, kind and status";
    "taskpulse_traces_uncounted_spans_total" Counter "" "" "Spans that the series of calls leave out: of another time, or that end before they begin";
    "taskpulse_actor_up" Gauge "" "Actor {actor}" "1 while an actor runs, by actor";
    "taskpulse_actor_restarts_total" Counter "" "" "Restarts of an actor after a panic";
    "taskpulse_actor_mailbox_messages" Gauge "" "" "Messages that wait for an actor";
    "taskpulse_actor_handled_messages_total" Counter "" "" "Messages an actor has handled";
    "taskpulse_actor_held_seconds_total" Counter "seconds" "" "Time that an actor held its thread";
    "taskpulse_actor_longest_hold_seconds" Gauge "seconds" "" "Longest time at a stretch that an actor held its thread since the start";
    "taskpulse_auth_failures_total" Counter "" "" "Requests and logins with a wrong token";
    "taskpulse_sessions" Gauge "" "" "WebSocket sessions";
    "taskpulse_alerts" Gauge "" "Alerts {state}" "Alerts by state";
    "taskpulse_notifications_total" Counter "" "Notifications over {channel} {outcome}" "Notifications by channel and outcome: delivered, tries that failed, given up";
    "taskpulse_notifications_waiting" Gauge "" "Notifications that wait for {channel}" "Notifications that wait for their channel";
    "taskpulse_rule_notifications_total" Counter "" "Notifications of {rule}" "Notifications of a rule's alerts that channels other than console and file delivered";
    "taskpulse_process_cpu_seconds_total" Counter "seconds" "CPU time of Taskpulse" "CPU time of this process";
    "taskpulse_process_resident_memory_bytes" Gauge "bytes" "Memory of Taskpulse" "Resident memory of this process";
    "taskpulse_process_start_time_seconds" Gauge "seconds" "" "When this process started, Unix time";
    "taskpulse_build_info" Gauge "" "" "Version in the label, always 1";
}

/// What is known of a metric.
#[must_use]
pub fn describe(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

/// Where the samples of a metric come from, by the beginning of its name.
const SOURCES: [(&str, &str); 12] = [
    ("system_", "system"),
    ("process_", "system"),
    ("taskmaster_", "taskmaster"),
    ("github_", "github"),
    ("probe_", "probes"),
    ("up", "scrape"),
    ("scrape_", "scrape"),
    ("container_", "containers"),
    ("unit_", "containers"),
    ("heartbeat_", "heartbeats"),
    ("command_", "commands"),
    ("taskpulse_", "taskpulse"),
];

/// Where the samples of a metric come from: `system`, `taskmaster`, `github`, `probes`, `scrape`, `containers`, `heartbeats`, `commands` or
/// `taskpulse`. None for a metric of others.
#[must_use]
pub fn source(name: &str) -> Option<&'static str> {
    let is_of = |(prefix, _): &&(&str, &str)| if prefix.ends_with('_') { name.starts_with(prefix) } else { name == *prefix };
    SOURCES.iter().find(is_of).map(|(_, source)| *source)
}

/// Whether a metric only rises: by the table, and for those of others by its name.
#[must_use]
pub fn is_counter(name: &str) -> bool {
    describe(name).map_or_else(|| name.ends_with("_total"), |metric| metric.kind != MetricType::Gauge)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/METRICS.md`: name, type and unit of each row of its table.
    fn documented() -> Vec<(&'static str, &'static str, &'static str)> {
        let text = include_str!("../../docs/METRICS.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let columns: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(columns.len(), 8, "name, type, unit, labels, from, what: {row}");
            assert!(!columns[5].is_empty() && !columns[6].is_empty(), "from where, and what it is: {row}");
            (columns[1].trim_matches('`'), columns[2], columns[3])
        })
        .collect()
    }

    #[test]
    fn the_table_in_the_documentation_has_every_metric_and_no_other() {
        let documented = documented();
        assert!(documented.is_sorted(), "the table is sorted by name: {documented:?}");
        let mut known: Vec<_> = METRICS.iter().map(|metric| (metric.name, metric.kind.name(), metric.unit)).collect();
        known.sort_unstable();
        let missing: Vec<_> = known.iter().filter(|row| !documented.contains(row)).collect();
        let unknown: Vec<_> = documented.iter().filter(|row| !known.contains(row)).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "missing from docs/METRICS.md: {missing:?}; not in metrics.rs: {unknown:?}");
    }

    #[test]
    fn names_are_unique_and_follow_their_type_and_unit() {
        for (at, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[at + 1..].iter().all(|m| m.name != metric.name), "{} twice", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricType::Counter, "{}", metric.name);
            // Tempo's names do not say the unit.
            assert!(metric.name.contains(metric.unit) || metric.name.starts_with("traces_spanmetrics_"), "{}", metric.name);
            assert_eq!(metric.family() == metric.name, metric.kind != MetricType::Histogram, "{}", metric.name);
        }
    }
}
