//! Cookies that answers set while one check follows redirects, by RFC 6265. Each check begins without any.
//!
//! There is no list of public suffixes: a cookie may be for the host that set it or for a domain above it that has a dot.

use hyper::header::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Url;

/// Cookies of one check; what is beyond is left out.
const MAX_COOKIES: usize = 100;
/// Longest cookie, name and value together, as browsers have it.
const MAX_BYTES: usize = 4_096;

#[derive(Debug)]
struct Cookie {
    /// `name=value`
    pair: Vec<u8>,
    name: usize,
    domain: String,
    /// Sent to `domain` alone, and not to hosts below it.
    host_only: bool,
    path: String,
    secure: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes in a `Set-Cookie` of an answer from `url`.
    pub(super) fn set(&mut self, url: &Url, header: &HeaderValue) {
        let Some(host) = url.host_str().map(str::to_ascii_lowercase) else { return };
        let mut parts = header.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let Some(pair) = parts.next().filter(|pair| pair.len() <= MAX_BYTES) else { return };
        let Some(name) = pair.iter().position(|byte| *byte == b'=').filter(|at| *at > 0) else { return };
        let folder = url.path().rfind('/').filter(|at| *at > 0).map_or("/", |at| &url.path()[..at]);
        let mut cookie =
            Cookie { pair: pair.to_vec(), name, domain: host.clone(), host_only: true, path: folder.to_owned(), secure: false };
        let (mut max_age, mut expires) = (None, None);
        for part in parts {
            let text = String::from_utf8_lossy(part);
            let (key, value) = text.split_once('=').map_or((&*text, ""), |(key, value)| (key.trim(), value.trim()));
            match key.to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    if domain.is_empty() || domain == host {
                        cookie.host_only &= domain.is_empty() || url.domain().is_none();
                    } else if domain.contains('.') && url.domain().is_some() && is_below(&host, &domain) {
                        (cookie.domain, cookie.host_only) = (domain, false);
                    } else {
                        return;
                    }
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => max_age = value.parse::<i64>().ok(),
                "expires" => expires = rfc2822::DateTimeParser::new().parse_timestamp(value.replace('-', " ")).ok(),
                _ => {}
            }
        }
        let over = max_age.map_or_else(|| expires.is_some_and(|at| at <= Timestamp::now()), |seconds| seconds <= 0);
        let same = |other: &Cookie| {
            other.pair[..other.name] == cookie.pair[..cookie.name] && other.domain == cookie.domain && other.path == cookie.path
        };
        self.0.retain(|other| !same(other));
        if !over && self.0.len() < MAX_COOKIES {
            self.0.push(cookie);
        }
    }

    /// The value of `Cookie` of a request, after what the settings give; none where there is nothing to send.
    pub(super) fn header(&self, url: &Url, given: Option<&HeaderValue>) -> Option<HeaderValue> {
        let host = url.host_str()?.to_ascii_lowercase();
        let fits = |cookie: &&Cookie| {
            let path = url.path().strip_prefix(cookie.path.as_str());
            (host == cookie.domain || (!cookie.host_only && is_below(&host, &cookie.domain)))
                && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.path.ends_with('/'))
                && (!cookie.secure || url.scheme() == "https" || is_loopback(&host))
        };
        // The more exact path first.
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(fits).collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<&[u8]> = given.map(HeaderValue::as_bytes).into_iter().chain(cookies.iter().map(|c| c.pair.as_slice())).collect();
        let mut value = HeaderValue::from_bytes(&pairs.join(b"; ".as_slice())).ok().filter(|_| !pairs.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether nobody between could read along: browsers and curl send `Secure` cookies there without TLS.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.ends_with(".localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_where_it_belongs_and_nowhere_else() {
        for (from, set, to, expected) in [
            ("http://a.example/", "k=v; path=/; HttpOnly", "http://a.example/x", Some("k=v")),
            ("http://a.example/", "k=v", "http://a.example:81/", Some("k=v")),
            ("http://a.example/", "k=v", "http://b.example/", None),
            ("http://a.example/", "k=v", "http://x.a.example/", None),
            ("http://a.example/", "k=v; Domain=a.example", "http://x.a.example/", Some("k=v")),
            ("http://w.a.example/", "k=v; Domain=.a.example", "http://x.a.example/", Some("k=v")),
            ("http://a.example/", "k=v; Domain=example", "http://a.example/", None),
            ("http://a.example/", "k=v; Domain=b.example", "http://b.example/", None),
            ("http://10.0.0.1/", "k=v; Domain=10.0.0.1", "http://10.0.0.1/", Some("k=v")),
            ("http://[::1]/", "k=v", "http://[::1]/", Some("k=v")),
            ("http://a.example/b/c", "k=v", "http://a.example/b/d", Some("k=v")),
            ("http://a.example/b/c", "k=v", "http://a.example/bb", None),
            ("http://a.example/b", "k=v; Path=/b", "http://a.example/b", Some("k=v")),
            ("http://a.example/b", "k=v; Path=/b", "http://a.example/b/c", Some("k=v")),
            ("https://a.example/", "k=v; Secure", "http://a.example/", None),
            ("http://localhost/", "k=v; Secure", "http://localhost/", Some("k=v")),
            ("http://127.0.0.1/", "k=v; Secure", "http://127.0.0.1/", Some("k=v")),
            ("https://a.example/", "k=v; Secure", "https://a.example/", Some("k=v")),
            ("http://a.example/", "k=v; Max-Age=0", "http://a.example/", None),
            ("http://a.example/", "k=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.example/", Some("k=v")),
            ("http://a.example/", "k=v; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "http://a.example/", None),
            ("http://a.example/", "k=v; Expires=whenever", "http://a.example/", Some("k=v")),
            ("http://a.example/", "k=", "http://a.example/", Some("k=")),
            ("http://a.example/", "=v", "http://a.example/", None),
            ("http://a.example/", "no pair", "http://a.example/", None),
        ] {
            let mut jar = Jar::default();
            jar.set(&Url::parse(from).unwrap(), &HeaderValue::from_str(set).unwrap());
            let sent = jar.header(&Url::parse(to).unwrap(), None);
            assert_eq!(sent.as_ref().map(|value| value.to_str().unwrap()), expected, "{set} of {from} to {to}");
        }
    }

    #[test]
    fn a_later_cookie_takes_the_place_of_one_and_the_settings_come_first() {
        let url = Url::parse("http://a.example/b/c").unwrap();
        let mut jar = Jar::default();
        for set in ["k=1; path=/", "k=2; path=/", "deep=3", "gone=4; path=/", "gone=; path=/; Max-Age=-1"] {
            jar.set(&url, &HeaderValue::from_static(set));
        }
        let sent = jar.header(&url, Some(&HeaderValue::from_static("own=0"))).unwrap();
        assert_eq!(sent, "own=0; deep=3; k=2");
        for n in 0..1_000 {
            jar.set(&url, &HeaderValue::from_str(&format!("c{n}={}", "x".repeat(5_000 * (n % 2)))).unwrap());
        }
        assert!(jar.0.len() <= MAX_COOKIES && jar.0.iter().all(|cookie| cookie.pair.len() <= MAX_BYTES));
    }
}
