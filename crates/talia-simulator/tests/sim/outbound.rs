//! Calls that the REST API made: rung, answered or not, told, detected, limited.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    response::IntoResponse as _,
};
use futures::stream::pending;

use talia_audio::level::rms_dbfs;
use talia_simulator::{
    cut::{Cut, CutAt},
    events::EndedBy,
    lines::PreparedScript,
    people::{PersonPlan, Verdict},
    script::Script,
    speaker::ToneSpeaker,
};
use talia_twilio::CallStatus;
use tokio::time::{Duration, sleep};

use crate::{
    calls::{BOT, bots},
    desk::{CALLEE, Desk},
    server::{Server, no_sockets, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";
const ANSWERED: &[(&str, &str)] = &[
    ("Url", "https://voice.example.com/answered"),
    ("StatusCallback", "https://voice.example.com/status"),
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
];

pub(crate) async fn person(after_ms: u64, script: &str) -> PersonPlan {
    let script = PreparedScript::new(Script::parse(script).unwrap(), &ToneSpeaker)
        .await
        .unwrap();
    PersonPlan::answers(after_ms, Arc::new(script))
}

const TALK: &str = "silence_ms = 600\n[[step]]\ndo = \"say\"\ntext = \"¿bueno?\"\n[[step]]\ndo = \"wait_for_answer_end\"\n\
                    [[step]]\ndo = \"say\"\ntext = \"sí claro\"\n[[step]]\ndo = \"wait_for_answer_end\"";

fn statuses(server: &Server) -> Vec<(String, String)> {
    let told = server.seen().into_iter().filter(|seen| seen.path == "/status");
    told.map(|seen| {
        (
            seen.field("CallStatus").to_owned(),
            seen.field("SequenceNumber").to_owned(),
        )
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_person_answers_and_talks() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_person(CALLEE, person(3_000, TALK).await);
    let sid = desk.make(ANSWERED).await;
    let path = format!("/Calls/{sid}.json");
    sleep(Duration::from_secs(1)).await;
    let (_, ringing) = desk.get(&path).await;
    assert_eq!(
        (ringing["status"].as_str(), ringing["duration"].as_str()),
        (Some("ringing"), None)
    );
    sleep(Duration::from_secs(3)).await;
    assert_eq!(desk.get(&path).await.1["status"], "in-progress");
    let call = desk.carrier.outcome(&sid).await.unwrap();
    call.assert_no_warnings();
    call.assert_script_done();
    call.assert_ended_by_caller();
    assert_eq!(call.measurements.answers.len(), 2);
    assert_eq!(saw.recv().await.unwrap().call_sid, sid);

    let expected = [
        ("initiated", "0"),
        ("ringing", "1"),
        ("in-progress", "2"),
        ("completed", "3"),
    ];
    let expected = expected.map(|(status, number)| (status.to_owned(), number.to_owned()));
    assert_eq!(statuses(&server), expected);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.signed));
    let answered = seen.iter().find(|seen| seen.path == "/answered").unwrap();
    assert_eq!(answered.field("Direction"), "outbound-api");
    assert_eq!(answered.field("CallStatus"), "in-progress");
    assert_eq!(answered.field("AnsweredBy"), "(absent)");
    let last = seen.iter().rfind(|seen| seen.path == "/status").unwrap();
    assert_eq!(last.field("CallbackSource"), "call-progress-events");
    assert!(last.field("Timestamp").ends_with("+0000"));
    let (_, over) = desk.get(&path).await;
    assert_eq!(
        (over["status"].as_str(), over["direction"].as_str()),
        (Some("completed"), Some("outbound-api"))
    );
    assert_eq!(over["duration"].as_str(), Some(last.field("CallDuration")));
    assert!(over["end_time"].as_str().unwrap() > over["start_time"].as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_answer_is_told_so() {
    for (person, status, sip, events) in [
        (PersonPlan::busy(), CallStatus::Busy, "486", 2),
        (PersonPlan::failed(), CallStatus::Failed, "404", 2),
        (PersonPlan::no_answer(), CallStatus::NoAnswer, "487", 3),
    ] {
        let server = Server::start(|_| twiml(STREAM), no_sockets).await;
        let desk = Desk::open(&server).await;
        desk.carrier.put_default_person(person);
        let mut fields = ANSWERED.to_vec();
        fields.push(("Timeout", "20"));
        let call = desk.made(&fields).await;
        assert_eq!((call.ended_by, call.status), (EndedBy::Unanswered, status));
        assert_eq!(statuses(&server).len(), events);
        let last = server.seen().pop().unwrap();
        assert_eq!(last.field("CallStatus"), status.as_str());
        assert_eq!(last.field("SipResponseCode"), sip);
        assert_eq!(last.field("CallDuration"), "0");
        if status == CallStatus::NoAnswer {
            assert!((25_000..26_000).contains(&call.duration_ms), "{}", call.duration_ms);
        }
        assert!(!server.paths().contains(&"/answered".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_to_take_callbacks_does_not_hold_the_call() {
    let server = Server::start(
        |path| match path {
            "/status" => Body::from_stream(pending::<Result<Bytes, Infallible>>()).into_response(),
            _ => twiml("<Pause length=\"3\"/>"),
        },
        no_sockets,
    )
    .await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_person(CALLEE, PersonPlan::silent(1_000));
    let call = desk.made(ANSWERED).await;
    assert!((4_200..4_300).contains(&call.duration_ms), "{}", call.duration_ms);
    // Each was given up after its 15 seconds.
    assert_eq!((call.statuses.len(), call.warnings_of(15_003)), (4, 4));
    assert!(call.statuses.iter().all(|sent| sent.answer.is_none()));
}

#[tokio::test(start_paused = true)]
async fn only_the_end_is_told_unless_more_is_asked_for() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.made(&ANSWERED[..2]).await;
    assert_eq!(statuses(&server), [("completed".to_owned(), "0".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_found_while_the_document_runs() {
    for (detection, verdict, after_ms) in [
        ("Enable", "machine_start", "2400"),
        ("DetectMessageEnd", "machine_end_beep", "6500"),
    ] {
        let (_, sockets) = bots(BOT);
        let server = Server::start(|_| twiml(STREAM), sockets).await;
        let desk = Desk::open(&server).await;
        desk.carrier.put_person(CALLEE, PersonPlan::machine(1_000, 6_000, true));
        let mut fields = ANSWERED.to_vec();
        fields.extend([
            ("MachineDetection", detection),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", "https://voice.example.com/amd"),
            ("TimeLimit", "15"),
        ]);
        let call = desk.made(&fields).await;
        assert_eq!(call.ended_by, EndedBy::TimeLimit);
        assert!((16_200..16_300).contains(&call.duration_ms), "{}", call.duration_ms);
        let told = server.seen().into_iter().find(|seen| seen.path == "/amd").unwrap();
        assert!(told.signed);
        assert_eq!(told.field("AnsweredBy"), verdict);
        assert_eq!(told.field("MachineDetectionDuration"), after_ms);
        assert_eq!(told.field("CallSid"), call.call_sid.as_str());
        assert_eq!(told.field("CallStatus"), "(absent)");
        let (_, shown) = desk.get(&format!("/Calls/{}.json", call.call_sid)).await;
        assert_eq!(shown["answered_by"], verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_speaks_from_its_answer_on_and_records_what_is_said_behind_the_beep() {
    let server = Server::start(|_| twiml("<Say>Deje este recado</Say>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_person(CALLEE, PersonPlan::machine(1_000, 4_000, true));
    let call = desk
        .made(&[
            ("Url", "https://voice.example.com/answered"),
            ("MachineDetection", "DetectMessageEnd"),
        ])
        .await;
    assert_eq!(server.seen()[0].field("AnsweredBy"), "machine_end_beep");
    let loud = |side: &[i16], from_ms: usize, to_ms: usize| rms_dbfs(&side[from_ms * 8..to_ms * 8]) > -40.0;
    let (machine, heard) = (&call.recording.caller, &call.recording.assistant);
    // Set-up and ringing take 1.2 s, the greeting 4 s, the beep half a second; the message has 17 letters.
    assert!(loud(machine, 1_300, 5_000) && loud(machine, 5_300, 5_600) && !loud(machine, 5_900, 6_500));
    assert!(!loud(heard, 1_300, 5_600) && loud(heard, 5_800, 6_300));
}

#[tokio::test(start_paused = true)]
async fn a_document_may_wait_for_the_verdict() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    let mut wrong = PersonPlan::silent(500);
    wrong.verdict = Some(Verdict {
        answered_by: "fax".into(),
        after_ms: 4_000,
    });
    desk.carrier.put_person(CALLEE, wrong);
    let sync = [
        ("Url", "https://voice.example.com/answered"),
        ("MachineDetection", "Enable"),
    ];
    desk.made(&sync).await;
    let asked = server.seen().remove(0);
    assert_eq!(asked.field("AnsweredBy"), "fax");
    assert_eq!(asked.field("MachineDetectionDuration"), "4000");

    // What takes too long is unknown.
    let slow = [sync[0], sync[1], ("MachineDetectionTimeout", "3")];
    desk.made(&slow).await;
    assert_eq!(server.seen().remove(1).field("AnsweredBy"), "unknown");
}

#[tokio::test(start_paused = true)]
async fn a_document_may_come_with_the_request_and_digits_are_sent_first() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_default_person(PersonPlan::silent(1_000));
    let call = desk
        .made(&[
            (
                "Twiml",
                "<?xml version=\"1.0\"?><Response><Say>hola</Say><Redirect>/more</Redirect></Response>",
            ),
            ("SendDigits", "ww12#"),
        ])
        .await;
    assert_eq!(call.verbs(), ["Say", "Redirect", "Hangup"]);
    assert_eq!(server.paths(), ["/more"]);
    // 200 ms of set-up, a second of ringing, 1.6 s of digits, four letters of 60 ms.
    assert!((3_040..3_200).contains(&call.duration_ms), "{}", call.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn calls_start_a_second_apart_and_may_be_called_off() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_default_person(PersonPlan::silent(10_000));
    let url = [("Url", "https://voice.example.com/answered")];
    let sids = [desk.make(&url).await, desk.make(&url).await, desk.make(&url).await];
    let queues: Vec<_> = desk
        .carrier
        .calls()
        .iter()
        .map(|call| call.queue_ms.div_ceil(1_000))
        .collect();
    assert_eq!(queues, [0, 1, 2]);
    sleep(Duration::from_millis(500)).await;
    let status = |index: usize| desk.carrier.call(&sids[index]).unwrap().status;
    assert_eq!((status(0), status(1)), (CallStatus::Ringing, CallStatus::Queued));

    // Neither has a document that could be replaced.
    for sid in &sids[..2] {
        let (code, body) = desk
            .post(&format!("/Calls/{sid}.json"), &[("Twiml", "<Response/>")])
            .await;
        assert_eq!((code, body["code"].as_u64()), (400, Some(21_220)));
    }
    for (sid, word) in [(&sids[0], "canceled"), (&sids[1], "completed")] {
        let (code, _) = desk.post(&format!("/Calls/{sid}.json"), &[("Status", word)]).await;
        assert_eq!(code, 200);
        let call = desk.carrier.outcome(sid).await.unwrap();
        assert_eq!((call.ended_by, call.status), (EndedBy::Rest, CallStatus::Canceled));
    }
    // A call in progress isn't called off, but ended.
    sleep(Duration::from_millis(1_800)).await;
    assert_eq!(status(2), CallStatus::Ringing);
    assert!(server.paths().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_before_the_verdict_has_none() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_person(CALLEE, PersonPlan::machine(1_000, 6_000, true));
    let call = desk
        .made(&[
            ("Url", "https://voice.example.com/answered"),
            ("MachineDetection", "DetectMessageEnd"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", "https://voice.example.com/amd"),
        ])
        .await;
    assert_eq!(server.paths(), ["/answered"]);
    assert_eq!(desk.carrier.call(call.call_sid.as_str()).unwrap().answered_by, None);
}

#[tokio::test(start_paused = true)]
async fn an_outbound_calls_socket_is_cut_too() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(&format!("{STREAM}<Redirect>/again</Redirect>")), sockets).await;
    let desk = Desk::open(&server).await;
    let mut callee = person(500, TALK).await;
    callee.cuts = vec![Cut {
        stream: Some(1),
        at: CutAt::Ms(400),
        abrupt: false,
    }];
    desk.carrier.put_person(CALLEE, callee);
    let call = desk.made(&ANSWERED[..1]).await;
    assert_eq!((call.streams(), call.ended_by), (2, EndedBy::Caller));
    call.assert_script_done();
}

#[tokio::test(start_paused = true)]
async fn a_call_in_progress_is_ended_but_not_called_off() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let desk = Desk::open(&server).await;
    desk.carrier.put_default_person(PersonPlan::silent(100));
    let sid = desk.make(&[("Url", "https://voice.example.com/answered")]).await;
    sleep(Duration::from_secs(1)).await;
    let path = format!("/Calls/{sid}.json");
    assert_eq!(desk.post(&path, &[("Status", "canceled")]).await.0, 200);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.get(&path).await.1["status"], "in-progress");
    assert_eq!(desk.post(&path, &[("Status", "completed")]).await.0, 200);
    let call = desk.carrier.outcome(&sid).await.unwrap();
    assert_eq!((call.ended_by, call.status), (EndedBy::Rest, CallStatus::Completed));
}
