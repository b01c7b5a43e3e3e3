//! No private address is reached, whatever it is written as and whatever name leads to it.

use super::Call;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use talia_simulator::providers::company_tools::{CompanyTools, Manner};
use talia_voice::outgoing::{AddressFault, AddressPolicy, GuardedClient, Lookup, SystemLookup};
use talia_voice::telemetry::labels::ToolVerdict;

fn policy(ports: &[u16], private: &[&str]) -> AddressPolicy {
    AddressPolicy {
        ports: ports.to_vec(),
        private: private
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect(),
    }
}

/// Loopback and every other private address, as they can be written; all lead to `port`.
fn encodings(port: u16) -> Vec<String> {
    let hosts = [
        // Loopback, in all the forms of version 4.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
        "127.127.127.127",
        "0",
        "0.0.0.0",
        "0x0",
        "00",
        "127.000.000.001",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        // Loopback in version 6, plain and carrying version 4.
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[0000::ffff:127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        // Names.
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost.localdomain",
        "ip6-localhost",
        "loopback.example",
        // Private, link-local, shared, reserved.
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.1.1",
        "198.18.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.88.99.1",
        "[fe80::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[100::1]",
        // Where clouds keep their keys.
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[64:ff9b::169.254.169.254]",
        "metadata.example",
    ];
    hosts.iter().map(|host| format!("https://{host}:{port}/")).collect()
}

/// A resolver of our own: names of these tests, and everything else as loopback.
#[derive(Debug, Default)]
struct Names {
    known: HashMap<String, Vec<IpAddr>>,
    /// What a name that rebinds is at first, and then.
    turns: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut turns = self.turns.lock().expect("a lock");
        let found = match self.known.get(name) {
            Some(found) => found.clone(),
            None if !turns.is_empty() => vec![turns.remove(0)],
            None => vec![IpAddr::from([127, 0, 0, 1])],
        };
        std::future::ready(Ok(found)).boxed()
    }
}

