//! Start, stop, crash, start again; every flag; every refusal before serving.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::peer::ClosedPort;
use common::remote::{now_ms, series, write};
use common::{Folder, eventually};
use serde_json::json;

#[test]
fn history_is_there_after_sigterm_and_after_sigkill() {
    let folder = Folder::new();
    let seen = |service: &common::Service| service.samples("system_uptime_seconds[10m]");
    let service = folder.start();
    let before = eventually("two samples", || Some(seen(&service)).filter(|s| s.len() >= 2));
    assert_eq!(service.stop(), Some(0));

    let service = folder.start();
    let after = seen(&service);
    assert_eq!(after[..before.len()], before[..]);
    let stored = eventually("new samples", || Some(seen(&service)).filter(|s| s.len() > after.len() + 1));
    service.kill();

    let service = folder.start();
    let survived = seen(&service);
    assert_eq!(survived[..stored.len()], stored[..], "what was shown is kept");
    let times: Vec<f64> = survived.iter().map(|s| s.0).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "no sample twice");
    let kinds = || -> Vec<_> {
        service.data("/api/v1/events?source=service").as_array().unwrap().iter().map(|event| event["kind"].clone()).collect()
    };
    // It answers before it has noted that it started.
    eventually("all starts and the stop", || (kinds() == ["start", "start", "stop", "start"]).then_some(()));
}

#[test]
fn a_stop_closes_sessions_flushes_and_ends_with_zero_within_ten_seconds() {
    let folder = Folder::new();
    let mut service = folder.start();
    let mut socket = service.socket();
    socket.send(&json!({"op": "subscribe", "id": 1, "topic": "status"}));
    socket.wait_for("the snapshot", |v| v["type"] == "snapshot");
    service.signal("INT");
    let close = eventually("the close frame", || match socket.next()? {
        tungstenite::Message::Close(frame) => frame,
        _ => None,
    });
    assert_eq!(u16::from(close.code), 1001);
    // A service that is not done after ten seconds ends itself with another code.
    assert_eq!(service.wait().code(), Some(0));
    assert!(service.log().contains("stopped"));
}

#[test]
fn health_check_and_status_ask_a_running_service() {
    let folder = Folder::new();
    let service = folder.start();
    let port = service.port.to_string();
    eventually("ready", || service.get("/readyz").status().is_success().then_some(()));
    assert_eq!(folder.run(&["--health-check", "--port", &port], &[]), (Some(0), "ok\n".to_owned()));
    let (code, text) = folder.run(&["--status", "--port", &port], &[]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("taskpulse 0.1.0: ok") && text.contains("source   system: up"), "{text}");
    let (code, text) = folder.run(&["--status", "--json", "--port", &port], &[]);
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, status["pid"].as_u64()), (Some(0), Some(u64::from(service.pid()))));
    service.kill();
    for flag in ["--health-check", "--status"] {
        let (code, text) = folder.run(&[flag, "--port", &port], &[]);
        assert!(code == Some(1) && text.contains("is taskpulse running there?"), "{text}");
    }
}

#[test]
fn flags_and_environment_pass_over_the_file() {
    let folder = Folder::with_settings("[store]\nmax_series = 5000\n[log]\nlevel = \"warn\"");
    std::fs::write(folder.path().join("other.toml"), "[store]\nmax_series = 77\n").unwrap();
    let data = folder.path().join("elsewhere");
    let args = ["--config", "other.toml", "--data-dir", data.to_str().unwrap(), "--no-advanced"];
    let service = folder.start_with(&args, &[("TASKPULSE__STORE__RETENTION", "3d")]);
    let store = service.status()["store"].clone();
    assert_eq!(store["max_series"], 77);
    assert_eq!(store["retention_seconds"], 3.0 * 86_400.0);
    assert_eq!(store["data_dir"], data.to_str().unwrap());
    assert!(data.join("identity").is_file() && !folder.path().join("taskpulse-data").exists());
    let optimizer = service.status()["actors"].as_array().unwrap().iter().find(|a| a["name"] == "optimizer").unwrap().clone();
    assert_eq!(optimizer["handled"], 0);
}

