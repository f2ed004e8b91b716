//! The complexity report: `reports/task-complexity-report.json`, and `…_TAG.json` of the other tags.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lenient::mend;

/// Why a report cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComplexityError {
    /// It is not JSON.
    #[error("the complexity report is not JSON ({0}): run `task-master analyze-complexity` again")]
    Syntax(String),
    /// It has no list of scores.
    #[error("the complexity report has no `complexityAnalysis`: run `task-master analyze-complexity` again")]
    NoAnalysis,
}

/// Scores by task id. Entries without an id, or with a score that is not 1 to 10, are left out: they say nothing.
///
/// # Errors
/// [`ComplexityError`]
pub fn parse_complexity(bytes: &[u8]) -> Result<BTreeMap<String, f64>, ComplexityError> {
    let report: Value = serde_json::from_slice(&mend(bytes)).map_err(|error| ComplexityError::Syntax(error.to_string()))?;
    let entries = report.get("complexityAnalysis").and_then(Value::as_array).ok_or(ComplexityError::NoAnalysis)?;
    let entry = |entry: &Value| {
        let id = match entry.get("taskId")? {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        let score = entry.get("complexityScore")?.as_f64().filter(|score| (1.0..=10.0).contains(score))?;
        Some((id, score))
    };
    Ok(entries.iter().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_by_id_and_what_says_nothing_is_left_out() {
        let report = br#"{"meta": {}, "complexityAnalysis": [{"taskId": 3, "complexityScore": 7}, {"taskId": "4", "complexityScore": 2.5},
            {"taskId": 5}, {"taskId": 6, "complexityScore": 11}, {"complexityScore": 1}, 7]}"#;
        assert_eq!(parse_complexity(report).unwrap(), BTreeMap::from([("3".to_owned(), 7.0), ("4".to_owned(), 2.5)]));
        assert!(matches!(parse_complexity(b"{\"complexityAnalysis\": ["), Err(ComplexityError::Syntax(_))));
        assert_eq!(parse_complexity(b"{}"), Err(ComplexityError::NoAnalysis));
    }
}
