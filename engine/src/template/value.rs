//! Values of templates: those of Go that rule files can reach.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A series of an answer to `query`.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateSample {
    /// Its labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Its value.
    pub value: f64,
}

/// What a template is about: the dot at its top.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// `$labels`: the labels of the series.
    pub labels: Arc<BTreeMap<String, String>>,
    /// `$externalLabels`
    pub external_labels: Arc<BTreeMap<String, String>>,
    /// `$externalURL`
    pub external_url: Arc<str>,
    /// `$value`
    pub value: f64,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// There is none: a missing entry of `args`, `nil`.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Html(Arc<str>),
    Labels(Arc<BTreeMap<String, String>>),
    Args(Arc<BTreeMap<String, Value>>),
    Samples(Arc<Vec<Arc<TemplateSample>>>),
    Sample(Arc<TemplateSample>),
    /// Nanoseconds since 1970, UTC.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// 1 to 12.
    Month(i64),
    /// 0 (Sunday) to 6.
    Weekday(i64),
    Data(Arc<Data>),
}

/// What Go tells apart where values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basic {
    Bool,
    Int,
    Float,
    Text,
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// As Go names the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Html(_) => "template.HTML",
            Self::Labels(_) => "map[string]string",
            Self::Args(_) => "map[string]interface {}",
            Self::Samples(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "*time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::Data(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            }
        }
    }

    /// Whether it counts as true in `if`, `with`, `and`, `or` and `not`.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Month(value) | Self::Weekday(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) | Self::Html(text) => !text.is_empty(),
            Self::Labels(map) => !map.is_empty(),
            Self::Args(map) => !map.is_empty(),
            Self::Samples(samples) => !samples.is_empty(),
            Self::Sample(_) | Self::Time(_) | Self::Duration(_) | Self::Data(_) => true,
        }
    }

    /// Which values it is compared with. None: it cannot be compared.
    pub(super) fn basic(&self) -> Option<Basic> {
        Some(match self {
            Self::Bool(_) => Basic::Bool,
            Self::Int(_) | Self::Month(_) | Self::Weekday(_) => Basic::Int,
            Self::Float(_) => Basic::Float,
            Self::Text(_) | Self::Html(_) => Basic::Text,
            _ => return None,
        })
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Month(value) | Self::Weekday(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) | Self::Html(text) => Some(text),
            _ => None,
        }
    }
}
