//! Spans as a shop of eight services sends them, the same in every run: requests by route, calls between services, a database, a cache,
//! a queue, and errors.

use std::collections::VecDeque;

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::traces::{Event, Kind, Span, Spans, Status};

/// Spans of a request, as SDKs send them.
const BATCH: usize = 512;
/// Instances of each service.
const INSTANCES: usize = 4;
/// 2026-11-26 00:00 UTC.
pub const BEGIN_NS: i64 = 1_795_651_200_000_000_000;
pub const HOUR_NS: i64 = 3_600_000_000_000;
/// Hours that all spans are spread over.
pub const HOURS: i64 = 20;

pub const SERVICES: [&str; 8] = ["gateway", "accounts", "cart", "catalog", "checkout", "payments", "search", "mailer"];
const ROUTES: [(&str, usize); 8] = [
    ("/api/cart", 2),
    ("/api/catalog/{id}", 3),
    ("/api/orders", 4),
    ("/api/payments/{id}", 5),
    ("/api/search", 6),
    ("/login", 1),
    ("/api/orders/{id}/mail", 7),
    ("/api/cart/{item}", 2),
];
const TABLES: [&str; 6] = ["users", "carts", "items", "orders", "payments", "mails"];

/// Makes traces until there are so many spans.
pub struct Workload {
    random: Random,
    spans: u64,
    made: u64,
    waiting: Vec<Vec<Span>>,
    ready: VecDeque<Spans>,
    /// Some of the traces that were made.
    pub traces: Vec<[u8; 16]>,
    pub bytes: u64,
}

