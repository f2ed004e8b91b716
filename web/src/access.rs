//! Who may use the service: the rules for `Host`, `Origin` and token; the middleware in `guard` applies them.
//!
//! `Host` defeats DNS rebinding, `Origin` defeats other sites' scripts and sockets. Secrets are compared in constant time
//! and appear in no log and no answer. A login is a signed cookie; one that was ended is remembered until it would have ended by itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieDuration};
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage, HttpRequest};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use taskpulse_actors::notify::{AckKey, AckLink};
use taskpulse_engine::model::hex;

use crate::envelope::ApiError;
use crate::login_throttle::{LOG_EVERY, LoginThrottle};
use crate::mcp::McpToken;
use crate::peers::{Client, Proxies};

/// The cookie that a login sets.
pub(crate) const COOKIE: &str = "taskpulse_login";
/// Logins that were ended and are remembered.
const MAX_ENDED: usize = 10_000;
/// What needs no token: health, what the login page is made of, its end, what an installed dashboard is made of, and what is signed.
const OPEN_PATHS: [&str; 14] = [
    "/healthz",
    "/readyz",
    "/-/healthy",
    "/-/ready",
    "/login",
    "/logout",
    "/favicon.svg",
    "/favicon.ico",
    "/manifest.webmanifest",
    "/icon-192.png",
    "/icon-512.png",
    "/icon-maskable.png",
    "/sw.js",
    crate::hooks::GITHUB,
];

/// Scripts and styles, which hold no data: the login page is made of some of them.
const ASSETS: &str = "/assets/";

/// Whether a path needs no token.
pub(crate) fn is_open(path: &str) -> bool {
    OPEN_PATHS.contains(&path) || path.starts_with(ASSETS)
}

/// Where paths begin that are no pages and no parts of pages.
const NOT_PAGES: [&str; 7] = ["/api/", "/v1/", "/loki/", "/hooks/", "/ws", "/mcp", "/metrics"];

/// Whether a path is that of a page or of a part of one.
pub(crate) fn is_page(path: &str) -> bool {
    !NOT_PAGES.iter().any(|prefix| path.starts_with(prefix))
}

/// What the settings say of access.
#[derive(Debug, Clone)]
pub struct AccessOptions {
    /// Where the service listens.
    pub listen: IpAddr,
    /// The secret that clients must show.
    pub token: Option<String>,
    /// Secrets that open the server of MCP and nothing else.
    pub mcp_tokens: Vec<McpToken>,
    /// Further names that `Host` may have.
    pub allowed_hosts: Vec<String>,
    /// Whose word on clients counts.
    pub proxies: Proxies,
    /// How long a login lasts.
    pub session_lifetime: Duration,
    /// Signs links that acknowledge an alert.
    pub ack_key: AckKey,
}

/// A login that its cookie proved.
pub(crate) struct Login {
    expires: u64,
    number: String,
}

/// The rules of access.
pub struct Access {
    token: Option<String>,
    mcp_tokens: Vec<McpToken>,
    /// Names that `Host` may have, lower case, without port.
    hosts: Vec<String>,
    /// Listening beyond loopback: any address literal is as good as another.
    any_address: bool,
    proxies: Proxies,
    session_lifetime: Duration,
    ack_key: AckKey,
    login_throttle: Arc<LoginThrottle>,
    /// Logins that were ended, with the time at which they would have ended by themselves.
    ended: Mutex<BTreeMap<String, u64>>,
}

impl Access {
    /// The rules for a service.
    #[must_use]
    pub fn new(options: AccessOptions) -> Self {
        let mut hosts: Vec<String> = options.allowed_hosts.iter().map(|host| plain_host(host)).collect();
        hosts.push("localhost".to_owned());
        Self {
            token: options.token,
            mcp_tokens: options.mcp_tokens,
            hosts,
            any_address: !options.listen.is_loopback(),
            proxies: options.proxies,
            session_lifetime: options.session_lifetime,
            ack_key: options.ack_key,
            login_throttle: Arc::default(),
            ended: Mutex::default(),
        }
    }

    fn host_allowed(&self, host: &str) -> bool {
        let name = plain_host(host);
        let literal = name.parse::<IpAddr>();
        literal.map_or_else(|_| self.hosts.contains(&name), |ip| self.any_address || ip.is_loopback() || self.hosts.contains(&name))
    }

