//! Mounts: which file systems are worth a figure, and under which path.
//!
//! By principle, not by a list of mount points:
//!
//! * a file system counts once, however often it is mounted (bind mounts, subvolumes), under the path that shows most of it;
//! * what lies under another mount cannot be asked by its path, and is not;
//! * one that cannot be written cannot fill: the file system itself is read-only, or is an image by its kind. A mount of a
//!   writable file system that is read-only here (as systemd's `ProtectSystem` makes them) changes nothing: others write to it;
//! * one that is no disk of this machine (network, FUSE, shared by a host) has figures, but is marked with its kind;
//! * one that the kernel makes up, keeps in memory, or stacks over others (overlay) has none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::proc::DeviceId;

/// Kinds whose figures say nothing of a disk, or repeat another file system's. Those of FUSE that only show what others hold
/// belong here. Unknown ones of the kernel have no blocks and are recognised by that.
const PSEUDO: [&str; 46] = [
    "aufs",
    "autofs",
    "bdev",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devpts",
    "devtmpfs",
    "dmabuf",
    "ecryptfs",
    "efivarfs",
    "fuse.fuse-overlayfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "guestmemfs",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "none",
    "nsfs",
    "nullfs",
    "overlay",
    "pidfs",
    "pipefs",
    "proc",
    "pstore",
    "ramfs",
    "resctrl",
    "rootfs",
    "rpc_pipefs",
    "secretmem",
    "securityfs",
    "selinuxfs",
    "shiftfs",
    "smackfs",
    "sockfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "xenfs",
];
/// Kinds that are images: made once, read ever after.
const IMAGES: [&str; 19] = [
    "axfs",
    "cramfs",
    "erofs",
    "iso9660",
    "romfs",
    "squashfs",
    "fuse.archivemount",
    "fuse.cvmfs2",
    "fuse.dwarfs",
    "fuse.erofsfuse",
    "fuse.fuse-archive",
    "fuse.fuse-zip",
    "fuse.fuseiso",
    "fuse.mount-zip",
    "fuse.ratarmount",
    "fuse.snapfuse",
    "fuse.squashfuse",
    "fuse.squashfuse_ll",
    "fuse.isofs",
];
/// Kinds that lie on disks of this machine although they have no device number of one.
const POOLS: [&str; 7] = ["bcachefs", "btrfs", "jffs2", "ubifs", "yaffs2", "zfs", "nilfs2"];

/// A line of `/proc/PID/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    id: u64,
    parent: u64,
    device: DeviceId,
    root: Vec<u8>,
    path: Vec<u8>,
    kind: String,
    source: String,
    read_only: bool,
}

/// A file system that lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Where it is asked.
    pub path: PathBuf,
    /// Its kind: `ext4`, `fuse.sshfs`.
    pub kind: String,
    /// What is mounted: a device, a name.
    pub source: String,
    /// Its device number; major 0 where it is on no single device.
    pub device: DeviceId,
    /// Whether it is on a disk of this machine.
    pub local: bool,
    /// It cannot be written, so it cannot fill. Its device may still be read.
    pub read_only: bool,
}

impl FileSystem {
    /// Whether it is served by a program and not by the kernel.
    #[must_use]
    pub fn is_fuse(&self) -> bool {
        self.kind == "fuse" || self.kind.starts_with("fuse.")
    }
}

/// Octal escapes of spaces, tabs, line ends and backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| digits.iter().try_fold(0_u32, |sum, b| b.is_ascii_digit().then(|| sum * 8 + u32::from(b - b'0')));
        let escaped = after.get(..3).filter(|_| first == b'\\').and_then(octal).and_then(|code| u8::try_from(code).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                rest = &after[3..];
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

impl Mount {
    /// `36 35 98:0 /root /path rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|b| *b == b' ').filter(|field| !field.is_empty());
        let text = |field: &[u8]| std::str::from_utf8(field).ok().map(str::to_owned);
        let (id, parent) = (text(fields.next()?)?.parse().ok()?, text(fields.next()?)?.parse().ok()?);
        let device = text(fields.next()?)?;
        let (major, minor) = device.split_once(':')?;
        let (root, path) = (unescape(fields.next()?), unescape(fields.next()?));
        fields.find(|field| *field == b"-")?;
        let kind = String::from_utf8_lossy(&unescape(fields.next()?)).into_owned();
        let source = String::from_utf8_lossy(&unescape(fields.next()?)).into_owned();
        let read_only = fields.next()?.split(|b| *b == b',').any(|option| option == b"ro");
        Some(Self { id, parent, device: (major.parse().ok()?, minor.parse().ok()?), root, path, kind, source, read_only })
    }
}

