//! Whether a call of a tool changes files: by the names of tools, and for commands of a shell by their words.
//!
//! What cannot be told may have changed something. Of a file and of what was written to it only hashes are kept.

use serde_json::Value;

use super::signal::{Fact, Written};
use crate::model::fnv1a;

/// Tools that change no file of the project.
const READERS: &[&str] = &[
    // Claude Code
    "Agent",
    "AskUserQuestion",
    "BashOutput",
    "EnterPlanMode",
    "ExitPlanMode",
    "Glob",
    "Grep",
    "KillShell",
    "LS",
    "ListMcpResourcesTool",
    "NotebookRead",
    "Read",
    "ReadMcpResourceTool",
    "Skill",
    "Task",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "TodoRead",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
    "WebSearch",
    // Codex
    "update_plan",
    "view_image",
    "web_search",
    "write_stdin",
    // Gemini CLI
    "ask_user",
    "glob",
    "google_web_search",
    "grep_search",
    "list_directory",
    "read_file",
    "read_many_files",
    "save_memory",
    "search_file_content",
    "web_fetch",
    "write_todos",
    // OpenCode
    "grep",
    "list",
    "read",
    "task",
    "todoread",
    "todowrite",
    "webfetch",
];
/// Tools that write a whole file.
const WRITERS: &[&str] = &["Write", "write", "write_file"];
/// Tools that replace a part of a file.
const EDITORS: &[&str] = &["Edit", "MultiEdit", "NotebookEdit", "edit", "replace"];
/// Tools that run a command.
const SHELLS: &[&str] = &["Bash", "bash", "exec_command", "local_shell", "run_shell_command", "shell"];

/// Beginnings of parts of a command that only read.
const READING: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "cd",
    "cut",
    "date",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "env",
    "false",
    "file",
    "find",
    "git blame",
    "git branch",
    "git diff",
    "git grep",
    "git log",
    "git ls-files",
    "git rev-parse",
    "git show",
    "git status",
    "grep",
    "head",
    "hostname",
    "id",
    "jq",
    "less",
    "ls",
    "nl",
    "od",
    "pgrep",
    "printf",
    "ps",
    "pwd",
    "realpath",
    "rg",
    "sed -n",
    "sleep",
    "sort",
    "stat",
    "tail",
    "test",
    "tr",
    "tree",
    "true",
    "uname",
    "uniq",
    "wc",
    "which",
    "whoami",
    "xxd",
];

/// What a call changed; none where it changes nothing. A command that failed may have changed something before.
pub(super) fn changes(tool: &str, input: &Value, failed: bool) -> Option<Fact> {
    let text = |names: &[&str]| names.iter().find_map(|name| input.get(name).and_then(Value::as_str));
    let hash = |text: &str| fnv1a(text.bytes());
    if READERS.contains(&tool) {
        return None;
    }
    if SHELLS.contains(&tool) {
        return may_write(input).then_some(Fact::Changed(None));
    }
    if failed {
        return None;
    }
    let file = text(&["file_path", "filePath", "notebook_path", "path"]).map(hash);
    let written = if WRITERS.contains(&tool) {
        text(&["content"]).map(|content| (None, hash(content)))
    } else if EDITORS.contains(&tool) {
        let (before, after) = (text(&["old_string", "oldString"]), text(&["new_string", "newString", "new_source"]));
        after.map(|after| (before.map(hash), hash(after)))
    } else {
        None
    };
    let whole = file.zip(written).map(|(file, (before, after))| Written { file, before, after });
    Some(Fact::Changed(whole))
}

/// Whether a command may change a file: all but those of which each part is known to read only.
fn may_write(input: &Value) -> bool {
    let command = match input.get("command").or_else(|| input.get("cmd")) {
        Some(Value::String(command)) => command.clone(),
        Some(Value::Array(words)) => match words.last().and_then(Value::as_str) {
            // `bash -lc "…"`
            Some(last) if words.len() == 3 && words[1].as_str().is_some_and(|flag| flag.starts_with('-')) => last.to_owned(),
            _ => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        },
        _ => return true,
    };
    let plain = command.replace("2>&1", " ").replace("2>/dev/null", " ").replace(">/dev/null", " ").replace("> /dev/null", " ");
    if plain.contains(['>', '`']) || plain.contains("$(") || plain.contains(" -delete") || plain.contains(" -exec") {
        return true;
    }
    let mut parts = plain.split(['\n', ';', '|', '&']).map(str::trim).filter(|part| !part.is_empty());
    let reads = |part: &str| {
        let is_one = |word: &&str| part.strip_prefix(*word).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        READING.iter().any(is_one)
    };
    !parts.all(reads)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_may_change_a_file_is_known_by_tool_and_command() {
        for (tool, input, changed) in [
            ("Read", json!({"file_path": "/a"}), false),
            ("Grep", json!({}), false),
            ("Bash", json!({"command": "git status && ls -la | head -5"}), false),
            ("Bash", json!({"command": "cat a.rs 2>/dev/null; wc -l a.rs"}), false),
            ("exec_command", json!({"cmd": "rg -n word src"}), false),
            ("shell", json!({"command": ["bash", "-lc", "sed -n 1,20p a.rs"]}), false),
            ("Bash", json!({"command": "echo hello > a.txt"}), true),
            ("Bash", json!({"command": "sed -i s/a/b/ a.txt"}), true),
            ("Bash", json!({"command": "cargo fmt"}), true),
            ("Bash", json!({"command": "find . -name '*.o' -delete"}), true),
            ("Bash", json!({}), true),
            ("apply_patch", json!({"input": "*** Begin Patch"}), true),
            ("Edit", json!({"file_path": "/a", "old_string": "x", "new_string": "y"}), true),
            ("mcp__files__write", json!({}), true),
        ] {
            assert_eq!(changes(tool, &input, false).is_some(), changed, "{tool} {input}");
        }
        assert_eq!(changes("Write", &json!({"file_path": "/a", "content": "x"}), true), None);
        let Some(Fact::Changed(Some(written))) = changes("Write", &json!({"file_path": "/a", "content": "x"}), false) else {
            panic!("none")
        };
        assert_eq!((written.file, written.before, written.after), (fnv1a(*b"/a"), None, fnv1a(*b"x")));
    }
}
