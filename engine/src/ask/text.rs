//! A question as tokens.

use super::{MAX_CHARS, Refusal};

/// Words at the most; more are no question.
const MAX_TOKENS: usize = 60;
/// What ends or joins parts of a sentence and says nothing by itself.
const PUNCTUATION: [char; 9] = ['?', '!', '.', ',', ';', ':', '…', '“', '”'];

/// A word of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// In lower case, without punctuation.
    pub(super) text: String,
    /// As it was written.
    pub(super) written: String,
    /// It stood in quotes: a name.
    pub(super) quoted: bool,
}

impl Token {
    fn plain(text: &str, written: &str) -> Self {
        Self { text: text.to_owned(), written: written.to_owned(), quoted: false }
    }
}

/// Cuts a question into tokens.
pub(super) fn tokens(question: &str) -> Result<Vec<Token>, Refusal> {
    let chars = question.chars().count();
    if chars > MAX_CHARS {
        return Err(Refusal::new(format!("The question has {chars} characters; up to {MAX_CHARS} are read")));
    }
    check_characters(question)?;
    let mut out = Vec::new();
    for (part, quoted) in in_quotes(question) {
        if quoted {
            let name = part.trim();
            if !name.is_empty() {
                out.push(Token { text: name.to_lowercase(), written: name.to_owned(), quoted: true });
            }
            continue;
        }
        for word in part.split(|c: char| c.is_whitespace() || c.is_control()) {
            push_word(word, &mut out);
        }
    }
    if out.len() > MAX_TOKENS {
        return Err(Refusal::new(format!("The question has {} words; up to {MAX_TOKENS} are read", out.len())));
    }
    if out.is_empty() {
        return Err(Refusal::new("There is no question"));
    }
    Ok(out)
}

/// Refuses what is not written in words.
fn check_characters(question: &str) -> Result<(), Refusal> {
    let promql = "This looks like PromQL; Explore takes queries, and here are questions in plain words";
    let tight: Vec<char> = question.chars().collect();
    for (at, &c) in tight.iter().enumerate() {
        let next = tight.get(at + 1).copied().unwrap_or(' ');
        let before = at.checked_sub(1).map_or(' ', |before| tight[before]);
        match c {
            '{' | '}' | '[' | ']' => return Err(Refusal::of(&c.to_string(), promql)),
            '(' if before.is_alphanumeric() || before == '_' => return Err(Refusal::of("(", promql)),
            '=' | '~' if next != '/' => return Err(Refusal::of(&c.to_string(), promql)),
            '<' | '>' if next.is_alphabetic() || next == '/' || next == '!' || before == '/' || before == '"' => {
                return Err(Refusal::of(&c.to_string(), format!("`{c}` as part of a tag is not read; write the question in plain words")));
            }
            '\\' | '|' | '$' | '^' | '(' | ')' | '=' | '~' => {
                return Err(Refusal::of(&c.to_string(), format!("`{c}` is not read; write the question in plain words")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The parts of a text within and outside of quotes. A quote that does not end is none.
fn in_quotes(text: &str) -> Vec<(&str, bool)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['"', '`']) {
        let quote = rest[open..].chars().next().unwrap_or('"');
        let after = &rest[open + quote.len_utf8()..];
        let Some(close) = after.find(quote) else { break };
        out.push((&rest[..open], false));
        out.push((&after[..close], true));
        rest = &after[close + quote.len_utf8()..];
    }
    out.push((rest, false));
    out
}

fn push_word(word: &str, out: &mut Vec<Token>) {
    let trimmed = word.trim_matches(|c| PUNCTUATION.contains(&c) || c == '"' || c == '`');
    let trimmed = trimmed.trim_matches(|c| c == '\'' || c == '‘' || c == '’');
    if trimmed.is_empty() {
        return;
    }
    let lower = trimmed.to_lowercase().replace('’', "'");
    // "what's" is "what is", "yesterday's" is "yesterday"; "isn't" stays, since it says no.
    if let Some(stem) = lower.strip_suffix("'s") {
        out.push(Token::plain(stem, trimmed));
        return;
    }
    for (end, full) in [("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "did"), ("'m", "am")] {
        if let Some(stem) = lower.strip_suffix(end) {
            out.push(Token::plain(stem, trimmed));
            out.push(Token::plain(full, trimmed));
            return;
        }
    }
    // "90%", ">90": the sign is a word of its own.
    for sign in ['>', '<', '%', '°'] {
        if let Some((before, after)) = lower.split_once(sign) {
            push_word(before, out);
            out.push(Token::plain(&sign.to_string(), trimmed));
            push_word(after, out);
            return;
        }
    }
    out.push(Token::plain(&lower, trimmed));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn words(question: &str) -> String {
        tokens(question)
            .unwrap()
            .iter()
            .map(|t| if t.quoted { format!("[{}]", t.text) } else { t.text.clone() })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_question_is_cut_at_spaces_signs_and_quotes() {
        for (question, cut) in [
            ("What's the CPU?", "what the cpu"),
            ("yesterday’s builds, please!", "yesterday builds please"),
            ("is \"Build and test\" slower", "is [build and test] slower"),
            ("cpu >90% today", "cpu > 90 % today"),
            ("it isn't up", "it isn't up"),
            ("we're done\u{7}when", "we are done when"),
            ("how full is /var/lib?", "how full is /var/lib"),
        ] {
            assert_eq!(words(question), cut, "{question}");
        }
    }

    #[test]
    fn what_is_not_written_in_words_is_refused_in_words() {
        for question in ["up{job=\"a\"}", "rate(x[5m])", "<b>cpu</b>", "a | b", "", "   ", "?", &"a ".repeat(200), &"x".repeat(10_000)] {
            assert!(tokens(question).is_err(), "{question}");
        }
    }
}
