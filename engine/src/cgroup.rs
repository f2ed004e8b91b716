//! Control groups (cgroup v2): which folder is a unit of systemd's or a container, what the kernel's files say, which
//! groups are worth a sample.
//!
//! Pure: reading folders and files is `actors::collectors::cgroup`. Formats are those of the kernel's
//! Documentation/admin-guide/cgroup-v2.rst; names of folders those that systemd, Docker, Podman, CRI-O, containerd, LXC,
//! Proxmox and the kubelet give.

/// Characters of a container's id that are shown, as `docker ps` does.
const SHORT_ID: usize = 12;
/// How much a group that had samples before counts for more, so that two that are alike do not take turns.
const KEPT: f64 = 1.5;

/// What a group is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A unit of systemd's, and whose manager it belongs to where that is not the system's.
    Unit { name: String, user: Option<String> },
    /// A container: its id, its runtime if the folder names it, and its user unless that is root.
    Container { id: String, runtime: Option<&'static str>, user: Option<String> },
}

impl Group {
    /// A container's id as it is shown.
    #[must_use]
    pub fn short(id: &str) -> &str {
        if id.len() == 64 { id.get(..SHORT_ID).unwrap_or(id) } else { id }
    }
}

/// Where in the tree of folders one is, which decides what a folder there may be. A name alone is ambiguous: `ssh.service`
/// below a container is the guest's, and figures of guests must not pass for the machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Among the machine's own slices, or those of a user's manager.
    Manager { user: Option<String> },
    /// Below a unit. Its own folders are its business; only containers count.
    Unit,
    /// Below a folder that is not systemd's. Only containers count, and machines within the machine.
    Foreign,
}

/// What a folder is, and how its folders are to be seen; none where they belong to it.
pub type Step = (Option<Group>, Option<Scope>);

impl Scope {
    /// At the top.
    #[must_use]
    pub const fn top() -> Self {
        Self::Manager { user: None }
    }

    /// What the last of these folders is, the others being those above it.
    #[must_use]
    pub fn enter(&self, folders: &[&str]) -> Step {
        let Some((name, above)) = folders.split_last() else { return (None, Some(self.clone())) };
        if let Some((id, runtime)) = container(name, above.last().copied()) {
            // What runs inside is the container's, also further containers and units.
            return (Some(Group::Container { id, runtime, user: user_of(above) }), None);
        }
        let Self::Manager { user } = self else { return (None, Some(self.clone())) };
        match name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("slice") => (None, Some(self.clone())),
            // A user's manager holds units of its own.
            Some("service") if manager(name).is_some() => (None, Some(Self::Manager { user: manager(name) })),
            Some("service" | "scope" | "mount" | "socket" | "swap") => {
                (Some(Group::Unit { name: (*name).to_owned(), user: user.clone() }), Some(Self::Unit))
            }
            _ => (None, Some(Self::Foreign)),
        }
    }

    /// What a folder is that has these folders in it, if its name is ambiguous. One with a systemd of its own is a machine
    /// within the machine: a container of some kind, named by its path.
    #[must_use]
    pub fn look_inside<'a>(&self, folders: &[&str], mut inside: impl Iterator<Item = &'a str>) -> Step {
        let mut is_manager = || inside.any(|name| matches!(name, "init.scope" | "system.slice"));
        match self {
            // systemd nests no slice in one of another name: a slice with a manager's folders in it is a guest's top.
            Self::Manager { .. } if folders.last().is_some_and(|folder| folder.ends_with(".slice")) && is_manager() => {
                (Some(Group::Container { id: folders.join("/"), runtime: None, user: user_of(folders) }), None)
            }
            Self::Manager { .. } => (None, Some(self.clone())),
            Self::Unit | Self::Foreign if !is_manager() => (None, Some(self.clone())),
            // It counts with its unit.
            Self::Unit => (None, None),
            Self::Foreign => (Some(Group::Container { id: folders.join("/"), runtime: None, user: user_of(folders) }), None),
        }
    }
}

