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

/// The first letter of each word in upper case, the others as they are. Words are those of Unicode's text segmentation, as far as
/// names and sentences need them: an apostrophe or point between letters, and a point or comma between digits, do not end a word.
pub(super) fn title(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let belongs = |c: &char| c.is_alphanumeric() || *c == '_';
    let mut out = String::with_capacity(text.len());
    let mut titled = false;
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        let after = chars.get(at + 1);
        let joins =
            |mark: &str, kind: fn(char) -> bool| mark.contains(*c) && before.is_some_and(|c| kind(*c)) && after.is_some_and(|c| kind(*c));
        if !belongs(c) {
            titled &=
                joins("'.:\u{b7}\u{2019}\u{2018}\u{2024}", char::is_alphabetic) || joins("'.,;\u{2019}\u{2018}\u{2024}", char::is_numeric);
            out.push(*c);
        } else if !titled && c.is_alphabetic() {
            titled = true;
            out.extend(c.to_uppercase());
        } else {
            out.push(*c);
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
            ("a.b c/d", "A.b C/D"),
            ("hELLO", "HELLO"),
            ("", ""),
        ] {
            assert_eq!(title(text), titled);
        }
    }
}
