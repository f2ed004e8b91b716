//! Requests that senders make.

use super::run;
use crate::board::{Board, parse_state};
use crate::certificate;
use crate::ci;
use crate::exposition;
use crate::logs::push::tests as push;
use crate::model::{LabelError, Labels};
use crate::otlp::tests as otlp;
use crate::promql::deep::on_a_small_stack;
use crate::remote_write::{self, Sink};
use crate::traces::otlp::tests as traces;

/// Accepts everything and stores nothing.
struct Count(usize);

impl Sink for Count {
    fn series(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError> {
        self.0 += pairs.len();
        let labels = Labels::from_pairs(pairs)?;
        assert!(!labels.name().is_empty());
        assert_eq!(Labels::from_bytes(labels.as_bytes()).as_ref(), Ok(&labels));
        Ok(())
    }

    fn push(&mut self, _: i64, _: f64) {
        self.0 += 1;
    }
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn remote_write_requests() {
    let corpus = remote_write::samples_of_requests();
    run("remote write", &corpus, |bytes| {
        let _ = remote_write::decode(bytes, &mut Count(0));
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn exposition_texts() {
    let corpus = [
        "# HELP up Is it\\n up?\n# TYPE \"my.metric\" untyped\nup{a=\"b\\\"c\",d=\"\\\\\"} 1 1764000000000\n{\"my.metric\",\"a b\"=\"c\"} -Inf\n",
        "# UNIT a_s s\na_s_total{q=\"x\ny\"} 1e5 1764000000.5 # {t=\"x\"} 1 2\na 0x1p-2\n\u{feff}b NaN\n# EOF\n",
        "up,1764000000,StaleNaN\nup{a=\"\"} NaN(0x7ff8000000000000) 5\n",
    ];
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    run("exposition", &corpus, |bytes| {
        let text = exposition::decode_text(bytes.to_vec()).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
        for format in [exposition::Format::Prometheus, exposition::Format::OpenMetrics] {
            for line in exposition::lines(&text, format) {
                let Ok(exposition::Line::Sample { series, exemplar, .. }) = line else { continue };
                let _ = exemplar.map(|text| exposition::parse_exemplar(text, 0));
                let Ok(pairs) = exposition::parse_labels(series) else { continue };
                let Ok(labels) = Labels::new(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))) else { continue };
                let mut written = String::new();
                exposition::push_series(&mut written, &labels);
                let again = exposition::parse_labels(&written).unwrap();
                assert_eq!(Labels::new(again.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))), Ok(labels));
            }
        }
        text.split([' ', ',']).for_each(|word| {
            let Some(v) = exposition::parse_exact(word) else { return };
            let mut written = String::new();
            exposition::push_exact(&mut written, v);
            assert_eq!(exposition::parse_exact(&written).map(f64::to_bits), Some(v.to_bits()));
        });
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn otlp_requests() {
    let (names, corpus): (Vec<_>, Vec<_>) = otlp::samples_of_requests().into_iter().unzip();
    run("otlp", &corpus, |bytes| names[..2].iter().for_each(|encoding| otlp::take_anything(*encoding, bytes)));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn requests_with_log_lines() {
    run("log lines", &push::samples_of_requests(), push::take_anything);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn requests_with_spans() {
    run("spans", &traces::samples_of_requests(), traces::take_anything);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn certificates() {
    let corpus = [
        certificate::example(true, 0x17, "261124150102Z"),
        certificate::example(false, 0x18, "99991231235959Z"),
        certificate::example(true, 0x18, "20500101000000Z"),
    ];
    run("certificates", &corpus, |bytes| {
        let _ = (certificate::not_before(bytes), certificate::common_name(bytes));
        if let Ok(end) = certificate::not_after(bytes) {
            assert!((-62_200_000_000..253_402_300_800).contains(&end), "{end}");
        }
    });
}

/// Recursive decoders never recurse deeper than a small stack allows, whatever the input.
#[test]
fn deeply_nested_input_is_refused() {
    let (names, _): (Vec<_>, Vec<_>) = otlp::samples_of_requests().into_iter().unzip();
    let value = |open: &str, close: &str, times: usize| {
        let attribute = [open.repeat(times), r#"{"stringValue":"x"}"#.to_owned(), close.repeat(times)].concat();
        format!(r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"job","value":{attribute}}}]}}}}]}}"#).into_bytes()
    };
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for times in [1, 10, 20, 30, 31, 32, 40, 41, 42, 43, 60, 120, 126, 127, 128, 129, 1_000, 100_000] {
        inputs.push(value(r#"{"arrayValue":{"values":["#, "]}}", times));
        inputs.push(value(r#"{"kvlistValue":{"values":[{"key":"a","value":"#, "}]}}", times));
        for (open, close) in [
            ("[", "]"),
            ("{\"a\":", "}"),
            ("{\"tasks\":[", "]}"),
            ("{\"subtasks\":[", "]}"),
            ("{\"workflow_runs\":[", "]}"),
            ("\\\"(", ")"),
        ] {
            inputs.push([open.repeat(times), "1".to_owned(), close.repeat(times)].concat().into_bytes());
            inputs.push(format!("{{\"master\":{{\"tasks\":[{{\"id\":{}1{}}}]}}}}", open.repeat(times), close.repeat(times)).into_bytes());
        }
        // Lists of values in protobuf, each within the one before.
        let mut list = vec![0x0a, 1, b'x'];
        for field in [5u8, 1].repeat(times.min(2_000)).into_iter().chain([2, 1, 1, 1]) {
            let mut outer = vec![field << 3 | 2];
            prost::encoding::encode_varint(list.len() as u64, &mut outer);
            outer.extend(list);
            list = outer;
        }
        inputs.push(list);
    }
    for bytes in &inputs {
        on_a_small_stack(|| {
            names[..2].iter().for_each(|encoding| otlp::take_anything(*encoding, bytes));
            let _ = (Board::parse(bytes, None), parse_state(bytes));
            let _ = (ci::parse::runs(bytes).is_ok(), ci::parse::jobs(bytes).is_ok(), ci::parse::delivery("workflow_run", bytes).is_ok());
            let _ = serde_json::from_slice::<serde_json::Value>(bytes).map(|value| value.to_string());
            let text = String::from_utf8_lossy(bytes);
            let _ = (exposition::lines(&text, exposition::Format::OpenMetrics).count(), exposition::parse_labels(&text).is_ok());
        });
    }
}
