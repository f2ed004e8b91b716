//! What can be asked about, and which series have it.

/// How a series is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A level.
    Gauge,
    /// A running total; what is asked is its rise.
    Counter,
    /// One sample for each thing that ended, such as a run.
    Events,
    /// 1 or 0; over a time, the share of ones.
    Flag,
    /// A date.
    Date,
}

/// The series behind a subject.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// What it is of.
    pub subject: Subject,
    /// The metric, which has unit and words.
    pub metric: &'static str,
    /// Matchers that are always there, as PromQL has them.
    pub matchers: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// Labels that tell its series from each other, for lists.
    pub by: &'static [&'static str],
    /// The source that gives it, as settings and status name it.
    pub source: &'static str,
    /// What a sentence calls it.
    pub called: &'static str,
}

macro_rules! subjects {
    ($($variant:ident $id:literal $about:literal;)*) => {
        /// What a question is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Subject {
            $(#[doc = $about] $variant,)*
        }

        impl Subject {
            /// As answers and the corpus show it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }

            /// What it is, in words.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }
    };
}

subjects! {
    Cpu "cpu" "Busy share of the CPU.";
    Core "core" "Busy share of a core.";
    Load "load" "Load over one minute.";
    Memory "memory" "Used share of memory.";
    MemoryFree "memory_free" "Memory that is available.";
    MemoryUsed "memory_used" "Memory in use.";
    Swap "swap" "Swap in use.";
    CpuPressure "cpu_pressure" "Time in which processes wait for the CPU.";
    MemoryPressure "memory_pressure" "Time in which processes wait for memory.";
    IoPressure "io_pressure" "Time in which processes wait for disks.";
    Pressure "pressure" "Time in which processes wait for a resource.";
    OomKills "oom_kills" "Processes ended for want of memory.";
    Disk "disk" "Used share of a disk.";
    DiskFree "disk_free" "Free space of a disk.";
    DiskUsed "disk_used" "Used space of a disk.";
    DiskIo "disk_io" "Bytes read from and written to disks.";
    DiskRead "disk_read" "Bytes read from disks.";
    DiskWrite "disk_write" "Bytes written to disks.";
    Network "network" "Bytes over the network.";
    NetworkIn "network_in" "Bytes received.";
    NetworkOut "network_out" "Bytes sent.";
    Uptime "uptime" "Time since the machine started.";
    Processes "processes" "Number of processes.";
    Temperature "temperature" "Temperature of a sensor.";
    ProcessCpu "process_cpu" "CPU of processes, in cores.";
    ProcessMemory "process_memory" "Memory of processes.";
    ProcessIo "process_io" "Disk I/O of processes.";
    ProcessRead "process_read" "Bytes that processes read.";
    ProcessWrite "process_write" "Bytes that processes write.";
    UnitCpu "unit_cpu" "CPU time of units and containers.";
    UnitMemory "unit_memory" "Memory of units and containers.";
    UnitIo "unit_io" "Disk I/O of units and containers.";
    UnitState "unit_state" "Whether a unit or container runs.";
    CiDuration "ci_duration" "Duration of CI runs.";
    CiQueue "ci_queue" "Time that CI runs wait for a runner.";
    CiSuccess "ci_success" "Share of CI runs that succeed.";
    CiFailure "ci_failure" "Share of CI runs that fail.";
    CiFailures "ci_failures" "CI runs that failed.";
    CiSuccesses "ci_successes" "CI runs that succeeded.";
    CiCancelled "ci_cancelled" "CI runs that were cancelled.";
    CiRuns "ci_runs" "CI runs.";
    CiActive "ci_active" "CI runs under way.";
    CiFlaky "ci_flaky" "Share of commits with flaky runs.";
    CiJobTime "ci_job_time" "Time of CI jobs.";
    CiWasted "ci_wasted" "Time of CI jobs that was wasted.";
    CiState "ci_state" "Whether the newest runs succeeded.";
    CiJobs "ci_jobs" "Time of each job of CI.";
    CiJobFailures "ci_job_failures" "Failures of each job of CI.";
    CiCost "ci_cost" "Money that CI runs cost.";
    CiBroken "ci_broken" "The commit since which a workflow fails.";
    CiShifted "ci_shifted" "The commit since which a workflow takes longer.";
    Runners "runners" "Whether the runners of CI suffice.";
    Slower "slower" "What takes longer than before.";
    Tasks "tasks" "Tasks of the boards.";
    Subtasks "subtasks" "Subtasks of the boards.";
    Completed "tasks_completed" "Tasks that became done.";
    Reopened "tasks_reopened" "Tasks that were reopened.";
    Completion "completion" "Share of the tasks that is done.";
    Throughput "throughput" "Tasks done a day.";
    TaskTime "task_time" "Time that tasks take.";
    ReviewTime "review_time" "Time that tasks are in review.";
    CriticalPath "critical_path" "Longest chain of open tasks.";
    Complexity "complexity" "Complexity of the open tasks.";
    BoardEnd "board_end" "When the board will be done.";
    Task "task" "One task.";
    Dependents "dependents" "Tasks that wait for one.";
    Dependencies "dependencies" "Tasks that one waits for.";
    Budget "budget" "Budgets.";
    Cost "cost" "Money of coding agents.";
    Tokens "tokens" "Tokens of coding agents.";
    AgentTime "agent_time" "Time that coding agents were active.";
    AgentSessions "agents" "Sessions of coding agents.";
    AgentWaiting "agent_waiting" "Time that coding agents waited for a person.";
    Probe "probe" "Whether a probed target is up.";
    ProbeTime "probe_time" "Time that a probed target takes to answer.";
    ProbeStatus "probe_status" "Status of the last answer of a target.";
    Certificate "certificate" "End of a certificate.";
    HostState "host_state" "Whether a machine sends samples.";
    Heartbeat "heartbeat" "Whether the calls of a job come in time.";
    Scraped "scraped" "Whether a scraped target answers.";
    Everything "everything" "Sources, targets, jobs and alerts.";
    Sources "sources" "Sources of the service.";
    Health "health" "The health score.";
    Alerts "alerts" "Alerts.";
    Anomalies "anomalies" "What was unusual.";
    Events "events" "The time line.";
    Advice "advice" "Recommendations.";
    Verdicts "verdicts" "Whether changes helped.";
    StoreSize "store_size" "Size of the kept history on the disk.";
    Series "series" "Series in the store.";
    Samples "samples" "Samples kept.";
    ServiceMemory "service_memory" "Memory of the service itself.";
    ServiceCpu "service_cpu" "CPU time of the service itself.";
    Any "metric" "Any metric.";
    Grammar "questions" "What can be asked.";
}

macro_rules! measures {
    ($($subject:ident $metric:literal $matchers:literal $kind:ident $by:expr, $source:literal $called:literal;)*) => {
        /// All of them.
        const MEASURES: &[Measure] = &[$(Measure {
            subject: Subject::$subject, metric: $metric, matchers: $matchers, kind: Kind::$kind, by: &$by, source: $source, called: $called,
        }),*];
    };
}

measures! {
    Cpu "system_cpu_utilization_ratio" "" Gauge [], "system" "CPU";
    Core "system_cpu_core_utilization_ratio" "" Gauge ["cpu"], "system" "CPU of the core";
    Load "system_cpu_load_average_1m" "" Gauge [], "system" "Load over 1 minute";
    Memory "system_memory_utilization_ratio" "" Gauge [], "system" "Memory";
    MemoryFree "system_memory_usage_bytes" "state=\"available\"" Gauge [], "system" "Available memory";
    MemoryUsed "system_memory_usage_bytes" "state=\"used\"" Gauge [], "system" "Used memory";
    Swap "system_paging_usage_bytes" "state=\"used\"" Gauge [], "system" "Used swap";
    CpuPressure "system_pressure_ratio" "resource=\"cpu\",kind=\"some\"" Gauge [], "system" "Pressure on the CPU";
    MemoryPressure "system_pressure_ratio" "resource=\"memory\",kind=\"some\"" Gauge [], "system" "Pressure on memory";
    IoPressure "system_pressure_ratio" "resource=\"io\",kind=\"some\"" Gauge [], "system" "Pressure on disks";
    Pressure "system_pressure_ratio" "kind=\"some\"" Gauge ["resource"], "system" "Pressure";
    OomKills "system_oom_kills_total" "" Counter [], "system" "Processes ended for want of memory of";
    Disk "system_filesystem_utilization_ratio" "" Gauge ["mountpoint"], "system" "Disk";
    DiskFree "system_filesystem_usage_bytes" "state=\"free\"" Gauge ["mountpoint"], "system" "Free space of";
    DiskUsed "system_filesystem_usage_bytes" "state=\"used\"" Gauge ["mountpoint"], "system" "Used space of";
    DiskIo "system_disk_io_bytes_total" "" Counter ["device", "direction"], "system" "Disk I/O of";
    DiskRead "system_disk_io_bytes_total" "direction=\"read\"" Counter ["device"], "system" "Reads of";
    DiskWrite "system_disk_io_bytes_total" "direction=\"write\"" Counter ["device"], "system" "Writes of";
    Network "system_network_io_bytes_total" "" Counter ["device", "direction"], "system" "Network";
    NetworkIn "system_network_io_bytes_total" "direction=\"receive\"" Counter ["device"], "system" "Received by";
    NetworkOut "system_network_io_bytes_total" "direction=\"transmit\"" Counter ["device"], "system" "Sent by";
    Uptime "system_uptime_seconds" "" Gauge [], "system" "Uptime of the machine";
    Processes "system_processes" "" Gauge [], "system" "Processes";
    Temperature "system_temperature_celsius" "" Gauge ["sensor", "chip"], "system" "Temperature";
    ProcessCpu "process_cpu_utilization_ratio" "" Gauge ["process"], "system" "CPU of";
    ProcessMemory "process_memory_usage_bytes" "" Gauge ["process"], "system" "Memory of";
    ProcessIo "process_disk_io_bytes_per_second" "" Gauge ["process", "direction"], "system" "Disk I/O of";
    ProcessRead "process_disk_io_bytes_per_second" "direction=\"read\"" Gauge ["process"], "system" "Reads of";
    ProcessWrite "process_disk_io_bytes_per_second" "direction=\"write\"" Gauge ["process"], "system" "Writes of";
    UnitCpu "container_cpu_time_seconds_total" "" Counter ["container", "unit"], "containers" "CPU of";
    UnitMemory "container_memory_usage_bytes" "" Gauge ["container", "unit"], "containers" "Memory of";
    UnitIo "container_disk_io_bytes_total" "" Counter ["container", "unit", "direction"], "containers" "Disk I/O of";
    UnitState "container_memory_usage_bytes" "" Gauge ["container", "unit"], "containers" "State of";
    CiDuration "github_actions_run_duration_seconds" "conclusion=~\"success|failure\"" Events ["workflow"], "github" "Duration of";
    CiQueue "github_actions_run_queue_seconds" "" Events ["workflow"], "github" "Queue time of";
    CiSuccess "github_actions_run_duration_seconds" "" Events ["workflow"], "github" "Share of successes of";
    CiFailure "github_actions_run_duration_seconds" "" Events ["workflow"], "github" "Share of failures of";
    CiFailures "github_actions_run_duration_seconds" "conclusion=~\"failure|timed_out|startup_failure\"" Events ["workflow"], "github" "Failed runs of";
    CiSuccesses "github_actions_run_duration_seconds" "conclusion=\"success\"" Events ["workflow"], "github" "Successful runs of";
    CiCancelled "github_actions_run_duration_seconds" "conclusion=\"cancelled\"" Events ["workflow"], "github" "Cancelled runs of";
    CiRuns "github_actions_run_duration_seconds" "" Events ["workflow"], "github" "Runs of";
    CiActive "github_actions_active_runs" "" Gauge ["workflow", "status"], "github" "Runs under way of";
    CiFlaky "github_actions_flaky_ratio" "" Gauge ["workflow"], "github" "Share of flaky commits of";
    CiJobTime "github_actions_job_seconds_total" "" Counter ["workflow"], "github" "Job time of";
    CiWasted "github_actions_wasted_seconds_total" "" Counter ["workflow"], "github" "Wasted job time of";
    Completed "taskmaster_tasks_completed_total" "" Counter ["project", "tag"], "taskmaster" "Tasks done in";
    Reopened "taskmaster_tasks_reopened_total" "" Counter ["project", "tag"], "taskmaster" "Tasks reopened in";
    Completion "taskmaster_completion_ratio" "" Gauge ["project", "tag"], "taskmaster" "Completion of";
    Throughput "taskmaster_throughput_tasks_per_day" "" Gauge ["project", "tag"], "taskmaster" "Tasks done a day in";
    TaskTime "taskmaster_task_execution_seconds" "" Events ["project", "tag"], "taskmaster" "Time for a task in";
    ReviewTime "taskmaster_task_review_seconds" "" Events ["project", "tag"], "taskmaster" "Time in review in";
    CriticalPath "taskmaster_critical_path_tasks" "" Gauge ["project", "tag"], "taskmaster" "Critical path of";
    Complexity "taskmaster_open_complexity" "" Gauge ["project", "tag"], "taskmaster" "Open complexity of";
    Tasks "taskmaster_tasks" "" Gauge ["project", "tag", "status"], "taskmaster" "Tasks in";
    Subtasks "taskmaster_subtasks" "" Gauge ["project", "tag", "status"], "taskmaster" "Subtasks in";
    Probe "probe_success" "" Flag ["target"], "probe" "";
    ProbeTime "probe_duration_seconds" "" Gauge ["target"], "probe" "Check of";
    ProbeStatus "probe_http_status_code" "" Gauge ["target"], "probe" "Status of";
    Certificate "probe_ssl_earliest_cert_expiry" "" Date ["target"], "probe" "Certificate of";
    Heartbeat "heartbeat_up" "" Flag ["heartbeat"], "heartbeats" "";
    HostState "system_cpu_utilization_ratio" "" Gauge [], "system" "State of";
    Scraped "up" "" Flag ["job", "instance"], "scrape" "";
    Health "taskpulse_health_score" "" Gauge [], "taskpulse" "Health score";
    StoreSize "taskpulse_store_disk_bytes" "" Gauge [], "taskpulse" "Size of the kept history";
    Series "taskpulse_store_series" "" Gauge [], "taskpulse" "Series";
    Samples "taskpulse_appended_samples_total" "" Counter [], "taskpulse" "Samples kept";
    ServiceMemory "taskpulse_process_resident_memory_bytes" "" Gauge [], "taskpulse" "Memory of Taskpulse";
    ServiceCpu "taskpulse_process_cpu_seconds_total" "" Counter [], "taskpulse" "CPU time of Taskpulse";
}

/// The series behind a subject; none where the answer comes from other things than series.
#[must_use]
pub fn measure(subject: Subject) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.subject == subject)
}
