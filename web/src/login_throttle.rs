//! Wrong tokens: counted by address, throttled, logged at most once a minute.
//!
//! The right token always passes at once, from any address, so that nobody behind the same address can lock its holder out. After some
//! wrong tokens the next ones get 429 and a closed connection. That slows guessing down; only a token of many random characters
//! makes it hopeless.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Wrong tokens that an address may send before it has to wait.
const FREE: u32 = 10;
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// An address that sent none for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(900);
/// Most addresses that are remembered.
const MAX_ADDRESSES: usize = 4_096;
/// Most addresses in a log line.
const MAX_NAMED: usize = 10;
/// Shortest time between two log lines.
pub(crate) const LOG_EVERY: Duration = Duration::from_secs(60);

/// Counts wrong tokens by sender.
#[derive(Default)]
pub(crate) struct LoginThrottle(Mutex<State>);

#[derive(Default)]
struct State {
    addresses: HashMap<IpAddr, Wrong>,
    /// Wrong tokens since the last log line, by address.
    untold: BTreeMap<IpAddr, u64>,
    /// The same for addresses that are not remembered.
    untold_others: u64,
    last_line: Option<Instant>,
}

struct Wrong {
    count: u32,
    last: Instant,
}

/// What to do about a wrong token.
pub(crate) struct Verdict {
    /// Seconds to wait, once there were too many.
    pub(crate) retry_after: Option<u32>,
    /// What to log now.
    pub(crate) line: Option<String>,
    /// Whether to ask [`LoginThrottle::line`] after [`LOG_EVERY`].
    pub(crate) line_later: bool,
}

/// The address to count by: for IPv6 the network of one customer.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

impl LoginThrottle {
    /// Counts a wrong token.
    pub(crate) fn wrong(&self, address: IpAddr, now: Instant) -> Verdict {
        let address = counted(address);
        let mut state = self.0.lock();
        if !state.addresses.contains_key(&address) && state.addresses.len() >= MAX_ADDRESSES {
            state.addresses.retain(|_, wrong| now.duration_since(wrong.last) < FORGET_AFTER);
            let oldest = state.addresses.iter().min_by_key(|(_, wrong)| wrong.last).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| state.addresses.len() >= MAX_ADDRESSES) {
                state.addresses.remove(&oldest);
            }
        }
        let wrong = state.addresses.entry(address).or_insert(Wrong { count: 0, last: now });
        if now.duration_since(wrong.last) >= FORGET_AFTER {
            wrong.count = 0;
        }
        (wrong.count, wrong.last) = (wrong.count.saturating_add(1), now);
        let beyond = wrong.count.saturating_sub(FREE);
        let retry_after = (beyond > 0).then(|| LONGEST.as_secs().min(1 << (beyond - 1).min(16)) as u32);
        let first = state.untold.is_empty() && state.untold_others == 0;
        if state.untold.len() < MAX_NAMED || state.untold.contains_key(&address) {
            *state.untold.entry(address).or_default() += 1;
        } else {
            state.untold_others += 1;
        }
        let due = state.last_line.is_none_or(|last| now.duration_since(last) >= LOG_EVERY);
        let line = if due { take_line(&mut state, now) } else { None };
        Verdict { retry_after, line_later: first && line.is_none(), line }
    }

    /// The log line about wrong tokens since the last one.
    pub(crate) fn line(&self, now: Instant) -> Option<String> {
        take_line(&mut self.0.lock(), now)
    }
}

fn take_line(state: &mut State, now: Instant) -> Option<String> {
    let (untold, others) = (std::mem::take(&mut state.untold), std::mem::take(&mut state.untold_others));
    let count = untold.values().sum::<u64>() + others;
    if count == 0 {
        return None;
    }
    state.last_line = Some(now);
    let mut line = format!("{count} wrong token{} refused, from", if count == 1 { " was" } else { "s were" });
    for (at, (address, count)) in untold.iter().enumerate() {
        let network = if address.is_ipv6() { "/64" } else { "" };
        let _ = write!(line, "{} {address}{network} ({count})", if at == 0 { "" } else { "," });
    }
    if others > 0 {
        let _ = write!(line, " and further addresses ({others})");
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_told_to_wait_longer_and_longer_and_forgotten_when_it_is_quiet() {
        let (login_throttle, start) = (LoginThrottle::default(), Instant::now());
        let wait = |from: &str, after: u64| login_throttle.wrong(address(from), start + Duration::from_secs(after)).retry_after;
        for _ in 0..FREE {
            assert_eq!(wait("192.0.2.1", 0), None);
        }
        assert_eq!([(); 8].map(|()| wait("192.0.2.1", 1)), [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(wait("192.0.2.2", 1), None, "another address");
        assert_eq!(wait("192.0.2.1", 902), None, "forgotten");
        for n in 0..FREE {
            assert_eq!(wait(&format!("2001:db8::{n}"), 1), None);
        }
        assert_eq!(wait("2001:db8::ffff", 1), Some(1), "one network");
    }

    #[test]
    fn the_log_has_a_line_a_minute_with_all_that_came() {
        let (login_throttle, start) = (LoginThrottle::default(), Instant::now());
        let first = login_throttle.wrong(address("192.0.2.1"), start);
        assert_eq!(first.line.as_deref(), Some("1 wrong token was refused, from 192.0.2.1 (1)"));
        let mut asked = 0;
        for n in 0..12_500u32 {
            let verdict = login_throttle.wrong(address(&format!("192.0.2.{}", n % 25)), start + Duration::from_secs(30));
            assert_eq!(verdict.line, None);
            asked += u32::from(verdict.line_later);
        }
        assert_eq!(asked, 1, "one is asked to come back");
        let line = login_throttle.line(start + LOG_EVERY).unwrap();
        assert!(
            line.starts_with("12500 wrong tokens were refused, from 192.0.2.0 (500), ") && line.ends_with("further addresses (7500)"),
            "{line}"
        );
        assert_eq!(login_throttle.line(start + LOG_EVERY), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (login_throttle, start) = (LoginThrottle::default(), Instant::now());
        for n in 0..2 * MAX_ADDRESSES as u32 {
            login_throttle.wrong(IpAddr::from(n.to_be_bytes()), start + Duration::from_millis(n.into()));
        }
        assert_eq!(login_throttle.0.lock().addresses.len(), MAX_ADDRESSES);
    }
}
