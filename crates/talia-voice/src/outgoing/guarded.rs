//! Requests to addresses that a configuration names and that nobody else has checked: tools of a company's own.
//!
//! A name is resolved, every address it has is checked, and the connection goes to a checked address: a name that is
//! resolved once more can't lead elsewhere. Nothing private is reached, whatever it is written as, unless the operator
//! has opened it; where clouds keep their secrets is never opened. A redirect is an answer, a proxy is not used.

use super::{ClientError, tls};
use futures::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use url::{Host, Url};

/// A name that isn't resolved by now won't be.
const RESOLVING: Duration = Duration::from_secs(2);
/// For a connection, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(3);

/// Why an address may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// It isn't an address of the web.
    #[error("it is no address of the web")]
    NotAUrl,
    /// Neither `https`, nor `http` to this machine.
    #[error("it must be https")]
    Scheme,
    /// It carries a user's name or password.
    #[error("it carries a user or password")]
    Credentials,
    /// A port that is not open to tools.
    #[error("its port is not one of those that tools may use")]
    Port,
    /// It is not in the public internet, and the operator hasn't opened it.
    #[error("it is a private address")]
    Private,
}

/// Which addresses may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Ports.
    pub ports: Vec<u16>,
    /// Private networks that are open all the same.
    pub private: Vec<IpNet>,
}

impl AddressPolicy {
    /// Checks what can be told without resolving its name.
    pub fn check(&self, text: &str) -> Result<Url, AddressFault> {
        let url = Url::parse(text).map_err(|_| AddressFault::NotAUrl)?;
        self.check_url(&url)?;
        Ok(url)
    }

    /// The same of one that is read already.
    pub fn check_url(&self, url: &Url) -> Result<(), AddressFault> {
        let host = url.host().ok_or(AddressFault::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressFault::Credentials);
        }
        let address = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        let is_here = match (&host, address) {
            (_, Some(address)) => address.to_canonical().is_loopback(),
            (Host::Domain(name), None) => name.trim_end_matches('.') == "localhost",
            _ => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(AddressFault::Scheme);
        }
        if !url
            .port_or_known_default()
            .is_some_and(|port| self.ports.contains(&port))
        {
            return Err(AddressFault::Port);
        }
        match address {
            Some(address) if !self.allows(address) => Err(AddressFault::Private),
            _ => Ok(()),
        }
    }

    /// Whether an address may be reached.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if holds_secrets(address) {
            return false;
        }
        is_public(address) || self.private.iter().any(|open| open.contains(&address))
    }
}

/// Where clouds answer any process of a machine with its keys: AWS, GCP, Azure and OpenStack (169.254.169.254 and its
/// neighbours, `fd00:ec2::254`, `fd20:ce::254`), Azure's wire server, Alibaba, Oracle's first.
fn holds_secrets(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_link_local()
                || [
                    Ipv4Addr::new(168, 63, 129, 16),
                    Ipv4Addr::new(100, 100, 100, 200),
                    Ipv4Addr::new(192, 0, 0, 192),
                ]
                .contains(&address)
        }
        IpAddr::V6(address) => {
            let amazon = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let google = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
            address == amazon || address == google || carried(address).is_some_and(|inner| holds_secrets(inner.into()))
        }
    }
}

/// Whether an address is one of the public internet (IANA's registries of special-purpose addresses, 2025).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out. Of it, 2001::/23 is for protocols (Teredo, ORCHID…), 2001:db8::/32 and 3fff::/20 for
    // books, and 2002::/16 carries an address of version 4.
    let given_out = first & 0xe000 == 0x2000;
    let special = (first == 0x2001 && (second < 0x200 || second == 0xdb8))
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000);
    given_out && !special
}

/// The address of version 4 that one of version 6 leads to: NAT64, 6to4, and the old compatible form.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(of(high, low))
        }
        _ => None,
    }
}

/// Finds the addresses of a name.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// All of them.
    fn lookup(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// Asks the machine's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Resolves names to addresses that may be reached. One that may not spoils the name: who owns it means no good.
#[derive(Debug, Clone)]
struct Checked {
    policy: Arc<AddressPolicy>,
    lookup: Arc<dyn Lookup>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, looked_up) = (self.policy.clone(), self.lookup.lookup(name.as_str()));
        Box::pin(async move {
            let found = timeout(RESOLVING, looked_up).await??;
            if found.iter().any(|address| !policy.allows(*address)) {
                return Err(AddressFault::Private.into());
            }
            let found: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// A client that reaches only what its policy allows.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    policy: Arc<AddressPolicy>,
    client: reqwest::Client,
}

impl GuardedClient {
    /// Makes a client; time limits are the caller's, but for the connection.
    pub fn new(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, ClientError> {
        let policy = Arc::new(policy);
        let resolver = Checked {
            policy: policy.clone(),
            lookup,
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&[])?)
            .connect_timeout(CONNECT)
            .dns_resolver(Arc::new(resolver))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("talia-voice/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError(error.to_string()))?;
        Ok(Self { policy, client })
    }

    /// Begins a request, if its address may be reached as far as can be told before its name is resolved.
    pub fn request(&self, method: reqwest::Method, url: Url) -> Result<reqwest::RequestBuilder, AddressFault> {
        self.policy.check_url(&url)?;
        Ok(self.client.request(method, url))
    }

    /// The client itself, for a library that makes its own requests to an address checked before.
    pub(crate) fn for_checked(&self, url: &str) -> Result<reqwest::Client, AddressFault> {
        self.policy.check(url)?;
        Ok(self.client.clone())
    }
}

/// Whether a request failed because the name's addresses may not be reached.
pub fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(cause) = error {
        if cause.is::<AddressFault>() {
            return true;
        }
        error = cause.source();
    }
    false
}
