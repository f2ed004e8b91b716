//! File systems that are full by nature, and one that hangs: mounts of FUSE that this test serves itself, in a namespace of
//! mounts that only the service sees. Where that is not allowed (no root, no `/dev/fuse`) the test is skipped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::peer::missing_peer;
use common::{BINARY, Folder, Service, eventually};
use serde_json::Value;

/// Answers of a file system to `statfs`: blocks, free ones, those that anybody may use.
type Space = [u64; 3];

/// Requests that wait while it hangs; none while it does not.
type Waiting = Arc<Mutex<Option<Vec<u64>>>>;
/// Requests that are never answered before the end.
type Lost = Mutex<Vec<u64>>;

/// A file system of FUSE with an empty root.
struct Fuse {
    file: Arc<File>,
    space: Space,
    waiting: Waiting,
    lost: Lost,
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn halves(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn reply(mut file: &File, unique: u64, error: i32, body: &[u8]) {
    let head = [halves(&[16 + body.len() as u32, error as u32]), words(&[unique])].concat();
    let _ = file.write_all(&[&head, body].concat());
}

fn statfs(space: Space) -> Vec<u8> {
    [words(&space), words(&[100, 25]), halves(&[4_096, 255, 4_096, 0]), vec![0; 24]].concat()
}

impl Fuse {
    /// None where this may not be done here.
    fn open(space: Space) -> Option<Self> {
        let file = Arc::new(File::options().read(true).write(true).open("/dev/fuse").ok()?);
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
        let fuse = Self { file, space, waiting: Arc::default(), lost: Lost::default() };
        let (file, waiting) = (Arc::clone(&fuse.file), Arc::clone(&fuse.waiting));
        std::thread::spawn(move || serve(&file, space, &waiting));
        Some(fuse)
    }

    /// What mounts it.
    fn mount(&self, kind: &str, source: &str, path: &Path) -> String {
        fs::create_dir_all(path).unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", self.file.as_raw_fd());
        format!("mount -i -t {kind} -o {options} {source} {} && ", path.display())
    }

    fn hang(&self) {
        self.waiting.lock().unwrap().get_or_insert_default();
    }

    /// Answers again, but not what was asked meanwhile.
    fn lose(&self) {
        let lost = self.waiting.lock().unwrap().take().unwrap_or_default();
        self.lost.lock().unwrap().extend(lost);
    }

    fn go_on(&self) {
        for unique in self.waiting.lock().unwrap().take().unwrap_or_default() {
            reply(&self.file, unique, 0, &statfs(self.space));
        }
    }
}

/// Lets it go on when the test ends, also by a panic: a process that waits for it cannot be killed.
struct GoesOn<'a>(&'a Fuse);

impl Drop for GoesOn<'_> {
    fn drop(&mut self) {
        self.0.go_on();
        let lost = std::mem::take(&mut *self.0.lost.lock().unwrap());
        *self.0.waiting.lock().unwrap() = Some(lost);
        self.0.go_on();
    }
}

fn serve(mut file: &File, space: Space, waiting: &Waiting) {
    let mut room = vec![0; 1 << 20];
    loop {
        match file.read(&mut room) {
            Ok(length) if length >= 40 => {}
            // Not mounted yet.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                sleep(Duration::from_millis(5));
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            _ => return,
        }
        let operation = u32::from_le_bytes(room[4..8].try_into().unwrap());
        let unique = u64::from_le_bytes(room[8..16].try_into().unwrap());
        match operation {
            // INIT
            26 => {
                let limits = [vec![10, 0, 8, 0], halves(&[65_536, 1]), vec![16, 0, 0, 0], vec![0; 28]].concat();
                reply(file, unique, 0, &[halves(&[7, 31, 65_536, 0]), limits].concat());
            }
            // STATFS
            17 => match waiting.lock().unwrap().as_mut() {
                Some(waiting) => waiting.push(unique),
                None => reply(file, unique, 0, &statfs(space)),
            },
            // GETATTR
            3 => {
                let attributes = [words(&[1, 0, 0, 0, 0, 0]), halves(&[0, 0, 0, 0o40_755, 2, 0, 0, 0, 4_096, 0])].concat();
                reply(file, unique, 0, &[words(&[1]), halves(&[0, 0]), attributes].concat());
            }
            // FORGET, BATCH_FORGET
            2 | 42 => {}
            _ => reply(file, unique, -38, &[]),
        }
    }
}

