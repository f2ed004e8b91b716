//! What looks like a secret. A guess by its shape or by the name before it: `…` stands in its place.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Words before what is secret, in the output of a program.
pub const NAMES: [&str; 7] = ["token", "secret", "password", "passwd", "authorization", "api_key", "apikey"];

/// Shapes that nothing but a secret has, each from its first letters on. All take a time that grows with the text, not faster.
const SHAPES: [&str; 16] = [
    r"\b(?:sk|rk|pk)-[A-Za-z0-9_-]{20,}",
    r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bgl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_.-]{16,}",
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bxox[a-z]-[A-Za-z0-9-]{8,}",
    r"\bxapp-[A-Za-z0-9-]{8,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bya29\.[A-Za-z0-9_-]{20,}",
    r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*",
    r"\b(?:npm|hf|dop_v1|doo_v1|shpat|shpss|lin_api|ntn)_[A-Za-z0-9]{20,}",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\b(?:hv[sb]\.|AGE-SECRET-KEY-|whsec_|glsa_|dapi)[A-Za-z0-9_-]{24,}",
    r"(?s:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z))",
];

/// The names of a secret before its value, as programs, settings and JSON write them.
const NAMED: &str = r"(?:password|passwd|passphrase|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|token|authorization|credentials?|cookie)";

/// Bytes of the shortest text that has a secret in it, with what shows that it is one.
const LEAST: usize = 5;

/// What is searched for, and what stands in its place.
static SHIPPED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let name = |with: &str| with.replace("NAME", NAMED);
    let searched = [
        (SHAPES.join("|"), "…"),
        // `password=…`, `"api_key": "…"`, `\"token\": \"…\"`, `Authorization: Bearer …`
        (
            name(
                r#"(?i)(NAME\\*["']?\s*(?:=>|[:=])\s*(?:(?:bearer|basic|token|digest)\s+)?)(?:(\\+["'])[^"'\\]+|(")(?:[^"\\]|\\.)+|(')[^']+|[^\s"'&,;)}\]\\]+)"#,
            ),
            "$1$2$3$4…",
        ),
        (name(r#"(?i)(--?NAME\s+)[^\s"'\\]+"#), "$1…"),
        (r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}".to_owned(), "$1…"),
        (r#"(://)[^\s/@"']+@"#.to_owned(), "$1…@"),
        (r#"(?i)([?&](?:key|sig|signature|auth|code)=)[^\s&"'\\]+"#.to_owned(), "$1…"),
    ];
    searched.into_iter().filter_map(|(pattern, instead)| Some((Regex::new(&pattern).ok()?, instead))).collect()
});

/// A text without what looks secret in it.
#[must_use]
pub fn hidden(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    // Most attributes are a number or a word: no secret is so short.
    if text.len() < LEAST {
        return out;
    }
    for (pattern, instead) in SHIPPED.iter() {
        let changed = match pattern.replace_all(&out, *instead) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => continue,
        };
        out = Cow::Owned(changed);
    }
    out
}

/// Whether an attribute of this name holds a secret: `api_key`, `http.request.header.authorization`.
#[must_use]
pub fn is_named(plain: &str) -> bool {
    NAMES.iter().any(|name| plain.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_are_compiled() {
        assert_eq!(SHIPPED.len(), 6);
        for shape in SHAPES {
            assert!(Regex::new(shape).is_ok(), "{shape}");
        }
    }

    #[test]
    fn what_looks_secret_is_hidden_and_the_rest_stays() {
        let long = "a1B2".repeat(12);
        for (text, shown) in [
            ("export OPENAI_API_KEY=sk-proj-abc123 && make", "export OPENAI_API_KEY=… && make"),
            (&*format!("use sk-ant-api03-{long} now"), "use … now"),
            (&*format!("ghp_{long}, github_pat_{long}; glpat-{long}"), "…, …; …"),
            ("id AKIAIOSFODNN7EXAMPLE here", "id … here"),
            ("xoxb-1234567890-abcdef", "…"),
            (&*format!("AIza{long} ya29.{long}"), "… …"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!", "jwt …!"),
            ("curl -H 'Authorization: Bearer abc.def-ghi' https://h/", "curl -H 'Authorization: Bearer …' https://h/"),
            ("sent bearer 0123456789abcdef on", "sent bearer … on"),
            (r#"{"password": "hunt\"er2", "user": "bob"}"#, r#"{"password": "…", "user": "bob"}"#),
            (r#"{"command":"echo {\"token\": \"s3cret\", \"n\": 1}"}"#, r#"{"command":"echo {\"token\": \"…\", \"n\": 1}"}"#),
            ("mysql --password hunter2 -u bob", "mysql --password … -u bob"),
            ("psql postgres://bob:hunter2@db/x?password=hunter2&a=1", "psql postgres://…@db/x?password=…&a=1"),
            ("a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb", "a\n…\nb"),
            ("GET https://h/v1?alt=sse&key=hunter2&x=1", "GET https://h/v1?alt=sse&key=…&x=1"),
            ("cut -----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "cut …"),
            ("AWS_SECRET_ACCESS_KEY='wJalr XUtn' next", "AWS_SECRET_ACCESS_KEY='…' next"),
            // No secrets: names of things, counts of tokens, ids.
            ("task-force disk-usage-of-the-whole-machine risk-assessment", "task-force disk-usage-of-the-whole-machine risk-assessment"),
            ("input_tokens: 1040, token_type=input", "input_tokens: 1040, token_type=input"),
            ("commit 5a47fbbc61124b4c048ea4941a49343a9c184e25", "commit 5a47fbbc61124b4c048ea4941a49343a9c184e25"),
            ("bf777cdb-673d-4a5d-b601-82a3b5b2ee68 toolu_000018 req_18", "bf777cdb-673d-4a5d-b601-82a3b5b2ee68 toolu_000018 req_18"),
            ("git@github.com:a/b.git é世", "git@github.com:a/b.git é世"),
            ("", ""),
        ] {
            assert_eq!(hidden(text), shown);
            assert_eq!(hidden(shown), shown, "again");
        }
    }

    #[test]
    fn a_long_text_is_searched_in_a_time_that_grows_with_it() {
        // Beginnings of secrets without an end.
        for piece in ["token=", "-----BEGIN PRIVATE KEY-----", "eyJabcdef.", "://a", "password: \"", "\\\"token\\\":"] {
            let text = piece.repeat((256 << 10) / piece.len());
            assert!(hidden(&text).len() <= text.len() * 2, "{piece}");
        }
    }
}
