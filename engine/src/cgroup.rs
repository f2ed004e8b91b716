//! Control groups (cgroup v2): which folder is a unit of systemd's or a container, what the kernel's files say, which
//! groups are worth a sample.
//!
//! Pure: reading folders and files is `actors::collectors::cgroup`. Formats are those of the kernel's
//! Documentation/admin-guide/cgroup-v2.rst; names of folders those that systemd, Docker, Podman, CRI-O, containerd, LXC and
//! the kubelet give.

/// Characters of a container's id that are shown, as `docker ps` does.
const SHORT_ID: usize = 12;
/// How much a group that had samples before counts for more, so that two that are alike do not take turns.
const KEPT: f64 = 1.5;

/// What a group is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A unit of systemd's, and whose manager it belongs to where that is not the system's.
    Unit { name: String, user: Option<String> },
    /// A container: its id and what runs it, where its folder tells.
    Container { id: String, runtime: Option<&'static str> },
}

impl Group {
    /// The group that a folder stands for; none where only what lies below it may be one.
    #[must_use]
    pub fn of(folders: &[&str]) -> Option<Self> {
        let (name, above) = folders.split_last()?;
        let id = |text: &str| (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned());
        if let Some(scope) = name.strip_suffix(".scope") {
            for (prefix, runtime) in [
                ("docker-", "docker"),
                ("libpod-", "podman"),
                ("crio-", "cri-o"),
                ("cri-containerd-", "containerd"),
                ("nerdctl-", "containerd"),
            ] {
                if let Some(id) = scope.strip_prefix(prefix).and_then(id) {
                    return Some(Self::Container { id, runtime: Some(runtime) });
                }
            }
        }
        if let Some(id) = id(name) {
            let runtime = match above.last() {
                Some(&"docker") => Some("docker"),
                Some(parent) if parent.starts_with("libpod") => Some("podman"),
                _ => None,
            };
            return Some(Self::Container { id, runtime });
        }
        if let Some(id) = name.strip_prefix("lxc.payload.") {
            return Some(Self::Container { id: id.to_owned(), runtime: Some("lxc") });
        }
        let (_, kind) = name.rsplit_once('.')?;
        // A user's manager holds units of its own.
        if !["service", "scope", "mount", "socket", "swap"].contains(&kind) || manager(name).is_some() {
            return None;
        }
        Some(Self::Unit { name: (*name).to_owned(), user: above.iter().find_map(|folder| manager(folder)) })
    }

    /// A container's id as it is shown.
    #[must_use]
    pub fn short(id: &str) -> &str {
        if id.len() == 64 { id.get(..SHORT_ID).unwrap_or(id) } else { id }
    }
}

fn manager(folder: &str) -> Option<String> {
    Some(folder.strip_prefix("user@")?.strip_suffix(".service")?.to_owned())
}

/// The figure of a key in a file of `key value` lines (`cpu.stat`, `memory.events`).
#[must_use]
pub fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A file of one number. `max` means that there is no limit, which is no number.
#[must_use]
pub fn single(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Bytes read and written over all devices, of `io.stat`: `8:0 rbytes=1 wbytes=2 rios=…`.
#[must_use]
pub fn io_bytes(text: &str) -> (u64, u64) {
    let sum = |key: &str| {
        let words = text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok());
        words.fold(0, u64::saturating_add)
    };
    (sum("rbytes"), sum("wbytes"))
}

/// Of a file in `/var/log/containers`, `POD_NAMESPACE_CONTAINER-ID.log`: pod, namespace, container and id.
#[must_use]
pub fn kubernetes_log(file: &str) -> Option<(&str, &str, &str, &str)> {
    let (front, id) = file.strip_suffix(".log")?.rsplit_once('-')?;
    let mut parts = front.splitn(3, '_');
    Some((parts.next()?, parts.next()?, parts.next()?, id)).filter(|(pod, ..)| id.len() == 64 && !pod.is_empty())
}

/// What a group uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// CPU time, of a stretch that is the same for all.
    pub cpu: f64,
    /// Bytes of memory.
    pub memory: f64,
    /// It was among the busiest the last time.
    pub kept: bool,
}

