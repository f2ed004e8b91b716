//! Opens the dashboard in the user's browser, where there is one to open.

use std::process::{Command, Stdio};

/// Why no browser is opened; none where one should be.
pub fn why_not(no_browser: bool) -> Option<&'static str> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    if no_browser {
        Some("--no-browser")
    } else if std::env::var("CI").is_ok_and(|v| v == "true" || v == "1") {
        Some("CI is set")
    } else if set("INVOCATION_ID") {
        Some("started by systemd")
    } else if cfg!(target_os = "linux") && !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
        Some("no display")
    } else {
        None
    }
}

/// Opens an address; a failure is worth a line in the log and no more.
pub fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let spawned = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match spawned {
        // Reaped on a thread of its own, so that no zombie stays for months.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => log::info!("no browser opened: {program}: {error}"),
    }
}