/// Whether a kind is an image. An AppImage mounts itself as `fuse.NAME.AppImage`.
fn is_image(kind: &str) -> bool {
    IMAGES.contains(&kind) || (kind.starts_with("fuse.") && kind.to_ascii_lowercase().ends_with(".appimage"))
}

/// Whether a file system of which only kind and device are known lies on a disk of its machine and may fill.
#[must_use]
pub fn is_disk(kind: &str, device: &str) -> bool {
    let on_device = device.starts_with("/dev/") || POOLS.contains(&kind);
    on_device && !PSEUDO.contains(&kind) && !is_image(kind)
}

/// The file systems of `/proc/self/mountinfo` that may have figures, each once, in the order of their paths.
#[must_use]
pub fn file_systems(mountinfo: &[u8]) -> Vec<FileSystem> {
    let mounts: Vec<Mount> = mountinfo.split(|b| *b == b'\n').filter_map(Mount::parse).collect();
    let hidden = hidden(&mounts);
    let mut best: BTreeMap<DeviceId, &Mount> = BTreeMap::new();
    let wanted = |mount: &&Mount| !hidden.contains(&mount.id) && !PSEUDO.contains(&mount.kind.as_str()) && !is_image(&mount.kind);
    for mount in mounts.iter().filter(wanted) {
        // The whole of it before a part, the shortest path of several.
        let rank = |mount: &Mount| (mount.root != b"/", mount.path.len());
        best.entry(mount.device)
            .and_modify(|known| {
                if rank(mount) < rank(known) {
                    *known = mount
                }
            })
            .or_insert(mount);
    }
    let mut found: Vec<FileSystem> = best
        .into_values()
        .map(|mount| FileSystem {
            path: PathBuf::from(OsString::from_vec(mount.path.clone())),
            kind: mount.kind.clone(),
            source: mount.source.clone(),
            device: mount.device,
            local: mount.device.0 != 0 || POOLS.contains(&mount.kind.as_str()),
            read_only: mount.read_only,
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The folders above a path, from the nearest to `/`.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let slash = rest.iter().rposition(|b| *b == b'/').filter(|_| rest != b"/")?;
        rest = &rest[..slash.max(1)];
        Some(rest)
    })
}

