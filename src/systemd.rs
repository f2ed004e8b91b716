//! Notifications for systemd: ready, stopping, and alive. The watchdog is fed only while every actor makes progress.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::view::ActorState;

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        log::warn!("systemd cannot be notified: {error}");
    }
}

/// The service serves.
pub fn ready(addresses: &[String]) {
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("serving on {}", addresses.join(", ")))]);
}

/// The service is stopping.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Feeds the watchdog at half its period, where the unit has one. An actor that restarts needs no help; while one is stuck or
/// down, systemd should restart the service.
pub fn watchdog(reporter: Arc<Reporter>) {
    let mut microseconds = 0;
    if !sd_notify::watchdog_enabled(false, &mut microseconds) || microseconds == 0 {
        return;
    }
    let every = Duration::from_micros(microseconds / 2);
    // A thread of its own: a socket that nobody reads must not block the service.
    std::thread::spawn(move || {
        loop {
            let neglected: Vec<String> = reporter
                .registry
                .failing(reporter.stuck_after)
                .into_iter()
                .filter(|actor| actor.state != ActorState::Restarting)
                .map(|actor| format!("{} {actor}", actor.name))
                .collect();
            if neglected.is_empty() {
                notify(&[NotifyState::Watchdog]);
            } else {
                log::error!("the watchdog is not fed: {}", neglected.join("; "));
            }
            std::thread::sleep(every);
        }
    });
}
