//! Attributes as labels: of points, of scopes, and of resources (`job`, `instance`, the rest in `target_info`).

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use serde_json::{Value as Json, json};

use super::Options;
use super::names::label_name;
use super::refusal::PointError;
use super::value::base64;
use crate::model::{MAX_LABEL_VALUE_BYTES, MAX_LABELS, format_value};
use crate::relabel;

/// Labels without the metric name; names are unique.
pub(super) type Pairs = Vec<(String, String)>;

/// Attributes of the resource that become `job` and `instance`.
const IDENTITY: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];
/// Labels of `target_info` besides its name, `job` and `instance`.
const INFO_LABELS: usize = MAX_LABELS - 3;

/// The text of a value by the attribute specification: lists and maps as JSON, bytes as base64.
pub(crate) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        None | Some(Value::StringValueStrindex(_)) => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(v)) => v.to_string(),
        Some(Value::IntValue(v)) => v.to_string(),
        Some(Value::DoubleValue(v)) => format_value(*v),
        Some(Value::BytesValue(bytes)) => base64(bytes),
        Some(other) => json_of(Some(other)).to_string(),
    }
}

/// The decoders bound the depth of nested values.
fn json_of(value: Option<&Value>) -> Json {
    let inner = |v: Option<&AnyValue>| json_of(v.and_then(|v| v.value.as_ref()));
    match value {
        None | Some(Value::StringValueStrindex(_)) => Json::Null,
        Some(Value::StringValue(text)) => json!(text),
        Some(Value::BoolValue(v)) => json!(v),
        Some(Value::IntValue(v)) => json!(v),
        Some(Value::DoubleValue(v)) if v.is_finite() => json!(v),
        Some(Value::DoubleValue(v)) => json!(format_value(*v)),
        Some(Value::BytesValue(bytes)) => json!(base64(bytes)),
        Some(Value::ArrayValue(list)) => list.values.iter().map(|v| inner(Some(v))).collect(),
        Some(Value::KvlistValue(map)) => map.values.iter().map(|kv| (kv.key.clone(), inner(kv.value.as_ref()))).collect(),
    }
}

/// Sets a label, replacing one of that name.
fn set(pairs: &mut Pairs, name: &str, value: String) {
    match pairs.iter_mut().find(|(there, _)| there == name) {
        Some((_, there)) => *there = value,
        None if value.is_empty() => {}
        None => pairs.push((name.to_owned(), value)),
    }
}

/// The labels of attributes. If keys are equal or map to the same name, their values are joined by `;` in the order of the keys, as
/// in Prometheus.
pub(super) fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Pairs {
    let mut sorted: Vec<&KeyValue> = attributes.collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut named: Vec<(String, String)> =
        sorted.iter().map(|kv| (label_name(&kv.key), text(kv.value.as_ref()))).filter(|(name, _)| !name.is_empty()).collect();
    // A stable sort: values of one name keep the order of their keys.
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out: Pairs = Vec::with_capacity(named.len());
    for (name, value) in named {
        match out.last_mut() {
            Some((last, there)) if *last == name => {
                there.push(';');
                there.push_str(&value);
            }
            _ => out.push((name, value)),
        }
    }
    out
}

/// Labels that a resource gives to the series of its points.
pub(super) struct Target {
    /// `job`, `instance`, and the attributes selected in the settings.
    pub(super) labels: Pairs,
    /// Labels of `target_info`; `None` without attributes or without `job` and `instance`.
    pub(super) info: Option<Pairs>,
    /// What could not be stored of it.
    pub(super) warning: Option<String>,
}

