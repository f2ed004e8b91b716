//! Lines as services write them, the same in every run: JSON of services, telemetry of coding agents, access logs.

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::logs::{Lines, Record, Severity, StreamLines};
use taskpulse_engine::model::Labels;

/// Lines of a request.
const LINES: usize = 1_000;
/// 2026-11-26 12:00 UTC.
pub const BEGIN_NS: i64 = 1_795_694_400_000_000_000;
pub const HOUR_NS: i64 = 3_600_000_000_000;
/// A word of one line in the middle of everything.
pub const RARE: &str = "needle-7f3a9c51";
/// A word of every hundredth line or so.
pub const COMMON: &str = "connection reset by peer";

const SERVICES: [&str; 8] = ["checkout", "cart", "payments", "search", "catalog", "gateway", "mailer", "accounts"];
const PATHS: [&str; 8] = ["/", "/api/orders", "/api/cart", "/static/app.js", "/static/app.css", "/login", "/api/search?q=lamp", "/health"];
const AGENTS: [&str; 4] =
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "curl/8.5.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1)", "Prometheus/3.0"];
const MODELS: [&str; 3] = ["claude-opus-4", "claude-sonnet-4", "claude-haiku-4"];
const TOOLS: [&str; 6] = ["Bash", "Read", "Edit", "Grep", "WebFetch", "Write"];

/// Makes requests until so much text was made.
pub struct Workload {
    random: Random,
    /// Bytes still to make.
    left: u64,
    bytes: u64,
    made: u64,
    rare: bool,
}

impl Workload {
    pub fn new(bytes: u64) -> Self {
        Self { random: Random::new(16), left: bytes, bytes, made: 0, rare: false }
    }

    /// Time of the next line: all of them are spread over an hour.
    fn time(&mut self) -> i64 {
        let done = (self.bytes - self.left) as f64 / self.bytes as f64;
        BEGIN_NS + (done * HOUR_NS as f64) as i64 / 1_000 * 1_000
    }

    /// The next request, with its lines as text; none at the end.
    pub fn request(&mut self, text: &mut Vec<u8>) -> Option<Lines> {
        if self.left == 0 {
            return None;
        }
        let kind = self.made % 4;
        self.made += 1;
        let stream = self.random.below(8);
        let labels = match kind {
            0 | 1 => {
                vec![("service_name", SERVICES[stream].to_owned()), ("pod", format!("{}-{}", SERVICES[stream], kind))]
            }
            2 => vec![("service_name", "claude-code".to_owned()), ("host", format!("dev{stream}"))],
            _ => vec![("service_name", "nginx".to_owned()), ("host", format!("edge{}", stream % 2))],
        };
        let labels = Labels::of(labels.iter().map(|(name, value)| (*name, value.as_str())).collect());
        let mut records = Vec::with_capacity(LINES);
        for _ in 0..LINES {
            let time = self.time();
            let from = text.len();
            let mut record = match kind {
                0 | 1 => self.service(SERVICES[stream], time),
                2 => self.agent(),
                _ => self.access(time),
            };
            record.time = time;
            text.extend_from_slice(&record.body);
            for (name, value) in &record.attributes {
                text.push(b' ');
                text.extend_from_slice(name.as_bytes());
                text.push(b'=');
                text.extend_from_slice(value.as_bytes());
            }
            text.push(b'\n');
            self.left = self.left.saturating_sub((text.len() - from) as u64);
            records.push(record);
            if self.left == 0 {
                break;
            }
        }
        Some(vec![StreamLines { labels, records }])
    }

    fn service(&mut self, service: &str, time: i64) -> Record {
        let r = &mut self.random;
        let (trace, span) = (u128::from(r.bits()) << 64 | u128::from(r.bits()), r.bits());
        let (user, order, took) = (r.below(50_000), r.below(10_000_000), r.below(900_000) as f64 / 1e3);
        let (severity, level, mut message) = match r.below(100) {
            0 => (17, "error", format!("upstream failed: {COMMON} 10.3.{}.{}:8443", r.below(8), r.below(250))),
            1..4 => (13, "warn", format!("slow query: {} rows in {took} ms", r.below(5_000))),
            4..40 => (9, "info", format!("order {order} placed by user {user}")),
            40..70 => (9, "info", format!("cache hit for product {}", r.below(20_000))),
            _ => (5, "debug", format!("request finished with status 200 in {took} ms")),
        };
        if !self.rare && time > BEGIN_NS + HOUR_NS / 2 {
            self.rare = true;
            message.push_str(RARE);
        }
        let at = jiff(time);
        let body = format!(
            r#"{{"ts":"{at}","level":"{level}","service":"{service}","msg":"{message}","trace_id":"{trace:032x}","span_id":"{span:016x}","user_id":{user},"duration_ms":{took}}}"#
        );
        Record { severity: Severity(severity), body: body.into_bytes(), ..Record::default() }
    }

    fn agent(&mut self) -> Record {
        let r = &mut self.random;
        let session = format!("{:08x}-5b1c-4d02-9a77-{:012x}", r.below(40), r.below(40) * 7_919);
        let mut attributes = vec![("session.id", session), ("user.id", format!("u{}", r.below(12)))];
        let body = if r.below(3) == 0 {
            attributes.push(("model", pick(r, &MODELS).to_owned()));
            attributes.push(("input_tokens", r.below(90_000).to_string()));
            attributes.push(("output_tokens", r.below(4_000).to_string()));
            attributes.push(("cost_usd", format!("0.{:06}", r.below(1_000_000))));
            attributes.push(("duration_ms", r.below(60_000).to_string()));
            "claude_code.api_request"
        } else {
            attributes.push(("tool_name", pick(r, &TOOLS).to_owned()));
            attributes.push(("success", if r.below(20) == 0 { "false" } else { "true" }.to_owned()));
            attributes.push(("duration_ms", r.below(9_000).to_string()));
            "claude_code.tool_result"
        };
        attributes.sort_unstable();
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Record { severity: Severity(9), body: body.as_bytes().to_vec(), attributes, ..Record::default() }
    }

    fn access(&mut self, time: i64) -> Record {
        let r = &mut self.random;
        let (ip, status) = (r.below(4_000), if r.below(50) == 0 { 404 } else { 200 });
        let (path, agent, size) = (pick(r, &PATHS), pick(r, &AGENTS), r.below(60_000));
        let at = jiff(time);
        let body = format!(
            r#"10.{}.{}.{} - - [{at}] "GET {path} HTTP/1.1" {status} {size} "https://shop.example/" "{agent}" rt=0.{:03}"#,
            ip / 250,
            ip % 250,
            ip % 17,
            r.below(1_000)
        );
        Record { severity: Severity(0), body: body.into_bytes(), ..Record::default() }
    }
}

fn pick<'a>(random: &mut Random, all: &[&'a str]) -> &'a str {
    all[random.below(all.len())]
}

/// A time as services write it, to the millisecond; the workload's hour alone.
fn jiff(time: i64) -> String {
    let ms = (time - BEGIN_NS) / 1_000_000;
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    format!("2026-11-26T{:02}:{:02}:{:02}.{ms:03}Z", 12 + seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
