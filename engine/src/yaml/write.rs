//! Texts for YAML files that others read.

/// A text as YAML has it in double quotes; JSON's form is YAML as well.
#[must_use]
pub fn quoted(text: &str) -> String {
    // A text is always JSON.
    let json = serde_json::to_string(text).unwrap_or_default();
    // Characters that YAML does not allow as they are.
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