impl Target {
    pub(super) fn of(attributes: &[KeyValue], options: &Options) -> Self {
        let find = |key: &str| attributes.iter().find(|kv| kv.key == key).map(|kv| text(kv.value.as_ref())).unwrap_or_default();
        let (service, namespace) = (find(IDENTITY[0]), find(IDENTITY[1]));
        let job = if service.is_empty() || namespace.is_empty() { service } else { format!("{namespace}/{service}") };
        let mut known = labels(attributes.iter().filter(|kv| options.resource_labels.contains(&kv.key)));
        let identity = [("job", job), ("instance", find(IDENTITY[2]))];
        identity.iter().for_each(|(name, value)| set(&mut known, name, value.clone()));
        let mut rest = labels(attributes.iter().filter(|kv| !IDENTITY.contains(&kv.key.as_str())));
        rest.retain(|(_, value)| !value.is_empty());
        let mut warning = None;
        if rest.len() > INFO_LABELS {
            warning = Some(format!("target_info has the first {INFO_LABELS} of {} attributes of the resource", rest.len()));
            rest.truncate(INFO_LABELS);
        }
        for (name, value) in rest.iter_mut().filter(|(_, value)| value.len() > MAX_LABEL_VALUE_BYTES) {
            let why = format!("target_info has the first {MAX_LABEL_VALUE_BYTES} of {} bytes of `{name}`", value.len());
            warning = Some(warning.map_or_else(|| why.clone(), |before| format!("{before}; {why}")));
            value.truncate(value.floor_char_boundary(MAX_LABEL_VALUE_BYTES));
        }
        let named = identity.iter().any(|(_, value)| !value.is_empty());
        let info = (named && !rest.is_empty()).then(|| {
            for (name, value) in identity {
                set(&mut rest, name, value);
            }
            rest
        });
        Self { labels: known, info, warning }
    }
}

/// The labels of a scope, if enabled in the settings.
pub(super) fn scope_labels(scope: Option<&InstrumentationScope>, schema_url: &str) -> Pairs {
    let Some(scope) = scope else { return Pairs::new() };
    let named = |kv: &KeyValue| KeyValue { key: format!("otel_scope_{}", kv.key), ..kv.clone() };
    let attributes: Vec<KeyValue> = scope.attributes.iter().map(named).collect();
    let mut out = labels(attributes.iter());
    for (name, value) in
        [("otel_scope_name", scope.name.as_str()), ("otel_scope_version", &scope.version), ("otel_scope_schema_url", schema_url)]
    {
        set(&mut out, name, value.to_owned());
    }
    out
}