/// The places of at most `most` groups: the busiest by CPU and by memory in turn. A group without either is never one.
#[must_use]
pub fn busiest(loads: &[Load], most: usize) -> Vec<usize> {
    let by = |of: fn(&Load) -> f64| {
        let weight = |at: usize| of(&loads[at]) * if loads[at].kept { KEPT } else { 1.0 };
        let mut places: Vec<usize> = (0..loads.len()).filter(|&at| of(&loads[at]) > 0.0).collect();
        places.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b)));
        places
    };
    let (cpu, memory) = (by(|load| load.cpu), by(|load| load.memory));
    let mut taken = vec![false; loads.len()];
    let mut out = Vec::new();
    for round in 0..loads.len() {
        for at in [cpu.get(round), memory.get(round)].into_iter().flatten() {
            if out.len() < most && !std::mem::replace(&mut taken[*at], true) {
                out.push(*at);
            }
        }
    }
    out.sort_unstable();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_apart() {
        let id = "4f3c".repeat(16);
        let container = |runtime| Some(Group::Container { id: "4f3c".repeat(16), runtime });
        let unit = |name: &str, user: Option<&str>| Some(Group::Unit { name: name.to_owned(), user: user.map(str::to_owned) });
        for (path, expected) in [
            ("system.slice".to_owned(), None),
            ("system.slice/nginx.service".to_owned(), unit("nginx.service", None)),
            ("system.slice/system-getty.slice/getty@tty1.service".to_owned(), unit("getty@tty1.service", None)),
            ("init.scope".to_owned(), unit("init.scope", None)),
            ("user.slice/user-1000.slice/session-3.scope".to_owned(), unit("session-3.scope", None)),
            ("user.slice/user-1000.slice/user@1000.service".to_owned(), None),
            ("user.slice/user-1000.slice/user@1000.service/app.slice/code.service".to_owned(), unit("code.service", Some("1000"))),
            (format!("system.slice/docker-{id}.scope"), container(Some("docker"))),
            (format!("docker/{id}"), container(Some("docker"))),
            (format!("machine.slice/libpod-{id}.scope"), container(Some("podman"))),
            (format!("machine.slice/libpod-conmon-{id}.scope"), unit(&format!("libpod-conmon-{id}.scope"), None)),
            (format!("kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), container(Some("containerd"))),
            (format!("kubepods/burstable/pod5cd/{id}"), container(None)),
            ("lxc.payload.web".to_owned(), Some(Group::Container { id: "web".to_owned(), runtime: Some("lxc") })),
            ("docker-short.scope".to_owned(), unit("docker-short.scope", None)),
            (String::new(), None),
        ] {
            let folders: Vec<&str> = path.split('/').filter(|folder| !folder.is_empty()).collect();
            assert_eq!(Group::of(&folders), expected, "{path}");
        }
        assert_eq!((Group::short(&id), Group::short("web")), ("4f3c4f3c4f3c", "web"));
    }

    #[test]
    fn the_kernels_files_are_read() {
        let cpu = "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n";
        assert_eq!((keyed(cpu, "usage_usec"), keyed(cpu, "usage"), keyed("", "x")), (Some(1_234_567), None, None));
        assert_eq!(keyed("low 0\noom 1\noom_kill 3\noom_group_kill 0\n", "oom_kill"), Some(3));
        assert_eq!((single("4096\n"), single("max\n"), single("")), (Some(4_096), None, None));
        let io = "8:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n253:1 rbytes=5 wbytes=6 rios=1 wios=1\n7:0 \n";
        assert_eq!((io_bytes(io), io_bytes("")), ((105, 26), (0, 0)));
        let id = "ab".repeat(32);
        let log = format!("web-7d4_shop_nginx-main-{id}.log");
        assert_eq!(kubernetes_log(&log), Some(("web-7d4", "shop", "nginx-main", id.as_str())));
        assert_eq!((kubernetes_log("web.log"), kubernetes_log("a_b_c-d.log")), (None, None));
    }

    #[test]
    fn the_busiest_by_cpu_and_by_memory_are_taken_in_turn() {
        let load = |cpu: f64, memory: f64, kept| Load { cpu, memory, kept };
        let loads = [load(9.0, 0.0, false), load(8.0, 1.0, false), load(0.0, 9.0, false), load(0.0, 0.0, true), load(1.0, 8.0, false)];
        assert_eq!(busiest(&loads, 2), [0, 2]);
        assert_eq!(busiest(&loads, 3), [0, 1, 2]);
        assert_eq!(busiest(&loads, 9), [0, 1, 2, 4], "an idle group is never one");
        let alike = [load(1.0, 0.0, false), load(0.9, 0.0, true)];
        assert_eq!(busiest(&alike, 1), [1], "who was there stays");
    }
}
