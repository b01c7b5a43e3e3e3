//! Who may ask what.

use super::rig::{json, reason};
use crate::harness::TestServer;
use sha2::{Digest, Sha256};
use talia_voice::api::{Route, routes};
use talia_voice::clock::Clock;
use talia_voice::config::Scope;
use talia_voice::telemetry::labels::Refusal;

const SCOPES: [Scope; 6] = [
    Scope::Dial,
    Scope::Token,
    Scope::DoNotCall,
    Scope::Read,
    Scope::Command,
    Scope::Erase,
];
const OPERATOR: &str = "a-key-of-enough-length";

/// A key for each scope.
fn keys() -> String {
    SCOPES.iter().fold(String::new(), |all, scope| {
        let word = scope.word();
        let sha256 = Sha256::digest(format!("programa-{word}"));
        let sha256 = sha256
            .iter()
            .fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
        all + &format!("[[api.keys]]\nid = \"{word}\"\nsha256 = \"{sha256}\"\nscopes = [\"{word}\"]\n")
    })
}

/// Knocks at a route; of what would answer with something only the head is wanted, as some never end.
async fn knock(server: &TestServer, route: &Route, headers: &[(&str, &str)]) -> u16 {
    let path = route.path.replace("{call_sid}", "CA1").replace("{id}", "1");
    let method = if route.method == "GET" { "HEAD" } else { route.method };
    server.request((method, &path), "", headers).await.status
}

#[tokio::test]
async fn each_route_wants_a_key_with_its_scope() {
    let server = TestServer::start_with(&[("talia.toml", &keys())], Clock::real()).await;
    assert!(routes().len() > 15);
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        assert_eq!(knock(&server, &route, &[]).await, 401, "{what}");
        for wrong in [
            "Bearer programa-otro",
            "Bearer ",
            "Basic programa-read",
            "programa-read",
        ] {
            assert_eq!(knock(&server, &route, &[("Authorization", wrong)]).await, 401, "{what}");
        }
        for scope in SCOPES {
            let key = format!("Bearer programa-{}", scope.word());
            let status = knock(&server, &route, &[("Authorization", &key)]).await;
            if route.scope.is_none_or(|wanted| wanted == scope) {
                assert!(![0, 401, 403].contains(&status), "{what} {scope:?}: {status}");
            } else {
                assert_eq!(status, 403, "{what} {scope:?}");
            }
        }
    }
    let answer = server
        .get("/api/voice/leads", &[("Authorization", "Bearer programa-dial")])
        .await;
    assert_eq!((answer.status, reason(&answer).as_str()), (403, "scope"));
    assert_eq!(json(&answer)["detail"], "a key with the scope read is needed");
    let answer = server.get("/api/voice/leads", &[]).await;
    assert_eq!((answer.status, reason(&answer).as_str()), (401, "key"));
    assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    assert!(server.app.metrics.refused_count(Refusal::ApiScope) > 40);
}

#[tokio::test]
async fn without_any_key_this_machine_alone_is_answered() {
    let server = TestServer::start().await;
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        let status = knock(&server, &route, &[]).await;
        assert!(![0, 401, 403].contains(&status), "{what}: {status}");
        for elsewhere in [("X-Forwarded-For", "203.0.113.7"), ("Via", "1.1 proxy")] {
            assert_eq!(knock(&server, &route, &[elsewhere]).await, 401, "{what}");
        }
    }
    let answer = server.get("/api/voice/calls", &[]).await;
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
}

#[tokio::test]
async fn the_operator_s_key_reads_and_does_nothing_else() {
    let settings = [("TALIA_SERVER__API_KEY", OPERATOR)];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    let key = format!("Bearer {OPERATOR}");
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        let with = knock(&server, &route, &[("Authorization", &key)]).await;
        let without = knock(&server, &route, &[]).await;
        if matches!(route.scope, None | Some(Scope::Read)) {
            assert!(![0, 401, 403].contains(&with), "{what}: {with}");
            assert_eq!(without, 401, "{what}");
        } else {
            // As long as programs have no keys, this machine may use what is theirs.
            assert!(![0, 401, 403].contains(&without), "{what}: {without}");
        }
    }
    // Where they have, the operator's isn't one of them.
    let settings = [("TALIA_SERVER__API_KEY", OPERATOR), ("talia.toml", &keys())];
    let server = TestServer::start_with(&settings, Clock::real()).await;
    for route in routes() {
        let status = knock(&server, &route, &[("Authorization", &key)]).await;
        let may = matches!(route.scope, None | Some(Scope::Read));
        assert_eq!(status != 401, may, "{} {}", route.method, route.path);
    }
}
