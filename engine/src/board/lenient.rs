//! JSON that JavaScript reads and `serde_json` refuses.
//!
//! `JSON.parse` takes half of a surrogate pair (`"\ud83d"`: task-master itself writes one where it cuts a text) and numbers
//! beyond the range of a double. Node decodes files with U+FFFD in the place of bytes that are not UTF-8. [`mend`] writes
//! such a file anew so that it can be read; what JavaScript refuses (trailing commas, comments, `NaN`) stays as it is.

/// The same JSON with U+FFFD in the place of invalid bytes and lone surrogates, and with numbers that are infinite for
/// JavaScript as texts (`"Infinity"`, which is what they are called as ids).
#[must_use]
pub fn mend(json: &[u8]) -> Vec<u8> {
    let json = String::from_utf8_lossy(json);
    let json = json.as_bytes();
    let mut mended = Vec::with_capacity(json.len());
    let (mut at, mut in_string) = (0, false);
    while let Some(&byte) = json.get(at) {
        let piece = match byte {
            b'\\' if in_string => {
                let (length, lone) = escape(&json[at..]);
                if lone {
                    mended.extend_from_slice(b"\\ufffd");
                    at += length;
                    continue;
                }
                length
            }
            b'-' | b'0'..=b'9' if !in_string => {
                let length = json[at..].iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
                if let Some(name) = infinite(&json[at..at + length]) {
                    mended.extend_from_slice(name);
                    at += length;
                    continue;
                }
                length
            }
            b'"' => {
                in_string = !in_string;
                1
            }
            _ => 1,
        };
        let end = (at + piece).min(json.len());
        mended.extend_from_slice(&json[at..end]);
        at = end;
    }
    mended
}

/// The length of the escape at the beginning, a whole surrogate pair being one, and whether it is half a pair.
fn escape(json: &[u8]) -> (usize, bool) {
    match (unit(json), json.get(6..).and_then(unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
        (Some(0xd800..=0xdfff), _) => (6, true),
        (Some(_), _) => (6, false),
        // The byte behind the backslash, so that `\\u` and `\"` begin nothing.
        (None, _) => (2, false),
    }
}

/// The code unit of `\uXXXX` at the beginning.
fn unit(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(b"\\u")?.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The name of a number that is beyond the range of a double.
fn infinite(number: &[u8]) -> Option<&'static [u8]> {
    // What is short and has no exponent is in range.
    if number.len() < 300 && !number.iter().any(|b| matches!(b, b'e' | b'E')) {
        return None;
    }
    let value: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    value.is_infinite().then_some(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_javascript_reads_is_made_readable_and_the_rest_stays() {
        for (json, mended) in [
            (&b"{\"a\":1}"[..], "{\"a\":1}"),
            (br#"["\ud83d"]"#, "[\"\\ufffd\"]"),
            (br#"["\uDE00\uD83D"]"#, "[\"\\ufffd\\ufffd\"]"),
            (br#"["\ud83d\ud83d\ude00"]"#, "[\"\\ufffd\\ud83d\\ude00\"]"),
            (br#"["\\ud83d","\"\ud83d"]"#, "[\"\\\\ud83d\",\"\\\"\\ufffd\"]"),
            (br#"["\u00e9 \ud83d\u00e9"]"#, "[\"\\u00e9 \\ufffd\\u00e9\"]"),
            (br#"["\ud83"]"#, "[\"\\ud83\"]"),
            (b"[\"Caf\xe9\"]", "[\"Caf\u{fffd}\"]"),
            (b"[1e999,-1E+999,1e5,\"1e999\"]", "[\"Infinity\",\"-Infinity\",1e5,\"1e999\"]"),
            (b"[1,]", "[1,]"),
            (b"[NaN]", "[NaN]"),
            (b"[\"cut \\", "[\"cut \\"),
            (b"", ""),
        ] {
            assert_eq!(String::from_utf8(mend(json)).unwrap(), mended, "{}", String::from_utf8_lossy(json));
        }
        let digits = "9".repeat(400);
        assert_eq!(mend(format!("[{digits}]").as_bytes()), b"[\"Infinity\"]");
    }

    proptest::proptest! {
        #[test]
        fn json_that_can_be_read_stays_as_it_is(text: String, number: f64) {
            let json = serde_json::json!({"text": text, &*text: [number]}).to_string();
            proptest::prop_assert_eq!(mend(json.as_bytes()), json.as_bytes());
        }

        #[test]
        fn any_pieces_of_escapes_become_json_that_is_read(pieces in proptest::collection::vec(proptest::sample::select(vec!["\\ud83d", "\\uDE00", "\\\\", "\\\"", "u", "x", "\\u0041"]), 0..12)) {
            let json = format!("\"{}\"", pieces.concat());
            proptest::prop_assert!(serde_json::from_slice::<Value>(&mend(json.as_bytes())).is_ok(), "{}", json);
        }
    }
}
