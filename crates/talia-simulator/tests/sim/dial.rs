//! `<Dial>` with people: who answers, is busy or silent, the whisper, the two joined, and what the action is told.

use axum::{http::StatusCode, response::IntoResponse as _};
use talia_audio::level::rms_dbfs;
use talia_simulator::{
    events::{EndedBy, Side, What},
    outcome::{CallOutcome, DialledLeg},
    people::PersonPlan,
    settings::CarrierSettings,
};
use talia_twilio::CallStatus;
use tokio::time::{Duration, sleep};

use crate::{
    desk::{CALLEE, Desk},
    outbound::person,
    server::{Seen, Server, no_sockets, plan, twiml},
};

/// Waits to be spoken to, answers, waits for the end.
const CALLER: &str = "silence_ms = 600\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\n\
                      text = \"hola quiero hablar contigo\"\n[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 90000";
/// Says its name, hears the caller out, says goodbye.
const PERSON: &str = "silence_ms = 600\n[[step]]\ndo = \"silence\"\nms = 3000\n[[step]]\ndo = \"say\"\ntext = \"ventas dígame\"\n\
                      [[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"adiós\"";

async fn dialled(dial: &'static str, whisper: &'static str, people: &[(&str, PersonPlan)]) -> (Server, CallOutcome) {
    dialled_by(CALLER, dial, whisper, people).await
}

async fn dialled_by(
    caller: &str,
    dial: &'static str,
    whisper: &'static str,
    people: &[(&str, PersonPlan)],
) -> (Server, CallOutcome) {
    let server = Server::start(
        move |path| match path {
            "/voice" => twiml(&format!("{dial}<Say>seguimos</Say>")),
            "/whisper" => twiml(whisper),
            "/pressed" => twiml("<Say>gracias</Say>"),
            "/gone" => StatusCode::NOT_FOUND.into_response(),
            _ => twiml("<Hangup/>"),
        },
        no_sockets,
    )
    .await;
    let desk = Desk::open(&server).await;
    for (number, person) in people {
        desk.carrier.put_person(number, person.clone());
    }
    let call = desk.carrier.dial(plan(caller).await).await.unwrap();
    (server, call)
}

fn action(server: &Server) -> Seen {
    server.seen().into_iter().find(|seen| seen.path == "/after").unwrap()
}

fn leg(call: &CallOutcome) -> &DialledLeg {
    assert_eq!(call.dialled.len(), 1);
    &call.dialled[0]
}

fn loud(side: &[i16], from_ms: u64, to_ms: u64) -> bool {
    rms_dbfs(&side[from_ms as usize * 8..to_ms as usize * 8]) > -40.0
}

