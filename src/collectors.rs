//! The registration table of collectors: which there are, and which of them the settings ask for.
//!
//! To add one: a file with a `Collector` in `actors/src/collectors/`, a section in `settings/sections.rs`, and a row here.

use std::sync::Arc;

use actix_rt::Arbiter;
use taskpulse_actors::collectors::anomaly::{self, AnomalyCollector};
use taskpulse_actors::collectors::cgroup::{self, CgroupCollector};
use taskpulse_actors::collectors::collector::Collector;
use taskpulse_actors::collectors::command::CommandCollector;
use taskpulse_actors::collectors::github::state::SharedWebhooks;
use taskpulse_actors::collectors::github::{GithubContext, GithubOptions, GithubOutputs};
use taskpulse_actors::collectors::heartbeat::{self, HeartbeatCollector, Heartbeats};
use taskpulse_actors::collectors::poller::{Outputs, Poller, Wake, Waker};
use taskpulse_actors::collectors::probe::{self, ProbeCollector};
use taskpulse_actors::collectors::scrape::{ScrapeCollector, Target};
use taskpulse_actors::collectors::self_metrics::{self, SelfCollector};
use taskpulse_actors::collectors::system::{self, Crews, SystemCollector};
use taskpulse_actors::collectors::taskmaster::{self, BoardChannels, BoardOptions, Bounds, TaskCollector};
use taskpulse_actors::messages::AppendResolved;
use taskpulse_actors::published::Publishers;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::supervisor::Mailbox;

use crate::options;
use crate::pipeline::Starter;
use crate::settings::probes::ProbeSpec;
use crate::settings::sources::{CommandSpec, ScrapeTarget, each};
use crate::settings::{Settings, github};

/// One kind of collector. All of a kind share a poller.
pub struct Registration {
    /// The name of the poller; also that of the section of settings where it can be switched off.
    name: &'static str,
    /// What the settings ask for.
    plan: fn(&Settings, &Context) -> Plan,
}

/// All collectors, in the order in which they start.
pub const COLLECTORS: &[Registration] = &[
    Registration { name: system::SOURCE, plan: system },
    Registration { name: taskmaster::SOURCE, plan: taskmaster },
    Registration { name: "scrape", plan: scrape },
    Registration { name: "commands", plan: commands },
    Registration { name: "probes", plan: probes },
    Registration { name: heartbeat::SOURCE, plan: heartbeats },
    Registration { name: cgroup::SOURCE, plan: containers },
    Registration { name: self_metrics::NAME, plan: |s, c| poll(own(s, c)) },
    Registration { name: "github", plan: github },
    Registration { name: anomaly::SOURCE, plan: anomalies },
];

/// What collectors may use.
pub struct Context {
    pub clock: taskpulse_actors::clock::Clock,
    pub reporter: Arc<Reporter>,
    pub publishers: Publishers,
    pub outputs: Outputs,
    /// For samples of any age, which bypass the batcher.
    pub append: Mailbox<AppendResolved>,
    pub webhooks: SharedWebhooks,
    /// Sessions of coding agents.
    pub agents: taskpulse_actors::agents::Agents,
    pub heartbeats: Arc<Heartbeats>,
}

/// Makes the collectors of one kind: at the start, and again after a panic.
type Make = Box<dyn Fn() -> Vec<Box<dyn Collector>> + Send>;

/// What the settings ask for.
pub enum Plan {
    /// Poll these collectors; the waker lets them be woken.
    Poll(Make, Waker),
    /// Nothing: it is switched off.
    Off,
    /// Nothing: no target is named.
    NoTargets,
}

fn poll<C: Collector>(make: impl Fn() -> Vec<C> + Send + 'static) -> Plan {
    poll_and_wake(Waker::default(), make)
}

fn poll_and_wake<C: Collector>(waker: Waker, make: impl Fn() -> Vec<C> + Send + 'static) -> Plan {
    let boxed = |collector: C| Box::new(collector) as Box<dyn Collector>;
    Plan::Poll(Box::new(move || make().into_iter().map(boxed).collect()), waker)
}

/// Starts a poller for each row of the table that the settings ask for.
pub fn start(starter: &Starter<'_>, arbiter: &Arbiter, context: &Context) {
    for Registration { name, plan } in COLLECTORS {
        match plan(starter.settings, context) {
            Plan::Poll(make, waker) => {
                let (clock, outputs) = (starter.clock.clone(), context.outputs.clone());
                let make = move || Poller::new(clock.clone(), name, outputs.clone(), make());
                waker.connect(starter.start(arbiter, name, make).mailbox::<Wake>());
            }
            Plan::Off => context.publishers.sources.absent(name, "switched off", format!("set {name}.enabled = true")),
            Plan::NoTargets => {}
        }
    }
}

fn system(settings: &Settings, context: &Context) -> Plan {
    if !settings.system.enabled {
        return Plan::Off;
    }
    let (every, clock, crews) = (settings.system.interval.duration(), context.clock.clone(), Crews::default());
    poll(move || SystemCollector::all(every, &clock, &crews))
}

