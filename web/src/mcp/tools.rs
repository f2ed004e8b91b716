//! The tools: one table with their names, arguments and functions. A tool is added by a line here.

mod alerts;
mod costs;
mod history;
mod service;
mod work;

use actix_web::web;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use taskpulse_actors::clock::now_ms;

use super::McpScope;
use super::arguments::{self, Argument, Arguments, Kind};
use super::page::{self, Answer};
use crate::envelope::ApiError;
use crate::server::AppState;

type State = web::Data<AppState>;
type Found = LocalBoxFuture<'static, Result<Answer, ApiError>>;

/// A tool.
pub(super) struct Tool {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
    /// Whether it changes something: it is there only where the settings allow that.
    writes: bool,
    run: fn(State, Arguments) -> Found,
}

/// What every tool takes.
const COMMON: &[Argument] = &[
    Argument::new("cursor", Kind::Text(40), "the `cursor` of the answer before, for the rows after it; all else as before"),
    Argument::new("max_bytes", Kind::Whole(page::LEAST_BYTES, page::MOST_BYTES), "longest answer; 4096 where it is left out"),
];

/// All tools, in the order in which they are listed.
static TOOLS: &[Tool] = &[
    Tool {
        name: "status",
        title: "How everything is",
        about: "Start here: the health score, what is wrong now, which sources fail or are missing and what would make them work.",
        arguments: &[],
        writes: false,
        run: |state, arguments| Box::pin(service::status(state, arguments)),
    },
    Tool {
        name: "query",
        title: "Query metrics",
        about: "PromQL at a moment, or over a range where `start` is given. Values of a range stand at `start`, then every `step_seconds`.",
        arguments: history::QUERY,
        writes: false,
        run: |state, arguments| Box::pin(history::query(state, arguments)),
    },
    Tool {
        name: "ask",
        title: "Ask in plain words",
        about: "A question in plain English, such as `how busy was the cpu yesterday` or `slowest workflows last week`. The answer names the query behind it.",
        arguments: history::ASK,
        writes: false,
        run: |state, arguments| Box::pin(history::ask(state, arguments)),
    },
    Tool {
        name: "tasks",
        title: "Task boards",
        about: "Tasks of the Task Master boards: what is in progress, what can be started, what waits, and when the board will be done.",
        arguments: work::TASKS,
        writes: false,
        run: |state, arguments| Box::pin(work::tasks(state, arguments)),
    },
    Tool {
        name: "costs",
        title: "What it cost",
        about: "Money, tokens, active time of coding agents, CPU and CI time: in a range of time, by task, by week, or beside the budgets.",
        arguments: costs::COSTS,
        writes: false,
        run: |state, arguments| Box::pin(costs::costs(state, arguments)),
    },
    Tool {
        name: "alerts",
        title: "Alerts",
        about: "Alerts that are pending or firing, or that ended lately. `why` explains one.",
        arguments: alerts::ALERTS,
        writes: false,
        run: |state, arguments| Box::pin(alerts::alerts(state, arguments)),
    },
    Tool {
        name: "why",
        title: "Why an alert fired",
        about: "What is known about why an alert fired: who used the resource, what else moved, what happened before, what to do. Nothing in it is proven to be the cause.",
        arguments: alerts::WHY,
        writes: false,
        run: |state, arguments| Box::pin(alerts::why(state, arguments)),
    },
    Tool {
        name: "advice",
        title: "Advice",
        about: "Recommendations with their evidence, most important first, and what became of those that were applied.",
        arguments: work::ADVICE,
        writes: false,
        run: |state, arguments| Box::pin(work::advice(state, arguments)),
    },
    Tool {
        name: "ci",
        title: "CI",
        about: "Runs of GitHub Actions, newest first, to be narrowed to a commit or branch; or the figures of each workflow (`by`: `workflow`).",
        arguments: work::CI,
        writes: false,
        run: |state, arguments| Box::pin(work::ci(state, arguments)),
    },
    Tool {
        name: "did_it_help",
        title: "Did it help?",
        about: "What a change did to a metric: its mean after the moment `at` against the same hours of the weeks before, with a 95 % interval. Without `query`: the experiments that are followed.",
        arguments: history::DID_IT_HELP,
        writes: false,
        run: |state, arguments| Box::pin(history::did_it_help(state, arguments)),
    },
    Tool {
        name: "note",
        title: "Mark the time line",
        about: "Writes a mark on the time line, such as `deployed 1.4.2`, so that people and `did_it_help` can see later when it was.",
        arguments: service::NOTE,
        writes: true,
        run: |state, arguments| Box::pin(service::note(state, arguments)),
    },
];

