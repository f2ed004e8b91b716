//! A sender of Prometheus remote write 1.0.

use std::time::{SystemTime, UNIX_EPOCH};

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn varint(mut v: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
    out
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// One series of a remote write request.
pub fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
    let labels = labels.iter().map(|(n, v)| field(1, &[field(1, n.as_bytes()), field(2, v.as_bytes())].concat()));
    let samples =
        samples.iter().map(|(t, v)| field(2, &[vec![9], v.to_bits().to_le_bytes().to_vec(), vec![16], varint(*t as u64)].concat()));
    field(1, &labels.chain(samples).collect::<Vec<_>>().concat())
}

/// Labels, time and value.
type Given<'a> = (&'a [(&'a str, &'a str)], i64, f64);

/// Exemplars of a series without samples, as Prometheus sends them.
pub fn exemplars(labels: &[(&str, &str)], exemplars: &[Given<'_>]) -> Vec<u8> {
    let pair = |(n, v): &(&str, &str)| field(1, &[field(1, n.as_bytes()), field(2, v.as_bytes())].concat());
    let labels = labels.iter().map(pair);
    let exemplars = exemplars.iter().map(|(labels, t, v)| {
        let labels: Vec<Vec<u8>> = labels.iter().map(pair).collect();
        field(3, &[labels.concat(), vec![17], v.to_bits().to_le_bytes().to_vec(), vec![24], varint(*t as u64)].concat())
    });
    field(1, &labels.chain(exemplars).collect::<Vec<_>>().concat())
}

/// Status and text of the answer.
pub fn write(client: &reqwest::blocking::Client, url: &str, raw: &[u8]) -> reqwest::Result<(u16, String)> {
    let body = snap::raw::Encoder::new().compress_vec(raw).unwrap();
    let request = client.post(url).header("content-encoding", "snappy").header("content-type", "application/x-protobuf").body(body);
    let response = request.send()?;
    Ok((response.status().as_u16(), response.text()?))
}
