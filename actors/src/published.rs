//! The newest views of what actors own. An owner publishes to a `watch` channel; a reader takes the newest view and never waits for
//! the owner. Nothing here is a truth of its own: the store has the history, the owners decide.
//!
//! [`Publishers::new`] makes both ends: the senders go to the owners, [`Views`] to everyone who reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskpulse_engine::advice::Verdicts;
use taskpulse_engine::agent::costs::Work;
use taskpulse_engine::board::cost::CiRun;
use taskpulse_engine::ci::commits::{KnownCommits, RepositoryCommits};
use taskpulse_engine::ci::jobs::WorkflowJobs;
use tokio::sync::watch;

use crate::metadata::{MetadataByName, MetadataRegistry};
use crate::rule_states::RuleStates;
use crate::sources::{SourceRegistry, SourcesByName};
use crate::targets::{TargetRegistry, TargetsByName};
use crate::view::{
    Actions, Alert, Board, Budget, Capacity, Channel, CiRepository, Experiment, Health, Recommendation, SeriesForecastRecord, Source,
    Target, UndatedForecast, WatchedSeries,
};

/// Boards by project.
pub type BoardsByProject = BTreeMap<String, Vec<Arc<Board>>>;
/// Repositories by the name in the settings.
pub type RepositoriesByName = BTreeMap<String, Arc<CiRepository>>;
/// The jobs of the runs of each repository.
pub type JobsByRepository = BTreeMap<String, Arc<Vec<WorkflowJobs>>>;
/// What is known of the commits of each repository.
pub type CommitsByRepository = BTreeMap<String, Arc<RepositoryCommits>>;
/// CI runs that began in the last weeks, by rising time, of each repository; for the costs of tasks. Empty where CI is not watched.
pub type RunsByRepository = BTreeMap<String, Arc<Vec<CiRun>>>;

/// Where owners publish. A sender is cloned for the restarts of its owner only.
#[derive(Debug, Clone)]
pub struct Publishers {
    /// Pending and firing alerts; of the alert actor.
    pub alerts: watch::Sender<Arc<Vec<Alert>>>,
    /// The rules and what became of them; of the alert actor.
    pub rules: watch::Sender<Arc<RuleStates>>,
    /// Channels of notifications; of the notifier.
    pub channels: watch::Sender<Arc<Vec<Channel>>>,
    /// Recommendations that are not withdrawn; of the optimizer.
    pub recommendations: watch::Sender<Arc<Vec<Recommendation>>>,
    /// Disks and memory for which there is no date at which they will be full; of the optimizer.
    pub undated: watch::Sender<Arc<Vec<UndatedForecast>>>,
    /// What there is, and whether it suffices for a week; of the optimizer.
    pub capacity: watch::Sender<Arc<Vec<Capacity>>>,
    /// Budgets, and how they stand; of the optimizer.
    pub budgets: watch::Sender<Arc<Vec<Budget>>>,
    /// What experiments say of advice that was applied; of the experiments actor, for the optimizer.
    pub verdicts: watch::Sender<Arc<Verdicts>>,
    /// How the forecasts of series held that were asked for; of the forecasts actor.
    pub forecasts: watch::Sender<Arc<Vec<SeriesForecastRecord>>>,
    /// Experiments that are not removed; of the experiments actor.
    pub experiments: watch::Sender<Arc<Vec<Experiment>>>,
    /// What the settings bind to advice, and what became of it; of the actions actor.
    pub actions: watch::Sender<Arc<Actions>>,
    /// Task boards; of the Task Master collector.
    pub boards: watch::Sender<BoardsByProject>,
    /// When tasks were in progress; of the Task Master collector.
    pub work: watch::Sender<Arc<Vec<Work>>>,
    /// CI; each GitHub collector has its repository.
    pub repositories: watch::Sender<RepositoriesByName>,
    /// Jobs of CI; each GitHub collector has those of its repository.
    pub jobs: watch::Sender<JobsByRepository>,
    /// CI runs; each GitHub collector has those of its repository.
    pub runs: watch::Sender<RunsByRepository>,
    /// Commits that CI ran for; each GitHub collector has those of its repository.
    pub commits: watch::Sender<CommitsByRepository>,
    /// The health score; of the collector of the service itself.
    pub health: watch::Sender<Arc<Health>>,
    /// Series that are watched for anomalies; of the collector of anomalies.
    pub watched: watch::Sender<Arc<Vec<WatchedSeries>>>,
    /// Sources; of whoever reads one.
    pub sources: SourceRegistry,
    /// Targets; of the probes.
    pub targets: TargetRegistry,
    /// What is known of the metrics of others.
    pub metadata: MetadataRegistry,
}