/// The labels of a point: its attributes, and the labels of its scope and resource. A conflicting attribute is renamed, as for
/// scraped targets, so that different points stay different.
///
/// # Errors
/// [`PointError::EmptyKey`] if an attribute has no key.
pub(super) fn point_labels(attributes: &[KeyValue], scope: &Pairs, target: &Target) -> Result<Pairs, PointError> {
    if attributes.iter().any(|kv| kv.key.is_empty()) {
        return Err(PointError::EmptyKey);
    }
    let mut out = labels(attributes.iter());
    let others: Vec<&(String, String)> = scope.iter().filter(|(name, _)| !target.labels.iter().any(|(n, _)| n == name)).collect();
    let others: Vec<(&str, &str)> = others.into_iter().chain(&target.labels).map(|(n, v)| (n.as_str(), v.as_str())).collect();
    relabel::attach(&mut out, &others, false);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn kv(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn string(key: &str, value: &str) -> KeyValue {
        kv(key, Value::StringValue(value.to_owned()))
    }

    fn shown(pairs: &Pairs) -> String {
        pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_are_written_as_text() {
        let list = Value::ArrayValue(ArrayValue {
            values: vec![AnyValue { value: Some(Value::IntValue(1)) }, AnyValue { value: Some(Value::StringValue("a\"b".to_owned())) }],
        });
        let map = Value::KvlistValue(KeyValueList { values: vec![kv("k", Value::BoolValue(false)), kv("l", list.clone())] });
        for (value, expected) in [
            (Value::StringValue("x".to_owned()), "x"),
            (Value::BoolValue(true), "true"),
            (Value::IntValue(-3), "-3"),
            (Value::DoubleValue(2.0), "2"),
            (Value::DoubleValue(0.25), "0.25"),
            (Value::DoubleValue(f64::NAN), "NaN"),
            (Value::BytesValue(b"a".to_vec()), "YQ=="),
            (Value::BytesValue(b"ab".to_vec()), "YWI="),
            (Value::BytesValue(b"abc\xff".to_vec()), "YWJj/w=="),
            (list, r#"[1,"a\"b"]"#),
            (map, r#"{"k":false,"l":[1,"a\"b"]}"#),
        ] {
            assert_eq!(text(Some(&AnyValue { value: Some(value) })), expected);
        }
        assert_eq!(text(None), "");
    }

    #[test]
    fn values_of_keys_that_become_one_name_are_joined_in_order() {
        let attributes = [string("b.c", "2"), string("a", "1"), string("b_c", "3"), string("b-c", "1"), string("a", "again")];
        assert_eq!(shown(&labels(attributes.iter())), "a=1;again b_c=1;2;3");
    }

    #[test]
    fn a_resource_is_job_instance_and_target_info() {
        let options = Options { resource_labels: vec!["team".to_owned()], ..Options::default() };
        let attributes = [
            string("service.name", "cart"),
            string("service.namespace", "shop"),
            string("service.instance.id", "i-1"),
            string("host.name", "h"),
            string("team", "blue"),
        ];
        let target = Target::of(&attributes, &options);
        assert_eq!(shown(&target.labels), "team=blue job=shop/cart instance=i-1");
        assert_eq!(shown(&target.info.unwrap()), "host_name=h team=blue job=shop/cart instance=i-1");
        let nobody = Target::of(&attributes[3..], &Options::default());
        assert!(nobody.labels.is_empty() && nobody.info.is_none(), "nobody to say it of");
        assert!(Target::of(&attributes[..3], &Options::default()).info.is_none(), "nothing to say");
    }

    #[test]
    fn an_attribute_that_clashes_with_resource_or_scope_is_renamed() {
        let scope = vec![("otel_scope_name".to_owned(), "lib".to_owned())];
        for (attributes, expected) in [
            (&[string("job", "mine"), string("le", "x")][..], "exported_job=mine job=cart le=x otel_scope_name=lib"),
            (
                &[string("job", "mine"), string("exported.job", "other")],
                "exported_exported_job=mine exported_job=other job=cart otel_scope_name=lib",
            ),
            (&[string("otel.scope.name", "mine")], "exported_otel_scope_name=mine job=cart otel_scope_name=lib"),
        ] {
            let mut point = point_labels(attributes, &scope, &target_of("cart")).unwrap();
            point.sort();
            assert_eq!(shown(&point), expected);
        }
        assert!(point_labels(&[string("", "x")], &Pairs::new(), &target_of("cart")).unwrap_err() == PointError::EmptyKey);
    }

    fn target_of(service: &str) -> Target {
        Target::of(&[string("service.name", service)], &Options::default())
    }

    #[test]
    fn a_resource_with_too_many_attributes_is_cut_and_reported() {
        let mut attributes: Vec<KeyValue> = (0..100).map(|n| string(&format!("a{n:03}"), "v")).collect();
        attributes.push(string("service.name", "s"));
        attributes.push(string("a000b", &"é".repeat(20_000)));
        let target = Target::of(&attributes, &Options::default());
        let info = target.info.unwrap();
        assert_eq!(info.len(), INFO_LABELS + 1);
        assert!(info.iter().all(|(_, v)| v.len() <= MAX_LABEL_VALUE_BYTES));
        let warning = target.warning.unwrap();
        assert!(warning.contains("61 of 101") && warning.contains("of 40000 bytes of `a000b`"), "{warning}");
    }

    #[test]
    fn a_scope_becomes_labels() {
        let scope = InstrumentationScope {
            name: "lib".to_owned(),
            version: "1".to_owned(),
            attributes: vec![string("mascot", "bear"), string("_mascot", "owl"), string("name", "mine")],
            ..InstrumentationScope::default()
        };
        assert_eq!(shown(&scope_labels(Some(&scope), "")), "otel_scope_mascot=owl;bear otel_scope_name=lib otel_scope_version=1");
    }
}
