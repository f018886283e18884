//! Where callbacks may go. A requester chooses the address and the desk calls it, from inside the
//! operator's network: unless the operator allows it, only addresses that the internet routes are
//! called, so that nobody has the desk call what only the desk can reach.

use crate::error::ServiceError;
use rescind::Code;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout, time};
use ureq::{Agent, Error};

/// Whether the internet routes an address: not this machine's, a private network's, a link's, nor any
/// that is kept for another purpose (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let kept = match a {
        // This network, private, loopback, multicast and all that is reserved.
        0 | 10 | 127 | 224..=255 => true,
        // Shared by carriers; link-local, where clouds tell machines their secrets.
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, 6to4 relays, private.
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        // Benchmarks, documentation.
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => false,
    };
    !kept
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // An address of IPv4 in one of IPv6: as mapped, translated (NAT64), or by 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo and other protocols' own, and documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        // Of all others only global unicast is routed.
        [first, ..] => (0x2000..0x4000).contains(&first) && first != 0x3fff,
    }
}

/// A name led to an address that is not called.
#[derive(Debug, thiserror::Error)]
#[error("leads to an address of this machine or of a private network")]
struct LeadsInside;

/// Resolves names, on a thread of its own that is waited for no longer than there is time; where the
/// system has none to give, on this one.
#[derive(Debug)]
struct InTime;

impl Resolver for InTime {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        // Asked for in a time, the usual one panics where there is no thread.
        let whenever = NextTimeout {
            after: time::Duration::NotHappening,
            ..timeout
        };
        let (uri, config) = (uri.clone(), config.clone());
        let resolve = move || DefaultResolver::default().resolve(&uri, &config, whenever);
        let (tells, told) = sync_channel(1);
        let asks = resolve.clone();
        match thread::Builder::new().spawn(move || drop(tells.send(asks()))) {
            Ok(_) => match told.recv_timeout(*timeout.after) {
                Ok(found) => found,
                Err(_) => Err(Error::Timeout(timeout.reason)),
            },
            Err(_) => resolve(),
        }
    }
}

/// Resolves names as usual, and refuses those that lead inside. What it gives is what is connected to:
/// a name that leads elsewhere a moment later makes no difference.
#[derive(Debug)]
struct PublicOnly(InTime);

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        match found.iter().all(|address| is_public(address.ip())) {
            true => Ok(found),
            false => Err(Error::Other(Box::new(LeadsInside))),
        }
    }
}

/// Calls addresses that requests name: within so long, following no redirection. Through no proxy
/// either, unless it may go anywhere, as a proxy would resolve names by itself.
pub(crate) fn agent(patience: Duration, anywhere: bool) -> Agent {
    let config = Agent::config_builder();
    let config = config.timeout_global(Some(patience)).max_redirects(0);
    let config = config.http_status_as_error(true);
    let connector = DefaultConnector::default();
    match anywhere {
        true => Agent::with_parts(config.build(), connector, InTime),
        false => Agent::with_parts(config.proxy(None).build(), connector, PublicOnly(InTime)),
    }
}

/// Whether a call failed because its address is one that is not called.
pub(crate) fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Other(why) if why.is::<LeadsInside>())
}

/// Refuses addresses that lead inside as they are written. What a name leads to is looked at when it is
/// called: whoever asks would learn from the answer which names there are in the desk's network.
pub(crate) fn check(urls: &[String]) -> Result<(), ServiceError> {
    for url in urls {
        let Ok(uri) = url.parse::<Uri>() else {
            continue;
        };
        let Some(host) = uri.host() else {
            continue;
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let here = host.eq_ignore_ascii_case("localhost") || is_old_number(host);
        let written = bare.parse().is_ok_and(|address| !is_public(address));
        if here || written {
            return Err(ServiceError::refused(
                Code::Setting,
                "a callback's address leads to this machine or into a private network: expected one \
                 that the internet routes. An operator who wants such callbacks starts the desk with \
                 --private-callbacks",
            ));
        }
    }
    Ok(())
}

/// Whether a host is an address of IPv4 in one of its old ways to be written (`2130706433`, `127.1`,
/// `0x7f.1`): nobody means well by them.
fn is_old_number(host: &str) -> bool {
    let last = host
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or(host);
    let digits = last.strip_prefix("0x").unwrap_or(last);
    let number = !last.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = number && last.as_bytes()[0].is_ascii_digit();
    number && host.parse::<Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::{agent, is_public, is_refused};
    use std::time::Duration;

    #[test]
    fn only_what_the_internet_routes_is_public() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("127.255.0.9", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.63.0.1", true),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("169.254.169.254", false),
            ("169.253.0.1", true),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.0.0.1", false),
            ("192.0.1.1", true),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("198.20.0.1", true),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("93.184.215.14", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.215.14", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::5db8:d70e", true),
            ("2002:7f00:1::", false),
            ("2002:5db8:d70e::1", true),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("2606:4700::1111", true),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn names_that_lead_inside_are_not_called() {
        let guarded = agent(Duration::from_secs(5), false);
        for url in [
            "http://localhost:9/",
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
            "https://2130706433/",
            "https://someone@127.1/",
        ] {
            let error = guarded.post(url).send("x").err().unwrap();
            assert!(is_refused(&error), "{url}: {error}");
        }
        // The port of discard: refused by the machine, and not by the guard.
        let open = agent(Duration::from_secs(5), true);
        let error = open.post("http://127.0.0.1:9/").send("x").err().unwrap();
        assert!(!is_refused(&error), "{error}");
    }
}