    pub(crate) fn check_sender(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or("");
        // What the rebinding of a name could abuse is a browser, and browsers send a host. Programs that speak HTTP/1.0 need not.
        if headers.contains_key(header::HOST) && !self.host_allowed(host) {
            let shown: String = host.chars().take(100).collect();
            return Err(ApiError::forbidden(format!(
                "Host `{shown}` is not this service; use localhost, or add the name to server.allowed_hosts"
            )));
        }
        let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        // No page can forge `Sec-Fetch-Site`. A browser that was told to keep origins to itself sends `null` with it; behind a proxy
        // that changes `Host`, the origin has the name that the browser knows.
        let same_site = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        if same_site && (origin == "null" || authority.is_some_and(|authority| self.host_allowed(authority))) {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "requests from another origin are refused; open the dashboard by its own address. Behind a proxy, add the name that browsers know to server.allowed_hosts",
        ))
    }

    /// Refuses what the page of another site, or of another program on this machine, makes a browser ask for. An `<img>` sends no
    /// `Origin`, but says where it is with `Sec-Fetch-Site`. Pages and their parts may be linked to from anywhere.
    pub(crate) fn check_site(req: &ServiceRequest) -> Result<(), ApiError> {
        let site = req.headers().get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
        let foreign = !matches!(site, None | Some("same-origin" | "none"));
        let only_a_page = req.method().is_safe() && is_page(req.path());
        if foreign && !only_a_page {
            return Err(ApiError::forbidden(
                "requests that the page of another site makes are refused (Sec-Fetch-Site); open the dashboard by its address, or ask from a program",
            ));
        }
        Ok(())
    }

    pub(crate) fn check_token(&self, req: &ServiceRequest, failures: &AtomicU64) -> Result<(), ApiError> {
        if self.token.is_none() || is_open(req.path()) {
            return Ok(());
        }
        let bearer = req.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        // The name of a scheme has no case.
        let bearer =
            bearer.and_then(|v| v.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
        let by_bearer = bearer.is_some_and(|given| self.is_token(given) || (req.path() == crate::mcp::PATH && self.opens_mcp(req, given)));
        if req.method() == Method::POST && self.is_ack_link(req.path(), req.query_string()) {
            return Ok(());
        }
        if by_bearer || req.cookie(COOKIE).is_some_and(|cookie| self.is_login(cookie.value())) {
            return Ok(());
        }
        if bearer.is_some_and(|given| !given.is_empty()) {
            self.refuse(req.peer_addr(), req.request(), failures)?;
        }
        Err(ApiError::unauthorized("a token is needed: send `Authorization: Bearer TOKEN` (server.token), or log in at /login"))
    }

    /// Whether an address is a link that acknowledges an alert, signed and not ended. It may do nothing else: no further parameter counts.
    fn is_ack_link(&self, path: &str, query: &str) -> bool {
        let read = || {
            let id = path.strip_prefix("/api/v1/alerts/")?.strip_suffix("/ack")?;
            let (fired, rest) = query.strip_prefix("fired=")?.split_once("&until=")?;
            let (until, signature) = rest.split_once("&signature=")?;
            Some((AckLink { id, fired: fired.parse().ok()?, until: until.parse().ok()? }, signature))
        };
        let now = i64::try_from(unix_now()).unwrap_or(i64::MAX).saturating_mul(1_000);
        read().is_some_and(|(link, signature)| self.ack_key.accepts(&link, signature, now))
    }

    /// Counts a wrong token; an error where its sender has sent too many.
    pub(crate) fn refuse(&self, peer: Option<SocketAddr>, req: &HttpRequest, failures: &AtomicU64) -> Result<(), ApiError> {
        failures.fetch_add(1, Ordering::Relaxed);
        let verdict = self.login_throttle.wrong(self.client(peer, req).address, Instant::now());
        if let Some(line) = verdict.line {
            log::warn!("{line}");
        }
        if verdict.line_later {
            let login_throttle = Arc::clone(&self.login_throttle);
            actix_web::rt::spawn(async move {
                actix_web::rt::time::sleep(LOG_EVERY).await;
                if let Some(line) = login_throttle.line(Instant::now()) {
                    log::warn!("{line}");
                }
            });
        }
        match verdict.retry_after {
            Some(seconds) => {
                Err(ApiError::too_many(format!("too many wrong tokens; wait {seconds} s (the right one is taken at once)"), seconds))
            }
            None => Ok(()),
        }
    }

    fn client(&self, peer: Option<SocketAddr>, req: &HttpRequest) -> Client {
        self.proxies.client(peer.map(|peer| peer.ip()), req.headers())
    }

    /// Whether a request came by TLS, as a trusted proxy says.
    pub(crate) fn by_tls(&self, req: &HttpRequest) -> bool {
        self.client(req.peer_addr(), req).tls
    }

    /// Whether a text is the token; takes the same time for every wrong one of a length.
    pub(crate) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| bool::from(token.as_bytes().ct_eq(given.as_bytes())))
    }

    /// Whether a text is a token of MCP; the request then carries what that one may.
    fn opens_mcp(&self, req: &ServiceRequest, given: &str) -> bool {
        let Some(token) = McpToken::of(&self.mcp_tokens, given) else { return false };
        if let Some(scope) = token.scope.clone() {
            req.extensions_mut().insert(scope);
        }
        true
    }

    /// The login that a request shows, where it is one and lives.
    pub(crate) fn login_of(&self, req: &HttpRequest) -> Option<Login> {
        let cookie = req.cookie(COOKIE)?;
        let (expires, number) = self.signed(cookie.value())?;
        let login = Login { expires, number: number.to_owned() };
        self.lives(&login).then_some(login)
    }

    /// Whether a login has neither run out nor been ended.
    pub(crate) fn lives(&self, login: &Login) -> bool {
        login.expires > unix_now() && !self.ended.lock().contains_key(&login.number)
    }

    fn signature(&self, expires: u64, number: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.token.as_ref()?.as_bytes()).ok()?;
        mac.update(b"taskpulse login until ");
        mac.update(&expires.to_be_bytes());
        mac.update(number.as_bytes());
        Some(hex(&mac.finalize().into_bytes()))
    }

    /// The end and the number of a login, where its cookie is signed with the token.
    fn signed<'a>(&self, cookie: &'a str) -> Option<(u64, &'a str)> {
        let mut parts = cookie.split('.');
        let (expires, number, given) = (parts.next()?, parts.next()?, parts.next()?);
        let expires = expires.parse::<u64>().ok()?;
        let expected = self.signature(expires, number)?;
        bool::from(expected.as_bytes().ct_eq(given.as_bytes())).then_some((expires, number))
    }

    fn is_login(&self, cookie: &str) -> bool {
        self.signed(cookie).is_some_and(|(expires, number)| expires > unix_now() && !self.ended.lock().contains_key(number))
    }

    /// The cookie of a login: its end and a number of its own, signed with the token. A new token ends all logins.
    ///
    /// # Errors
    /// Where the system gives no random number, or there is no token.
    pub(crate) fn login_cookie(&self, secure: bool) -> Result<Cookie<'static>, ApiError> {
        let mut number = [0; 16];
        rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| ApiError::internal(format!("no random number: {error}")))?;
        let lifetime = self.session_lifetime.as_secs();
        let (expires, number) = (unix_now() + lifetime, hex(&number));
        let signature =
            self.signature(expires, &number).ok_or_else(|| ApiError::internal("no login can be made: server.token is unset"))?;
        let cookie = Cookie::build(COOKIE, format!("{expires}.{number}.{signature}"));
        let max_age = CookieDuration::seconds(i64::try_from(lifetime).unwrap_or(i64::MAX));
        Ok(cookie.path("/").http_only(true).same_site(SameSite::Strict).secure(secure).max_age(max_age).finish())
    }

    /// Ends the login of a request, if it has one.
    pub(crate) fn end_login(&self, req: &HttpRequest) {
        let Some(cookie) = req.cookie(COOKIE) else { return };
        let Some((expires, number)) = self.signed(cookie.value()) else { return };
        let now = unix_now();
        let mut ended = self.ended.lock();
        ended.retain(|_, expires| *expires > now);
        if ended.len() >= MAX_ENDED
            && let Some(first) = ended.iter().min_by_key(|(_, expires)| **expires).map(|(number, _)| number.clone())
        {
            ended.remove(&first);
        }
        ended.insert(number.to_owned(), expires);
    }

    /// A cookie that removes that of a login.
    pub(crate) fn no_cookie(&self, secure: bool) -> Cookie<'static> {
        let mut cookie = Cookie::build(COOKIE, "").path("/").http_only(true).same_site(SameSite::Strict).secure(secure).finish();
        cookie.make_removal();
        cookie
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The name or address of a `Host`: lower case, without port, brackets and the dot at the end of a full name.
fn plain_host(host: &str) -> String {
    let name = match host.rfind(':') {
        // An IPv6 address without brackets has colons and no port.
        Some(colon) if !host[..colon].contains(':') || host[..colon].ends_with(']') => {
            if host[colon + 1..].bytes().all(|b| b.is_ascii_digit()) { &host[..colon] } else { host }
        }
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn access(listen: &str, hosts: &[&str]) -> Access {
        Access::new(AccessOptions {
            listen: listen.parse().unwrap(),
            token: Some("correct horse battery".to_owned()),
            mcp_tokens: Vec::new(),
            allowed_hosts: hosts.iter().map(ToString::to_string).collect(),
            proxies: Proxies::default(),
            session_lifetime: Duration::from_secs(3_600),
            ack_key: AckKey::random().unwrap(),
        })
    }

    #[test]
    fn host_must_name_this_service() {
        let local = access("127.0.0.1", &["Pulse.example"]);
        for (host, ok) in [
            ("localhost:8090", true),
            ("127.0.0.1:8090", true),
            ("[::1]:8090", true),
            ("[::1]", true),
            ("::1", true),
            ("LOCALHOST", true),
            ("LocalHost.:8090", true),
            ("localhost.", true),
            ("pulse.example", true),
            ("PULSE.example.:443", true),
            ("localhost:x", false),
            ("[localhost", false),
            ("localhost..", false),
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
        assert!(check("LOCALHOST:8090", Some("http://localhost:8090")));
        for origin in ["http://localhost:8091", "http://evil.example", "null", "localhost:8090", ""] {
            assert!(!check("localhost:8090", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn what_the_browser_vouches_for_may_hide_its_origin_or_know_the_service_by_an_allowed_name() {
        let access = access("127.0.0.1", &["pulse.example"]);
        let check = |origin: &'static str, site: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8090"));
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            headers.insert(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static(site));
            access.check_sender(&headers).is_ok()
        };
        for (origin, same_origin) in [
            ("null", true),
            ("https://pulse.example", true),
            ("http://127.0.0.1:8090", true),
            ("https://evil.example", false),
            ("https://pulse.example.evil.example", false),
            ("nothing", false),
        ] {
            assert_eq!(check(origin, "same-origin"), same_origin, "{origin}");
            for site in ["cross-site", "same-site", "none", ""] {
                assert_eq!(check(origin, site), origin == "http://127.0.0.1:8090", "{origin} {site}");
            }
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
        for path in ["/", "/assets/main-00000000.js", "/login", "/healthz"] {
            assert!(check("GET", path, Some("cross-site")), "{path}");
            assert!(!check("POST", path, Some("cross-site")), "{path}");
        }
        for path in [
            "/api/v1/query?query=up",
            "/api/v1/export",
            "/v1/metrics",
            "/loki/api/v1/push",
            "/hooks/github",
            "/ws",
            "/metrics",
            "/api/v1/nothing",
        ] {
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
        let (access, mut other) = (access("127.0.0.1", &[]), access("127.0.0.1", &[]));
        let cookie = access.login_cookie(false).unwrap();
        assert!(access.is_login(cookie.value()) && cookie.secure() == Some(false));
        assert_eq!(access.login_cookie(true).unwrap().secure(), Some(true));
        assert!(!access.is_login(&cookie.value().replace(['a', '1'], "0")));
        let past = format!("100.0.{}", access.signature(100, "0").unwrap());
        assert!(!access.is_login(&past));
        for odd in ["", ".", "..", "1.2", "x.y.z", "99999999999999.0.", &"9".repeat(100)] {
            assert!(!access.is_login(odd), "{odd}");
        }
        other.token = Some("another one".to_owned());
        assert!(!other.is_login(cookie.value()));
        assert!(access.is_token("correct horse battery") && !access.is_token("correct horse"));
    }

    #[test]
    fn a_login_that_was_ended_is_none_any_more_and_others_are() {
        let access = access("127.0.0.1", &[]);
        let (one, other) = (access.login_cookie(false).unwrap(), access.login_cookie(false).unwrap());
        let with = |cookie: &Cookie<'static>| actix_web::test::TestRequest::default().cookie(cookie.clone()).to_http_request();
        access.end_login(&with(&one));
        assert!(!access.is_login(one.value()) && access.is_login(other.value()));
        // What nobody signed is not remembered.
        access.end_login(&with(&Cookie::new(COOKIE, "99999999999.0.0")));
        assert_eq!(access.ended.lock().len(), 1);
    }
}
