//! What a process costs, from `/proc`.

#![allow(dead_code, reason = "each benchmark uses its part")]

use std::{fs, io};

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("/proc/PID/{what} is not as expected"))
}

/// User and system time.
pub fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or_else(|| odd("stat"))?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).ok_or_else(|| odd("stat"));
    Ok((ticks(11)? + ticks(12)?) / rustix::param::clock_ticks_per_second() as f64)
}

/// A figure of `/proc/PID/status`, such as `VmRSS` in KiB.
pub fn status(pid: u32, key: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.split(':').next() == Some(key)).ok_or_else(|| odd("status"))?;
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).ok_or_else(|| odd("status"))
}