fn source(service: &Service) -> Value {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().find(|s| s["source"] == "system").cloned().unwrap_or(Value::Null)
}

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

/// Threads of the service that read one thing after the other.
fn crew(service: &Service) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", service.pid())).unwrap().flatten();
    tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "crew")).count()
}

#[test]
fn images_are_no_full_disks_and_a_mount_that_hangs_takes_nothing_else_with_it() {
    let fuse = [[25_600, 0, 0], [20_000, 0, 0], [2_560_000, 1_280_000, 1_280_000]].map(Fuse::open);
    let [Some(snap), Some(cool), Some(remote)] = fuse else {
        // A container without this device is common, also in CI.
        eprintln!("skipped: /dev/fuse cannot be opened");
        return;
    };
    if !Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        missing_peer("this user may not make a namespace of mounts");
        return;
    }
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n[containers]\nenabled = false\n[pipeline]\nflush_interval = \"1s\"\n");
    let at = |name: &str| folder.path().join(name);
    let ssh = at("mnt/ssh");
    let script = [
        snap.mount("fuse.snapfuse", "snapfuse", &at("mnt/core")),
        cool.mount("fuse.Cool.AppImage", "Cool.AppImage", &at("mnt/cool")),
        remote.mount("fuse.sshfs", "user@host:/dir", &ssh),
        format!("exec {BINARY} --port 0 --no-browser"),
    ]
    .concat();
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).current_dir(folder.path()).env_remove("RUST_LOG").stdin(Stdio::null());
    let service = Service::spawn(command);
    let _end = GoesOn(&remote);
    let of_ssh = format!("{{mountpoint=\"{}\",fstype=\"fuse.sshfs\"}}", ssh.display());
    let ratio = format!("system_filesystem_utilization_ratio{of_ssh}");
    eventually("the remote one is half full", || value(&service, &ratio).filter(|v| *v == 0.5));
    let inodes = format!("system_filesystem_inodes_utilization_ratio{of_ssh}");
    assert_eq!(value(&service, &inodes), Some(0.75), "of 100 inodes 25 are free");
    let disk = |part: &Value| part["part"] == "disk" || part["part"] == "cpu";
    let score = eventually("the score", || {
        let parts = service.status()["health"]["parts"].as_array()?.clone();
        parts.iter().any(disk).then_some(parts)
    });
    assert!(score.iter().all(|part| !part["why"].as_str().unwrap().contains("mnt/")), "{score:?}");
    for query in ["system_filesystem_utilization_ratio", "system_filesystem_usage_bytes"] {
        let paths: Vec<Value> = service.query(query).iter().map(|row| row["metric"]["mountpoint"].clone()).collect();
        assert!(
            paths.iter().all(|path| !path.as_str().unwrap().ends_with("mnt/core") && path != at("mnt/cool").to_str().unwrap()),
            "{paths:?}"
        );
    }
    for row in service.query("system_disk_io_bytes_total") {
        let device = row["metric"]["device"].as_str().unwrap();
        assert!(!["snapfuse", "Cool.AppImage", "user@host:/dir"].contains(&device), "{row}");
    }
    assert_eq!(source(&service)["reason"], Value::Null);

    remote.hang();
    let named = format!("{} has not answered for", ssh.display());
    eventually("the mount is named", || source(&service)["reason"].as_str()?.contains(&named).then_some(()));
    eventually("its series ends", || service.query(&ratio).is_empty().then_some(()));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        for metric in ["system_cpu_utilization_ratio", "system_memory_utilization_ratio", "system_cpu_load_average_1m", "system_processes"]
        {
            let age = value(&service, &format!("time() - timestamp({metric})")).unwrap();
            assert!(age < 5.0, "{metric} is {age} s old");
        }
        sleep(Duration::from_millis(200));
    }
    assert_eq!(source(&service)["up"], true);
    eventually("no more than one thread hangs", || (crew(&service) <= 1).then_some(()));

    remote.go_on();
    eventually("it is measured again", || value(&service, &ratio).filter(|v| *v == 0.5));
    eventually("nothing is wrong any more", || source(&service)["reason"].is_null().then_some(()));

    remote.hang();
    eventually("it hangs again", || source(&service)["reason"].as_str()?.contains(&named).then_some(()));
    remote.lose();
    eventually("a request that was lost is made anew", || value(&service, &ratio).filter(|v| *v == 0.5));
}
