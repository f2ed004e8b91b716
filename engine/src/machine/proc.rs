//! Files of `/proc` that hold figures of the machine and of its processes.

/// Ticks of CPU time since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    /// Spent on work; time that the host took away from a virtual machine counts.
    pub busy: u64,
    /// The part of that which the host gave to others.
    pub stolen: u64,
    /// Spent in all.
    pub total: u64,
}

impl CpuTimes {
    fn parse<'a>(mut fields: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut next = || fields.next().map(str::parse::<u64>);
        let mut required = || next()?.ok();
        let (user, nice, system, idle) = (required()?, required()?, required()?, required()?);
        // Old kernels have fewer columns. Guests are part of `user` and `nice`.
        let (iowait, irq, softirq, steal) =
            (required().unwrap_or(0), required().unwrap_or(0), required().unwrap_or(0), required().unwrap_or(0));
        let busy = [user, nice, system, irq, softirq, steal].into_iter().fold(0, u64::saturating_add);
        Some(Self { busy, stolen: steal, total: busy.saturating_add(idle).saturating_add(iowait) })
    }

    /// The busy share since `before`; none where no time has passed.
    #[must_use]
    pub fn busy_share(self, before: Self) -> Option<f64> {
        self.share(before, |times| times.busy)
    }

    /// The share that the host gave to others since `before`; none where no time has passed.
    #[must_use]
    pub fn stolen_share(self, before: Self) -> Option<f64> {
        self.share(before, |times| times.stolen)
    }

    fn share(self, before: Self, part: impl Fn(&Self) -> u64) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        Some((part(&self).saturating_sub(part(&before)) as f64 / total as f64).min(1.0))
    }
}

/// `/proc/stat`: all CPU cores together (under `None`), and each by its number. A core that is off is not in it.
#[must_use]
pub fn cpu_times(text: &str) -> Vec<(Option<u32>, CpuTimes)> {
    let of_line = |line: &str| {
        let mut fields = line.strip_prefix("cpu")?.split(' ');
        let number = match fields.next()? {
            "" => None,
            number => Some(number.parse().ok()?),
        };
        Some((number, CpuTimes::parse(fields.filter(|field| !field.is_empty()))?))
    };
    text.lines().filter_map(of_line).collect()
}

/// `/proc/loadavg`: load over 1, 5 and 15 minutes.
#[must_use]
pub fn load_average(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_whitespace().map(|field| field.parse::<f64>().ok().filter(|v| v.is_finite()));
    Some([fields.next()??, fields.next()??, fields.next()??])
}

/// `/proc/pressure/RESOURCE`: the shares of the last ten seconds in which some processes waited for it, and in which all did, by the
/// names that the kernel has for them.
#[must_use]
pub fn pressure(text: &str) -> Vec<(&str, f64)> {
    let of_line = |line| {
        let mut fields = str::split_whitespace(line);
        let kind = fields.next().filter(|kind| ["some", "full"].contains(kind))?;
        let percent: f64 = fields.find_map(|field| field.strip_prefix("avg10="))?.parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some((kind, percent / 100.0))
    };
    text.lines().filter_map(of_line).collect()
}

/// A counter of `/proc/vmstat`.
#[must_use]
pub fn vmstat(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Major and minor number of a device.
pub type DeviceId = (u32, u32);

/// A line of `/proc/diskstats`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskIo<'a> {
    /// Its numbers.
    pub device: DeviceId,
    /// The kernel's name of it.
    pub name: &'a str,
    /// Bytes read since the start.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

/// Bytes of a sector in `/proc/diskstats`, whatever those of the disk are.
const SECTOR_BYTES: u64 = 512;

/// `/proc/diskstats`.
#[must_use]
pub fn disks(text: &str) -> Vec<DiskIo<'_>> {
    let of_line = |line| {
        let mut fields = str::split_whitespace(line);
        let device = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let name = fields.next()?;
        // Reads, merged reads, sectors read, time; writes, merged writes, sectors written.
        let read = fields.nth(2)?.parse::<u64>().ok()?.checked_mul(SECTOR_BYTES)?;
        let written = fields.nth(3)?.parse::<u64>().ok()?.checked_mul(SECTOR_BYTES)?;
        Some(DiskIo { device, name, read, written })
    };
    text.lines().filter_map(of_line).collect()
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its name; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// The process that started it, or took it over.
    pub parent: u32,
    /// Ticks of CPU time.
    pub ticks: u64,
    /// Ticks of CPU time of its children that have ended and that it waited for, and of theirs.
    pub child_ticks: u64,
    /// When it started, in ticks after the machine.
    pub started: u64,
    /// Pages in memory.
    pub pages: u64,
}

impl Process {
    /// Reads the text. A name may hold spaces, line ends and brackets.
    #[must_use]
    pub fn parse(stat: &[u8]) -> Option<Self> {
        let (open, close) = (stat.iter().position(|b| *b == b'(')?, stat.iter().rposition(|b| *b == b')')?);
        let name = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
        let fields: Vec<&str> = std::str::from_utf8(stat.get(close + 1..)?).ok()?.split_ascii_whitespace().collect();
        // Numbered as in proc(5), where the field behind the name is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            name,
            parent: u32::try_from(field(4)?).ok()?,
            ticks: field(14)?.checked_add(field(15)?)?,
            child_ticks: field(16)?.checked_add(field(17)?)?,
            started: field(22)?,
            pages: field(24)?,
        })
    }
}