fn spoken(call: &CallOutcome, wanted: Side) -> Vec<(u64, u64)> {
    let lines = call.log.iter().filter_map(|event| match event.what {
        What::SpeechEnd { side, from_ms, to_ms } if side == wanted => Some((from_ms, to_ms)),
        _ => None,
    });
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn a_person_answers_hears_the_whisper_and_both_hear_each_other() {
    let dial = "<Dial action=\"/after\" callerId=\"+525500000000\"><Number url=\"/whisper\" \
                statusCallback=\"/leg\" statusCallbackEvent=\"initiated ringing answered completed\">+525511112222</Number></Dial>";
    let whisper = "<Say>te paso a un cliente que pregunta por precios</Say>";
    let (server, call) = dialled(dial, whisper, &[(CALLEE, person(4_000, PERSON).await)]).await;
    call.assert_no_warnings();
    assert_eq!(call.script_fault, None);
    let leg = leg(&call);
    assert_eq!(
        (leg.status, leg.script_fault.as_ref(), leg.to.as_str()),
        (CallStatus::Completed, None, CALLEE)
    );
    let (answered_ms, joined_ms) = (leg.answered_ms.unwrap(), leg.joined_ms.unwrap());
    assert!((4_200..4_300).contains(&answered_ms), "{answered_ms}");
    // 45 letters of 60 ms.
    assert!((2_700..2_780).contains(&(joined_ms - answered_ms)), "{joined_ms}");

    // The whisper is in the person's ear alone; meanwhile the caller hears the line ring.
    let person_heard = &leg.recording.assistant;
    assert!(loud(person_heard, 100, 1_000));
    let ringing = &call.recording.assistant;
    assert!(loud(ringing, 200, 1_800) && !loud(ringing, 2_200, 4_000));
    assert!(!loud(&leg.recording.caller, 100, 2_800));

    // What each says is heard by the other, a frame later at most.
    let (person_lines, caller_lines) = (spoken(&call, Side::Person), spoken(&call, Side::Caller));
    assert_eq!((person_lines.len(), caller_lines.len()), (2, 1));
    for (from_ms, to_ms) in person_lines {
        assert!(loud(&call.recording.assistant, from_ms, to_ms));
        assert!(loud(&leg.recording.caller, from_ms - answered_ms, to_ms - answered_ms));
    }
    let (from_ms, to_ms) = caller_lines[0];
    assert!(loud(&call.recording.caller, from_ms, to_ms));
    assert!(loud(person_heard, from_ms + 20 - answered_ms, to_ms - answered_ms));

    let told = action(&server);
    assert_eq!(
        (
            told.field("DialCallStatus"),
            told.field("DialBridged"),
            told.field("DialCallSid")
        ),
        ("completed", "true", leg.call_sid.as_str())
    );
    assert_eq!(
        told.field("DialCallDuration"),
        leg.duration_ms.div_ceil(1_000).to_string()
    );
    assert_eq!(call.verbs(), ["Dial", "Hangup"]);

    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.signed));
    let asked = seen.iter().find(|seen| seen.path == "/whisper").unwrap();
    assert_eq!(asked.field("CallSid"), leg.call_sid.as_str());
    assert_eq!(asked.field("ParentCallSid"), call.call_sid.as_str());
    assert_eq!(asked.field("Direction"), "outbound-dial");
    assert_eq!((asked.field("From"), asked.field("To")), ("+525500000000", CALLEE));
    let progress: Vec<_> = seen.iter().filter(|seen| seen.path == "/leg").collect();
    let words: Vec<_> = progress.iter().map(|seen| seen.field("CallStatus")).collect();
    assert_eq!(words, ["initiated", "ringing", "in-progress", "completed"]);
    assert!(
        progress
            .iter()
            .all(|seen| seen.field("ParentCallSid") == call.call_sid.as_str())
    );
    assert_eq!(progress[3].field("SequenceNumber"), "3");
    assert_eq!(leg.statuses.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_reached_is_told_to_the_action() {
    let dial = "<Dial action=\"/after\" timeout=\"15\"><Number statusCallback=\"/leg\">+525511112222</Number></Dial>";
    for (person, status, from_ms) in [
        (PersonPlan::busy(), CallStatus::Busy, 200),
        (PersonPlan::failed(), CallStatus::Failed, 200),
        (PersonPlan::no_answer(), CallStatus::NoAnswer, 15_000),
        (PersonPlan::silent(20_000), CallStatus::NoAnswer, 15_000),
    ] {
        let (server, call) = dialled(dial, "", &[(CALLEE, person)]).await;
        let told = action(&server);
        assert_eq!(told.field("DialCallStatus"), status.as_str());
        assert_eq!(
            (told.field("DialBridged"), told.field("DialCallDuration")),
            ("false", "0")
        );
        assert_eq!(told.field("DialCallSid"), leg(&call).call_sid.as_str());
        assert!(
            (from_ms..from_ms + 100).contains(&call.duration_ms),
            "{}",
            call.duration_ms
        );
        assert_eq!((leg(&call).status, leg(&call).answered_ms), (status, None));
        let told = server.seen().into_iter().find(|seen| seen.path == "/leg").unwrap();
        assert_eq!(told.field("CallStatus"), status.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_action_the_next_verb_runs() {
    let (_, call) = dialled("<Dial>+525511112222</Dial>", "", &[(CALLEE, PersonPlan::busy())]).await;
    assert_eq!(call.verbs(), ["Dial", "Say"]);
}

#[tokio::test(start_paused = true)]
async fn of_several_the_first_to_answer_is_joined() {
    let dial = "<Dial action=\"/after\"><Client>ana</Client><Sip>sip:pedro@example.com</Sip><Number>+525511112222</Number></Dial>";
    let people = [
        ("client:ana", PersonPlan::silent(5_000)),
        ("sip:pedro@example.com", person(2_000, PERSON).await),
        (CALLEE, PersonPlan::busy()),
    ];
    let (server, call) = dialled(dial, "", &people).await;
    let by_name = |name: &str| call.dialled.iter().find(|leg| leg.to == name).unwrap();
    assert_eq!(by_name("client:ana").status, CallStatus::Canceled);
    assert_eq!(by_name(CALLEE).status, CallStatus::Busy);
    let joined = by_name("sip:pedro@example.com");
    assert!(joined.joined_ms.is_some());
    assert_eq!(action(&server).field("DialCallSid"), joined.call_sid.as_str());
}

#[tokio::test(start_paused = true)]
async fn a_whisper_may_ask_for_a_key_or_send_the_person_away() {
    let dial = "<Dial action=\"/after\"><Number url=\"/whisper\">+525511112222</Number></Dial>";
    let gather = "<Gather numDigits=\"1\" action=\"/pressed\" timeout=\"3\"><Say>pulsa uno</Say></Gather><Hangup/>";
    let presses = "[[step]]\ndo = \"silence\"\nms = 1500\n[[step]]\ndo = \"digits\"\ndigits = \"1\"\n\
                   [[step]]\ndo = \"silence\"\nms = 4000";
    let (server, call) = dialled(dial, gather, &[(CALLEE, person(1_000, presses).await)]).await;
    let pressed = server.seen().into_iter().find(|seen| seen.path == "/pressed").unwrap();
    assert_eq!(
        (pressed.field("Digits"), pressed.field("CallSid")),
        ("1", leg(&call).call_sid.as_str())
    );
    assert_eq!(action(&server).field("DialBridged"), "true");
    let whispered: Vec<_> = call
        .log
        .iter()
        .filter_map(|event| match &event.what {
            What::Whisper { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(whispered, ["Gather", "Say"]);

    // A machine presses nothing, and is sent away.
    let (server, call) = dialled(dial, gather, &[(CALLEE, PersonPlan::machine(1_000, 9_000, true))]).await;
    let told = action(&server);
    assert_eq!(
        (told.field("DialCallStatus"), told.field("DialBridged")),
        ("completed", "false")
    );
    assert_eq!(leg(&call).joined_ms, None);

    // A whisper that can't be had joins nobody.
    let broken = "<Dial action=\"/after\"><Number url=\"/gone\">+525511112222</Number></Dial>";
    let (server, call) = dialled(broken, "", &[(CALLEE, PersonPlan::silent(500))]).await;
    assert_eq!(action(&server).field("DialBridged"), "false");
    assert_eq!(call.warnings_of(11_217), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_takes_the_person_along() {
    for (ms, joined, status) in [
        (1_000, false, CallStatus::Canceled),
        (6_000, true, CallStatus::Completed),
    ] {
        let caller = format!("[[step]]\ndo = \"silence\"\nms = {ms}");
        let people = [(CALLEE, PersonPlan::silent(2_000))];
        let (server, call) = dialled_by(&caller, "<Dial action=\"/after\">+525511112222</Dial>", "", &people).await;
        assert_eq!(call.ended_by, EndedBy::Caller);
        assert_eq!((leg(&call).status, leg(&call).joined_ms.is_some()), (status, joined));
        let told = action(&server);
        assert_eq!(
            (told.field("CallStatus"), told.field("DialCallStatus")),
            ("completed", status.as_str())
        );
        assert_eq!(told.field("DialBridged"), joined.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_star_and_a_time_limit_end_it_for_both() {
    let people = [(CALLEE, PersonPlan::silent(1_000))];
    let presses = "[[step]]\ndo = \"silence\"\nms = 3000\n[[step]]\ndo = \"digits\"\ndigits = \"1*\"\n\
                   [[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 60000";
    let dial = "<Dial hangupOnStar=\"true\" action=\"/after\">+525511112222</Dial>";
    let (_, call) = dialled_by(presses, dial, "", &people).await;
    assert!((3_100..3_300).contains(&call.duration_ms), "{}", call.duration_ms);
    assert_eq!(call.count(|what| matches!(what, What::Key { .. })), 2);
    let dial = "<Dial timeLimit=\"7\" action=\"/after\">+525511112222</Dial>";
    let (_, call) = dialled_by(presses, dial, "", &people).await;
    assert!((8_200..8_400).contains(&call.duration_ms), "{}", call.duration_ms);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_be_shown_or_rung_is_refused() {
    let server = Server::start(
        |path| match path {
            "/voice" => {
                twiml("<Dial callerId=\"+525577777777\" action=\"/after\"><Number>+525511112222</Number></Dial>")
            }
            "/browser" => twiml("<Dial action=\"/after\"><Number>+525511112222</Number></Dial>"),
            _ => twiml("<Hangup/>"),
        },
        no_sockets,
    )
    .await;
    let desk = Desk::open(&server).await;
    desk.carrier.account().add_number("+525599999999");
    let call = desk.carrier.dial(plan(CALLER).await).await.unwrap();
    assert_eq!(call.warnings_of(13_214), 1);
    assert_eq!(action(&server).field("DialCallStatus"), "failed");
    assert!(call.dialled.is_empty());

    let settings = CarrierSettings {
        voice_url: "https://voice.example.com/browser".into(),
        ..server.settings()
    };
    let mut browser = plan(CALLER).await;
    browser.from = "client:ana".into();
    let call = Desk::with(settings).await.carrier.dial(browser).await.unwrap();
    assert_eq!(call.warnings_of(13_214), 1);

    let (server, call) = dialled("<Dial action=\"/after\"><Number>5511112222</Number></Dial>", "", &[]).await;
    assert_eq!(call.warnings_of(13_223), 1);
    assert_eq!(action(&server).field("DialCallSid"), "(absent)");
}

#[tokio::test(start_paused = true)]
async fn rest_ends_a_leg_or_takes_the_caller_back() {
    for (child, path) in [(true, "/after"), (false, "/back")] {
        let server = Server::start(
            |path| match path {
                "/voice" => twiml("<Dial action=\"/after\">+525511112222</Dial>"),
                _ => twiml("<Hangup/>"),
            },
            no_sockets,
        )
        .await;
        let desk = Desk::open(&server).await;
        desk.carrier.put_default_person(PersonPlan::silent(500));
        let ringing = desk.carrier.clone();
        let caller = plan(CALLER).await;
        let caller = tokio::spawn(async move { ringing.dial(caller).await.unwrap() });
        sleep(Duration::from_secs(3)).await;
        let (_, legs) = desk.get("/Calls.json?Status=in-progress").await;
        let legs = legs["calls"].as_array().unwrap();
        assert_eq!(legs.len(), 2);
        assert_eq!(
            (&legs[0]["direction"], &legs[0]["parent_call_sid"]),
            (&"outbound-dial".into(), &legs[1]["sid"])
        );
        let leg_path = format!("/Calls/{}.json", legs[0]["sid"].as_str().unwrap());
        assert_eq!(desk.post(&leg_path, &[("Twiml", "<Response/>")]).await.0, 501);
        let (sid, fields) = if child {
            (&legs[0]["sid"], [("Status", "completed")])
        } else {
            (&legs[1]["sid"], [("Url", "https://voice.example.com/back")])
        };
        let (status, _) = desk
            .post(&format!("/Calls/{}.json", sid.as_str().unwrap()), &fields)
            .await;
        assert_eq!(status, 200);
        let call = caller.await.unwrap();
        assert_eq!(server.paths(), ["/voice", path]);
        assert_eq!(leg(&call).status, CallStatus::Completed);
        assert!((3_000..3_200).contains(&call.duration_ms), "{}", call.duration_ms);
    }
}
