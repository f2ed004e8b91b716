//! A client of a server under test: one HTTP connection that is kept open, remote write, and chance that is the same in each run.

#![allow(dead_code, reason = "each benchmark uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Outcome;

/// A connection that is kept open.
pub struct Http {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Http {
    pub fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { port, stream: BufReader::new(stream) })
    }

    pub fn send(&mut self, head: &str, body: &[u8]) -> Outcome<(u16, Vec<u8>)> {
        let head = format!("{head}\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\r\n", self.port, body.len());
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.stream.get_mut().write_all(body)?;
        let (mut line, mut length, mut chunked, mut status) = (String::new(), 0, false, 0);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the connection ended".into());
            }
            let text = line.trim_end();
            if status == 0 {
                status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
            } else if text.is_empty() {
                break;
            } else if let Some((name, value)) = text.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse()?,
                    "transfer-encoding" => chunked = true,
                    _ => {}
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        while chunked {
            line.clear();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)?;
            let from = body.len();
            body.resize(from + size + 2, 0);
            self.stream.read_exact(&mut body[from..])?;
            body.truncate(from + size);
            chunked = size > 0;
        }
        Ok((status, body))
    }

    /// Sends a remote write request once; the status and text of the answer.
    pub fn write_once(&mut self, raw: &[u8]) -> Outcome<(u16, Vec<u8>)> {
        const HEAD: &str = "POST /api/v1/write HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0";
        self.send(HEAD, &snap::raw::Encoder::new().compress_vec(raw)?)
    }

    /// Sends a remote write request, again while the server is busy.
    pub fn write(&mut self, raw: &[u8]) -> Outcome<()> {
        loop {
            match self.write_once(raw)? {
                (200..300, _) => return Ok(()),
                (429 | 503, _) => std::thread::sleep(Duration::from_millis(20)),
                (status, text) => return Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into()),
            }
        }
    }

    pub fn query(&mut self, query: &str, time_ms: i64) -> Outcome<serde_json::Value> {
        self.ask(&format!("query?query={}&time={}", escaped(query), time_ms as f64 / 1e3))
    }

    pub fn query_range(&mut self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Outcome<serde_json::Value> {
        let [start, end, step] = [start_ms, end_ms, step_ms].map(|ms| ms as f64 / 1e3);
        self.ask(&format!("query_range?query={}&start={start}&end={end}&step={step}", escaped(query)))
    }

    pub fn ask(&mut self, path: &str) -> Outcome<serde_json::Value> {
        let (status, body) = self.send(&format!("GET /api/v1/{path} HTTP/1.1"), &[])?;
        if status == 200 { Ok(serde_json::from_slice(&body)?) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
    }
}

pub fn escaped(query: &str) -> String {
    query.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// splitmix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: the sum of twelve, less six.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

pub fn field(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// The labels of a series as they stand in a request; sorted by name, as clients send them.
pub fn packed(labels: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut out, 1, &label);
    }
    out
}

pub fn push_series(request: &mut Vec<u8>, labels: &[u8], t: i64, v: f64) {
    let mut sample = vec![9];
    sample.extend_from_slice(&v.to_le_bytes());
    sample.push(16);
    varint(&mut sample, t as u64);
    request.push(10);
    varint(request, (labels.len() + 2 + sample.len()) as u64);
    request.extend_from_slice(labels);
    field(request, 2, &sample);
}
