//! `--health-check` and `--status`: asking a running service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::cli::Cli;
use crate::console;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks and prints; 0 when all is well, 1 when not or when nobody answers.
pub fn ask(cli: &Cli, settings: &Settings) -> ExitCode {
    let path = if cli.health_check { "/readyz" } else { "/api/v1/status" };
    let answer = actix_rt::System::new().block_on(get(settings, path));
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            console::print_error(&format!("no answer from {}: {error}; is taskpulse running there?\n", address(settings)));
            return ExitCode::FAILURE;
        }
    };
    if cli.health_check {
        return health(status, &body);
    }
    if status != 200 {
        console::print_error(&format!("{}: {}\n", address(settings), body["error"].as_str().unwrap_or("no status")));
        return ExitCode::FAILURE;
    }
    let text = if cli.json { format!("{:#}\n", body["data"]) } else { summary(&body["data"]) };
    printed(&text, ExitCode::SUCCESS)
}

/// Prints an answer; the code says what it was, or that it could not be printed.
fn printed(text: &str, code: ExitCode) -> ExitCode {
    match console::print(text) {
        Ok(()) => code,
        Err(error) => {
            console::print_error(&format!("standard output: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn health(status: u16, body: &Value) -> ExitCode {
    if status == 200 {
        return printed("ok\n", ExitCode::SUCCESS);
    }
    let parts = body["failing"].as_array().into_iter().flatten();
    let mut text: String =
        parts.map(|part| format!("{}: {}\n", part["part"].as_str().unwrap_or("?"), part["reason"].as_str().unwrap_or("?"))).collect();
    if let Some(error) = body["error"].as_str() {
        text.push_str(error);
        text.push('\n');
    }
    printed(&text, ExitCode::FAILURE)
}

/// Where a service with these settings is reached.
pub fn address(settings: &Settings) -> String {
    let ip = match settings.server.listen {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", std::net::SocketAddr::new(ip, settings.server.port))
}

/// A client that shows the token of the settings.
pub fn http(settings: &Settings, timeout: Option<Duration>) -> anyhow::Result<reqwest::Client> {
    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
    crate::service::install_tls();
    let mut headers = HeaderMap::new();
    if let Some(token) = &settings.server.token {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", &**token))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let client = reqwest::Client::builder().no_proxy().default_headers(headers);
    let client = match timeout {
        Some(timeout) => client.timeout(timeout),
        None => client,
    };
    Ok(client.build()?)
}

async fn get(settings: &Settings, path: &str) -> anyhow::Result<(u16, Value)> {
    let response = http(settings, Some(TIMEOUT))?.get(format!("{}{path}", address(settings))).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await?))
}

/// The state in a few lines.
fn summary(status: &Value) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let _ = writeln!(
        out,
        "taskpulse {}: {}, up {} s",
        text(&status["version"]),
        text(&status["state"]),
        status["uptime_seconds"].as_f64().unwrap_or(0.0) as i64
    );
    let score = status["health"]["score"].as_f64().map_or_else(|| "not measured yet".to_owned(), |score| format!("{score}"));
    let _ = writeln!(out, "health   {score}");
    let pipeline = &status["pipeline"];
    let _ = writeln!(out, "samples  {} kept, {} waiting", pipeline["appended_samples"], pipeline["batcher_waiting"]);
    let store = &status["store"];
    let _ = writeln!(out, "store    {}: {} series, {} bytes", text(&store["data_dir"]), store["series"], store["disk_bytes"]);
    for source in status["sources"].as_array().into_iter().flatten() {
        let state = match source["up"].as_bool() {
            Some(true) => "up".to_owned(),
            Some(false) => format!("failing: {}", text(&source["reason"])),
            None => format!("absent: {}", text(&source["reason"])),
        };
        let _ = writeln!(out, "source   {}: {state}", text(&source["source"]));
    }
    for actor in status["actors"].as_array().into_iter().flatten().filter(|a| a["state"] != "running") {
        let _ = writeln!(out, "actor    {}: {} {}", text(&actor["name"]), text(&actor["state"]), actor["reason"].as_str().unwrap_or(""));
    }
    for problem in status["problems"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "problem  {}", text(problem));
    }
    out
}