impl Tool {
    /// Its name.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    fn wanted(&'static self) -> impl Iterator<Item = &'static Argument> + Clone {
        self.arguments.iter().chain(COMMON)
    }

    fn listed(&'static self) -> Value {
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.about,
            "inputSchema": arguments::schema(self.wanted()),
            "annotations": {
                "title": self.title,
                "readOnlyHint": !self.writes,
                "destructiveHint": false,
                "idempotentHint": !self.writes,
                "openWorldHint": false,
            },
        })
    }

    /// Calls it: the text of the answer, or what is wrong in words that a model can act on.
    pub(super) async fn call(&'static self, state: State, given: &Map<String, Value>, client: Option<String>) -> Result<String, String> {
        let mut arguments = Arguments::read(self.wanted(), given, now_ms())?;
        arguments.client = client;
        let bound = page::bound_to(self.name, given);
        let from = match arguments.text("cursor") {
            None => 0,
            Some(cursor) => page::row_of(cursor, bound)
                .ok_or("`cursor` is not of this question: repeat its arguments as they were, or ask again without `cursor`")?,
        };
        let bytes = arguments.whole("max_bytes").and_then(|n| usize::try_from(n).ok()).unwrap_or(page::BYTES);
        let answer = (self.run)(state, arguments).await.map_err(|error| error.to_string())?;
        Ok(answer.page(from, bound, bytes))
    }
}

/// The names of all tools, with whether each changes something.
pub(super) fn all() -> impl Iterator<Item = (&'static str, bool)> {
    TOOLS.iter().map(|tool| (tool.name, tool.writes))
}

/// The tools that there are for somebody.
fn there(scope: &McpScope) -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(|tool| scope.has(tool.name, tool.writes))
}

/// The tool of a name.
pub(super) fn of(name: &str, scope: &McpScope) -> Option<&'static Tool> {
    there(scope).find(|tool| tool.name == name)
}

/// The answer to `tools/list`.
pub(super) fn list(scope: &McpScope) -> Value {
    there(scope).map(Tool::listed).collect()
}

/// A row of what is known: nulls, empty texts and empty lists are left out.
fn row<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    fields.into_iter().filter(|(_, value)| known(value)).map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// A time, in Unix seconds, as models read it.
fn at(seconds: impl Into<Option<f64>>) -> Value {
    let time = seconds.into().and_then(|seconds| Timestamp::from_millisecond((seconds * 1e3).round() as i64).ok());
    time.map_or(Value::Null, |time| time.to_string().into())
}

/// A figure; what is not finite as PromQL writes it.
fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { taskpulse_engine::model::format_value(value).into() }
}

/// Why there is nothing: what sources of a kind say.
fn missing(state: &AppState, kind: &str, what: &str) -> Value {
    let sources = state.reporter.views.sources_of(kind);
    let why = sources.iter().find_map(|source| {
        let reason = source.reason.clone()?;
        Some(match &source.hint {
            Some(hint) => format!("{what}: {reason}; {hint}"),
            None => format!("{what}: {reason}"),
        })
    });
    why.unwrap_or_else(|| what.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_says_what_it_does_and_takes_nothing_unlisted() {
        let all = list(&McpScope { tools: None, write: true });
        for tool in all.as_array().unwrap() {
            let schema = &tool["inputSchema"];
            assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)), "{tool}");
            for (name, argument) in schema["properties"].as_object().unwrap() {
                assert!(argument["description"].as_str().is_some_and(|about| !about.is_empty()), "{name}: {tool}");
                assert!(argument["type"].is_string(), "clients that know no unions of types: {name}");
            }
            let name = tool["name"].as_str().unwrap();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
        // What every conversation pays for.
        assert!(all.to_string().len() < 14_000, "{}", all.to_string().len());
    }

    #[test]
    fn what_writes_is_there_only_where_it_may() {
        let writing = |write| McpScope { tools: None, write };
        assert!(of("note", &writing(true)).is_some() && of("note", &writing(false)).is_none() && of("status", &writing(false)).is_some());
        let names = |scope: &McpScope| list(scope).as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
        assert_eq!(names(&writing(true)).len(), names(&writing(false)).len() + 1);
        assert!(!names(&writing(false)).contains(&json!("note")));
        let some = |write| McpScope { tools: Some(["ci", "note"].map(str::to_owned).into()), write };
        assert_eq!((names(&some(true)), names(&some(false))), (vec![json!("ci"), json!("note")], vec![json!("ci")]));
        assert!(of("status", &some(true)).is_none());
    }

    #[test]
    fn the_documentation_has_each_tool_and_each_argument() {
        let documented = include_str!("../../../docs/MCP.md");
        for tool in TOOLS {
            let row = documented.lines().find(|line| line.starts_with(&format!("| `{}` |", tool.name)));
            let row = row.unwrap_or_else(|| panic!("docs/MCP.md has no row of `{}`", tool.name));
            for argument in tool.arguments {
                assert!(row.contains(&format!("`{}`", argument.name())), "docs/MCP.md: `{}` of `{}`", argument.name(), tool.name);
            }
        }
    }

    #[test]
    fn rows_have_what_is_known() {
        let found = row([("a", Value::Null), ("b", json!("")), ("c", json!([])), ("d", json!(0)), ("e", json!(false)), ("f", at(None))]);
        assert_eq!(found, json!({"d": 0, "e": false}));
        assert_eq!((at(1_764_000_000.0), number(f64::INFINITY)), (json!("2025-11-24T16:00:00Z"), json!("+Inf")));
    }
}
