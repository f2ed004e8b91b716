//! Starts the collectors that the settings ask for.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::Arbiter;
use taskpulse_actors::collectors::cgroup::{self, CgroupCollector};
use taskpulse_actors::collectors::collector::{Collector, Outputs, Poller, Wake};
use taskpulse_actors::collectors::command::CommandCollector;
use taskpulse_actors::collectors::github::GithubContext;
use taskpulse_actors::collectors::github::state::SharedWebhooks;
use taskpulse_actors::collectors::probe::{self, Check, ProbeCollector};
use taskpulse_actors::collectors::scrape::{ScrapeCollector, Target};
use taskpulse_actors::collectors::self_metrics::SelfCollector;
use taskpulse_actors::collectors::system::SystemCollector;
use taskpulse_actors::collectors::taskmaster::{BoardOptions, Bounds, TaskCollector};
use taskpulse_actors::messages::AppendResolved;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::supervisor::{ActorHandle, Mailbox};
use taskpulse_engine::board::cost::AgentMetrics;
use taskpulse_web::{OTLP_SOURCE, otlp_hint};

use crate::pipeline::Starter;
use crate::settings::github;
use crate::settings::probes::ProbeSpec;
use crate::settings::sources::{CommandSpec, ScrapeTarget, each};

/// How often the service looks at itself.
const OWN_EVERY: Duration = Duration::from_secs(10);

pub fn start(starter: &Starter<'_>, arbiter: &Arbiter, reporter: &Arc<Reporter>, outputs: &Outputs) {
    let settings = starter.settings;
    if settings.system.enabled {
        let (shared, every, mailbox) = (Arc::clone(&reporter.shared), settings.system.interval.duration(), outputs.batcher.clone());
        starter.start(arbiter, "system", move || SystemCollector::new(Arc::clone(&shared), every, mailbox.clone()));
    } else {
        reporter.shared.sources.absent("system", "switched off", "set system.enabled = true");
    }
    if settings.taskmaster.enabled {
        let (boards, costs) = (&settings.taskmaster, &settings.costs);
        let options = BoardOptions {
            roots: boards.projects.clone(),
            every: boards.interval.duration(),
            bounds: Bounds { max_tags: boards.max_tags, max_tasks: boards.max_tasks },
            names: AgentMetrics { tokens: costs.tokens.clone(), money: costs.money.clone(), active: costs.active_seconds.clone() },
        };
        let (reporter, outputs) = (Arc::clone(reporter), outputs.clone());
        starter.start(arbiter, "taskmaster", move || TaskCollector::new(&reporter, options.clone(), outputs.clone()));
    } else {
        reporter.shared.sources.absent("taskmaster", "switched off", "set taskmaster.enabled = true");
    }
    let address = reporter.addresses.get().and_then(|all| all.first()).map_or("", String::as_str);
    reporter.shared.sources.absent(OTLP_SOURCE, "nothing was sent to /v1/metrics yet", otlp_hint(address));
    start_scrape(starter, arbiter, reporter, outputs);
    // The settings were checked when they were read.
    let programs = each(&settings.commands.run, CommandSpec::program).unwrap_or_default();
    if !programs.is_empty() {
        let make = move || programs.iter().map(|p| Box::new(CommandCollector::new(p.clone())) as Box<dyn Collector>).collect();
        poll(starter, arbiter, reporter, outputs, "commands", make);
    }
    start_probes(starter, arbiter, reporter, outputs);
    let containers = &settings.containers;
    if containers.enabled {
        let (root, every, most) = (containers.root.clone(), containers.interval.duration(), containers.max_groups);
        let make = move || vec![Box::new(CgroupCollector::new(root.clone(), every, most)) as Box<dyn Collector>];
        poll(starter, arbiter, reporter, outputs, cgroup::SOURCE, make);
    } else {
        reporter.shared.sources.absent(cgroup::SOURCE, "switched off", "set containers.enabled = true");
    }
    let (clock, reporter, mailbox) = (starter.clock.clone(), Arc::clone(reporter), outputs.batcher.clone());
    starter.start(arbiter, "own", move || SelfCollector::new(clock.clone(), Arc::clone(&reporter), OWN_EVERY, mailbox.clone()));
}

fn start_scrape(starter: &Starter<'_>, arbiter: &Arbiter, reporter: &Arc<Reporter>, outputs: &Outputs) {
    let targets: Vec<Target> =
        each(&starter.settings.scrape.targets, ScrapeTarget::targets).unwrap_or_default().into_iter().flatten().collect();
    if targets.is_empty() {
        return;
    }
    let shared = Arc::clone(&reporter.shared);
    let make =
        move || targets.iter().map(|t| Box::new(ScrapeCollector::new(t.clone(), Arc::clone(&shared))) as Box<dyn Collector>).collect();
    poll(starter, arbiter, reporter, outputs, "scrape", make);
}

fn start_probes(starter: &Starter<'_>, arbiter: &Arbiter, reporter: &Arc<Reporter>, outputs: &Outputs) {
    let checks = each(&starter.settings.probes.check, ProbeSpec::check).unwrap_or_default();
    if checks.is_empty() {
        return;
    }
    let reporter_of_probes = Arc::clone(reporter);
    let make = move || {
        let known = probe::take_up(&reporter_of_probes.store, &checks);
        let source =
            |check: &Check| ProbeCollector::new(check.clone(), Arc::clone(&reporter_of_probes.shared), known.get(&check.name).copied());
        checks.iter().map(|check| Box::new(source(check)) as Box<dyn Collector>).collect()
    };
    poll(starter, arbiter, reporter, outputs, "probes", make);
}

/// Watches CI; what it sees goes to the store through `append`, past the batcher, because it may be of any age.
pub fn start_github(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    outputs: &Outputs,
    append: Mailbox<AppendResolved>,
    hooks: &SharedWebhooks,
) {
    if !starter.settings.github.enabled {
        reporter.shared.sources.absent("github", "switched off", "set github.enabled = true");
        return;
    }
    // The settings were checked when they were read.
    let Ok(options) = github::options(&starter.settings.github) else { return };
    let (shared, store) = (Arc::clone(&reporter.shared), Arc::clone(&reporter.store));
    let (documents, events) = (outputs.documents.clone(), outputs.events.clone());
    let context = Arc::new(GithubContext::new(options, Arc::clone(hooks), shared, store, append, documents, events));
    let handle = poll(starter, arbiter, reporter, outputs, "github", move || GithubContext::sources(&context));
    hooks.wakes(handle.mailbox::<Wake>());
}

/// Starts one poller of the sources that `make` makes, at the start and again after a panic.
fn poll(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    outputs: &Outputs,
    kind: &'static str,
    make: impl Fn() -> Vec<Box<dyn Collector>> + Send + 'static,
) -> ActorHandle<Poller> {
    let (clock, shared, outputs) = (starter.clock.clone(), Arc::clone(&reporter.shared), outputs.clone());
    starter.start(arbiter, kind, move || Poller::new(clock.clone(), Arc::clone(&shared), kind, outputs.clone(), make()))
}
