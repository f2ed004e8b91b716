//! The OpenAPI document, held to the service that answers it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../examples/browser_types.rs"]
mod browser_types;
mod common;

use std::path::Path;
use std::process::Command;

use common::{Folder, Service};
use reqwest::Method;
use serde_json::Value;

/// These versions: others generate other requests of the same seed.
const SCHEMATHESIS: [&str; 3] = ["schemathesis==4.32.5", "hypothesis==6.170.17", "jsonschema-rs==0.60.3"];
const TOKEN: &str = "a-token-for-the-tests-of-the-document";

fn service() -> (Folder, Service) {
    let folder = Folder::with_settings("[system]\ninterval = \"1s\"\n");
    let service = folder.start();
    (folder, service)
}

fn document(service: &Service) -> Value {
    service.get("/api/v1/openapi.json").json().unwrap()
}

fn document_with_token(service: &Service) -> Value {
    service.client.get(service.url("/api/v1/openapi.json")).bearer_auth(TOKEN).send().unwrap().json().unwrap()
}

/// Every operation: path, method, and what the document says of it.
fn operations(document: &Value) -> Vec<(String, Method, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, operation)| (path.clone(), method.to_uppercase().parse().unwrap(), operation.clone()))
    });
    operations.collect()
}

#[test]
fn every_path_of_the_document_answers_with_a_status_that_it_names() {
    let (_folder, service) = service();
    let document = document(&service);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, method, operation) in operations(&document) {
        let mut address = path.clone();
        let mut query: Vec<(String, String)> = Vec::new();
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let value = match name {
                "query" | "match[]" => "up",
                "window" => "1m",
                "step" => "60",
                "format" if path.ends_with("import") => "csv",
                "decision" => "accept",
                "name" | "id" => "none",
                _ => "1764000000",
            };
            if parameter["in"] == "path" {
                address = address.replace(&format!("{{{name}}}"), value);
            } else if parameter["required"] == true {
                query.push((name.to_owned(), value.to_owned()));
            }
        }
        let mut request = service.client.request(method.clone(), service.url(&address)).query(&query);
        if let Some(kind) = operation["requestBody"]["content"].as_object().and_then(|content| content.keys().next()) {
            let body = if kind.contains("urlencoded") { "query=up&match[]=up&start=0&end=0&step=1" } else { "{}" };
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().unwrap();
        let (status, text) = (response.status().as_u16(), response.text().unwrap());
        assert!(operation["responses"].get(status.to_string()).is_some(), "{method} {path}: {status} {text}");
        assert!(!matches!(status, 405 | 500), "{method} {path}: {status} {text}");
        // What is not there is named by what was asked for, not by its path.
        assert!(status != 404 || text.contains("none"), "{method} {path}: {text}");
    }
}

#[test]
fn what_the_document_says_of_tokens_is_so() {
    let folder = Folder::with_settings(&format!("[server]\ntoken = \"{TOKEN}\"\n"));
    let service = folder.start();
    let document: Value = service.client.get(service.url("/api/v1/openapi.json")).bearer_auth(TOKEN).send().unwrap().json().unwrap();
    for (path, method, operation) in operations(&document) {
        let status = service.client.request(method.clone(), service.url(&path)).send().unwrap().status().as_u16();
        let open = operation["security"] == serde_json::json!([]);
        // The page of a login, and what is signed, are refused for reasons of their own.
        assert!(status == 401 || open, "{method} {path}: {status}");
        assert!(status != 401 || !open || ["/login", "/hooks/github"].contains(&path.as_str()), "{method} {path}: {status}");
    }
}

#[test]
fn every_path_of_the_document_is_in_the_documentation() {
    let (_folder, service) = service();
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/API.md")).unwrap();
    for (path, method, _) in operations(&document(&service)) {
        let path = path.replace("{decision}", "{accept\\|dismiss\\|applied\\|reopen\\|undo}");
        let listed = documented.lines().filter(|line| line.starts_with("| `"));
        let found = listed.clone().any(|line| line.contains(&format!("{path}`")) && line.contains(method.as_str()));
        // `GET /api/v1/status/buildinfo`, `…/runtimeinfo`
        let shortened = path.rsplit_once('/').is_some_and(|(_, end)| documented.contains(&format!("`…/{end}`")));
        assert!(found || shortened, "{method} {path} is not in docs/API.md");
    }
}

#[test]
fn the_types_of_the_dashboard_are_those_of_the_document() {
    let (_folder, service) = service();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(browser_types::FILE);
    let wanted = browser_types::types(&document(&service));
    assert!(std::fs::read_to_string(file).unwrap() == wanted, "run `cargo run --example browser_types`");
}

#[test]
fn schemathesis_finds_no_difference_between_document_and_service() {
    let Some(programs) = common::peer::python_environment("schemathesis", &SCHEMATHESIS, "schemathesis") else { return };
    let folder = Folder::with_settings(&format!(
        "[system]\ninterval = \"1s\"\n[server]\ntoken = \"{TOKEN}\"\n[github]\nwebhook_secret = \"{TOKEN}\"\n"
    ));
    folder.board("05");
    let service = folder.start();
    let output = Command::new(programs.join("schemathesis"))
        .args(["run", "--checks", "all", "--seed", "1", "--max-examples", "10", "--request-timeout", "30", "--no-color"])
        .args(["--generation-database", "none", "--header", &format!("Authorization: Bearer {TOKEN}")])
        .arg(service.url("/api/v1/openapi.json"))
        .env("TASKPULSE_TOKEN", TOKEN)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let report = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{report}");
    let tested = report.lines().find_map(|line| line.trim().strip_prefix("Tested: ")).map(str::to_owned);
    // The path of the document itself is not tested.
    let operations = operations(&document_with_token(&service)).len() - 1;
    assert_eq!(tested, Some(operations.to_string()), "{report}");
}