/// `/proc/PID/io`: bytes that were read from disks and written to them.
#[must_use]
pub fn process_io(text: &str) -> Option<(u64, u64)> {
    let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
    Some((of("read_bytes:")?, of("write_bytes:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_shares_come_from_two_readings_and_cores_keep_their_numbers() {
        let before = "cpu  100 10 50 800 40 1 2 3 90 5\ncpu0 50 5 25 400 20 0 1 1 0 0\ncpu2 50 5 25 400 20 1 1 2 0 0\nintr 5\n";
        let after = "cpu  130 10 60 850 50 1 2 3 95 5\ncpu0 70 5 35 400 20 0 1 1 0 0\ncpu2 50 5 25 400 20 1 1 2 0 0\nintr 6\n";
        let (before, after) = (cpu_times(before), cpu_times(after));
        assert_eq!(before.iter().map(|(core, _)| *core).collect::<Vec<_>>(), [None, Some(0), Some(2)]);
        assert_eq!(before[0].1, CpuTimes { busy: 166, stolen: 3, total: 1_006 });
        let shares: Vec<Option<f64>> = after.iter().zip(&before).map(|((_, a), (_, b))| a.busy_share(*b)).collect();
        assert_eq!(shares, [Some(0.4), Some(1.0), None], "nothing is known of a core for which no time has passed");
        assert_eq!(cpu_times("cpu  1 2 3\ncpux 1 2 3 4\ncpu1 1 2 3 4\n").len(), 1, "cut or strange lines say nothing");
        assert_eq!(before[0].1.busy_share(after[0].1), None, "counters that went back");
        let (idle, shared) = (cpu_times("cpu 10 0 0 10 0 0 0 0\n")[0].1, cpu_times("cpu 15 0 0 20 0 0 0 5\n")[0].1);
        assert_eq!((shared.stolen_share(idle), shared.stolen_share(shared)), (Some(0.25), None));
    }

    #[test]
    fn small_files_are_read_or_give_nothing() {
        assert_eq!(load_average("0.52 0.58 0.59 1/389 12345\n"), Some([0.52, 0.58, 0.59]));
        for text in ["", "0.52 0.58", "a b c", "NaN 1 2"] {
            assert_eq!(load_average(text), None, "{text}");
        }
        assert_eq!((process_io("rchar: 5\nread_bytes: 7\nwrite_bytes: 9\n"), process_io("read_bytes: 7\n")), (Some((7, 9)), None));
    }

    #[test]
    fn pressure_and_counters_of_memory_are_read() {
        let text = "some avg10=12.50 avg60=3.00 avg300=1.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
        assert_eq!(pressure(text), [("some", 0.125), ("full", 0.0)]);
        for text in ["", "some avg60=1", "odd avg10=1", "some avg10=x", "some avg10=1e9", "full avg10=NaN"] {
            assert!(pressure(text).is_empty(), "{text}");
        }
        let text = "pswpin 7\npswpin_more 8\noom_kill 2\nx";
        assert_eq!(["pswpin", "oom_kill", "pswpout", "x"].map(|name| vmstat(text, name)), [Some(7), Some(2), None, None]);
    }

    #[test]
    fn bytes_of_disks_are_counted_in_sectors_of_512() {
        let text = " 259       0 nvme0n1   571695 101559 38943220 165643 9824246  1076193 462375378 4140037  0  1038904 4740493\n   7       0 loop0 5 0 6 0 0 0 0 0 0 0 0\n 8 1 sda1 cut\n";
        let nvme = DiskIo { device: (259, 0), name: "nvme0n1", read: 38_943_220 * 512, written: 462_375_378 * 512 };
        assert_eq!(disks(text), [nvme, DiskIo { device: (7, 0), name: "loop0", read: 3_072, written: 0 }]);
    }

    #[test]
    fn a_process_may_call_itself_anything() {
        let tail = ") S 7 2 2 0 -1 4194560 1 2 3 4 700 30 40 2 20 0 1 0 98765 11931648 443 18446744073709551615 1 1";
        for name in ["sh", ") R 1 (", "a b\nc", "", "ünï"] {
            let text = format!("42 ({name}{tail}");
            let expected = Process { name: name.to_owned(), parent: 7, ticks: 730, child_ticks: 42, started: 98_765, pages: 443 };
            assert_eq!(Process::parse(text.as_bytes()), Some(expected), "{name}");
        }
        assert_eq!(Process::parse(&[b"7 (\xff", tail.as_bytes()].concat()).map(|process| process.name).as_deref(), Some("\u{fffd}"));
        for text in ["", "42 sh S 1", "42 )(", "42 (sh) S 1 2"] {
            assert_eq!(Process::parse(text.as_bytes()), None, "{text}");
        }
    }
}
