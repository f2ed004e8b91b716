//! Who may use the service: checks of `Host`, `Origin` and token on every request, and the headers of every answer.
//!
//! `Host` defeats DNS rebinding, `Origin` defeats other sites' scripts and sockets. Secrets are compared in constant time
//! and appear in no log and no answer.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieDuration};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::envelope::ApiError;
use crate::server::AppState;

/// The cookie that a login sets.
const COOKIE: &str = "taskpulse_login";
/// How long a login lasts, seconds.
const LOGIN_SECONDS: u64 = 30 * 86_400;
/// What needs no token: health, what the login page is made of, and what is signed.
const OPEN_PATHS: [&str; 9] =
    ["/healthz", "/readyz", "/login", "/js/login.js", "/js/theme-boot.js", "/app.css", "/tokens.css", "/favicon.svg", crate::hooks::GITHUB];

/// Where paths begin that are no pages and no parts of pages.
const NOT_PAGES: [&str; 5] = ["/api/", "/v1/", "/hooks/", "/ws", "/metrics"];

const SECURITY_HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The rules of access.
#[derive(Clone)]
pub struct Access {
    token: Option<String>,
    /// Names that `Host` may have, lower case, without port.
    hosts: Vec<String>,
    /// Listening beyond loopback: any address literal is as good as another.
    any_address: bool,
}

impl Access {
    /// Rules for a service that listens on `listen`.
    #[must_use]
    pub fn new(listen: IpAddr, token: Option<String>, allowed_hosts: &[String]) -> Self {
        let mut hosts: Vec<String> = allowed_hosts.iter().map(|h| h.to_lowercase()).collect();
        hosts.push("localhost".to_owned());
        Self { token, hosts, any_address: !listen.is_loopback() }
    }

    fn host_allowed(&self, host: &str) -> bool {
        let name = without_port(host).to_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        literal.map_or_else(|_| self.hosts.contains(&name), |ip| self.any_address || ip.is_loopback() || self.hosts.contains(&name))
    }

