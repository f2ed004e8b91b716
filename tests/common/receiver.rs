//! A receiver of notifications: keeps what it took, and refuses while a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Server, respond};
use super::{Service, eventually};

/// Everything but the board, which a test can change, is off.
pub const QUIET: &str = "[system]\nenabled = false\n[containers]\nenabled = false\n[github]\nenabled = false\n";
/// Fires while more than five tasks are pending.
pub const LONG_QUEUE: &str = "[alerts.rules.long_queue]\nexpr = \"taskmaster_queue_depth > 5\"\nseverity = \"error\"\n";

/// See the module.
pub struct Receiver {
    pub server: Server,
    bodies: Arc<Mutex<Vec<Value>>>,
    works: Arc<AtomicBool>,
}

impl Receiver {
    pub fn new() -> Self {
        let (bodies, works) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::new(AtomicBool::new(true)));
        let (log, up) = (Arc::clone(&bodies), Arc::clone(&works));
        let server = Server::start(move |asked, stream| {
            if !up.load(Ordering::SeqCst) {
                return respond(stream, "500 Internal Server Error", "", b"not now");
            }
            let body = serde_json::from_str(&asked.body).unwrap_or_else(|_| json!(asked.body));
            log.lock().unwrap().push(json!({"path": asked.path, "headers": asked.headers, "body": body}));
            respond(stream, "200 OK", "", b"ok");
        });
        Self { server, bodies, works }
    }

    /// What it took: path, headers and body of each request.
    pub fn taken(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }

    /// What it took at a path.
    pub fn taken_at(&self, path: &str) -> Vec<Value> {
        self.taken().into_iter().filter(|taken| taken["path"] == path).collect()
    }

    pub fn works(&self, works: bool) {
        self.works.store(works, Ordering::SeqCst);
    }
}

/// The channel of a name, as REST shows it; soon after a start none is listed yet.
pub fn channel(service: &Service, name: &str) -> Value {
    eventually("the channel is listed", || {
        service.data("/api/v1/channels").as_array().unwrap().iter().find(|channel| channel["name"] == name).cloned()
    })
}

/// Waits until an alert of `long_queue` fires.
pub fn fires(service: &Service) -> Value {
    eventually("the alert fires", || {
        let alerts = service.data("/api/v1/alerts");
        alerts["alerts"].as_array().unwrap().iter().find(|alert| alert["rule"] == "long_queue" && alert["state"] == "firing").cloned()
    })
}
