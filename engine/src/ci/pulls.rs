//! Pull requests, as GitHub lists them.

use serde_json::Value;

use super::parse::{ParseError, json, link, number, text, time};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its page; empty where it is not known.
    pub url: String,
    /// `open`, `closed` or `merged`; empty where it is not known.
    pub state: String,
    /// The newest commit of its branch.
    pub head: String,
    /// The branch; empty where it is in another repository.
    pub branch: String,
    /// The commit that its merge made, or would make.
    pub merge: String,
}

impl PullRequest {
    /// Whether it was merged.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.state == "merged"
    }
}

/// The answer of `…/pulls`.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn parse(bytes: &[u8]) -> Result<Vec<PullRequest>, ParseError> {
    let answer = json(bytes)?;
    let list = answer.as_array().ok_or(ParseError::Missing("a list of pull requests"))?;
    let pull = |pull: &Value| {
        let state = if time(&pull["merged_at"]).is_some() { Some("merged".to_owned()) } else { text(&pull["state"]) };
        let (own, other) = (text(&pull["base"]["repo"]["full_name"]), text(&pull["head"]["repo"]["full_name"]));
        Some(PullRequest {
            number: number(&pull["number"])?,
            url: link(&pull["html_url"]),
            state: state.filter(|state| ["open", "closed", "merged"].contains(&state.as_str())).unwrap_or_default(),
            head: text(&pull["head"]["sha"]).unwrap_or_default(),
            branch: text(&pull["head"]["ref"]).filter(|_| own.is_some() && own == other).unwrap_or_default(),
            merge: text(&pull["merge_commit_sha"]).unwrap_or_default(),
        })
    };
    Ok(list.iter().filter_map(pull).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_unknown() {
        let (own, other) = (json!({"full_name": "o/r"}), json!({"full_name": "x/r"}));
        let list = json!([
            {"number": 7, "state": "closed", "merged_at": "2026-11-27T10:00:00Z", "html_url": "https://github.com/o/r/pull/7",
             "head": {"sha": "a", "ref": "work", "repo": own}, "base": {"repo": own}, "merge_commit_sha": "b"},
            {"number": 8, "state": "closed", "merged_at": null, "html_url": "javascript:x", "head": {"ref": "work", "repo": other}, "base": {"repo": own}},
            {"number": 9, "state": 5},
            {"state": "open"},
            null,
        ]);
        let found = parse(list.to_string().as_bytes()).unwrap();
        let told: Vec<_> = found.iter().map(|pull| (pull.number, pull.state.as_str(), pull.branch.as_str(), pull.url.is_empty())).collect();
        assert_eq!(told, [(7, "merged", "work", false), (8, "closed", "", true), (9, "", "", true)]);
        assert!(parse(b"{}").is_err() && parse(b"x").is_err());
    }
}
