//! What units and containers use, from files in the kernel's format, guests and their units; which processes an alert names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::peer::Running;
use common::{Folder, Service, eventually};
use serde_json::Value;

fn value(service: &Service, query: &str) -> Option<f64> {
    service.query(query).first()?["value"][1].as_str()?.parse().ok()
}

fn source(service: &Service, name: &str) -> Value {
    let status = service.status();
    status["sources"].as_array().unwrap().iter().find(|s| s["source"] == name).cloned().unwrap_or(Value::Null)
}

/// A machine's root with control groups in it.
struct Machine(PathBuf);

impl Machine {
    fn new(folder: &Folder) -> Self {
        let machine = Self(folder.path().join("host"));
        machine.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
        machine.write("sys/fs/cgroup/cpu.stat", "usage_usec 99\n");
        machine
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn group(&self, path: &str, cpu_usec: u64, memory: u64) {
        let at = |file: &str| format!("sys/fs/cgroup/{path}/{file}");
        self.write(&at("cpu.stat"), &format!("usage_usec {cpu_usec}\nuser_usec 1\nsystem_usec 2\nnr_periods 0\n"));
        self.write(&at("memory.current"), &format!("{memory}\n"));
    }

    fn remove(&self, path: &str) {
        fs::remove_dir_all(self.0.join("sys/fs/cgroup").join(path)).unwrap();
    }
}

fn settings(more: &str) -> String {
    format!("[system]\nenabled = false\n[containers]\nroot = \"host\"\ninterval = \"1s\"\n{more}\n")
}

#[test]
fn units_and_containers_are_measured_named_and_end_with_their_folder() {
    let folder = Folder::with_settings(&settings(""));
    let machine = Machine::new(&folder);
    let (docker, podman, pod, nameless) = ("4f3c".repeat(16), "0a1b".repeat(16), "9d8e".repeat(16), "7777".repeat(16));
    machine.group("system.slice", 900_000_000, 9 << 30);
    machine.group("system.slice/nginx.service", 12_345_678, 64 << 20);
    for (file, text) in [
        ("memory.max", "134217728\n"),
        ("memory.stat", "anon 33554432\nfile 33554432\ninactive_file 8388608\nactive_file 16777216\n"),
        ("memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\noom_group_kill 0\n"),
        ("io.stat", "8:0 rbytes=1000 wbytes=2000 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=24 wbytes=48 rios=1 wios=1 dbytes=0 dios=0\n"),
        ("pids.current", "7\n"),
    ] {
        machine.write(&format!("sys/fs/cgroup/system.slice/nginx.service/{file}"), text);
    }
    let container = format!("system.slice/docker-{docker}.scope");
    machine.group(&container, 3_000_000, 32 << 20);
    machine.write(&format!("sys/fs/cgroup/{container}/memory.max"), "max\n");
    machine.write(&format!("var/lib/docker/containers/{docker}/config.v2.json"), &format!("{{\"ID\":\"{docker}\",\"Name\":\"/shop\"}}"));
    machine.group(&format!("machine.slice/libpod-{podman}.scope/container"), 1, 1);
    machine.group(&format!("machine.slice/libpod-{podman}.scope"), 2_000_000, 16 << 20);
    machine.write(
        "var/lib/containers/storage/overlay-containers/containers.json",
        &format!("[{{\"id\":\"{podman}\",\"names\":[\"mailer\"],\"image\":\"x\"}}]"),
    );
    machine.group(
        &format!("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{pod}.scope"),
        1_000_000,
        8 << 20,
    );
    machine.write(&format!("var/log/containers/web-7d4_front_nginx-{pod}.log"), "");
    machine.group(&format!("docker/{nameless}"), 500_000, 4 << 20);
    machine.group("user.slice/user-1000.slice/user@1000.service/app.slice/editor.service", 400_000, 2 << 20);
    let service = folder.start();
    eventually("a unit", || value(&service, "container_cpu_time_seconds_total{unit=\"nginx.service\"}").filter(|v| *v == 12.345678));
    for (query, expected) in [
        ("container_memory_usage_bytes{unit=\"nginx.service\"}", f64::from(64 << 20)),
        ("container_memory_limit_bytes{unit=\"nginx.service\"}", 134_217_728.0),
        ("container_memory_uncached_bytes{unit=\"nginx.service\"}", f64::from(40 << 20)),
        ("container_disk_io_bytes_total{unit=\"nginx.service\",direction=\"read\"}", 1_024.0),
        ("container_disk_io_bytes_total{unit=\"nginx.service\",direction=\"write\"}", 2_048.0),
        ("container_processes{unit=\"nginx.service\"}", 7.0),
        ("container_oom_kills_total{unit=\"nginx.service\"}", 1.0),
        ("container_cpu_time_seconds_total{container=\"shop\",runtime=\"docker\",id=\"4f3c4f3c4f3c\"}", 3.0),
        ("container_cpu_time_seconds_total{container=\"mailer\",runtime=\"podman\"}", 2.0),
        ("container_cpu_time_seconds_total{container=\"nginx\",pod=\"web-7d4\",namespace=\"front\",runtime=\"containerd\"}", 1.0),
        ("container_cpu_time_seconds_total{container=\"777777777777\",runtime=\"docker\"}", 0.5),
        ("container_memory_usage_bytes{unit=\"editor.service\",user=\"1000\"}", f64::from(2 << 20)),
        ("count(container_cpu_time_seconds_total)", 6.0),
        ("count(container_memory_limit_bytes)", 1.0),
        ("count(container_processes)", 1.0),
    ] {
        assert_eq!(value(&service, query), Some(expected), "{query}");
    }
    let metadata = service.data("/api/v1/metadata?metric=container_cpu_time_seconds_total");
    assert_eq!(metadata["container_cpu_time_seconds_total"][0]["type"], "counter");
    machine.remove(&container);
    eventually("its series end", || service.query("container_cpu_time_seconds_total{container=\"shop\"}").is_empty().then_some(()));
    assert!(value(&service, "container_processes{unit=\"nginx.service\"}").is_some());
    machine.group("system.slice/nginx.service", 13_000_000, 64 << 20);
    eventually("the unit is still measured", || {
        value(&service, "container_cpu_time_seconds_total{unit=\"nginx.service\"}").filter(|v| *v == 13.0)
    });
    fs::remove_file(machine.0.join("sys/fs/cgroup/cgroup.controllers")).unwrap();
    eventually("it says why there is nothing", || {
        let source = source(&service, "containers");
        source["reason"].as_str()?.contains("cgroup.controllers: there is no such file").then_some(())?;
        source["hint"].as_str()?.contains("containers.root = host").then_some(())
    });
    eventually("all series end", || service.query("container_cpu_time_seconds_total").is_empty().then_some(()));
}

#[test]
fn units_of_guests_are_not_the_machines_and_no_sample_comes_twice() {
    let folder = Folder::with_settings(&settings(""));
    let machine = Machine::new(&folder);
    let id = "ef56".repeat(16);
    let groups = [
        ("init.scope".to_owned(), 1_u64),
        ("system.slice/ssh.service".to_owned(), 2),
        ("lxc/101".to_owned(), 10),
        ("lxc/101/ns/system.slice/ssh.service".to_owned(), 11),
        ("lxc/102".to_owned(), 20),
        ("lxc/102/ns/system.slice/ssh.service".to_owned(), 21),
        ("lxc/102/ns/init.scope".to_owned(), 22),
        ("lxc.payload.web".to_owned(), 30),
        ("lxc.payload.web/system.slice/ssh.service".to_owned(), 31),
        ("lxc.monitor.101".to_owned(), 40),
        ("qemu.slice/100.scope".to_owned(), 50),
        ("wsl-user/distro-1/systemd".to_owned(), 60),
        ("wsl-user/distro-1/systemd/system.slice/ssh.service".to_owned(), 61),
        ("system.slice/containerd.service".to_owned(), 70),
        (format!("system.slice/containerd.service/kubepods-burstable-pod123.slice:cri-containerd:{id}"), 71),
        // Two folders that would have the same labels: the first is kept, and it is said.
        ("lxc.payload/web".to_owned(), 80),
    ];
    for (path, seconds) in &groups {
        machine.group(path, seconds * 1_000_000, 1 << 20);
    }
    let service = folder.start();
    eventually("groups", || value(&service, "count(container_cpu_time_seconds_total) == 9"));
    for (labels, expected) in [
        ("unit=\"init.scope\"", 1.0),
        ("unit=\"ssh.service\"", 2.0),
        ("container=\"101\",runtime=\"lxc\"", 10.0),
        ("container=\"102\",runtime=\"lxc\"", 20.0),
        ("unit=\"100.scope\"", 50.0),
        ("container=\"wsl-user/distro-1/systemd\"", 60.0),
        ("unit=\"containerd.service\"", 70.0),
        ("container=\"ef56ef56ef56\",runtime=\"containerd\"", 71.0),
    ] {
        let rows = service.query(&format!("container_cpu_time_seconds_total{{{labels}}}"));
        assert_eq!(rows.len(), 1, "{labels}: {rows:?}");
        assert_eq!(rows[0]["value"][1].as_str().unwrap().parse::<f64>(), Ok(expected), "{labels}");
    }
    assert_eq!(value(&service, "count(container_cpu_time_seconds_total)"), Some(9.0));
    let source = source(&service, "containers");
    let why = source["reason"].as_str().unwrap();
    assert!(why.contains("2 samples left out") && why.contains("container=\"web\""), "{source}");
    machine.remove("lxc.payload");
    eventually("nothing is twice any more", || {
        service.status()["sources"].as_array()?.iter().find(|s| s["source"] == "containers")?["reason"].is_null().then_some(())
    });
    assert_eq!(service.status()["pipeline"]["duplicate_samples"], 0);
    eventually("the other one", || value(&service, "container_cpu_time_seconds_total{container=\"web\"}").filter(|v| *v == 30.0));
}

#[test]
fn many_groups_are_bounded_to_the_busiest() {
    let folder = Folder::with_settings(&settings("max_groups = 4"));
    let machine = Machine::new(&folder);
    for number in 0..300_u64 {
        machine.group(&format!("system.slice/idle-{number}.service"), 1_000, 4_096);
    }
    machine.group("system.slice/hungry.service", 1_000, 1 << 30);
    machine.group("system.slice/busy.service", 1_000_000_000, 4_096);
    let service = folder.start();
    eventually("the busiest", || {
        value(&service, "container_cpu_time_seconds_total{unit=\"busy.service\"}")?;
        value(&service, "container_memory_usage_bytes{unit=\"hungry.service\"}")
    });
    assert_eq!(value(&service, "count(container_cpu_time_seconds_total)"), Some(4.0));
}

#[test]
fn the_machine_this_runs_on_is_measured_or_it_is_said_why_not() {
    let folder = Folder::new();
    let service = folder.start();
    eventually("a sample of a process", || value(&service, "count(process_cpu_utilization_ratio)"));
    eventually("a sample of the service", || value(&service, "taskpulse_health_score"));
    service.metrics_are_documented();
    let source = eventually("the source", || Some(source(&service, "containers")).filter(|s| !s.is_null()));
    if source["up"] == true {
        eventually("a sample", || value(&service, "count(container_cpu_time_seconds_total) > 0"));
    } else {
        assert!(source["up"].is_null() && !source["hint"].as_str().unwrap().is_empty(), "{source}");
        assert!(
            !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() || source["reason"].as_str().unwrap().contains("from here"),
            "{source}"
        );
        assert!(service.query("container_cpu_time_seconds_total").is_empty());
    }
}

#[test]
fn an_alert_on_the_machine_names_the_processes_behind_it() {
    let folder = Folder::with_settings(
        "[system]\ninterval = \"1s\"\n[alerts.rules.warm]\nexpr = \"system_cpu_utilization_ratio > 0.0001\"\nfor = \"3s\"\nseverity = \"notice\"\n[alerts.rules.full]\nexpr = \"system_memory_utilization_ratio > 0.0001\"\nseverity = \"notice\"\n",
    );
    // A program with a name of its own that does nothing but work, and writes what it does.
    let program = folder.path().join("tp-busy-loop");
    fs::copy(fs::canonicalize("/bin/sh").unwrap(), &program).unwrap();
    let work = "while :; do i=$((i+1)); [ $((i % 20000)) = 0 ] && printf %65536s >> written; done";
    let start = || {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).args(["-c", work]).stdout(Stdio::null());
        Running(command.spawn().unwrap())
    };
    let processes = [start(), start()];
    let service = folder.start();
    let alert = |rule: &str| service.data("/api/v1/alerts")["alerts"].as_array().unwrap().iter().find(|a| a["rule"] == rule).cloned();
    let fired = eventually("the alert", || alert("warm").filter(|a| a["state"] == "firing" && !a["explanation"].is_null()));
    let most = fired["explanation"]["lines"][0].as_str().unwrap();
    assert!(most.starts_with("Most CPU over ") && !fired["summary"].as_str().unwrap().contains(most), "{fired}");
    let busiest: Vec<&str> = fired["busiest"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!((1..=3).contains(&busiest.len()) && busiest.iter().all(|text| most.contains(text)), "{fired}");
    // On a machine that is busy otherwise those are named that took more.
    let used = fired["explanation"]["used"].as_array().unwrap();
    let mean = |text: &str| used.iter().find(|one| one["text"] == text).and_then(|one| one["mean"].as_f64());
    let own = used.iter().find(|one| one["kind"] == "process" && one["name"] == "tp-busy-loop");
    let own_mean = own.and_then(|own| own["mean"].as_f64());
    assert!(own.is_none_or(|own| own["text"].as_str().unwrap().starts_with("tp-busy-loop (2 processes) ")), "{fired}");
    let named = busiest.iter().any(|text| text.starts_with("tp-busy-loop (2 processes) "));
    assert!(named || busiest.len() == 3 && busiest.iter().all(|text| mean(text) >= own_mean), "{fired}");
    let explained = eventually("what else moved", || alert("warm").filter(|a| !a["explanation"]["compared"].is_null()));
    assert!(explained["annotations"]["explanation"].as_str().unwrap().starts_with(most), "{explained}");
    let memory = eventually("the other alert", || alert("full").filter(|a| a["state"] == "firing" && !a["explanation"].is_null()));
    assert!(memory["busiest"][0].as_str().is_some_and(|text| text.ends_with("iB")), "{memory}");
    eventually("both processes", || value(&service, "process_count{process=\"tp-busy-loop\"}").filter(|count| *count == 2.0));
    let written = "process_disk_io_bytes_per_second{process=\"tp-busy-loop\",direction=\"write\"} > 0";
    eventually("what it writes", || value(&service, written));
    let logged = || fs::read_to_string(folder.path().join("taskpulse-data/alerts.log")).unwrap_or_default();
    eventually("the line in the file", || logged().contains(busiest[0]).then_some(()));
    drop(processes);
    eventually("its series end with it", || {
        service.query("process_cpu_utilization_ratio{process=\"tp-busy-loop\"}").is_empty().then_some(())
    });
}

#[test]
fn an_alert_names_who_starts_many_short_processes() {
    let folder = Folder::with_settings(
        "[system]\ninterval = \"1s\"\n[alerts.rules.warm]\nexpr = \"system_cpu_utilization_ratio > 0.0001\"\nfor = \"4s\"\nseverity = \"notice\"\n",
    );
    // Each child ends within milliseconds: no look at the processes of the machine sees it work.
    let program = folder.path().join("tp-short-loop");
    fs::copy(fs::canonicalize("/bin/sh").unwrap(), &program).unwrap();
    fs::write(folder.path().join("data"), vec![7; 2 << 20]).unwrap();
    let start = || {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).args(["-c", "while :; do sha256sum data; done"]).stdout(Stdio::null());
        Running(command.spawn().unwrap())
    };
    let _processes = [start(), start()];
    let service = folder.start();
    let fired = eventually("the alert", || {
        let alerts = service.data("/api/v1/alerts")["alerts"].as_array()?.clone();
        alerts.into_iter().find(|alert| alert["state"] == "firing" && !alert["explanation"].is_null())
    });
    let used = fired["explanation"]["used"].as_array().unwrap();
    let of_loop = used.iter().find(|one| one["kind"] == "children" && one["name"] == "tp-short-loop").unwrap_or_else(|| panic!("{fired}"));
    assert!(of_loop["text"].as_str().unwrap().starts_with("short-lived children of tp-short-loop "), "{of_loop}");
    // Two loops took what the machine had left; their own share is small beside that of their children.
    let own =
        used.iter().find(|one| one["kind"] == "process" && one["name"] == "tp-short-loop").map_or(0.0, |one| one["mean"].as_f64().unwrap());
    assert!(of_loop["mean"].as_f64().unwrap() > own, "{fired}");
    assert!(of_loop["cpu_seconds"].as_f64().unwrap() > 0.5, "{fired}");
}
