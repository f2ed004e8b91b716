//! Addresses and commands without their secrets.
//!
//! Everyone who may read status sees them. A key in the query of an address, a password before its host or an argument of a
//! command is not for everyone.

use taskpulse_engine::privacy::secrets;

/// An address without user, password, fragment and the values of its query.
#[must_use]
pub fn address(text: &str) -> String {
    let text = text.split('#').next().unwrap_or("");
    let (place, query) = match text.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (text, None),
    };
    let mut out = match place.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            match authority.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://…@{host}{path}"),
                None => place.to_owned(),
            }
        }
        None => place.to_owned(),
    };
    for (at, part) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        match part.split_once('=') {
            Some((key, _)) => {
                out.push_str(key);
                out.push_str("=…");
            }
            None if part.is_empty() => {}
            // A key by itself may be the secret.
            None => out.push('…'),
        }
    }
    out
}

/// The program of a command, and how many arguments it has. Of a line for a shell, its first word.
#[must_use]
pub fn command(words: &[String]) -> String {
    let [program, arguments @ ..] = words else { return String::new() };
    if let [flag, line] = arguments
        && flag == "-c"
    {
        let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        return match line.split_whitespace().next().filter(plain) {
            Some(word) if line.trim() == word => word.to_owned(),
            Some(word) => format!("{word} …"),
            None => format!("{program} -c …"),
        };
    }
    match arguments.len() {
        0 => program.clone(),
        1 => format!("{program} (1 argument)"),
        count => format!("{program} ({count} arguments)"),
    }
}

/// The output of a program without what looks secret in it, and without these texts. A guess, since a program may print anything.
#[must_use]
pub fn output(text: &str, known: &[String]) -> String {
    let known = known.iter().filter(|secret| secret.len() >= 6).fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"));
    secrets::hidden(&known).split_inclusive('\n').map(line).collect()
}

/// A line: `token=…` and `Authorization: …` lose what follows them, addresses what [`address`] takes from them.
fn line(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let named = secrets::NAMES.iter().filter_map(|name| {
        let after = lower.find(name)? + name.len();
        let rest = text[after..].trim_start_matches(['"', '\'', ' ']);
        rest.starts_with([':', '=']).then(|| text.len() - rest.len() + 1)
    });
    let (shown, end) = match (named.min(), lower.find("bearer ")) {
        (Some(at), Some(bearer)) if bearer < at => (&text[..bearer + "bearer ".len()], "…"),
        (Some(at), _) => (&text[..at], "…"),
        (None, Some(bearer)) => (&text[..bearer + "bearer ".len()], "…"),
        (None, None) => (text.trim_end_matches('\n'), ""),
    };
    let words = shown.split(' ').map(|word| if word.contains("://") { address(word) } else { word.to_owned() });
    let newline = if text.ends_with('\n') { "\n" } else { "" };
    format!("{}{end}{newline}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_host_and_path_and_no_values() {
        for (text, shown) in [
            ("https://shop.example/health", "https://shop.example/health"),
            ("https://shop.example:8443/h?key=s3cret&v=1#frag", "https://shop.example:8443/h?key=…&v=…"),
            ("https://shop.example/h?s3cret", "https://shop.example/h?…"),
            ("https://shop.example/h?", "https://shop.example/h?"),
            ("https://user:s3cret@shop.example", "https://…@shop.example"),
            ("https://user:s3@cret@shop.example/a@b", "https://…@shop.example/a@b"),
            ("/moved?token=s3cret", "/moved?token=…"),
        ] {
            assert_eq!(address(text), shown);
        }
    }

    #[test]
    fn a_command_shows_its_program_only() {
        for (words, shown) in [
            (&["pg_isready"][..], "pg_isready"),
            (&["pg_isready", "-q"], "pg_isready (1 argument)"),
            (&["curl", "-H", "Authorization: s3cret"], "curl (2 arguments)"),
            (&["sh", "-c", "curl -H 'Authorization: s3cret' x"], "curl …"),
            (&["sh", "-c", "TOKEN=s3cret curl x"], "sh -c …"),
            (&["sh", "-c", "true"], "true"),
            (&[], ""),
        ] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(command(&words), shown);
        }
    }

    #[test]
    fn output_shows_no_line_after_the_name_of_a_secret() {
        for (text, shown) in [
            ("freed 3 GB\nof 9\n", "freed 3 GB\nof 9\n"),
            ("token=s3cret x\nok", "token=…\nok"),
            ("using \"api_key\": \"s3cret\"", "using \"api_key\":…"),
            ("> Authorization: Bearer s3cret\n", "> Authorization:…\n"),
            ("sent Bearer s3cret", "sent Bearer …"),
            ("from https://me:s3cret@host/a?k=s3cret done", "from https://…@host/a?k=… done"),
            ("tokens used: 5", "tokens used: 5"),
            ("it was hunter22", "it was …"),
            ("found AKIAIOSFODNN7EXAMPLE in .env\n", "found … in .env\n"),
            ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nok", "…\nok"),
            ("", ""),
        ] {
            assert_eq!(output(text, &["hunter22".to_owned(), "it".to_owned()]), shown);
        }
    }
}
