//! What the OpenAPI document says of parameters. `params.rs` reads them.

use serde_json::{Value, json};

/// The last time that is taken, in Unix seconds: the end of the year 9999.
const MAX_TIME: f64 = 253_402_300_799.0;
/// The longest duration, in seconds: what fits 64 bits of nanoseconds.
const MAX_DURATION: f64 = 9_223_372_036.0;
/// A duration in units, each once and the longest first.
const UNITS: &str = "^(?=[0-9])([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
/// The same, of more than nothing.
const POSITIVE_UNITS: &str = "^(?=.*[1-9])([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// A parameter of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) required: bool,
    about: &'static str,
    pub(crate) schema: fn() -> Value,
}

impl Parameter {
    /// A parameter of the address that may be left out.
    pub(crate) const fn query(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self { name, place: Place::Query, required: false, about, schema }
    }

    /// A part of the path.
    pub(crate) const fn path(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self { name, place: Place::Path, required: true, about, schema }
    }

    /// A header that must be there.
    pub(crate) const fn header(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self { name, place: Place::Header, required: true, about, schema }
    }

    /// The same parameter, which must be there.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same parameter, which may be left out.
    pub(crate) const fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// The parameter as the document has it.
    pub(crate) fn document(&self) -> Value {
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let mut parameter =
            json!({"name": self.name, "in": place, "required": self.required, "description": self.about, "schema": (self.schema)()});
        if self.place == Place::Query && self.may_be_empty() {
            parameter["allowEmptyValue"] = json!(true);
        }
        parameter
    }

    /// An empty parameter is as good as none. Of those that may be repeated, each value counts.
    fn may_be_empty(&self) -> bool {
        !self.required && (self.schema)()["type"] != "array"
    }

    /// The parameter as a field of a form.
    pub(crate) fn field(&self) -> Value {
        let mut schema = (self.schema)();
        if schema["type"] == "array" {
            // Once or several times.
            schema = json!({"anyOf": [schema["items"], schema]});
        } else if self.may_be_empty() {
            schema = json!({"anyOf": [schema, {"const": ""}]});
        }
        schema["description"] = json!(self.about);
        schema
    }
}

pub(crate) const QUERY: Parameter = Parameter::query("query", "PromQL", promql).required();
pub(crate) const MATCH: Parameter = Parameter::query("match[]", "a selector of series; may be repeated", selectors);
pub(crate) const TIME: Parameter = Parameter::query("time", "the instant; now where it is left out", time);
pub(crate) const START: Parameter = Parameter::query("start", "the first instant; not after `end`", time);
pub(crate) const END: Parameter = Parameter::query("end", "the last instant", time);
pub(crate) const SEARCH_START: Parameter = Parameter::query("start", "series without a sample from then on are left out", search_time);
pub(crate) const SEARCH_END: Parameter = Parameter::query("end", "series without a sample until then are left out", search_time);
pub(crate) const TIMEOUT: Parameter =
    Parameter::query("timeout", "the longest time that the request may take; `query.timeout` at most", duration);
pub(crate) const STEP: Parameter = Parameter::query("step", "from one instant to the next", positive_duration).required();
pub(crate) const LOOKBACK: Parameter =
    Parameter::query("lookback_delta", "how old the newest sample may be at an instant; `query.lookback` otherwise", duration);
pub(crate) const LIMIT: Parameter = Parameter::query(
    "limit",
    "items of the answer at the most; 0 for all",
    || json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX}),
);

/// A text that the schema says no more of.
pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

pub(crate) fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

/// PromQL: `docs/API.md`, *Queries*.
pub(crate) fn promql() -> Value {
    json!({"type": "string", "minLength": 1, "format": "promql", "examples": ["sum by (job) (rate(requests_total[5m]))"]})
}

/// A selector of series, as in PromQL.
pub(crate) fn selector() -> Value {
    json!({"type": "string", "minLength": 1, "format": "promql-selector", "examples": ["up{job=\"web\"}"]})
}

fn selectors() -> Value {
    json!({"type": "array", "items": selector(), "minItems": 1})
}

/// A time: Unix seconds, or RFC 3339.
pub(crate) fn time() -> Value {
    json!({"anyOf": [
        {"type": "number", "minimum": -MAX_TIME, "maximum": MAX_TIME},
        {"type": "string", "format": "date-time"},
    ]})
}

/// A time of a search, where any number stands for a time, however far away.
pub(crate) fn search_time() -> Value {
    json!({"anyOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]})
}

/// A duration: seconds, or units from the longest to the shortest.
pub(crate) fn duration() -> Value {
    json!({"anyOf": [
        {"type": "number", "minimum": -MAX_DURATION, "maximum": MAX_DURATION},
        {"type": "string", "pattern": UNITS, "format": "promql-duration", "examples": ["1h30m"]},
    ]})
}

/// A duration of more than nothing.
pub(crate) fn positive_duration() -> Value {
    json!({"anyOf": [
        {"type": "number", "minimum": 0.001, "maximum": MAX_DURATION},
        {"type": "string", "pattern": POSITIVE_UNITS, "format": "promql-duration", "examples": ["15s"]},
    ]})
}

/// Any whole number of 64 bits.
pub(crate) fn integer() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})
}
