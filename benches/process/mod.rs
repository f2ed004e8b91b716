//! What `/proc` says about a process: CPU, memory, where it listens.

#![allow(dead_code, reason = "each benchmark and test uses its part")]

use std::path::PathBuf;
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

/// The TCP port on which a process listens, of IPv4; none while there is none. Port 0 gives a server one that no
/// other program has.
pub fn listening_port(pid: u32) -> Option<u16> {
    let sockets: Vec<PathBuf> =
        fs::read_dir(format!("/proc/{pid}/fd")).ok()?.filter_map(|file| fs::read_link(file.ok()?.path()).ok()).collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let own = *state == LISTENING && sockets.contains(&PathBuf::from(format!("socket:[{inode}]")));
        own.then(|| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()).flatten()
    })
}

/// `TCP_LISTEN`, as `/proc/net/tcp` writes it.
const LISTENING: &str = "0A";