#[test]
fn the_data_directory_goes_where_task_master_is() {
    let folder = Folder::new();
    folder.board("00");
    let _service = folder.start();
    assert!(folder.path().join(".taskmaster/taskpulse/identity").is_file());
}

#[test]
fn what_cannot_work_is_refused_before_serving_with_the_reason() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(folder.path().join("file"), "").unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[server]\nprot = 1\n").unwrap();
    for (args, env, part) in [
        (vec!["--port", &port, "--no-browser"], None, "another program has it"),
        (vec!["--data-dir", "file/below"], None, "give a folder that this user may write"),
        (vec!["--config", "bad.toml"], None, "bad.toml: there is no setting `server.prot`"),
        (vec!["--config", "none.toml"], None, "none.toml: there is no such file"),
        (vec!["--port", "70000"], None, "70000"),
        (vec![], Some(("TASKPULSE__SERVER__LISTEN", "0.0.0.0")), "only with server.token set"),
        (vec![], Some(("TASKPULSE__STORE__RETENTION", "1h")), "must be 1d to 3650d"),
        (vec!["--frobnicate"], None, "--frobnicate"),
    ] {
        let (code, text) = folder.run(&args, env.as_slice());
        assert!(code == Some(2) && text.contains(part), "{args:?} {env:?}: {code:?} {text}");
    }
}

#[test]
fn a_directory_in_use_is_refused_and_its_service_keeps_running() {
    let folder = Folder::new();
    let service = folder.start();
    let (code, text) = folder.run(&["--port", "0", "--no-browser"], &[]);
    assert!(code == Some(2) && text.contains(&format!("process {}", service.pid())), "{text}");
    assert!(service.get("/healthz").status().is_success());
}

#[test]
fn print_settings_gives_a_file_that_changes_nothing() {
    let folder = Folder::new();
    let (code, text) = folder.run(&["--print-settings"], &[]);
    assert_eq!(code, Some(0));
    folder.settings(&text);
    let service = folder.start();
    assert_eq!(service.status()["state"], "ok");
}

