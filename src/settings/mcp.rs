//! `[mcp]` and `[mcp.tokens.NAME]`: who may ask the server of MCP, and for what.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use taskpulse_web::{McpScope, McpToken, mcp_tools};

use super::Settings;
use super::load::validate_token;
use super::secret::Secret;

/// Longest name of a token.
const MAX_NAME: usize = 100;

/// `[mcp.tokens.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpTokenSpec {
    pub token: Option<Secret>,
    pub tools: Option<Vec<String>>,
    pub write: bool,
}

impl McpTokenSpec {
    fn scope(&self, at: &str) -> anyhow::Result<McpScope> {
        let tools: Option<BTreeSet<String>> = self.tools.as_ref().map(|tools| tools.iter().cloned().collect());
        for name in tools.iter().flatten() {
            let known = mcp_tools().find(|(tool, _)| tool == name);
            let all = mcp_tools().map(|(tool, _)| tool).collect::<Vec<_>>().join(", ");
            let (_, writes) = known.with_context(|| format!("{at}.tools: there is no tool `{name}`; take some of {all}"))?;
            ensure!(self.write || !writes, "{at}.tools: `{name}` changes something: it needs write = true");
        }
        ensure!(tools.as_ref().is_none_or(|tools| !tools.is_empty()), "{at}.tools is empty: leave it out for all tools");
        Ok(McpScope { tools, write: self.write })
    }
}

/// The tokens of MCP: that of everything, then those with scopes of their own.
///
/// # Errors
/// What is wrong with them, in words.
pub fn tokens(s: &Settings) -> anyhow::Result<Vec<McpToken>> {
    let mut found: Vec<McpToken> = Vec::new();
    let general = s.mcp.token.iter().map(|token| ("mcp.token".to_owned(), token, None));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let mut all: Vec<(String, &Secret, Option<McpScope>)> = general.collect();
    for (name, spec) in &s.mcp.tokens {
        let at = format!("mcp.tokens.{name}");
        ensure!(
            (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain),
            "{at}: a name has at most {MAX_NAME} letters, digits, - and _"
        );
        let token = spec.token.as_ref().with_context(|| format!("{at}: needs token = \"…\", a secret of at least 16 characters"))?;
        all.push((format!("{at}.token"), token, Some(spec.scope(&at)?)));
    }
    for (key, token, scope) in all {
        validate_token(&key, token)?;
        let of_all =
            s.server.token.as_deref().with_context(|| format!("{key}: without server.token nobody needs one; set that one too"))?;
        ensure!(of_all != &**token, "{key}: must differ from server.token, which opens everything");
        ensure!(found.iter().all(|other| *other.secret != **token), "{key}: another token of MCP is the same; each needs one of its own");
        found.push(McpToken { secret: token.to_string(), scope });
    }
    Ok(found)
}
