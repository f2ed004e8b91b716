//! What one settings file of an agent gets: values at their places, and a handler for each event. The same for JSON and TOML.

use serde_json::{Map, Value, json};

/// Path of `/hooks/agent`, by which a handler that posts is known as ours.
const HOOK_PATH: &str = "/hooks/agent";

/// See the module.
#[derive(Debug, Default, Clone)]
pub struct Fragment {
    /// Values with the keys that lead to them.
    pub values: Vec<(Vec<&'static str>, Value)>,
    /// Events with the handler that each gets, below the key `hooks`.
    pub hooks: Vec<(&'static str, Value)>,
    /// Whether the group around a handler says that it is for everything.
    pub matcher: bool,
    /// Whether the agent reads comments in its JSON.
    pub comments: bool,
}

impl Fragment {
    /// The group of handlers that an event gets.
    pub fn group(&self, handler: &Value) -> Value {
        if self.matcher { json!({"matcher": "*", "hooks": [handler]}) } else { json!({"hooks": [handler]}) }
    }
}

/// What merging gave.
#[derive(Debug)]
pub struct Merged {
    /// The text of the file.
    pub text: String,
    /// Values of the user that stayed although they are not what the fragment has: `env.X is "1"; for …, make it "2"`.
    pub kept: Vec<String>,
}

/// The sentence about a value that stayed.
pub fn kept(path: &[&str], there: &Value, wanted: &Value) -> String {
    format!("{} is {there} and was left so; taskpulse needs {wanted}", path.join("."))
}

/// Whether a value runs this program: a status line of ours is replaced by another one of ours.
pub fn is_own_value(value: &Value) -> bool {
    value["command"].as_str().is_some_and(|command| runs(command, "statusline"))
}

/// Whether a handler of a hook is one of ours, of whatever version and address.
pub fn is_own_handler(handler: &Value) -> bool {
    let posts = handler["url"].as_str().is_some_and(|url| base_of_url(url).is_some());
    posts || handler["command"].as_str().is_some_and(|command| runs(command, "hook"))
}

/// The address of the service that a handler of ours leads to.
pub fn base_of(handler: &Value) -> Option<String> {
    if let Some(url) = handler["url"].as_str() {
        return base_of_url(url);
    }
    let command = handler["command"].as_str().filter(|command| runs(command, "hook"))?;
    let (_, rest) = command.split_once("--url ")?;
    rest.split_whitespace().next().map(|url| url.trim_matches('\'').to_owned())
}

fn base_of_url(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    path.strip_suffix(HOOK_PATH).map(str::to_owned)
}

/// Whether a shell command runs `taskpulse` with this as its first argument.
fn runs(command: &str, first: &str) -> bool {
    command.split("taskpulse").skip(1).any(|rest| {
        let words = rest.strip_prefix('\'').or_else(|| rest.strip_prefix('"')).unwrap_or(rest);
        words.starts_with(' ') && words.split_whitespace().next() == Some(first)
    })
}

/// A value at a path of a document, if it is there.
pub fn at<'a>(document: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(document, |value, key| value.get(key))
}

/// The keys of an object in the order in which a reader looks for them.
pub fn ordered(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    const ORDER: [&str; 10] = ["matcher", "name", "type", "command", "url", "headers", "allowedEnvVars", "timeout", "endpoint", "protocol"];
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    fields.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len()));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_handlers_are_known_whatever_their_address_and_others_are_not() {
        for (handler, base) in [
            (json!({"type": "http", "url": "http://127.0.0.1:8090/hooks/agent"}), Some("http://127.0.0.1:8090")),
            (json!({"type": "http", "url": "https://there/x/hooks/agent?agent=a"}), Some("https://there/x")),
            (json!({"command": "/usr/bin/taskpulse hook --agent codex --url http://there:1"}), Some("http://there:1")),
            (json!({"command": "'/a b/taskpulse' hook --agent codex --url 'http://[::1]:8090'"}), Some("http://[::1]:8090")),
        ] {
            assert!(is_own_handler(&handler));
            assert_eq!(base_of(&handler).as_deref(), base);
        }
        for other in [
            json!({"type": "http", "url": "http://127.0.0.1:8090/hooks/agents"}),
            json!({"command": "taskpulse-notes hook"}),
            json!({"command": "taskpulse --status"}),
            json!({"command": "echo taskpulse; hook"}),
            json!({"command": 7}),
            json!("taskpulse hook"),
        ] {
            assert!(!is_own_handler(&other), "{other}");
        }
        assert!(is_own_value(&json!({"type": "command", "command": "taskpulse statusline"})));
    }
}
