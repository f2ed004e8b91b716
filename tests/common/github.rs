//! The stand-in for GitHub (`tests/data/github/fake_github.py`), and the figures that follow from its answers, worked out
//! here apart from the product.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use super::eventually;
use super::peer::{Running, port_of};

pub struct Fake {
    _program: Running,
    pub port: u16,
    client: Client,
    token: Option<String>,
}

impl Fake {
    pub fn start(args: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/github/fake_github.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["--port", "0"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let port = port_of(child.stdout.take().unwrap(), "listening on");
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let token = args.windows(2).find(|pair| pair[0] == "--token").map(|pair| pair[1].to_owned());
        let fake = Self { _program: Running(child), port, client, token };
        eventually("the stand-in for GitHub answers", || fake.client.get(fake.url("/_control")).send().ok());
        fake
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn get(&self, path: &str) -> Value {
        let mut request = self.client.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().unwrap().json().unwrap()
    }

    pub fn control(&self, what: &Value) -> Value {
        self.client.post(self.url("/_control")).json(what).send().unwrap().json().unwrap()
    }

    pub fn fault(&self, fault: &str, count: usize) {
        self.control(&json!({"fault": fault, "count": count}));
    }

    /// Answers that still fail.
    pub fn faults_left(&self) -> u64 {
        let control: Value = self.client.get(self.url("/_control")).send().unwrap().json().unwrap();
        control["faults_left"].as_u64().unwrap()
    }

    /// Requests so far by path, and how many of them cost nothing.
    pub fn served(&self) -> (BTreeMap<String, u64>, u64) {
        let control: Value = self.client.get(self.url("/_control")).send().unwrap().json().unwrap();
        let paths = control["paths"].as_object().unwrap().iter().map(|(path, n)| (path.clone(), n.as_u64().unwrap())).collect();
        (paths, control["seen"]["304"].as_u64().unwrap_or(0))
    }

    /// Requests that were paid for.
    pub fn paid(&self) -> u64 {
        let (paths, free) = self.served();
        paths.values().sum::<u64>() - free
    }

    /// All runs, the newest first.
    pub fn runs(&self, repo: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.get(&format!("/repos/{repo}/actions/runs?per_page=100&page={}", all.len() / 100 + 1));
            all.extend(page["workflow_runs"].as_array().unwrap().iter().cloned());
            if all.len() as u64 >= page["total_count"].as_u64().unwrap() {
                return all;
            }
        }
    }

    /// The settings that watch repositories of it.
    pub fn settings(&self, repositories: &[&str], more: &str) -> String {
        let token = self.token.as_ref().map(|token| format!("token = \"{token}\"\n")).unwrap_or_default();
        format!(
            "[system]\nenabled = false\n[github]\nrepositories = {repositories:?}\napi_url = \"{}\"\ninterval = \"1s\"\n{token}{more}",
            self.url("")
        )
    }
}

/// Unix seconds of a time as GitHub writes it.
pub fn unix(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

/// Figures of one workflow by the definitions.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Truth {
    pub success_ratio: Option<f64>,
    pub flaky_ratio: Option<f64>,
    pub active: BTreeMap<String, f64>,
    pub runs: BTreeMap<String, f64>,
    /// Sums by conclusion.
    pub durations: BTreeMap<String, f64>,
    pub queues: BTreeMap<String, f64>,
    pub job_seconds: f64,
    pub wasted_seconds: f64,
}

/// Works out the figures from the answers.
pub fn truth(fake: &Fake, repo: &str) -> BTreeMap<String, Truth> {
    let runs = fake.runs(repo);
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let names: BTreeSet<String> = runs.iter().map(|run| text(&run["name"])).collect();
    names
        .into_iter()
        .map(|name| {
            let ours: Vec<&Value> = runs.iter().filter(|run| run["name"] == *name).collect();
            let completed: Vec<&Value> = ours.iter().copied().filter(|run| run["status"] == "completed").collect();
            let mut truth = Truth::default();
            for run in ours.iter().filter(|run| run["status"] != "completed") {
                *truth.active.entry(text(&run["status"])).or_default() += 1.0;
            }
            let failed = |run: &Value| ["failure", "timed_out", "startup_failure"].iter().any(|c| run["conclusion"] == *c);
            let green = |run: &Value| run["conclusion"] == "success";
            let count = |of: &dyn Fn(&Value) -> bool| completed.iter().take(20).filter(|run| of(run)).count() as f64;
            let (good, bad) = (count(&green), count(&failed));
            truth.success_ratio = (good + bad > 0.0).then(|| good / (good + bad));
            let commits: BTreeSet<&str> =
                completed.iter().filter(|run| green(run) || failed(run)).map(|run| run["head_sha"].as_str().unwrap()).collect();
            let flaky = commits.iter().filter(|sha| {
                let of: Vec<&&Value> = completed.iter().filter(|run| run["head_sha"] == **sha).collect();
                let again = of.iter().any(|run| green(run) && run["run_attempt"].as_u64().unwrap() > 1);
                again || (of.iter().any(|run| green(run)) && of.iter().any(|run| failed(run)))
            });
            truth.flaky_ratio = (!commits.is_empty()).then(|| flaky.count() as f64 / commits.len() as f64);
            for (at, run) in completed.iter().enumerate() {
                let conclusion = text(&run["conclusion"]);
                *truth.runs.entry(conclusion.clone()).or_default() += 1.0;
                *truth.durations.entry(conclusion.clone()).or_default() += (unix(&run["updated_at"]) - unix(&run["run_started_at"])) as f64;
                let jobs = fake.get(&format!("/repos/{repo}/actions/runs/{}/jobs?per_page=100", run["id"]));
                let jobs = jobs["jobs"].as_array().unwrap();
                let first = jobs.iter().map(|job| unix(&job["started_at"])).min().unwrap();
                *truth.queues.entry(conclusion.clone()).or_default() += (first - unix(&run["created_at"])) as f64;
                let seconds: i64 = jobs.iter().map(|job| unix(&job["completed_at"]) - unix(&job["started_at"])).sum();
                truth.job_seconds += seconds as f64;
                let later = completed[..at].iter().any(|later| green(later) && later["head_sha"] == run["head_sha"]);
                if conclusion == "cancelled" || later {
                    truth.wasted_seconds += seconds as f64;
                }
            }
            (name, truth)
        })
        .collect()
}