/// What runs a container, by what stands before its id.
const RUNTIMES: [(&str, &str); 6] = [
    ("docker", "docker"),
    ("libpod", "podman"),
    ("libpod-payload", "podman"),
    ("crio", "cri-o"),
    ("cri-containerd", "containerd"),
    ("nerdctl", "containerd"),
];

/// A container's id and what runs it, by the names of its folder and of the one above it.
fn container(name: &str, parent: Option<&str>) -> Option<(String, Option<&'static str>)> {
    let id = |text: &str| (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned());
    let runtime = |prefix: &str| RUNTIMES.iter().find(|(known, _)| *known == prefix).map(|(_, runtime)| *runtime);
    // `docker-ID.scope`, `libpod-ID`, and `SLICE:cri-containerd:ID` where systemd's names are given to another driver.
    let bare = name.strip_suffix(".scope").unwrap_or(name);
    for separator in ['-', ':'] {
        if let Some((front, last)) = bare.rsplit_once(separator)
            && let Some(id) = id(last)
            && let Some(runtime) = runtime(front.rsplit(':').next().unwrap_or(front))
        {
            return Some((id, Some(runtime)));
        }
    }
    if let Some(id) = id(name) {
        let runtime = match parent {
            Some("docker") => Some("docker"),
            Some(parent) if parent.starts_with("libpod") => Some("podman"),
            _ => None,
        };
        return Some((id, runtime));
    }
    // LXC's own names; Proxmox has `lxc/101`.
    let lxc = name.strip_prefix("lxc.payload.").or_else(|| matches!(parent, Some("lxc" | "lxc.payload")).then_some(name));
    lxc.filter(|id| !id.is_empty()).map(|id| (id.to_owned(), Some("lxc")))
}

fn manager(folder: &str) -> Option<String> {
    Some(folder.strip_prefix("user@")?.strip_suffix(".service")?.to_owned())
}

