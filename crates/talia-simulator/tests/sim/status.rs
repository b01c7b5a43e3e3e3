//! Status callbacks as a network delivers them: every order, copies, losses, delays, the end before the beginning.

use std::collections::BTreeSet;

use talia_simulator::settings::{CarrierSettings, StatusOrder, StatusPlan};

use crate::server::{Server, no_sockets, twiml};

const WAIT: &str = "[[step]]\ndo = \"silence\"\nms = 60000";

/// Path and status of everything the server saw.
async fn seen(plan: StatusPlan) -> Vec<(String, String, String)> {
    let server = Server::start(|_| twiml("<Pause length=\"3\"/>"), no_sockets).await;
    let settings = CarrierSettings {
        status_url: Some("https://voice.example.com/status".into()),
        status: plan,
        ..server.settings()
    };
    let call = server.call(settings, WAIT).await;
    let told = server.seen().iter().filter(|seen| seen.path == "/status").count();
    assert_eq!(call.statuses.len(), told);
    let all = server.seen().into_iter();
    all.map(|seen| {
        let field = |name: &str| seen.field(name).to_owned();
        (seen.path.clone(), field("CallStatus"), field("SequenceNumber"))
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn every_order_can_be_made() {
    let mut orders = BTreeSet::new();
    for number in 0..6 {
        let plan = StatusPlan {
            progress: true,
            order: StatusOrder::Permutation(number),
            ..StatusPlan::default()
        };
        let told = seen(plan).await;
        assert_eq!(told[0].0, "/voice");
        let order: Vec<_> = told[1..]
            .iter()
            .map(|(_, status, number)| format!("{status}{number}"))
            .collect();
        if number == 0 {
            assert_eq!(order, ["ringing0", "in-progress1", "completed2"]);
        }
        assert!(orders.insert(order));
    }
    assert_eq!(orders.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_end_may_come_before_the_beginning() {
    let plan = StatusPlan {
        progress: true,
        end_first: true,
        ..StatusPlan::default()
    };
    let told: Vec<_> = seen(plan)
        .await
        .into_iter()
        .map(|(path, status, _)| format!("{path} {status}"))
        .collect();
    assert_eq!(
        told,
        [
            "/status completed",
            "/status ringing",
            "/voice ringing",
            "/status in-progress"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn copies_are_retries_or_requests_of_their_own() {
    for (retries, tokens) in [(true, 1), (false, 3)] {
        let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
        let settings = CarrierSettings {
            status_url: Some("https://voice.example.com/status".into()),
            status: StatusPlan {
                duplicates: 2,
                retries,
                ..StatusPlan::default()
            },
            ..server.settings()
        };
        server.call(settings, WAIT).await;
        let told = server.seen().into_iter().filter(|seen| seen.path == "/status");
        let sent: Vec<_> = told.map(|seen| seen.idempotency.unwrap()).collect();
        assert_eq!(sent.len(), 3);
        assert_eq!(sent.into_iter().collect::<BTreeSet<_>>().len(), tokens);
    }
}

#[tokio::test(start_paused = true)]
async fn callbacks_are_lost_or_late_by_a_seed() {
    let plan = |seed, drop_percent, delay_ms| StatusPlan {
        progress: true,
        duplicates: 1,
        drop_percent,
        delay_ms,
        seed,
        ..StatusPlan::default()
    };
    assert_eq!(seen(plan(1, 100, 0)).await.len(), 1);
    let mut numbers = BTreeSet::new();
    let mut disorder = 0;
    for seed in 0..10 {
        numbers.insert(seen(plan(seed, 50, 0)).await.len());
        let late = seen(plan(seed, 0, 5_000)).await;
        assert_eq!(late.len(), 7);
        let order: Vec<_> = late
            .iter()
            .filter(|(path, ..)| path == "/status")
            .map(|(.., number)| number.clone())
            .collect();
        disorder += usize::from(!order.is_sorted());
    }
    assert!(numbers.len() > 2, "{numbers:?}");
    // Six callbacks within three seconds, each up to five seconds late: hardly ever in order.
    assert!(disorder >= 8, "{disorder}");
    assert_eq!(seen(plan(3, 50, 0)).await, seen(plan(3, 50, 0)).await);
}
