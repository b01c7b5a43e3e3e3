//! What is shipped beside the program: the fallback document, and the proxies' files.

use std::path::Path;
use talia_simulator::twiml::{self, Verb};

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn the_fallback_is_an_apology_and_the_end() {
    let text = shipped("fallback.xml");
    let document = twiml::parse(text.as_bytes(), "https://elsewhere.example.com/fallback.xml").expect("TwiML");
    assert_eq!(document.warnings, Vec::<String>::new());
    let [Verb::Say { text, .. }, Verb::Hangup] = &document.verbs[..] else {
        panic!("{:?}", document.verbs);
    };
    assert!(text.starts_with("Disculpa"), "{text}");
}

/// What Twilio's signatures and sockets need of a proxy, so that nobody tidies it away.
#[test]
fn the_proxies_keep_the_path_and_pass_sockets() {
    let nginx = shipped("nginx.conf");
    for needed in [
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "merge_slashes off;",
        "proxy_pass http://talia_voice;",
        "proxy_read_timeout 1h;",
        "access_log off;",
    ] {
        assert!(nginx.contains(needed), "{needed}");
    }
    let caddy = shipped("Caddyfile");
    for needed in [
        "reverse_proxy 127.0.0.1:8080",
        "versions 1.1",
        "flush_interval -1",
        "lb_try_duration 10s",
    ] {
        assert!(caddy.contains(needed), "{needed}");
    }
}
