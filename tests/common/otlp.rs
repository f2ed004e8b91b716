//! A sender of OTLP/HTTP: requests by hand in each encoding, and the real Python SDK.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use reqwest::blocking::Response;

use super::{Service, peer};

pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";
const PACKAGES: [&str; 2] = ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"];

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Sends a body; no encoding is named where it is empty.
pub fn post(service: &Service, path: &str, kind: &str, encoding: &str, body: Vec<u8>) -> Response {
    let request = service.client.post(service.url(path)).header("content-type", kind).body(body);
    let request = if encoding.is_empty() { request } else { request.header("content-encoding", encoding) };
    request.send().unwrap()
}

/// Status and text of an answer.
pub fn said(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, String::from_utf8_lossy(&response.bytes().unwrap()).into_owned())
}

pub fn nanos(ms: i64) -> String {
    (ms * 1_000_000).to_string()
}

/// A field of protobuf with bytes.
pub fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

pub fn fixed64(number: u8, value: u64) -> Vec<u8> {
    [vec![number << 3 | 1], value.to_le_bytes().to_vec()].concat()
}

/// Where programs of an environment with the Python SDK are; none without a peer. `module` is one that the test needs.
pub fn python_sdk(module: &str) -> Option<std::path::PathBuf> {
    peer::python_environment("otel-python", &PACKAGES, module)
}

/// Runs a program of `tests/data/otlp` that sends to the service; gives what it wrote.
pub fn run_python(programs: &Path, program: &str, service: &Service, env: &[(&str, &str)]) -> String {
    let done = Command::new(programs.join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp").join(program))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", service.url(""))
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{output}{}", String::from_utf8_lossy(&done.stderr));
    output
}
