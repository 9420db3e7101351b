//! Which requests are accepted, by their Host and Origin.
//!
//! A page from elsewhere can make a browser on this network ask us. Under a name of its own that leads here (DNS
//! rebinding) it could even read the answer: so we answer only to addresses, which cannot be made to lead elsewhere
//! (whoever forwards our port has us asked by his), and to names that we were told. It can POST whatever the name: so
//! actions are refused to pages from elsewhere.

use std::net::IpAddr;

use super::request::Request;

/// Whether `host`, the value of a Host header, can be us.
pub(super) fn is_us(host: &str, names: &[String]) -> bool {
    let Some(host) = without_port(host) else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // An address of a link is written with its interface, in one way or another (RFC 6874).
    let bare = bare.split('%').next().unwrap_or(bare);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        let is_somebodys = !address.is_unspecified() && !address.is_multicast();
        return is_somebodys || names.contains(&address.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || names.contains(&name)
}

/// Whether the request may change something: it is from our own page, or from no page at all.
pub(super) fn may_act(request: &Request) -> bool {
    let scheme = if request.is_https { "https://" } else { "http://" };
    let same_origin = |origin: &str| {
        origin
            .strip_prefix(scheme)
            .zip(request.host.as_deref())
            .is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    };
    request.origin.as_deref().is_none_or(same_origin)
        && request.fetch_site.as_deref().is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// A host without its port, brackets kept; `None` if it is not written as one.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_are_us() {
        let names = ["bench3.example".to_owned()];
        for host in [
            "192.0.2.7:8080",
            "192.0.2.7",
            // Whoever forwards a port to us has us asked by another address.
            "203.0.113.9:18080",
            "[2001:db8::9]:18080",
            "[fe80::1%eth0]",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "localhost:8080",
            "LOCALHOST.",
            "a.localhost",
            "Bench3.Example:8080",
        ] {
            assert!(is_us(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "0.0.0.0:8080",
            "[::]",
            "239.255.10.1",
            "bench3.example.evil",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:80:80",
            "localhost:http",
            "[::1",
            "::1",
            "user@127.0.0.1",
            "2130706433",
        ] {
            assert!(!is_us(host, &names), "{host}");
        }
    }

    #[test]
    fn actions_are_for_our_own_page_and_for_programs() {
        let request = |origin: Option<&str>, site: Option<&str>| Request {
            host: Some("127.0.0.1:8080".into()),
            origin: origin.map(Into::into),
            fetch_site: site.map(Into::into),
            ..Request::default()
        };
        let own = Some("http://127.0.0.1:8080");
        for (origin, site) in [(None, None), (own, Some("same-origin")), (own, None), (None, Some("none"))] {
            assert!(may_act(&request(origin, site)), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (Some("null"), None),
            (Some("http://evil.example"), None),
            (Some("http://127.0.0.1:9090"), None),
            (Some("https://127.0.0.1:8080"), None),
            (own, Some("cross-site")),
            (None, Some("same-site")),
        ] {
            assert!(!may_act(&request(origin, site)), "{origin:?} {site:?}");
        }
        let by_https = |origin| may_act(&Request { is_https: true, ..request(Some(origin), None) });
        assert!(by_https("https://127.0.0.1:8080") && !by_https("http://127.0.0.1:8080"));
    }
}
