//! Clients that others wrote: the Rust SDK, the Python SDK, and Claude Code itself.

use std::path::Path;
use std::process::Command;

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::*;
use crate::common::peer::{npm_program, python_environment};

fn with_token() -> (Folder, Service) {
    let folder = Folder::with_settings(&format!("{QUIET}[server]\ntoken = \"{TOKEN}\"\n[mcp]\ntoken = \"{MCP_TOKEN}\"\nwrite = true\n"));
    folder.pending_tasks(60);
    let service = folder.start();
    (folder, service)
}

#[test]
fn the_rust_sdk_speaks_with_it_in_both_eras() {
    let (_folder, service) = with_token();
    let modern = vec![ProtocolVersion::V_2026_07_28];
    for lifecycle in [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: modern.clone() },
        ClientLifecycleMode::Auto { preferred_versions: modern, legacy_version: None },
    ] {
        let config = StreamableHttpClientTransportConfig::with_uri(service.url("/mcp")).auth_header(MCP_TOKEN);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = ().serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle.clone()).await.unwrap();
            let tools = client.list_all_tools().await.unwrap();
            assert_eq!(tools.len(), 11, "{lifecycle:?}");
            for name in ["status", "tasks", "alerts", "ci", "advice", "costs", "why", "did_it_help"] {
                let found = client.call_tool(CallToolRequestParams::new(name)).await.unwrap();
                let answer = serde_json::to_value(&found).unwrap();
                assert_eq!(answer["isError"], false, "{lifecycle:?} {name}: {answer}");
            }
            let arguments = json!({"query": "vector(42)"}).as_object().unwrap().clone();
            let found = client.call_tool(CallToolRequestParams::new("query").with_arguments(arguments)).await.unwrap();
            let answer = serde_json::to_value(&found).unwrap();
            assert!(answer["content"][0]["text"].as_str().unwrap().contains("\"value\":42"), "{answer}");
            assert!(client.call_tool(CallToolRequestParams::new("rm")).await.is_err());
            client.cancel().await.unwrap();
        });
    }
}

#[test]
fn the_python_sdk_speaks_with_it() {
    let Some(programs) = python_environment("mcp-sdk", &["mcp==2.3.0"], "mcp") else { return };
    let (_folder, service) = with_token();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/client.py");
    let output = Command::new(programs.join("python")).arg(script).args([&service.url("/mcp"), MCP_TOKEN]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("all is well"), "{said}");
}

#[test]
fn claude_code_connects() {
    let Some(claude) = npm_program("@anthropic-ai/claude-code@2.1.328", "claude", &[]) else { return };
    let (folder, service) = with_token();
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(&claude);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
        command.envs([("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_AUTOUPDATER", "1"), ("ANTHROPIC_API_KEY", "none")]);
        let output = command.current_dir(folder.path()).args(args).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let (address, header) = (service.url("/mcp"), format!("Authorization: Bearer {MCP_TOKEN}"));
    let added = run(&["mcp", "add", "--transport", "http", "taskpulse", &address, "--header", &header]);
    let listed = run(&["mcp", "list"]);
    assert!(listed.contains("taskpulse: http://127.0.0.1:") && listed.contains("Connected"), "{added}{listed}");
}
