//! Pages for people that are made here: the login form with what went wrong, and refusals.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::assets;
use crate::envelope::ApiError;

/// The type of all pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// Longest address to which a login leads.
const MAX_ADDRESS: usize = 4_096;
/// Where the login page says what went wrong.
const PROBLEM: &str = "<p id=\"problem\" class=\"problem\" role=\"alert\"></p>";
/// Where the refusal page says it.
const TITLE: &str = "<h1></h1>";
const WHY: &str = "<p id=\"why\"></p>";

/// Whether a person looks at the answer: a browser that opens an address asks for HTML, programs and scripts do not.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.split(',').any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html")))
}

/// An address within the service, to which a login may lead; nothing that a browser would take for another site's.
pub(crate) fn local_address(address: &str) -> Option<&str> {
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let local = address.starts_with('/') && !address.starts_with("//") && address.len() <= MAX_ADDRESS;
    let leads_on = !matches!(address.split(['?', '#', '/']).nth(1), Some("login" | "logout"));
    (plain && local && leads_on).then_some(address)
}

/// The address of the login that leads to another address.
pub(crate) fn login_address(wanted: &str) -> String {
    match local_address(wanted) {
        None | Some("/") => "/login".to_owned(),
        Some(wanted) => {
            let escape = |byte: u8| match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' | b'=' => char::from(byte).to_string(),
                other if other.is_ascii_alphanumeric() => char::from(other).to_string(),
                other => format!("%{other:02X}"),
            };
            format!("/login?next={}", wanted.bytes().map(escape).collect::<String>())
        }
    }
}

fn login_page(problem: &str) -> String {
    assets::text("login.html").replace(PROBLEM, &PROBLEM.replace("></p>", &format!(">{}</p>", escaped(problem))))
}

/// The login form.
pub(crate) fn login() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).body(login_page(""))
}

/// The login form, after a token that was refused.
pub(crate) fn login_again(error: &ApiError) -> HttpResponse {
    page(error, login_page(&sentence(&error.to_string())))
}

/// An error as a page.
pub(crate) fn page(error: &ApiError, page: String) -> HttpResponse {
    let mut answer = error.error_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    answer.set_body(BoxBody::new(page))
}

/// The page of a refusal.
pub(crate) fn refusal(status: StatusCode, why: &str) -> String {
    let title = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::UNAUTHORIZED => "A login is needed",
        StatusCode::FORBIDDEN => "Refused",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        _ => "That did not work",
    };
    assets::text("refused.html")
        .replace(TITLE, &format!("<h1>{title}</h1>"))
        .replace(WHY, &format!("<p id=\"why\">{}</p>", escaped(&sentence(why))))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.is_empty() || text.ends_with(['.', '!', '?', ')']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_but_into_the_service() {
        for address in
            ["/", "/?range=6h", "/metrics", "/api/v1/query?query=up%7B%7D&time=1", "/a//b", "/x?next=//evil.example", "/#/status"]
        {
            assert_eq!(local_address(address), Some(address));
        }
        for address in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/ /x",
            "https://evil.example/",
            "javascript:alert(1)",
            "/é",
            "/login",
            "/login?next=/login",
            "/logout",
            "/login/",
        ] {
            assert_eq!(local_address(address), None, "{address:?}");
        }
        assert_eq!(local_address(&format!("/{}", "a".repeat(MAX_ADDRESS))), None);
    }

    #[test]
    fn the_address_of_the_login_holds_the_one_that_was_wanted() {
        assert_eq!(login_address("/"), "/login");
        assert_eq!(login_address("//evil.example"), "/login");
        assert_eq!(login_address("/metrics?a=b&c=%20#x"), "/login?next=/metrics%3Fa=b%26c=%2520%23x");
    }

    #[test]
    fn what_went_wrong_stands_in_the_page_as_text() {
        assert!(assets::text("login.html").contains(PROBLEM) && assets::text("refused.html").contains(WHY));
        assert!(assets::text("refused.html").contains(TITLE));
        let page = refusal(StatusCode::NOT_FOUND, "there is no /<b>\"&");
        assert!(
            page.contains("<h1>There is no such page</h1>") && page.contains("<p id=\"why\">There is no /&lt;b&gt;&quot;&amp;.</p>"),
            "{page}"
        );
    }

    #[test]
    fn a_browser_that_opens_an_address_asks_for_a_page() {
        let wants = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            wanted(&headers)
        };
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8") && wants("*/*, Text/HTML;q=0.1"));
        assert!(!wants("*/*") && !wants("application/json") && !wanted(&HeaderMap::new()));
    }
}