#[tokio::test]
async fn no_encoding_of_a_private_address_makes_a_connection() {
    let server = CompanyTools::start().await.expect("a server");
    let port = server.address.port();
    let names = Names {
        known: HashMap::from([(
            "metadata.example".to_owned(),
            vec!["169.254.169.254".parse().expect("an address")],
        )]),
        ..Names::default()
    };
    let client = GuardedClient::new(policy(&[port], &[]), Arc::new(names)).expect("a client");
    let all = encodings(port);
    assert!(all.len() >= 60, "{}", all.len());
    for url in &all {
        // What isn't an address at all is as good as refused.
        let Ok(parsed) = url.parse() else { continue };
        if let Ok(request) = client.request(reqwest::Method::GET, parsed) {
            let error = request.send().await.expect_err(url);
            assert!(talia_voice::outgoing::was_refused(&error), "{url}: {error:?}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_is_resolved_once_more_leads_nowhere_else() {
    let server = CompanyTools::start().await.expect("a server");
    let port = server.address.port();
    // Public when it is checked, loopback when somebody asks again. 192.0.2.0/24 is nobody's, opened here as if public.
    let names = Arc::new(Names {
        turns: Mutex::new(vec!["192.0.2.7".parse().expect("an address")]),
        ..Names::default()
    });
    let client = GuardedClient::new(policy(&[port], &["192.0.2.0/24"]), names.clone()).expect("a client");
    let url = format!("https://rebinds.example:{port}/").parse().expect("a url");
    let request = client.request(reqwest::Method::GET, url).expect("allowed so far");
    let sent = tokio::time::timeout(std::time::Duration::from_secs(4), request.send()).await;
    assert!(!matches!(sent, Ok(Ok(_))), "nobody is there");
    assert_eq!(
        server.connections(),
        0,
        "the connection goes to the address that was checked"
    );
    let again = format!("https://rebinds.example:{port}/").parse().expect("a url");
    let request = client.request(reqwest::Method::GET, again).expect("allowed so far");
    let error = request.send().await.expect_err("loopback now");
    assert!(talia_voice::outgoing::was_refused(&error));
    assert_eq!((server.connections(), names.asked.load(Ordering::SeqCst)), (0, 2));
}

#[tokio::test]
async fn one_private_address_spoils_a_name() {
    let server = CompanyTools::start().await.expect("a server");
    let port = server.address.port();
    let mixed = vec![
        "93.184.216.34".parse().expect("an address"),
        "127.0.0.1".parse().expect("an address"),
    ];
    let names = Names {
        known: HashMap::from([("mixed.example".to_owned(), mixed)]),
        ..Names::default()
    };
    let client = GuardedClient::new(policy(&[port], &[]), Arc::new(names)).expect("a client");
    let url = format!("https://mixed.example:{port}/").parse().expect("a url");
    let error = client
        .request(reqwest::Method::GET, url)
        .expect("so far")
        .send()
        .await
        .expect_err("refused");
    assert!(talia_voice::outgoing::was_refused(&error), "{error:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = CompanyTools::start().await.expect("a server");
    let outside = CompanyTools::start().await.expect("a server");
    outside.behave(Manner::Redirect(format!("http://{}/secret", inside.address)));
    // Even where the operator has opened loopback.
    let ports = [inside.address.port(), outside.address.port()];
    let client = GuardedClient::new(policy(&ports, &["127.0.0.1/32"]), Arc::new(SystemLookup)).expect("a client");
    let url = format!("http://{}/", outside.address).parse().expect("a url");
    let answer = client
        .request(reqwest::Method::GET, url)
        .expect("open")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 302);
    assert_eq!((outside.connections(), inside.connections()), (1, 0));
}

#[test]
fn schemes_ports_and_credentials_are_as_narrow() {
    let policy = policy(&[443], &["10.0.0.0/8", "169.254.0.0/16", "::/0"]);
    for (url, fault) in [
        ("https://erp.example.com/", None),
        ("https://10.1.2.3/", None),
        ("https://192.168.1.1/", Some(AddressFault::Private)),
        ("http://erp.example.com/", Some(AddressFault::Scheme)),
        ("http://10.1.2.3:443/", Some(AddressFault::Scheme)),
        ("ftp://erp.example.com/", Some(AddressFault::Scheme)),
        ("file:///etc/passwd", Some(AddressFault::NotAUrl)),
        ("gopher://erp.example.com/", Some(AddressFault::Scheme)),
        ("https://erp.example.com:8443/", Some(AddressFault::Port)),
        ("https://erp.example.com:22/", Some(AddressFault::Port)),
        ("https://user:pass@erp.example.com/", Some(AddressFault::Credentials)),
        ("https://user@erp.example.com/", Some(AddressFault::Credentials)),
        ("erp.example.com", Some(AddressFault::NotAUrl)),
        ("", Some(AddressFault::NotAUrl)),
        // Never opened, whatever the operator says.
        ("https://169.254.169.254/", Some(AddressFault::Private)),
        ("https://[fd00:ec2::254]/", Some(AddressFault::Private)),
        ("https://[::ffff:169.254.169.254]/", Some(AddressFault::Private)),
        ("https://[64:ff9b::a9fe:a9fe]/", Some(AddressFault::Private)),
    ] {
        assert_eq!(policy.check(url).err(), fault, "{url}");
    }
}

#[tokio::test]
async fn a_tool_whose_name_leads_inside_reaches_nothing() {
    let server = CompanyTools::start().await.expect("a server");
    let port = server.address.port();
    let toml = format!(
        r#"
[[tools]]
id = "precio"
description = "Un precio."
method = "GET"
url = "https://erp.example.com:{port}/price"

[tool_network]
ports = "{port}"
"#
    );
    let mut call = Call::resolving(&toml, r#"tools = ["precio"]"#, Arc::new(Names::default()));
    let outcome = call.wish("precio", "{}").await;
    assert!(outcome.output.contains("may not be reached"), "{}", outcome.output);
    assert_eq!(server.connections(), 0);
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::AddressRefused), 1);
}
