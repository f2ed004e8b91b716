//! Addresses and host names in templates.

use std::net::IpAddr;

/// Go's `url.QueryEscape`: a space is `+`.
pub(super) fn query_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Go's `url.QueryUnescape`; none where an escape is wrong.
pub(super) fn query_unescaped(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => *byte,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Host and port, as Go's `net.SplitHostPort` finds them. None: there is no port, or the address is malformed.
pub(super) fn host_and_port(text: &str) -> Option<(&str, &str)> {
    let colon = text.rfind(':')?;
    let port = &text[colon + 1..];
    let host = if let Some(inner) = text.strip_prefix('[') {
        let end = inner.find(']')?;
        // Only the port may follow the bracket.
        if end + 2 != colon {
            return None;
        }
        &inner[..end]
    } else {
        &text[..colon]
    };
    let is_bracketed = text.starts_with('[');
    let bad = (!is_bracketed && host.contains(':')) || host.contains(['[', ']']) || port.contains(['[', ']']);
    (!bad).then_some((host, port))
}

/// The host of an address.
pub(super) fn without_port(text: &str) -> &str {
    host_and_port(text).map_or(text, |(host, _)| host)
}

/// The first part of a host's name, with its port. Addresses of numbers stay as they are.
pub(super) fn without_domain(text: &str) -> String {
    let (host, port) = host_and_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let name = host.split('.').next().unwrap_or("");
    match port {
        "" => name.to_owned(),
        port if name.contains([':', '%']) => format!("[{name}]:{port}"),
        port => format!("{name}:{port}"),
    }
}

/// The path of an address.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or("")
}