/// The newest views. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Views {
    alerts: watch::Receiver<Arc<Vec<Alert>>>,
    rules: watch::Receiver<Arc<RuleStates>>,
    channels: watch::Receiver<Arc<Vec<Channel>>>,
    recommendations: watch::Receiver<Arc<Vec<Recommendation>>>,
    undated: watch::Receiver<Arc<Vec<UndatedForecast>>>,
    capacity: watch::Receiver<Arc<Vec<Capacity>>>,
    budgets: watch::Receiver<Arc<Vec<Budget>>>,
    forecasts: watch::Receiver<Arc<Vec<SeriesForecastRecord>>>,
    experiments: watch::Receiver<Arc<Vec<Experiment>>>,
    actions: watch::Receiver<Arc<Actions>>,
    boards: watch::Receiver<BoardsByProject>,
    work: watch::Receiver<Arc<Vec<Work>>>,
    repositories: watch::Receiver<RepositoriesByName>,
    jobs: watch::Receiver<JobsByRepository>,
    commits: watch::Receiver<CommitsByRepository>,
    health: watch::Receiver<Arc<Health>>,
    watched: watch::Receiver<Arc<Vec<WatchedSeries>>>,
    sources: watch::Receiver<SourcesByName>,
    targets: watch::Receiver<TargetsByName>,
    metadata: watch::Receiver<MetadataByName>,
}

impl Publishers {
    /// Both ends. Until its owner publishes, a view is empty.
    #[must_use]
    pub fn new() -> (Self, Views) {
        let (alerts, alerts_view) = watch::channel(Arc::default());
        let (rules, rules_view) = watch::channel(Arc::default());
        let (channels, channels_view) = watch::channel(Arc::default());
        let (recommendations, recommendations_view) = watch::channel(Arc::default());
        let (undated, undated_view) = watch::channel(Arc::default());
        let (capacity, capacity_view) = watch::channel(Arc::default());
        let (budgets, budgets_view) = watch::channel(Arc::default());
        let (forecasts, forecasts_view) = watch::channel(Arc::default());
        let (experiments, experiments_view) = watch::channel(Arc::default());
        let (actions, actions_view) = watch::channel(Arc::default());
        let (boards, boards_view) = watch::channel(BTreeMap::new());
        let (work, work_view) = watch::channel(Arc::default());
        let (repositories, repositories_view) = watch::channel(BTreeMap::new());
        let (jobs, jobs_view) = watch::channel(BTreeMap::new());
        let (runs, _) = watch::channel(BTreeMap::new());
        let (commits, commits_view) = watch::channel(BTreeMap::new());
        let (health, health_view) = watch::channel(Arc::default());
        let (watched, watched_view) = watch::channel(Arc::default());
        let (sources, targets, metadata) = (SourceRegistry::default(), TargetRegistry::default(), MetadataRegistry::default());
        let views = Views {
            alerts: alerts_view,
            rules: rules_view,
            channels: channels_view,
            recommendations: recommendations_view,
            undated: undated_view,
            capacity: capacity_view,
            budgets: budgets_view,
            forecasts: forecasts_view,
            experiments: experiments_view,
            actions: actions_view,
            boards: boards_view,
            work: work_view,
            repositories: repositories_view,
            jobs: jobs_view,
            commits: commits_view,
            health: health_view,
            watched: watched_view,
            sources: sources.subscribe(),
            targets: targets.subscribe(),
            metadata: metadata.subscribe(),
        };
        (
            Self {
                alerts,
                rules,
                channels,
                recommendations,
                undated,
                capacity,
                budgets,
                verdicts: watch::Sender::default(),
                forecasts,
                experiments,
                actions,
                boards,
                work,
                repositories,
                jobs,
                runs,
                commits,
                health,
                watched,
                sources,
                targets,
                metadata,
            },
            views,
        )
    }
}

impl Views {
    /// Pending and firing alerts.
    #[must_use]
    pub fn alerts(&self) -> Arc<Vec<Alert>> {
        Arc::clone(&self.alerts.borrow())
    }