fn taskmaster(settings: &Settings, context: &Context) -> Plan {
    let (boards, costs) = (&settings.taskmaster, &settings.costs);
    if !boards.enabled {
        return Plan::Off;
    }
    let options = Arc::new(BoardOptions {
        roots: boards.projects.clone(),
        every: boards.interval.duration(),
        bounds: Bounds { max_tags: boards.max_tags, max_tasks: boards.max_tasks },
        names: costs.metrics(),
    });
    let channels = BoardChannels {
        boards: context.publishers.boards.clone(),
        work: context.publishers.work.clone(),
        sources: context.publishers.sources.clone(),
        runs: context.publishers.runs.subscribe(),
    };
    let (clock, reporter, waker) = (context.clock.clone(), Arc::clone(&context.reporter), Waker::default());
    poll_and_wake(waker.clone(), move || {
        vec![TaskCollector::new(Arc::clone(&options), clock.clone(), channels.clone(), reporter.store.clone(), waker.clone())]
    })
}

// The tables below were checked when the settings were read.

fn scrape(settings: &Settings, context: &Context) -> Plan {
    let targets: Vec<Target> = each(&settings.scrape.targets, ScrapeTarget::targets).unwrap_or_default().into_iter().flatten().collect();
    if targets.is_empty() {
        return Plan::NoTargets;
    }
    let (clock, metadata) = (context.clock.clone(), context.publishers.metadata.clone());
    poll(move || targets.iter().map(|target| ScrapeCollector::new(target.clone(), clock.clone(), metadata.clone())).collect())
}

fn commands(settings: &Settings, _: &Context) -> Plan {
    let programs = each(&settings.commands.run, CommandSpec::program).unwrap_or_default();
    if programs.is_empty() {
        return Plan::NoTargets;
    }
    poll(move || programs.iter().cloned().map(CommandCollector::new).collect())
}

fn probes(settings: &Settings, context: &Context) -> Plan {
    let checks = each(&settings.probes.check, ProbeSpec::check).unwrap_or_default();
    if checks.is_empty() {
        return Plan::NoTargets;
    }
    let (clock, reporter, targets) = (context.clock.clone(), Arc::clone(&context.reporter), context.publishers.targets.clone());
    let documents = context.outputs.documents.clone();
    poll(move || {
        let states = probe::restore(&reporter.store, &documents, &checks);
        let collector =
            |check: &probe::Check| ProbeCollector::new(check.clone(), clock.clone(), targets.clone(), states.get(&check.name).copied());
        checks.iter().map(collector).collect()
    })
}

fn heartbeats(_: &Settings, context: &Context) -> Plan {
    if context.heartbeats.jobs().is_empty() {
        return Plan::NoTargets;
    }
    let (heartbeats, store) = (Arc::clone(&context.heartbeats), context.reporter.store.clone());
    poll(move || vec![HeartbeatCollector::new(Arc::clone(&heartbeats), store.clone())])
}

fn containers(settings: &Settings, _: &Context) -> Plan {
    let containers = settings.containers.clone();
    if !containers.enabled {
        return Plan::Off;
    }
    poll(move || vec![CgroupCollector::new(containers.root.clone(), containers.interval.duration(), containers.max_groups)])
}

fn anomalies(settings: &Settings, context: &Context) -> Plan {
    if !settings.anomaly.enabled {
        return Plan::Off;
    }
    let (options, store, watched) =
        (Arc::new(settings.anomaly.options()), context.reporter.store.clone(), context.publishers.watched.clone());
    poll(move || vec![AnomalyCollector::new(Arc::clone(&options), store.clone(), watched.clone())])
}

fn own(settings: &Settings, context: &Context) -> impl Fn() -> Vec<SelfCollector> + Send + 'static {
    let (reporter, health) = (Arc::clone(&context.reporter), context.publishers.health.clone());
    let every = settings.system.interval.duration();
    move || vec![SelfCollector::new(Arc::clone(&reporter), health.clone(), every)]
}

fn github(settings: &Settings, context: &Context) -> Plan {
    if !settings.github.enabled {
        return Plan::Off;
    }
    let Ok(options) = github::options(&settings.github) else { return Plan::NoTargets };
    let options = GithubOptions { prices: options::money(settings).prices, ..options };
    let outputs = GithubOutputs {
        append: context.append.clone(),
        documents: context.outputs.documents.clone(),
        events: context.outputs.events.clone(),
        repositories: context.publishers.repositories.clone(),
        jobs: context.publishers.jobs.clone(),
        runs: context.publishers.runs.clone(),
        commits: context.publishers.commits.clone(),
        agents: context.agents.clone(),
        sources: context.publishers.sources.clone(),
        stats: Arc::clone(&context.reporter.stats),
    };
    let (webhooks, reporter) = (Arc::clone(&context.webhooks), &context.reporter);
    // Kept over restarts: it knows the token and how much of the limit is used.
    let github = GithubContext::new(options, context.clock.clone(), webhooks, reporter.store.clone(), outputs);
    let github = Arc::new(github);
    poll_and_wake(context.webhooks.waker(), move || GithubContext::collectors(&github))
}