/// The user in whose slice folders lie.
fn user_of(folders: &[&str]) -> Option<String> {
    let slice = |folder: &str| Some(folder.strip_prefix("user-")?.strip_suffix(".slice")?.to_owned());
    folders.iter().find_map(|folder| manager(folder).or_else(|| slice(folder)))
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

    /// What a path leads to, as a walk from the top sees it.
    fn at(path: &str) -> Option<Group> {
        let folders: Vec<&str> = path.split('/').filter(|folder| !folder.is_empty()).collect();
        let mut scope = Scope::top();
        let mut group = None;
        for depth in 1..=folders.len() {
            let (found, inside) = scope.enter(&folders[..depth]);
            group = found;
            match inside {
                Some(inside) => scope = inside,
                None if depth < folders.len() => return None,
                None => {}
            }
        }
        group
    }

    #[test]
    fn folders_are_told_apart() {
        let id = "4f3c".repeat(16);
        let of_user =
            |runtime, user: Option<&str>| Some(Group::Container { id: "4f3c".repeat(16), runtime, user: user.map(str::to_owned) });
        let container = |runtime| of_user(runtime, None);
        let lxc = |id: &str, user: Option<&str>| {
            Some(Group::Container { id: id.to_owned(), runtime: Some("lxc"), user: user.map(str::to_owned) })
        };
        let unit = |name: &str, user: Option<&str>| Some(Group::Unit { name: name.to_owned(), user: user.map(str::to_owned) });
        let manager = "user.slice/user-1000.slice/user@1000.service";
        for (path, expected) in [
            ("system.slice".to_owned(), None),
            ("system.slice/nginx.service".to_owned(), unit("nginx.service", None)),
            ("system.slice/system-getty.slice/getty@tty1.service".to_owned(), unit("getty@tty1.service", None)),
            ("system.slice/dev-disk-by\\x2duuid.swap".to_owned(), unit("dev-disk-by\\x2duuid.swap", None)),
            ("init.scope".to_owned(), unit("init.scope", None)),
            ("user.slice/user-1000.slice/session-3.scope".to_owned(), unit("session-3.scope", None)),
            (manager.to_owned(), None),
            (format!("{manager}/app.slice/code.service"), unit("code.service", Some("1000"))),
            (format!("{manager}/init.scope"), unit("init.scope", Some("1000"))),
            (format!("system.slice/docker-{id}.scope"), container(Some("docker"))),
            (format!("docker/{id}"), container(Some("docker"))),
            (format!("machine.slice/libpod-{id}.scope"), container(Some("podman"))),
            (format!("machine.slice/libpod-conmon-{id}.scope"), unit(&format!("libpod-conmon-{id}.scope"), None)),
            (format!("libpod_parent/libpod-{id}"), container(Some("podman"))),
            (format!("kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), container(Some("containerd"))),
            (format!("kubepods/burstable/pod5cd/{id}"), container(None)),
            // Names of systemd's given to a driver that makes plain folders.
            (format!("system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{id}"), container(Some("containerd"))),
            (format!("system.slice:docker:{id}"), container(Some("docker"))),
            // Containers of users, and one that a unit started.
            (format!("{manager}/user.slice/docker-{id}.scope"), of_user(Some("docker"), Some("1000"))),
            (format!("{manager}/app.slice/web.service/libpod-payload-{id}"), of_user(Some("podman"), Some("1000"))),
            ("user.slice/user-7.slice/session-3.scope/lxc.payload.web".to_owned(), lxc("web", Some("7"))),
            (format!("system.slice/actions.service/job/{id}"), container(None)),
            ("lxc.payload.web".to_owned(), lxc("web", None)),
            ("lxc.payload/web".to_owned(), lxc("web", None)),
            ("lxc/101".to_owned(), lxc("101", None)),
            // What is inside of a container is its own.
            ("lxc/101/ns/system.slice/ssh.service".to_owned(), None),
            (format!("lxc/101/ns/system.slice/docker-{id}.scope"), None),
            (format!("docker/{id}/system.slice/ssh.service"), None),
            ("lxc.payload.web/system.slice/ssh.service".to_owned(), None),
            ("lxc.monitor.101".to_owned(), None),
            // Virtual machines are units here.
            ("qemu.slice/100.scope".to_owned(), unit("100.scope", None)),
            ("machine.slice/machine-qemu\\x2d1\\x2dvm.scope".to_owned(), unit("machine-qemu\\x2d1\\x2dvm.scope", None)),
            ("machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator".to_owned(), None),
            // Units of another manager than the machine's.
            ("wsl-user/distro-1/systemd/system.slice/cron.service".to_owned(), None),
            ("machine.slice/systemd-nspawn@web.service/payload/system.slice/ssh.service".to_owned(), None),
            ("docker-short.scope".to_owned(), unit("docker-short.scope", None)),
            (String::new(), None),
        ] {
            assert_eq!(at(&path), expected, "{path}");
        }
        assert_eq!((Group::short(&id), Group::short("web")), ("4f3c4f3c4f3c", "web"));
    }

    #[test]
    fn a_folder_with_a_systemd_of_its_own_is_a_machine_within_the_machine() {
        let folders = ["wsl-user", "distro-1", "systemd"];
        let guest = Group::Container { id: "wsl-user/distro-1/systemd".to_owned(), runtime: None, user: None };
        let inside = |scope: &Scope, inside: &[&str]| scope.look_inside(&folders, inside.iter().copied());
        assert_eq!(inside(&Scope::Foreign, &["x", "system.slice"]), (Some(guest), None));
        assert_eq!(inside(&Scope::Foreign, &["burstable", "besteffort"]), (None, Some(Scope::Foreign)));
        assert_eq!(inside(&Scope::Unit, &["init.scope"]), (None, None), "it counts with its unit");
        assert_eq!(inside(&Scope::top(), &["init.scope"]), (None, Some(Scope::top())), "the machine itself");
        let guest = Group::Container { id: "machine.slice/vm1.slice".to_owned(), runtime: None, user: None };
        let slice = ["machine.slice", "vm1.slice"];
        assert_eq!(Scope::top().look_inside(&slice, ["system.slice"].into_iter()), (Some(guest), None), "a guest's top");
        assert_eq!(Scope::top().look_inside(&slice, ["a.service"].into_iter()), (None, Some(Scope::top())));
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