    /// The rules, and what became of them.
    #[must_use]
    pub fn rules(&self) -> Arc<RuleStates> {
        Arc::clone(&self.rules.borrow())
    }

    /// Channels of notifications, by name.
    #[must_use]
    pub fn channels(&self) -> Arc<Vec<Channel>> {
        Arc::clone(&self.channels.borrow())
    }

    /// Recommendations that are not withdrawn.
    #[must_use]
    pub fn recommendations(&self) -> Arc<Vec<Recommendation>> {
        Arc::clone(&self.recommendations.borrow())
    }

    /// Disks and memory for which there is no date at which they will be full.
    #[must_use]
    pub fn undated(&self) -> Arc<Vec<UndatedForecast>> {
        Arc::clone(&self.undated.borrow())
    }

    /// Series whose forecasts were asked for, the last one first.
    #[must_use]
    pub fn forecasts(&self) -> Arc<Vec<SeriesForecastRecord>> {
        Arc::clone(&self.forecasts.borrow())
    }

    /// What there is, and whether it suffices for a week.
    #[must_use]
    pub fn capacity(&self) -> Arc<Vec<Capacity>> {
        Arc::clone(&self.capacity.borrow())
    }

    /// Budgets of the settings, and how they stand.
    #[must_use]
    pub fn budgets(&self) -> Arc<Vec<Budget>> {
        Arc::clone(&self.budgets.borrow())
    }

    /// Experiments that are not removed, the newest change first.
    #[must_use]
    pub fn experiments(&self) -> Arc<Vec<Experiment>> {
        Arc::clone(&self.experiments.borrow())
    }

    /// What the settings bind to advice, and what became of it.
    #[must_use]
    pub fn actions(&self) -> Arc<Actions> {
        Arc::clone(&self.actions.borrow())
    }

    /// Task boards, by project and tag.
    #[must_use]
    pub fn boards(&self) -> Vec<Arc<Board>> {
        self.boards.borrow().values().flatten().cloned().collect()
    }

    /// When tasks were in progress.
    #[must_use]
    pub fn work(&self) -> Arc<Vec<Work>> {
        Arc::clone(&self.work.borrow())
    }

    /// CI, by repository.
    #[must_use]
    pub fn repositories(&self) -> Vec<Arc<CiRepository>> {
        self.repositories.borrow().values().cloned().collect()
    }

    /// Jobs of CI, by repository.
    #[must_use]
    pub fn jobs(&self) -> JobsByRepository {
        self.jobs.borrow().clone()
    }

    /// What is known of commits.
    #[must_use]
    pub fn commits(&self) -> KnownCommits {
        KnownCommits(self.commits.borrow().values().cloned().collect())
    }

    /// The health score.
    #[must_use]
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health.borrow())
    }

    /// Series that are watched for anomalies.
    #[must_use]
    pub fn watched(&self) -> Arc<Vec<WatchedSeries>> {
        Arc::clone(&self.watched.borrow())
    }

    /// All sources, by name.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.sources.borrow().values().cloned().collect()
    }

    /// Sources of one kind: those that are named after it, alone (`taskmaster`) or with their own name (`taskmaster app`).
    #[must_use]
    pub fn sources_of(&self, kind: &str) -> Vec<Source> {
        let is_of = |name: &str| name.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        self.sources.borrow().values().filter(|source| is_of(&source.source)).cloned().collect()
    }

    /// All targets, by name.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.targets.borrow().values().cloned().collect()
    }

    /// What is known of the metrics of others, by name.
    #[must_use]
    pub fn metadata(&self) -> MetadataByName {
        self.metadata.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_of_the_views_show_what_was_published_last() {
        let (publishers, views) = Publishers::new();
        let clone = views.clone();
        assert_eq!((views.health().score, views.health().missing[0].part), (None, "all"), "nothing is measured yet");
        publishers.health.send_replace(Arc::new(Health { score: Some(92.0), parts: Vec::new(), missing: Vec::new() }));
        assert_eq!([views.health().score, clone.health().score], [Some(92.0); 2]);
        // The same view, not copies of it.
        assert!(Arc::ptr_eq(&views.health(), &clone.health()));
        for name in ["taskmaster", "taskmaster app", "taskmasters", "github"] {
            publishers.sources.up(name, 1, 5);
        }
        let names: Vec<String> = views.sources_of("taskmaster").into_iter().map(|source| source.source).collect();
        assert_eq!(names, ["taskmaster", "taskmaster app"]);
    }
}
