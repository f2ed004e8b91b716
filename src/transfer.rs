//! `taskpulse export` and `taskpulse import`: history out of and into a running service, with progress on standard error.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use serde_json::Value;

use crate::client::{address, http};
use crate::console;
use crate::settings::Settings;

/// Text of one request to the service.
const PART_BYTES: usize = 1 << 20;
/// The same where it has no good place to end.
const MOST_OF_A_PART: usize = 8 * PART_BYTES;
/// Longest line of a file.
const MAX_LINE: u64 = 64 << 20;
/// How often a part is sent again when the service is busy.
const TRIES: u32 = 30;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What to export, from the command line.
pub struct ExportRequest<'a> {
    /// Selectors, each with or without a comparison.
    pub matchers: &'a [String],
    /// Start of the range; none for the beginning.
    pub start: Option<&'a str>,
    /// End of the range; none for now.
    pub end: Option<&'a str>,
    /// jsonl or csv.
    pub format: &'a str,
    /// File to write; none for standard output.
    pub output: Option<&'a Path>,
}

/// A progress bar on one line of a terminal.
struct Progress {
    what: &'static str,
    total: Option<u64>,
    begun: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    fn new(what: &'static str, total: Option<u64>) -> Self {
        Self { what, total, begun: Instant::now(), shown: Instant::now(), terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, bytes: u64, end: bool) {
        if !end && (!self.terminal || self.shown.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.shown = Instant::now();
        let mib = bytes as f64 / f64::from(1 << 20);
        let rate = mib / self.begun.elapsed().as_secs_f64().max(1e-3);
        let bar = self.total.filter(|total| *total > 0).map(|total| {
            let part = (bytes as f64 / total as f64).clamp(0.0, 1.0);
            let full = (part * 30.0) as usize;
            format!(" [{}{}] {:.0} %", "#".repeat(full), " ".repeat(30 - full), part * 100.0)
        });
        let line = format!("{}{} {mib:.1} MiB, {rate:.1} MiB/s", self.what, bar.unwrap_or_default());
        if self.terminal {
            console::print_error(&format!("\r{line:<78}{}", if end { "\n" } else { "" }));
        } else {
            console::print_error(&format!("{line}\n"));
        }
    }
}

/// Writes history to a file or standard output.
pub fn export(settings: &Settings, request: &ExportRequest<'_>) -> anyhow::Result<()> {
    actix_rt::System::new().block_on(async {
        let mut pairs: Vec<(&str, &str)> = request.matchers.iter().map(|m| ("match[]", m.as_str())).collect();
        pairs.push(("format", request.format));
        pairs.extend(request.start.map(|start| ("start", start)));
        pairs.extend(request.end.map(|end| ("end", end)));
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let path = format!("/api/v1/export?{}", query.join("&"));
        let asked = http(settings, None)?.get(format!("{}{path}", address(settings)));
        let mut response = sent(settings, asked).await?;
        if !response.status().is_success() {
            bail!("{}", reason(response).await);
        }
        let mut out: Box<dyn Write> = match request.output {
            Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
            None => Box::new(std::io::stdout().lock()),
        };
        let (mut progress, mut bytes) = (Progress::new("export", None), 0);
        while let Some(part) = response.chunk().await.context("the export was cut off; what came is not whole")? {
            if !console::unless_gone(out.write_all(&part))? {
                // Nobody reads the rest: as for any program in a pipe, that is no failure.
                return Ok(());
            }
            bytes += part.len() as u64;
            progress.show(bytes, false);
        }
        console::unless_gone(out.flush())?;
        progress.show(bytes, true);
        Ok(())
    })
}

/// Sends a file, or standard input for `-`, to the service.
pub fn import(settings: &Settings, file: &PathBuf, format: Option<&str>) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let format = match format.or_else(|| file.extension().and_then(|e| e.to_str())) {
        Some("jsonl" | "ndjson") => "jsonl",
        Some("csv") => "csv",
        Some("openmetrics" | "om" | "txt") => "openmetrics",
        Some("prom") => "prometheus",
        Some("prometheus") => "prometheus",
        _ => bail!("{name}: say what it is with --format jsonl, csv, openmetrics or prometheus"),
    };
    let standard_input = name == "-";
    let (input, total): (Box<dyn Read>, Option<u64>) = if standard_input {
        (Box::new(std::io::stdin()), None)
    } else {
        let file = File::open(file).with_context(|| name.clone())?;
        let total = file.metadata().ok().map(|meta| meta.len());
        (Box::new(file), total)
    };
    let mut input = BufReader::with_capacity(PART_BYTES, input);
    // A part ends with a line: half of what a body may have leaves room for that.
    let part_bytes = PART_BYTES.min(settings.server.max_body_bytes / 2);
    actix_rt::System::new().block_on(async {
        let client = http(settings, None)?;
        let (mut progress, mut bytes, mut kept, mut wrong) = (Progress::new("import", total), 0u64, 0u64, Vec::new());
        let (mut part, mut lines, mut before) = (String::new(), 0usize, 0usize);
        // A quoted CSV field may contain line ends; no part ends there, unless it gets far too long.
        let mut quotes = 0usize;
        loop {
            let at = || format!("{name}, line {}", before + lines + 1);
            let had = part.len();
            let length = (&mut input).take(MAX_LINE).read_line(&mut part).with_context(at)? as u64;
            ensure!(length < MAX_LINE || part.ends_with('\n'), "{}: longer than {MAX_LINE} bytes; what came before is kept", at());
            let more = length > 0;
            lines += usize::from(more);
            if format == "csv" {
                quotes += part[had..].bytes().filter(|byte| *byte == b'"').count();
            }
            let whole = quotes.is_multiple_of(2) || part.len() >= MOST_OF_A_PART;
            if (part.len() >= part_bytes && whole) || (!more && !part.is_empty()) {
                quotes = 0;
                bytes += part.len() as u64;
                let url = format!("{}/api/v1/import?format={format}&lines_before={before}", address(settings));
                match put(settings, &client, &url, std::mem::take(&mut part)).await? {
                    Put::Kept(count) => kept += count,
                    Put::Refused(why) => wrong.push(why),
                }
                before += std::mem::take(&mut lines);
                progress.show(bytes, false);
            }
            if !more {
                break;
            }
        }
        progress.show(bytes, true);
        if wrong.is_empty() {
            console::print(&format!("{kept} samples of {before} lines kept\n"))?;
            return Ok(());
        }
        Err(anyhow!("{name}: {kept} samples of sound parts were kept; of the others: {}", wrong.join("\n")))
    })
}

/// The answer to a part.
enum Put {
    /// How many samples were kept.
    Kept(u64),
    /// What is wrong with some of it, in the words of the service.
    Refused(String),
}

/// Sends a part, again while the service is busy.
async fn put(settings: &Settings, client: &reqwest::Client, url: &str, part: String) -> anyhow::Result<Put> {
    for _ in 0..TRIES {
        let response = sent(settings, client.post(url).body(part.clone())).await?;
        match response.status().as_u16() {
            200 => {
                let body: Value = response.json().await?;
                return Ok(Put::Kept(body["data"]["kept"].as_u64().unwrap_or(0)));
            }
            400 => return Ok(Put::Refused(reason(response).await)),
            503 => actix_rt::time::sleep(Duration::from_secs(1)).await,
            _ => bail!("{}", reason(response).await),
        }
    }
    bail!("the service stayed busy; what came before is kept, the same file may be sent again")
}

async fn sent(settings: &Settings, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
    request.send().await.with_context(|| format!("no answer from {}; is taskpulse running there?", address(settings)))
}

async fn reason(response: reqwest::Response) -> String {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    body["error"].as_str().map_or_else(|| status.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    let escape = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(escape).collect()
}
