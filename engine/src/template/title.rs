//! Letters in another case, as Go has them.

/// Each character by itself, as Go's `strings.ToUpper`: `ß` stays.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(|c| single(c, c.to_uppercase())).collect()
}

/// As Go's `strings.ToLower`.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(|c| single(c, c.to_lowercase())).collect()
}

/// The one character that a case mapping gives; the character itself where it gives several.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Characters that stay within a word when they stand alone in it (`MidLetter`, `MidNumLet` and `Single_Quote` of UAX 29).
const WITHIN: &str = "'.:\u{b7}\u{387}\u{55f}\u{5f4}\u{2018}\u{2019}\u{2024}\u{2027}\u{fe13}\u{fe52}\u{fe55}\u{ff07}\u{ff0e}\u{ff1a}";

/// The first letter of each word in upper case, the others as they are, as golang.org/x/text/cases has it.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Whether the word that is being written has its capital letter, and whether the last character stays within words.
    let (mut titled, mut was_within) = (false, false);
    for c in text.chars() {
        let within = WITHIN.contains(c);
        titled &= !(was_within && within);
        was_within = within;
        if c.is_lowercase() || c.is_uppercase() {
            if titled {
                out.push(c);
            } else {
                out.extend(c.to_uppercase());
            }
            titled = true;
        } else {
            titled &= within || c.is_alphanumeric() || c == '_';
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_with_a_capital_letter() {
        for (text, titled) in [
            ("don't panic", "Don't Panic"),
            ("node_exporter is-down", "Node_exporter Is-Down"),
            ("a.b c/d e..f 1st", "A.b C/D E..F 1St"),
            ("hELLO", "HELLO"),
            ("", ""),
        ] {
            assert_eq!(title(text), titled);
        }
    }
}
