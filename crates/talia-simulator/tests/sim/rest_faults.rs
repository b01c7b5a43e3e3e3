//! The REST API at its worst: what is refused, what fails, what is done without an answer, and the journal of it.

use std::time::Duration;

use talia_simulator::{
    people::PersonPlan,
    rest::{Operation, RestFault},
};
use tokio::time::sleep;

use crate::{
    desk::{CALLEE, Desk},
    server::{Server, no_sockets, twiml},
};

const CALL: [(&str, &str); 3] = [
    ("To", CALLEE),
    ("From", "+525500000000"),
    ("Url", "https://voice.example.com/answered"),
];

async fn desk() -> (Server, Desk) {
    let server = Server::start(|_| twiml("<Pause length=\"5\"/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_default_person(PersonPlan::silent(500));
    (server, desk)
}

#[tokio::test(start_paused = true)]
async fn bad_calls_are_refused_with_twilios_codes() {
    let (_server, desk) = desk().await;
    let to_changed = |value: &'static str| [("To", value), CALL[1], CALL[2]].to_vec();
    let with = |more: &[(&'static str, &'static str)]| CALL.iter().chain(more).copied().collect::<Vec<_>>();
    for (fields, code) in [
        (CALL[1..].to_vec(), 21_201),
        (vec![CALL[0], CALL[2]], 21_213),
        (to_changed("5511112222"), 21_211),
        (to_changed("+52 55 1111 2222"), 21_211),
        (to_changed("+0525511112222"), 21_211),
        (vec![CALL[0], ("From", "anonymous"), CALL[2]], 21_212),
        (CALL[..2].to_vec(), 21_205),
        (vec![CALL[0], CALL[1], ("Url", "/relative")], 21_205),
        (vec![CALL[0], CALL[1], ("Url", "https://bad_host/x")], 21_205),
        (vec![CALL[0], CALL[1], ("ApplicationSid", "AP0")], 21_218),
        (with(&[("Twiml", "<Response/>")]), 20_001),
        (with(&[("TimeLimit", "0")]), 20_001),
        (with(&[("StatusCallbackEvent", "answer")]), 20_001),
        (with(&[("MachineDetection", "Enable"), ("AsyncAmd", "true")]), 21_262),
        (with(&[("SendDigits", "12x")]), 20_001),
    ] {
        let (status, body) = desk.post("/Calls.json", &fields).await;
        assert_eq!((status, body["code"].as_u64()), (400, Some(code)), "{fields:?}");
        assert_eq!(body["status"], 400);
        assert!(body["more_info"].as_str().unwrap().ends_with(&code.to_string()));
    }
    assert!(desk.carrier.calls().is_empty());
    // A foreign number can't be shown once the account has one of its own.
    desk.carrier.account().add_number("+525599999999");
    assert_eq!(desk.post("/Calls.json", &CALL).await.1["code"], 21_210);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_behind_a_refusal() {
    let (_server, desk) = desk().await;
    let faults = desk.api.faults();
    faults.once(
        Operation::CreateCall,
        RestFault::TooManyRequests { retry_after_s: Some(1) },
    );
    faults.times(Operation::CreateCall, RestFault::Broken { status: 503 }, 2);
    faults.once(
        Operation::CreateCall,
        RestFault::Refused {
            status: 400,
            code: 21_215,
        },
    );
    let mut answers = Vec::new();
    for _ in 0..5 {
        let (status, body) = desk.post("/Calls.json", &CALL).await;
        answers.push((status, body["code"].as_u64()));
    }
    let expected = [
        (429, Some(20_429)),
        (503, None),
        (503, None),
        (400, Some(21_215)),
        (201, None),
    ];
    assert_eq!(answers, expected);
    assert_eq!(desk.carrier.calls().len(), 1);
    let journal = desk.api.journal().created_calls();
    let statuses: Vec<_> = journal.iter().map(|request| request.status.unwrap()).collect();
    assert_eq!(statuses, [429, 503, 503, 400, 201]);
    assert!(desk.api.journal().mentions(CALLEE));
    assert!(!desk.api.journal().mentions("+881"));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_is_lost_is_found_in_the_list() {
    for fault in [
        RestFault::LostAnswer,
        RestFault::LateAnswer { after_ms: 30_000 },
        RestFault::CutAnswer,
    ] {
        let (_server, desk) = desk().await;
        desk.api.faults().once(Operation::CreateCall, fault.clone());
        assert!(desk.try_post("/Calls.json", &CALL, 5_000).await.is_err(), "{fault:?}");
        let (_, found) = desk
            .get("/Calls.json?To=%2B525511112222&StartTime%3E=2026-01-01T00:00:00Z")
            .await;
        assert_eq!(found["calls"].as_array().unwrap().len(), 1, "{fault:?}");
        assert_eq!(found["calls"][0]["to"], CALLEE);
    }
    let (_server, desk) = desk().await;
    desk.api.faults().once(Operation::CreateCall, RestFault::Silence);
    assert!(desk.try_post("/Calls.json", &CALL, 5_000).await.is_err());
    let (_, found) = desk.get("/Calls.json").await;
    assert_eq!(found["calls"], serde_json::json!([]));
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_and_paged() {
    let (_server, desk) = desk().await;
    for index in 0..5 {
        let to = format!("+5255111100{index}{index}");
        desk.post("/Calls.json", &[("To", &to), CALL[1], CALL[2]]).await;
    }
    sleep(Duration::from_secs(1)).await;
    let count = |list: &serde_json::Value| list["calls"].as_array().unwrap().len();
    let (_, first) = desk.get("/Calls.json?PageSize=2&From=%2B525500000000").await;
    assert_eq!(
        (count(&first), first["calls"][0]["to"].as_str()),
        (2, Some("+525511110044"))
    );
    let next = first["next_page_uri"].as_str().unwrap();
    let (_, second) = desk.get(&next[next.find("/Calls").unwrap()..]).await;
    assert_eq!(second["calls"][0]["to"], "+525511110022");
    assert!(second["previous_page_uri"].is_string());
    for (query, expected) in [
        ("To=%2B525511110033", 1),
        ("Status=queued", 3),
        ("StartTime%3E=2999-01-01", 0),
        ("StartTime%3C=2999-01-01", 5),
        ("EndTime%3E=2000-01-01", 0),
    ] {
        let (_, list) = desk.get(&format!("/Calls.json?{query}")).await;
        assert_eq!(count(&list), expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_accounts_paths_and_methods_do_not_exist() {
    let (_server, desk) = desk().await;
    for (path, status) in [
        ("/Calls", 404),
        ("/Messages.json", 404),
        ("/Calls/CA1/Recordings.json", 404),
        ("/Calls/CA1.json", 404),
        (".json", 200),
    ] {
        assert_eq!(desk.get(path).await.0, status, "{path}");
    }
    assert_eq!(desk.post("/IncomingPhoneNumbers.json", &[]).await.0, 405);
    assert_eq!(desk.post_as("/Calls.json", ("SK1", "wrong"), &CALL).await.0, 401);
    let refused = desk.api.journal().created_calls();
    assert_eq!(refused[0].status, Some(401));
}
