//! Where connections may go: the API's origin, redirects on a list, and no address inside the network unless the API is there
//! itself. Addresses are checked where names are resolved, so that a name which changes its address helps nobody.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Origin, Url};

/// Where redirects may lead besides the API's own origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// This scheme, host and port.
    Origin(Origin),
    /// This host and those below it, by https at its usual port.
    Hosts(String),
}

impl Redirects {
    /// Reads `https://media.example.com:8443` or `example.com`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            let anonymous = url.username().is_empty() && url.password().is_none();
            return (bare && anonymous).then(|| Self::Origin(url.origin()));
        }
        match Host::parse(text.trim_start_matches('.')).ok()? {
            // A suffix without a dot would be a whole top-level domain.
            Host::Domain(host) if host.trim_matches('.').contains('.') => Some(Self::Hosts(host)),
            _ => None,
        }
    }

    fn allows(&self, url: &Url) -> bool {
        match self {
            Self::Origin(origin) => url.origin() == *origin,
            Self::Hosts(hosts) => {
                let below =
                    |host: &str| host.strip_suffix(&**hosts).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                url.scheme() == "https" && url.port().is_none() && url.domain().is_some_and(below)
            }
        }
    }
}

/// A connection that was not made.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub host: String,
    why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection to {}: {}", self.host, self.why)
    }
}

impl std::error::Error for Refused {}

const INSIDE: &str = "its address is not a public one (twilio.allow_private)";

/// The rules of one source.
#[derive(Clone)]
pub(super) struct Egress {
    api: Origin,
    redirects: Vec<Redirects>,
    private: bool,
}

impl Egress {
    /// Private addresses are fine where the API has one itself.
    pub fn new(api_base: &Url, redirects: Vec<Redirects>, allow_private: bool) -> Self {
        Self { api: api_base.origin(), redirects, private: allow_private || is_inside(api_base) }
    }

    /// Whether a redirect may lead there, as far as the URL tells.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let refused = |why| Err(Refused { host: url.host_str().unwrap_or_default().to_owned(), why });
        if url.origin() != self.api && !self.redirects.iter().any(|redirects| redirects.allows(url)) {
            return refused("redirects may not lead there (twilio.redirects)");
        }
        // No resolver is asked about what is an address already.
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        if address.is_some_and(|ip| !self.private && !is_public(ip)) { refused(INSIDE) } else { Ok(()) }
    }
}

impl Resolve for Egress {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) = found.partition(|at| private || is_public(at.ip()));
            if good.is_empty() && !bad.is_empty() {
                return Err(Refused { host: name.as_str().to_owned(), why: INSIDE }.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// Whether a URL says by itself that its host is in this network: an address there, `localhost`, or a name without a dot.
fn is_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => !is_public(ip.into()),
        Some(Host::Ipv6(ip)) => !is_public(ip.into()),
        Some(Host::Domain(name)) => !name.contains('.') || name.ends_with(".localhost"),
        None => false,
    }
}

/// Whether an address is one of the open internet: not of IANA's registries of special addresses, and no cloud's metadata.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    // Azure's host, which looks like a public address.
    const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    let special = match ip.octets() {
        // This network, private, loopback, multicast and reserved.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Shared by carriers (CGNAT), private, link-local (metadata among it).
        [100, 64..=127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] => true,
        // Protocols, documentation, relays, benchmarks.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        _ => false,
    };
    !special && ip != AZURE
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // NAT64: what counts is the address behind it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // Protocols (Teredo among them), documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Everything that has been given out; not loopback, link-local, unique local or multicast.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn egress(api: &str, redirects: &[&str]) -> Egress {
        Egress::new(&url(api), redirects.iter().map(|text| Redirects::parse(text).unwrap()).collect(), false)
    }

    #[test]
    fn addresses_inside_the_network_are_not_public() {
        let inside = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "::7f00:1",
        ];
        for ip in inside {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "54.172.60.0", "2600:1f18::1", "64:ff9b::808:808"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn redirects_lead_to_the_api_and_to_what_is_listed() {
        let rules = egress("https://api.twilio.com", &["twilio.com", "https://media.example:8443"]);
        for good in [
            "https://api.twilio.com/x",
            "https://media.ie1.twilio.com/",
            "https://twilio.com",
            "https://media.example:8443/a",
        ] {
            assert!(rules.check(&url(good)).is_ok(), "{good}");
        }
        let bad = [
            "https://eviltwilio.com",
            "https://twilio.com.evil.example",
            "http://media.twilio.com",
            "https://x.twilio.com:8443",
            "https://media.example",
            "https://127.0.0.1",
            "http://169.254.169.254/latest",
            "https://2130706433/",
            "https://[::1]/",
        ];
        for bad in bad {
            assert!(rules.check(&url(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_on_the_list_is_still_inside_the_network() {
        let listed = ["http://10.0.0.7:80", "http://0x7f.1:9"];
        let rules = egress("https://api.twilio.com", &listed);
        assert!(rules.check(&url("http://10.0.0.7")).is_err());
        assert!(rules.check(&url("http://127.0.0.1:9")).is_err());
        assert!(egress("http://10.0.0.1", &listed).check(&url("http://10.0.0.7")).is_ok(), "as the API itself is");
        let allowed = Egress::new(&url("https://api.twilio.com"), vec![Redirects::parse(listed[0]).unwrap()], true);
        assert!(allowed.check(&url("http://10.0.0.7")).is_ok());
    }

    /// What a name that is bound anew resolves to.
    #[tokio::test]
    async fn a_name_of_an_address_inside_the_network_is_not_connected_to() {
        let localhost = || "localhost".parse().unwrap();
        let refused = egress("https://api.twilio.com", &[]).resolve(localhost()).await.err().unwrap();
        assert_eq!(refused.downcast_ref::<Refused>().unwrap().host, "localhost");
        assert!(egress("http://localhost:1", &[]).resolve(localhost()).await.is_ok());
    }

    #[test]
    fn what_is_listed_is_an_origin_or_hosts() {
        for bad in
            ["com", "https://a.example/path", "ftp://a.example", "https://u@a.example", "10.0.0.1", "a b.example", ""]
        {
            assert_eq!(Redirects::parse(bad), None, "{bad}");
        }
        assert_eq!(Redirects::parse(".Twilio.com"), Redirects::parse("twilio.com"));
    }
}