fn pairs(list: &[(&str, String)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    all.sort();
    all
}

fn size(spans: &Spans) -> u64 {
    let texts = |all: &[(String, String)]| all.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    let of = |span: &Span| {
        let events: usize = span.events.iter().map(|event| 8 + event.name.len() + texts(&event.attributes)).sum();
        16 + 8 + 8 + 16 + span.name.len() + span.message.len() + texts(&span.attributes) + events
    };
    (texts(&spans.resource) + spans.spans.iter().map(of).sum::<usize>()) as u64
}

impl Workload {
    pub fn new(spans: u64) -> Self {
        let waiting = (0..SERVICES.len() * INSTANCES).map(|_| Vec::new()).collect();
        Self { random: Random::new(16), spans, made: 0, waiting, ready: VecDeque::new(), traces: Vec::new(), bytes: 0 }
    }

    /// The next request; none at the end.
    pub fn request(&mut self) -> Option<Vec<Spans>> {
        while self.ready.is_empty() {
            if self.made >= self.spans {
                for place in 0..self.waiting.len() {
                    self.send(place);
                }
                break;
            }
            self.trace();
        }
        self.ready.pop_front().map(|spans| {
            self.bytes += size(&spans);
            vec![spans]
        })
    }

    fn id<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.random.below(256) as u8)
    }

    /// A time of about so many microseconds.
    fn took(&mut self, micros: usize) -> i64 {
        let times = self.random.below(micros) + self.random.below(micros) / 2 + micros / 4;
        times as i64 * 1_000 + self.random.below(1_000) as i64
    }

    fn send(&mut self, place: usize) {
        let spans = std::mem::take(&mut self.waiting[place]);
        if spans.is_empty() {
            return;
        }
        let (service, instance) = (SERVICES[place / INSTANCES], place % INSTANCES);
        let resource = pairs(&[
            ("deployment.environment.name", "production".to_owned()),
            ("host.name", format!("node-{}", place % 5)),
            ("k8s.namespace.name", "shop".to_owned()),
            ("k8s.pod.name", format!("{service}-7d9f8b6c5d-{instance}x2k{instance}")),
            ("os.type", "linux".to_owned()),
            ("process.pid", (1_000 + place).to_string()),
            ("process.runtime.version", "21.0.5".to_owned()),
            ("service.instance.id", format!("0f3c{place:04x}-55d2-4b1e-9a70-7be1c2d3e4f5")),
            ("service.name", service.to_owned()),
            ("service.version", "2.14.1".to_owned()),
            ("telemetry.sdk.language", "java".to_owned()),
            ("telemetry.sdk.version", "1.44.0".to_owned()),
        ]);
        let scope = ("io.opentelemetry.http".to_owned(), "2.10.0".to_owned());
        self.ready.push_back(Spans { service: service.to_owned(), resource, scope, spans });
    }

    fn push(&mut self, service: usize, span: Span) {
        // A trace stays with one instance of a service.
        let place = service * INSTANCES + usize::from(span.trace[0]) % INSTANCES;
        self.made += 1;
        self.waiting[place].push(span);
        if self.waiting[place].len() >= BATCH {
            self.send(place);
        }
    }

    fn trace(&mut self) {
        let done = self.made as f64 / self.spans as f64;
        let start = BEGIN_NS + (done * (HOURS * HOUR_NS) as f64) as i64 + self.random.below(1_000_000) as i64;
        let (trace, root) = (self.id::<16>(), self.id::<8>());
        if self.random.below(64) == 0 {
            self.traces.push(trace);
        }
        let (route, service) = ROUTES[self.random.below(ROUTES.len())];
        let fails = self.random.below(50) == 0;
        let (whole, call) = (self.took(80_000), self.id::<8>());
        let user = self.random.below(100_000);
        self.http(0, Kind::Server, (trace, root, [0; 8]), (start, whole), (route, user, fails));
        let token =
            Span { trace, span: self.id(), parent: root, name: "validate token".to_owned(), kind: Kind::Internal, ..Span::default() };
        self.push(0, Span { start: start + 40_000, end: start + 40_000 + whole / 20, ..token });
        self.http(0, Kind::Client, (trace, call, root), (start + whole / 10, whole / 2), (route, user, fails));
        let server = self.id::<8>();
        self.http(service, Kind::Server, (trace, server, call), (start + whole / 9, whole / 3), (route, user, fails));
        for number in 0..1 + self.random.below(6) {
            self.query(service, (trace, server), start + whole / 8 + number as i64 * 500_000);
        }
        if self.random.below(3) == 0 {
            let message = Span { trace, parent: server, name: "orders publish".to_owned(), kind: Kind::Producer, ..Span::default() };
            let attributes = pairs(&[("messaging.destination.name", "orders".to_owned()), ("messaging.system", "kafka".to_owned())]);
            let (id, took) = (self.id(), self.took(900));
            self.push(service, Span { span: id, start: start + whole / 7, end: start + whole / 7 + took, attributes, ..message });
            let (of, taken, took) = (id, self.id(), self.took(9_000));
            let work = Span { trace, span: taken, parent: of, name: "orders process".to_owned(), kind: Kind::Consumer, ..Span::default() };
            self.push(7, Span { start: start + whole, end: start + whole + took, ..work });
        }
    }

    fn http(
        &mut self,
        service: usize,
        kind: Kind,
        (trace, span, parent): ([u8; 16], [u8; 8], [u8; 8]),
        (start, took): (i64, i64),
        (route, user, fails): (&str, usize, bool),
    ) {
        let code = if fails { "500" } else { "200" };
        let path = route.replace("{id}", &user.to_string()).replace("{item}", &(user % 977).to_string());
        let attributes = pairs(&[
            ("client.address", format!("10.3.{}.{}", user % 251, user % 199)),
            ("enduser.id", format!("u{user}")),
            ("http.request.method", "GET".to_owned()),
            ("http.response.status_code", code.to_owned()),
            ("http.route", route.to_owned()),
            ("network.protocol.version", "1.1".to_owned()),
            ("server.address", format!("{}.shop.svc", SERVICES[service])),
            ("server.port", "8080".to_owned()),
            ("thread.name", format!("http-nio-8080-exec-{}", user % 40)),
            ("url.path", path),
            ("url.scheme", "http".to_owned()),
            ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned()),
        ]);
        let (name, end) = (format!("GET {route}"), start + took);
        let mut made = Span { trace, span, parent, name, kind, start, end, attributes, ..Span::default() };
        if fails {
            (made.status, made.message) = (Status::Error, "no stock".to_owned());
            let attributes = pairs(&[
                ("exception.message", format!("item {user} is not in stock")),
                ("exception.stacktrace", "at shop.Cart.take(Cart.java:71)\n\tat shop.Cart.get(Cart.java:12)\n".repeat(4)),
                ("exception.type", "shop.OutOfStock".to_owned()),
            ]);
            made.events = vec![Event { time: end - 7_000, name: "exception".to_owned(), attributes }];
        }
        self.push(service, made);
    }

    fn query(&mut self, service: usize, (trace, parent): ([u8; 16], [u8; 8]), start: i64) {
        let table = TABLES[(service + self.random.below(2)) % TABLES.len()];
        let attributes = pairs(&[
            ("db.collection.name", table.to_owned()),
            ("db.namespace", "shop".to_owned()),
            ("db.operation.name", "SELECT".to_owned()),
            ("db.query.text", format!("SELECT * FROM {table} WHERE id = ? AND state <> ? ORDER BY changed DESC LIMIT 20")),
            ("db.response.returned_rows", self.random.below(20).to_string()),
            ("db.system.name", "postgresql".to_owned()),
            ("server.address", "db.shop.svc".to_owned()),
        ]);
        let (span, took) = (self.id(), self.took(2_000));
        let name = format!("SELECT shop.{table}");
        self.push(service, Span { trace, span, parent, name, kind: Kind::Client, start, end: start + took, attributes, ..Span::default() });
    }
}
