//! Points of metrics, before they become samples.
//!
//! A label that is taken away would make one series of several, and a wrong figure of their sum: in the labels of points a text that is not
//! kept becomes a short name of itself, so that what was apart stays apart. Attributes of the resource and of exemplars are left out.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};

use super::Kept;
use super::pass::{Fate, Of, Pass};
use super::who::is_agent;
use crate::otlp::attribute_text;

const OF: Of = Of::Agent { tool: false };

/// Takes out of the points of a request what is not kept.
pub fn filter_metrics(request: &mut ExportMetricsServiceRequest, kept: &Kept) {
    let mut pass = Pass::new(kept);
    for resource_metrics in &mut request.resource_metrics {
        let attributes = resource_metrics.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let service = attributes.iter().find(|attribute| attribute.key == "service.name");
        let agents = service.is_some_and(|service| is_agent(&attribute_text(service.value.as_ref())));
        let mut any = agents;
        for scope_metrics in &mut resource_metrics.scope_metrics {
            let named = scope_metrics.scope.as_ref().is_some_and(|scope| is_agent(&scope.name));
            if !agents && !named {
                continue;
            }
            any = true;
            if let Some(scope) = &mut scope_metrics.scope {
                labels_in(&mut pass, &mut scope.attributes);
            }
            scope_metrics.metrics.iter_mut().for_each(|metric| metric_in(&mut pass, metric));
        }
        if any && let Some(resource) = &mut resource_metrics.resource {
            without(&mut pass, &mut resource.attributes);
        }
    }
}

fn metric_in(pass: &mut Pass<'_>, metric: &mut Metric) {
    let mut point = |attributes: &mut Vec<KeyValue>, exemplars: &mut Vec<Exemplar>| {
        labels_in(pass, attributes);
        for exemplar in exemplars {
            without(pass, &mut exemplar.filtered_attributes);
        }
    };
    match &mut metric.data {
        Some(Data::Gauge(data)) => data.data_points.iter_mut().for_each(|p| point(&mut p.attributes, &mut p.exemplars)),
        Some(Data::Sum(data)) => data.data_points.iter_mut().for_each(|p| point(&mut p.attributes, &mut p.exemplars)),
        Some(Data::Histogram(data)) => data.data_points.iter_mut().for_each(|p| point(&mut p.attributes, &mut p.exemplars)),
        Some(Data::ExponentialHistogram(data)) => data.data_points.iter_mut().for_each(|p| point(&mut p.attributes, &mut p.exemplars)),
        Some(Data::Summary(data)) => data.data_points.iter_mut().for_each(|p| point(&mut p.attributes, &mut Vec::new())),
        None => {}
    }
}

fn fate(pass: &mut Pass<'_>, attribute: &KeyValue) -> Fate {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        None => Fate::Stays,
        Some(Value::StringValue(text)) => pass.fate(&attribute.key, text, OF),
        Some(_) => pass.fate(&attribute.key, &attribute_text(attribute.value.as_ref()), OF),
    }
}

fn put(attribute: &mut KeyValue, text: String) {
    attribute.value = Some(AnyValue { value: Some(Value::StringValue(text)) });
}

fn labels_in(pass: &mut Pass<'_>, attributes: &mut [KeyValue]) {
    for attribute in attributes {
        match fate(pass, attribute) {
            Fate::Stays => {}
            Fate::Instead(text) => put(attribute, text),
            Fate::Goes => {
                let text = attribute_text(attribute.value.as_ref());
                let short = pass.digest("text", text);
                put(attribute, short);
            }
        }
    }
}

fn without(pass: &mut Pass<'_>, attributes: &mut Vec<KeyValue>) {
    attributes.retain_mut(|attribute| match fate(pass, attribute) {
        Fate::Stays => true,
        Fate::Instead(text) => {
            put(attribute, text);
            true
        }
        Fate::Goes => false,
    });
}