    fn check_sender(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or("");
        if !self.host_allowed(host) {
            let shown: String = host.chars().take(100).collect();
            return Err(ApiError::forbidden(format!(
                "Host `{shown}` is not this service; use localhost, or add the name to server.allowed_hosts"
            )));
        }
        match text(header::ORIGIN) {
            Some(origin) if origin.split_once("://").map(|(_, authority)| authority) != Some(host) => {
                Err(ApiError::forbidden("requests from another origin are refused"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what the page of another site, or of another program on this machine, makes a browser ask for. An `<img>` sends no
    /// `Origin`, but says where it is with `Sec-Fetch-Site`. Pages and their parts may be linked to from anywhere.
    fn check_site(req: &ServiceRequest) -> Result<(), ApiError> {
        let site = req.headers().get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
        let foreign = !matches!(site, None | Some("same-origin" | "none"));
        let only_a_page = req.method().is_safe() && !NOT_PAGES.iter().any(|prefix| req.path().starts_with(prefix));
        if foreign && !only_a_page {
            return Err(ApiError::forbidden(
                "requests that the page of another site makes are refused (Sec-Fetch-Site); open the dashboard by its address, or ask from a program",
            ));
        }
        Ok(())
    }

    fn check_token(&self, req: &ServiceRequest) -> Result<(), ApiError> {
        if self.token.is_none() || OPEN_PATHS.contains(&req.path()) {
            return Ok(());
        }
        let bearer = req.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
        let by_bearer = bearer.is_some_and(|given| self.is_token(given));
        if by_bearer || req.cookie(COOKIE).is_some_and(|cookie| self.is_login(cookie.value())) {
            return Ok(());
        }
        Err(ApiError::unauthorized("a token is needed: send `Authorization: Bearer TOKEN` (server.token), or log in at /login"))
    }

    /// Whether a text is the token; takes the same time for every wrong one of a length.
    pub(crate) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| bool::from(token.as_bytes().ct_eq(given.as_bytes())))
    }

    fn signature(&self, expires: u64) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.token.as_ref()?.as_bytes()).ok()?;
        mac.update(b"taskpulse login until ");
        mac.update(&expires.to_be_bytes());
        Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn is_login(&self, cookie: &str) -> bool {
        let Some((expires, given)) = cookie.split_once('.') else { return false };
        let Ok(expires) = expires.parse::<u64>() else { return false };
        let Some(expected) = self.signature(expires) else { return false };
        bool::from(expected.as_bytes().ct_eq(given.as_bytes())) && expires > unix_now()
    }

    /// The cookie of a login: its end, signed with the token. A new token ends all logins.
    pub(crate) fn login_cookie(&self) -> Option<Cookie<'static>> {
        let expires = unix_now() + LOGIN_SECONDS;
        let value = format!("{expires}.{}", self.signature(expires)?);
        let max_age = CookieDuration::seconds(i64::try_from(LOGIN_SECONDS).ok()?);
        Some(Cookie::build(COOKIE, value).path("/").http_only(true).same_site(SameSite::Strict).max_age(max_age).finish())
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host.ends_with(']') && host[colon + 1..].bytes().all(|b| b.is_ascii_digit()) => &host[..colon],
        _ => host,
    }
}

/// The middleware: checks each request, dresses each answer.
pub(crate) async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let allowed = match req.app_data::<web::Data<AppState>>() {
        Some(state) => {
            state.access.check_sender(req.headers()).and_then(|()| Access::check_site(&req)).and_then(|()| state.access.check_token(&req))
        }
        None => Err(ApiError::internal("the service is not set up")),
    };
    let is_page = req.method() == actix_web::http::Method::GET && req.path() == "/";
    let mut res = match allowed {
        Ok(()) => next.call(req).await?.map_into_left_body(),
        Err(error) => {
            use actix_web::ResponseError;
            let answer = if is_page && error.status_code() == actix_web::http::StatusCode::UNAUTHORIZED {
                actix_web::HttpResponse::SeeOther().insert_header((header::LOCATION, "/login")).finish()
            } else {
                error.error_response()
            };
            req.extensions_mut().clear();
            req.into_response(answer).map_into_right_body()
        }
    };
    for (name, value) in SECURITY_HEADERS {
        res.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !res.headers().contains_key(header::CACHE_CONTROL) {
        res.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(res)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str, hosts: &[&str]) -> Access {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        Access::new(listen.parse().unwrap(), Some("correct horse battery".to_owned()), &hosts)
    }

    #[test]
    fn host_must_name_this_service() {
        let local = access("127.0.0.1", &["Pulse.example"]);
        for (host, ok) in [
            ("localhost:8090", true),
            ("127.0.0.1:8090", true),
            ("[::1]:8090", true),
            ("LOCALHOST", true),
            ("pulse.example", true),
            ("evil.example:8090", false),
            ("localhost.evil.example", false),
            ("192.168.1.5", false),
            ("", false),
        ] {
            assert_eq!(local.host_allowed(host), ok, "{host}");
        }
        assert!(access("0.0.0.0", &[]).host_allowed("192.168.1.5:8090"));
        assert!(!access("0.0.0.0", &[]).host_allowed("evil.example"));
    }

    #[test]
    fn an_origin_must_be_the_host() {
        let check = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            access("127.0.0.1", &[]).check_sender(&headers).is_ok()
        };
        assert!(check("localhost:8090", None));
        assert!(check("localhost:8090", Some("http://localhost:8090")));
        for origin in ["http://localhost:8091", "http://evil.example", "null", "localhost:8090", ""] {
            assert!(!check("localhost:8090", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn other_sites_may_link_to_pages_and_ask_for_nothing_else() {
        let check = |method: &str, path: &str, site: Option<&str>| {
            let mut req = actix_web::test::TestRequest::with_uri(path).method(method.parse().unwrap());
            if let Some(site) = site {
                req = req.insert_header(("sec-fetch-site", site));
            }
            Access::check_site(&req.to_srv_request()).is_ok()
        };
        for path in ["/", "/js/app.js", "/login", "/healthz"] {
            assert!(check("GET", path, Some("cross-site")), "{path}");
            assert!(!check("POST", path, Some("cross-site")), "{path}");
        }
        for path in ["/api/v1/query?query=up", "/api/v1/export", "/v1/metrics", "/hooks/github", "/ws", "/metrics", "/api/v1/nothing"] {
            for (site, ok) in
                [(None, true), (Some("none"), true), (Some("same-origin"), true), (Some("same-site"), false), (Some("cross-site"), false)]
            {
                assert_eq!(check("GET", path, site), ok, "{path} {site:?}");
                assert_eq!(check("POST", path, site), ok, "{path} {site:?}");
            }
            assert!(!check("GET", path, Some("something new")), "{path}");
        }
    }

    #[test]
    fn a_login_is_signed_by_the_token_and_ends() {
        let access = access("127.0.0.1", &[]);
        let cookie = access.login_cookie().unwrap();
        assert!(access.is_login(cookie.value()));
        assert!(!access.is_login(&cookie.value().replace(['a', '1'], "0")));
        let past = format!("100.{}", access.signature(100).unwrap());
        assert!(!access.is_login(&past));
        let other = Access { token: Some("another one".to_owned()), ..access.clone() };
        assert!(!other.is_login(cookie.value()));
        assert!(access.is_token("correct horse battery") && !access.is_token("correct horse"));
    }
}