/// Mounts that lie under others, with what is mounted in them.
fn hidden(mounts: &[Mount]) -> BTreeSet<u64> {
    let mut children: BTreeMap<u64, Vec<&Mount>> = BTreeMap::new();
    mounts.iter().for_each(|mount| children.entry(mount.parent).or_default().push(mount));
    let of = |parent: u64| children.get(&parent).map(Vec::as_slice).unwrap_or_default();
    let places: BTreeSet<(u64, &[u8])> = mounts.iter().map(|mount| (mount.parent, mount.path.as_slice())).collect();
    let mut hidden = BTreeSet::new();
    let mut waiting: Vec<u64> = Vec::new();
    for mount in mounts {
        if above(&mount.path).any(|folder| places.contains(&(mount.parent, folder))) {
            // A mount over a folder above it, in the same tree, came later.
            waiting.push(mount.id);
        } else if places.contains(&(mount.id, &mount.path)) {
            // What is stacked upon it at the same path is what is seen; what else is mounted in it is not.
            hidden.insert(mount.id);
            waiting.extend(of(mount.id).iter().filter(|child| child.path != mount.path).map(|child| child.id));
        }
    }
    while let Some(id) = waiting.pop() {
        if hidden.insert(id) {
            waiting.extend(of(id).iter().map(|child| child.id));
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(path, kind, local, read-only)` of what may have figures.
    fn found(text: &str) -> Vec<(String, String, bool, bool)> {
        let of = |fs: FileSystem| (fs.path.to_string_lossy().into_owned(), fs.kind, fs.local, fs.read_only);
        file_systems(text.as_bytes()).into_iter().map(of).collect()
    }

    fn expect(text: &str, expected: &[(&str, &str, bool, bool)]) {
        let expected: Vec<_> =
            expected.iter().map(|(path, kind, local, ro)| ((*path).to_owned(), (*kind).to_owned(), *local, *ro)).collect();
        assert_eq!(found(text), expected, "{text}");
    }

    const ROOT: &str = "28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n";

    #[test]
    fn only_what_can_fill_counts_and_only_once() {
        for (more, expected) in [
            ("", &[] as &[_]),
            (
                "22 28 0:21 / /proc rw - proc proc rw\n23 28 0:5 / /dev rw - devtmpfs udev rw\n24 28 0:24 / /run rw - tmpfs tmpfs rw,size=5k\n",
                &[],
            ),
            ("40 28 7:0 / /snap/core/1 ro,nodev - squashfs /dev/loop0 ro\n41 28 7:1 / /img ro - erofs /dev/loop1 ro\n", &[]),
            ("40 28 11:0 / /media/cd ro - iso9660 /dev/sr0 ro\n41 28 31:0 / /rom rw - cramfs /dev/mtdblock0 rw\n", &[]),
            (
                "40 28 0:50 / /snap/core/1 rw - fuse.snapfuse snapfuse rw,user_id=0\n41 28 0:51 / /tmp/.mount_Cool rw - fuse.Cool.AppImage Cool.AppImage rw\n",
                &[],
            ),
            ("40 28 0:51 / /tmp/.mount_x rw - fuse.My\\040Tool-x86_64.appimage x rw\n", &[]),
            ("40 28 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a\n", &[]),
            // A bind mount, read-only or not, is the same disk.
            ("40 28 8:1 /srv /mnt/srv ro - ext4 /dev/sda1 rw\n41 28 8:1 / /mnt/all rw - ext4 /dev/sda1 rw\n", &[]),
            ("40 28 8:2 / /boot ro - vfat /dev/sda2 ro,fmask=0077\n", &[("/boot", "vfat", true, true)]),
            (
                "40 28 0:40 /@home /srv/home rw - btrfs /dev/sdb rw,subvol=/@home\n41 28 0:40 /@ /data rw - btrfs /dev/sdb rw\n",
                &[("/data", "btrfs", true, false)],
            ),
            (
                "40 28 0:60 / /mnt/a rw - nfs4 nas:/a rw\n41 28 0:61 / /mnt/b rw - fuse.sshfs me@host: rw\n",
                &[("/mnt/a", "nfs4", false, false), ("/mnt/b", "fuse.sshfs", false, false)],
            ),
            ("40 28 8:17 / /mnt/stick\\040of\\011mine rw - fuseblk /dev/sdb1 rw\n", &[("/mnt/stick of\tmine", "fuseblk", true, false)]),
            ("40 28 0:70 / /c rw - 9p C:\\134 rw\n", &[("/c", "9p", false, false)]),
            ("nonsense\n40 28 8:9 / /cut rw - ext4\n40 28 x:9 / /odd rw - ext4 /dev/x rw\n", &[]),
        ] {
            let mut all = vec![("/", "ext4", true, false)];
            all.extend_from_slice(expected);
            expect(&format!("{ROOT}{more}"), &all);
        }
    }

    #[test]
    fn a_protected_service_still_sees_the_disk_that_others_fill() {
        // As systemd's ProtectSystem=strict with ReadWritePaths=/var/lib/taskpulse makes it.
        let text = "28 1 8:1 / / ro,relatime - ext4 /dev/sda1 rw\n50 28 8:1 /var/lib/taskpulse /var/lib/taskpulse rw - ext4 /dev/sda1 rw\n";
        expect(text, &[("/", "ext4", true, false)]);
    }

    #[test]
    fn what_lies_under_another_mount_is_not_asked_by_its_path() {
        // As after a pivot: the children of the root come first.
        let early = "22 28 8:2 / /boot rw - ext4 /dev/sda2 rw\n";
        expect(&format!("{early}{ROOT}"), &[("/", "ext4", true, false), ("/boot", "ext4", true, false)]);
        for cover in [
            // Stacked upon it, and over a folder above it.
            "31 22 8:3 / /boot rw - xfs /dev/sda3 rw\n",
            "31 22 0:31 / /boot rw - tmpfs tmpfs rw\n",
        ] {
            let seen = found(&format!("{early}{ROOT}{cover}"));
            assert!(seen.iter().all(|(path, kind, ..)| path != "/boot" || kind == "xfs"), "{seen:?}");
        }
        let text = format!(
            "{ROOT}30 28 8:2 / /mnt/a rw - ext4 /dev/sda2 rw\n31 30 8:3 / /mnt/a/b rw - ext4 /dev/sda3 rw\n32 28 0:31 / /mnt rw - tmpfs tmpfs rw\n"
        );
        expect(&text, &[("/", "ext4", true, false)]);
        let beside = format!("{ROOT}30 28 8:2 / /mnt/ab rw - ext4 /dev/sda2 rw\n32 28 8:3 / /mnt/a rw - ext4 /dev/sda3 rw\n");
        expect(&beside, &[("/", "ext4", true, false), ("/mnt/a", "ext4", true, false), ("/mnt/ab", "ext4", true, false)]);
    }
}
