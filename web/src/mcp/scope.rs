//! What somebody may ask for, by the token that they show.

use std::collections::BTreeSet;
use std::fmt;

use subtle::ConstantTimeEq;

/// What somebody may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct McpScope {
    /// The tools that there are for them; none: all.
    pub tools: Option<BTreeSet<String>>,
    /// Whether those that change something are among them.
    pub write: bool,
}

impl McpScope {
    /// Whether a tool is there, which may change something.
    pub(super) fn has(&self, name: &str, writes: bool) -> bool {
        (self.write || !writes) && self.tools.as_ref().is_none_or(|tools| tools.contains(name))
    }
}

/// A secret that opens the server of MCP.
#[derive(Clone)]
pub struct McpToken {
    /// The secret.
    pub secret: String,
    /// What it may; none: what everybody may.
    pub scope: Option<McpScope>,
}

impl McpToken {
    /// The one of a secret. All are compared, so that the time says nothing of which one it was.
    pub(crate) fn of<'a>(tokens: &'a [Self], given: &str) -> Option<&'a Self> {
        let fits = |token: &Self| bool::from(token.secret.as_bytes().ct_eq(given.as_bytes()));
        tokens.iter().fold(None, |found, token| if fits(token) { Some(token) } else { found })
    }
}

impl fmt::Debug for McpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpToken").field("scope", &self.scope).finish_non_exhaustive()
    }
}
