//! Whether another page of a list follows. GitHub says so in the header `Link`. The length of a page says nothing: pages in the middle of a
//! list may be short, because GitHub removes what the token may not see, and the last page may be full.

/// Whether another page follows, by the header `Link`. Without that header (a proxy may have removed it), the total number of items
/// decides: `seen` counts the items of this page and of those before.
#[must_use]
pub fn has_next_page(link: Option<&str>, total: Option<u64>, length: usize, full: usize, seen: usize) -> bool {
    match link {
        Some(link) => has_next(link),
        None => length >= full && total.is_some_and(|total| total > seen as u64),
    }
}

/// Whether one of the targets of a `Link` header (RFC 8288) is the next page.
fn has_next(mut link: &str) -> bool {
    while let Some((_, rest)) = link.split_once('<') {
        let Some((_, parameters)) = rest.split_once('>') else { return false };
        let end = end_of_target(parameters);
        let next = parameters[..end].split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
            let words = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && words.into_iter().any(|word| word.eq_ignore_ascii_case("next"))
        });
        if next {
            return true;
        }
        link = &parameters[end..];
    }
    false
}

/// Where the parameters of a target end: at a comma outside of quotes.
fn end_of_target(parameters: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in parameters.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    parameters.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_page_follows_where_the_header_names_it() {
        for (link, expected) in [
            (r#"<https://h/r?page=2>; rel="next", <https://h/r?page=9>; rel="last""#, true),
            (r#"<https://h/r?page=1>; rel="prev", <https://h/r?page=1>; rel="first""#, false),
            (r#"<https://h/r?page=1>; rel="prev",<https://h/r?page=3>;rel=next"#, true),
            (r#"<https://h/r?a=1,2&page=3>; title="a, b"; REL="last next""#, true),
            (r#"<https://h/rel="next">; rel="last""#, false),
            (r#"<https://h/next>; rel="nextish""#, false),
            ("", false),
            ("<", false),
            ("nonsense; rel=next", false),
        ] {
            assert_eq!(has_next_page(Some(link), Some(900), 99, 100, 99), expected, "{link}");
        }
    }

    #[test]
    fn without_a_header_the_total_decides() {
        for (total, length, seen, expected) in [
            (Some(100), 100, 100, false),
            (Some(250), 100, 100, true),
            (Some(250), 50, 250, false),
            (Some(250), 99, 99, false),
            (None, 100, 100, false),
        ] {
            assert_eq!(has_next_page(None, total, length, 100, seen), expected, "{total:?} {length} {seen}");
        }
    }
}
