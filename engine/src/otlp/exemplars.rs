//! Exemplars of points: measurements with the trace and span during which they were made.
//!
//! As Prometheus translates them: labels `trace_id` and `span_id`, and the filtered attributes unless that is too long; an exemplar of a
//! histogram goes to the bucket that counted its value.

use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;

use super::attributes::{Pairs, labels};
use super::convert::{Base, Conversion, Times};
use super::histograms::le;
use super::streams::NANOS;
use super::value::id_of_bytes;
use crate::exemplar::{Exemplar, Fault, MAX_CHARACTERS, characters};
use crate::model::{Labels, TimestampMs, hex};

const IDS: [&str; 2] = ["trace_id", "span_id"];

fn id<const N: usize>(bytes: &[u8]) -> Option<String> {
    id_of_bytes::<N>(bytes).map(|id| hex(&id))
}

fn value(exemplar: &otlp::Exemplar) -> Option<f64> {
    exemplar.value.as_ref().map(|value| match value {
        Value::AsDouble(v) => *v,
        Value::AsInt(v) => *v as f64,
    })
}

/// An exemplar of a point.
fn translated(exemplar: &otlp::Exemplar, times: Times) -> Result<Exemplar, Fault> {
    let v = value(exemplar).ok_or(Fault::Malformed)?;
    let t = match exemplar.time_unix_nano / NANOS {
        0 => times.at_ms(),
        t => t as TimestampMs,
    };
    let ids = [id::<16>(&exemplar.trace_id), id::<8>(&exemplar.span_id)];
    let mut pairs: Pairs = IDS.iter().zip(ids).filter_map(|(name, id)| Some(((*name).to_owned(), id?))).collect();
    let of = |pairs: &Pairs| characters(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut attributes = labels(exemplar.filtered_attributes.iter());
    attributes.retain(|(name, _)| !IDS.contains(&name.as_str()));
    if of(&pairs) + of(&attributes) <= MAX_CHARACTERS {
        pairs.extend(attributes);
    }
    Exemplar::new(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())), t, v)
}

impl Conversion<'_> {
    /// Adds the exemplars of a point with one series.
    pub(super) fn exemplars(&mut self, labels: &Labels, times: Times, exemplars: &[otlp::Exemplar]) {
        for exemplar in exemplars {
            self.out.exemplars.push(labels.clone(), translated(exemplar, times));
        }
    }

    /// Adds the exemplars of a histogram, each to the bucket of its value; `bounds` rise.
    pub(super) fn bucket_exemplars(&mut self, base: &Base<'_>, times: Times, bounds: &[f64], exemplars: &[otlp::Exemplar]) {
        for exemplar in exemplars {
            let v = value(exemplar).unwrap_or(f64::NAN);
            let bound = bounds.iter().find(|bound| **bound >= v && bound.is_finite()).copied().unwrap_or(f64::INFINITY);
            match base.series("_bucket", Some(("le", &le(bound)))) {
                Ok(labels) => self.out.exemplars.push(labels, translated(exemplar, times)),
                Err(_) => self.out.exemplars.drop_one(Fault::NoSeries),
            }
        }
    }
}
