//! Who a request comes from: the peer of its connection, or the client that a trusted proxy names.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName};

/// Addresses that are trusted to name the client (`server.trusted_proxies`).
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<(IpAddr, u32)>);

/// A text in `server.trusted_proxies` that names no proxy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{0}` is neither an address nor a network such as 10.0.0.0/8")]
pub struct InvalidProxy(String);

/// A client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether it came by TLS, according to its proxy.
    pub(crate) tls: bool,
}

impl Proxies {
    /// Parses addresses and networks such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// Names the first text that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, InvalidProxy> {
        let one = |text: &String| {
            let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(address, bits)| (address, Some(bits)));
            let address = address.trim().parse::<IpAddr>().ok()?.to_canonical();
            let width = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(width), |bits| bits.trim().parse().ok().filter(|bits| *bits <= width))?;
            Some((address, bits))
        };
        let all = texts.iter().map(|text| one(text).ok_or_else(|| InvalidProxy(text.clone())));
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => same(network.to_bits().into(), address.to_bits().into(), *bits, 32),
            (IpAddr::V6(network), IpAddr::V6(address)) => same(network.to_bits(), address.to_bits(), *bits, 128),
            _ => false,
        })
    }

    /// The client of a request: the last address in the header that is no trusted proxy. The client can write anything before it.
    pub(crate) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.to_canonical());
        if !self.trusts(peer) {
            return Client { address: peer, tls: false };
        }
        let all = |name: &'static str| {
            let values = headers.get_all(HeaderName::from_static(name)).filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(str::trim).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut address = peer;
        for named in all("x-forwarded-for").iter().rev() {
            let Some(next) = parse_named(named) else { break };
            address = next;
            if !self.trusts(address) {
                break;
            }
        }
        Client { address, tls: all("x-forwarded-proto").last().is_some_and(|proto| proto.eq_ignore_ascii_case("https")) }
    }
}

fn same(one: u128, other: u128, bits: u32, width: u32) -> bool {
    let shift = width - bits;
    // A network of zero bits contains every address.
    shift >= 128 || one >> shift == other >> shift
}

/// `10.1.2.3`, `10.1.2.3:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn parse_named(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    plain.ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip())).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_proxy_is_believed_when_it_is_trusted_and_no_further_than_the_first_that_is_not() {
        let proxies = Proxies::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned()]).unwrap();
        for (peer, forwarded, client) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("::ffff:10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
            ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.2.2.2", "198.51.100.7"),
            ("::1", "[2001:db8::1]:80", "2001:db8::1"),
            ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "10.3.3.3", "10.3.3.3"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(forwarded));
            headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("https"));
            let seen = proxies.client(Some(peer.parse().unwrap()), &headers);
            assert_eq!(seen.address, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
            assert_eq!(seen.tls, peer != "192.0.2.1");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["", "proxy.example", "10.0.0.0/33", "::/129", "10.0.0.0/x"] {
            assert!(Proxies::parse(&[wrong.to_owned()]).unwrap_err().to_string().contains(wrong));
        }
        assert!(Proxies::parse(&["0.0.0.0/0".to_owned(), "::/0".to_owned()]).unwrap().trusts(IpAddr::from([9, 9, 9, 9])));
    }
}
