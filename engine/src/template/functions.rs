//! The table of functions of templates: Prometheus' own, and those of Go's `text/template`.

use std::sync::Arc;

use super::value::{TemplateSample, Value};
use super::{builtins as go, compare, lines, prometheus as own};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Text,
    Samples,
    Sample,
}

impl Type {
    /// As Go names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Samples => "template.queryResult",
            Self::Sample => "*template.sample",
        }
    }
}

/// Answers queries of a template with an instant vector, or says why not.
pub type Queries<'q> = &'q mut dyn FnMut(&str) -> Result<Vec<TemplateSample>, String>;

/// What functions know beside their arguments.
pub(super) struct Env<'e> {
    /// When the template is expanded, ms UTC.
    pub(super) now: i64,
    pub(super) external_url: Arc<str>,
    pub(super) queries: Queries<'e>,
    /// Queries that may still be asked.
    pub(super) queries_left: usize,
    /// The log line that the template is about, and its time in nanoseconds.
    pub(super) line: Arc<str>,
    pub(super) time: i64,
    /// The functions that there are.
    pub(super) words: Words,
}

pub(super) type Run = fn(&mut Env<'_>, &[Value]) -> Result<Value, String>;

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Type],
    /// What further arguments are, where there may be any number.
    pub(super) rest: Option<Type>,
    pub(super) run: Run,
}

const fn fixed(name: &'static str, parameters: &'static [Type], run: Run) -> Function {
    Function { name, parameters, rest: None, run }
}

const fn any(name: &'static str, parameters: &'static [Type], run: Run) -> Function {
    Function { name, parameters, rest: Some(Any), run }
}

use Type::{Any, Sample, Samples, Text};

/// The functions of Prometheus.
const FUNCTIONS: &[Function] = &[
    fixed("query", &[Text], own::query),
    fixed("first", &[Samples], own::first),
    fixed("label", &[Text, Sample], own::label),
    fixed("value", &[Sample], own::value),
    fixed("strvalue", &[Sample], own::strvalue),
    any("args", &[], own::args),
    fixed("reReplaceAll", &[Text, Text, Text], own::re_replace_all),
    fixed("match", &[Text, Text], own::matches),
    fixed("safeHtml", &[Text], own::safe_html),
    fixed("title", &[Text], own::title),
    fixed("toUpper", &[Text], own::to_upper),
    fixed("toLower", &[Text], own::to_lower),
    fixed("graphLink", &[Text], own::graph_link),
    fixed("tableLink", &[Text], own::table_link),
    fixed("sortByLabel", &[Text, Samples], own::sort_by_label),
    fixed("stripPort", &[Text], own::strip_port),
    fixed("stripDomain", &[Text], own::strip_domain),
    fixed("humanize", &[Any], own::humanize),
    fixed("humanize1024", &[Any], own::humanize_1024),
    fixed("humanizeDuration", &[Any], own::humanize_duration),
    fixed("humanizePercentage", &[Any], own::humanize_percentage),
    fixed("humanizeTimestamp", &[Any], own::humanize_timestamp),
    fixed("toTime", &[Any], own::to_time),
    fixed("toDuration", &[Any], own::to_duration),
    fixed("now", &[], own::now),
    fixed("pathPrefix", &[], own::path_prefix),
    fixed("externalURL", &[], own::external_url),
    fixed("parseDuration", &[Text], own::parse_duration),
    fixed("urlQueryEscape", &[Text], own::url_query_escape),
];

/// The functions of Go. `and` and `or` are evaluated by the caller, which skips arguments that do not matter.
const GO_FUNCTIONS: &[Function] = &[
    any("and", &[Any], go::last),
    any("or", &[Any], go::last),
    fixed("not", &[Any], go::not),
    fixed("len", &[Any], go::len),
    any("index", &[Any], go::index),
    any("slice", &[Any], go::slice),
    any("print", &[], go::print),
    any("printf", &[Text], go::printf),
    any("println", &[], go::println),
    any("html", &[], go::html),
    any("js", &[], go::js),
    any("urlquery", &[], go::urlquery),
    any("eq", &[Any], compare::eq),
    fixed("ne", &[Any, Any], compare::ne),
    fixed("lt", &[Any, Any], compare::lt),
    fixed("le", &[Any, Any], compare::le),
    fixed("gt", &[Any, Any], compare::gt),
    fixed("ge", &[Any, Any], compare::ge),
];

/// What a template is of: which functions it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// Alerts, as in Prometheus.
    Alerts,
    /// Log lines, as in Loki.
    Lines,
}

impl Words {
    fn all(self) -> impl Iterator<Item = &'static Function> {
        let own = match self {
            Self::Alerts => FUNCTIONS,
            Self::Lines => lines::FUNCTIONS,
        };
        own.iter().chain(GO_FUNCTIONS)
    }

    pub(super) fn find(self, name: &str) -> Option<&'static Function> {
        self.all().find(|function| function.name == name)
    }

    /// The function that somebody may have meant.
    pub(super) fn nearest(self, name: &str) -> Option<&'static str> {
        crate::yaml::nearest(name, self.all().map(|function| function.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_documented() {
        let text = include_str!("../../../docs/OPERATIONS.md");
        let part = text.split("\n### ").find(|part| part.starts_with("Templates")).unwrap();
        for function in Words::Alerts.all() {
            assert!(part.contains(&format!("`{}`", function.name)), "{} is missing", function.name);
        }
    }
}
