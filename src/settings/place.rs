//! Where in the settings file a text stands that is wrong: the file is read again for it.

use taskpulse_engine::rules::RuleError;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// `line 12, column 31` of a template of a rule that cannot be read; none where the rule is not from this text.
pub fn of_template(text: &str, error: &anyhow::Error) -> Option<String> {
    let RuleError::Template { rule, key, name, at, .. } = error.chain().find_map(|cause| cause.downcast_ref::<RuleError>())? else {
        return None;
    };
    let table = DeTable::parse(text).ok()?;
    let mut value: &Spanned<DeValue<'_>> = table.get_ref().get("alerts")?;
    for key in ["rules", rule, key, name] {
        value = value.get_ref().get(key)?;
    }
    let (span, template) = (value.span(), value.get_ref().as_str()?);
    // With escapes in it, the text is not what stands there: its beginning is what can be named.
    let inner = text.get(span.clone())?.find(template).map_or(0, |begin| begin + at);
    let before = text.get(..span.start + inner)?;
    let line = before.rsplit('\n').next().unwrap_or(before);
    Some(format!("line {}, column {}", before.matches('\n').count() + 1, line.chars().count() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_found_by_its_rule_and_name() {
        let text = "[alerts.rules.a]\nexpr = \"up == 0\"\n[alerts.rules.a.annotations]\nsummary = \"é {{ $x }}\"\nnote = '''\nfirst\n {{ $x }}'''\n\
                    escaped = \"\\u0041 {{ $x }}\"\n";
        let error = |rule: &str, name: &str, at| {
            let (rule, name, message) = (rule.to_owned(), name.to_owned(), String::new());
            anyhow::Error::new(RuleError::Template { rule, key: "annotations", name, at, message }).context("alerts.rules")
        };
        for (rule, name, at, place) in [
            ("a", "summary", 6, Some("line 4, column 17")),
            ("a", "note", 10, Some("line 7, column 5")),
            ("a", "escaped", 5, Some("line 8, column 11")),
            ("b", "summary", 6, None),
        ] {
            assert_eq!(of_template(text, &error(rule, name, at)).as_deref(), place, "{name}");
        }
        assert_eq!(of_template(text, &anyhow::anyhow!("other")), None);
    }
}