#[test]
fn a_browser_is_opened_where_there_is_a_display_and_only_there() {
    use std::os::unix::fs::PermissionsExt;
    for (env, flag, opened) in
        [(None, None, true), (Some(("CI", "true")), None, false), (None, Some("--no-browser"), false), (Some(("DISPLAY", "")), None, false)]
    {
        let folder = Folder::new();
        let (program, note) = (folder.path().join("xdg-open"), folder.path().join("opened"));
        std::fs::write(&program, format!("#!/bin/sh\necho \"$1\" > {}\n", note.display())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = folder.command();
        command.args(["--port", "0"]).args(flag).env("PATH", path).env("DISPLAY", ":0");
        command.env_remove("CI").env_remove("INVOCATION_ID").env_remove("WAYLAND_DISPLAY").envs(env);
        let service = common::Service::spawn(command);
        if opened {
            let url = eventually("the browser is called", || std::fs::read_to_string(&note).ok().filter(|text| !text.is_empty()));
            assert_eq!(url.trim(), format!("http://localhost:{}", service.port));
        } else {
            eventually("the reason is logged", || service.log().contains("in a browser (not opened here:").then_some(()));
            assert!(!note.exists());
        }
    }
}

#[test]
fn systemd_is_notified_when_the_service_is_ready_alive_and_stopping() {
    let folder = Folder::new();
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let notified = || {
        let mut bytes = [0; 1_024];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let service = folder.start_under_systemd(&path, 400_000, &[]);
    let ready = notified();
    assert!(ready.contains("READY=1") && ready.contains(&format!("127.0.0.1:{}", service.port)), "{ready}");
    assert!(notified().contains("WATCHDOG=1"));
    assert!(notified().contains("WATCHDOG=1"));
    assert_eq!(service.stop(), Some(0));
    eventually("the stop is notified", || notified().contains("STOPPING=1").then_some(()));
}

#[test]
fn windows_are_exact_across_kills() {
    let folder = Folder::with_settings("[windows]\nallowed_lateness = \"1s\"\n[system]\nenabled = false\n");
    let start = (now_ms() / 300_000 - 10) * 300_000;
    let value = |second: i64| (second * 37 % 101) as f64;
    let mut service = folder.start();
    // A kill each hundred seconds of the samples' time: in the middle of minutes, at other places of each.
    for life in 0..5 {
        for second in life * 100..(life + 1) * 100 {
            let raw = series(&[("__name__", "pushed")], &[(start + second * 1_000, value(second))]);
            assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
        }
        service.kill();
        service = folder.start();
    }
    let range = format!("&start={}&end={}", start / 1_000, start / 1_000 + 3_600);
    let windows = |window: &str| {
        let found = service.data(&format!("/api/v1/windows?match[]=pushed&window={window}{range}"));
        found.as_array().unwrap().clone()
    };
    let raw = service.samples("pushed[1h]");
    assert_eq!(raw.iter().map(|sample| sample.1).collect::<Vec<_>>(), (0..500).map(value).collect::<Vec<_>>());
    let minutes = eventually("the closed minutes", || Some(windows("1m")).filter(|found| found.len() == 8));
    for window in &minutes {
        let (start, end) = (window["start"].as_f64().unwrap(), window["end"].as_f64().unwrap());
        let inside: Vec<f64> = raw.iter().filter(|s| s.0 >= start && s.0 < end).map(|s| s.1).collect();
        assert_eq!((end - start, window["count"].as_f64()), (60.0, Some(60.0)), "{window}");
        assert_eq!(window["sum"].as_f64(), Some(inside.iter().sum()), "{window}");
        assert_eq!(window["last"].as_f64(), inside.last().copied(), "{window}");
    }
    let five = eventually("the closed five minutes", || windows("5m").first().cloned());
    assert_eq!(five["count"].as_f64(), Some(300.0), "{five}");
}

/// Runs with one output that nobody reads; exit code, and what came out of the other.
fn unread(folder: &Folder, args: &[&str], standard_error: bool) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = folder.command();
    command.args(args);
    let output = match standard_error {
        true => command.stderr(writer).output().unwrap(),
        false => command.stdout(writer).output().unwrap(),
    };
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_never_a_panic() {
    let closed = ClosedPort::new();
    let folder = Folder::with_settings(&format!("[server]\nport = {}\n", closed.port()));
    assert_eq!(unread(&folder, &["--print-settings"], false), (Some(0), String::new()));
    // No service runs, and the message about it has no reader either.
    for args in [&["--status"][..], &["--health-check"], &["export", "--match", "up"], &["import", "none.csv"], &["--port", "70000"]] {
        let (code, text) = unread(&folder, args, true);
        assert!(matches!(code, Some(1 | 2)) && text.is_empty(), "{args:?}: {code:?} {text}");
    }
    let service = folder.start();
    let port = service.port.to_string();
    for args in [&["--status"][..], &["--status", "--json"], &["--health-check"], &["export", "--match", "*"]] {
        let args = [args, &["--port", &port]].concat();
        assert_eq!(unread(&folder, &args, false).0, Some(0), "{args:?}");
    }
}

#[test]
fn a_settings_file_with_a_secret_that_others_may_read_is_mentioned_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with_settings("[server]\ntoken = \"very-secret-token\"\n");
    let path = folder.path().join("Settings.toml");
    for (mode, mentioned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let service = folder.start();
        let log = service.log();
        assert_eq!(log.contains("Settings.toml holds server.token and others may read it (mode 644): chmod 600"), mentioned, "{log}");
        assert!(!log.contains("very-secret"), "{log}");
    }
}
