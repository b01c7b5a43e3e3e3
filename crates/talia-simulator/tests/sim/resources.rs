//! The account's numbers and apps over REST, and that calls follow what was set up.

use talia_simulator::{account::VoiceHooks, events::EndedBy, people::PersonPlan, webhook::Method};

use crate::{
    desk::{CALLEE, Desk},
    server::{Server, no_sockets, plan, twiml},
};

const OWN: &str = "+525500000000";

#[tokio::test(start_paused = true)]
async fn a_number_is_found_changed_and_rung() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    let bought = desk.carrier.account().add_number(OWN);
    desk.carrier.account().add_number("+13125550000");
    let (_, account) = desk.get(".json").await;
    assert_eq!(account["status"], "active");
    desk.carrier.account().suspend(true);
    assert_eq!(desk.get(".json").await.1["status"], "suspended");

    let (_, found) = desk.get("/IncomingPhoneNumbers.json?PhoneNumber=%2B525500000000").await;
    let numbers = found["incoming_phone_numbers"].as_array().unwrap();
    assert_eq!(
        (numbers.len(), numbers[0]["sid"].as_str()),
        (1, Some(bought.sid.as_str()))
    );
    assert_eq!(numbers[0]["voice_url"], "");
    let path = format!("/IncomingPhoneNumbers/{}.json", bought.sid);
    let (status, changed) = desk
        .post(
            &path,
            &[
                ("VoiceUrl", "https://voice.example.com/mine"),
                ("VoiceMethod", "GET"),
                ("StatusCallback", "https://voice.example.com/over"),
            ],
        )
        .await;
    assert_eq!((status, changed["voice_method"].as_str()), (200, Some("GET")));
    assert_eq!(
        desk.get(&path).await.1["status_callback"],
        "https://voice.example.com/over"
    );
    for (field, value, code) in [
        ("VoiceUrl", "voice.example.com", 21_402),
        ("VoiceMethod", "PUT", 21_403),
        ("VoiceApplicationSid", "AP0", 21_218),
    ] {
        assert_eq!(desk.post(&path, &[(field, value)]).await.1["code"], code, "{field}");
    }

    let call = desk.carrier.dial(plan("").await).await.unwrap();
    assert_eq!(call.ended_by, EndedBy::Document);
    let paths = server.paths();
    assert!(paths[0].starts_with("/mine?AccountSid="), "{paths:?}");
    assert_eq!(paths[1], "/over");
}

#[tokio::test(start_paused = true)]
async fn an_app_governs_its_numbers_and_its_calls() {
    let server = Server::start(|_| twiml("<Hangup/>"), no_sockets).await;
    let desk = Desk::open(&server).await;
    let bought = desk.carrier.account().add_number(OWN);
    let old = VoiceHooks {
        voice_url: "https://voice.example.com/old".into(),
        voice_method: Method::Get,
        ..VoiceHooks::default()
    };
    desk.carrier.account().add_application("other", old);
    let (status, app) = desk
        .post(
            "/Applications.json",
            &[("FriendlyName", "TalIA"), ("VoiceUrl", "https://voice.example.com/app")],
        )
        .await;
    assert_eq!(status, 201);
    let sid = app["sid"].as_str().unwrap();
    let (_, found) = desk.get("/Applications.json?FriendlyName=TalIA").await;
    assert_eq!(found["applications"][0]["sid"], sid);
    let path = format!("/Applications/{sid}.json");
    let (_, changed) = desk
        .post(&path, &[("StatusCallback", "https://voice.example.com/over")])
        .await;
    assert_eq!(changed["voice_url"], "https://voice.example.com/app");
    assert_eq!(
        desk.get(&path).await.1["status_callback"],
        "https://voice.example.com/over"
    );
    let number = format!("/IncomingPhoneNumbers/{}.json", bought.sid);
    assert_eq!(desk.post(&number, &[("VoiceApplicationSid", sid)]).await.0, 200);

    desk.carrier.dial(plan("").await).await.unwrap();
    desk.carrier.put_person(CALLEE, PersonPlan::silent(0));
    desk.made(&[("ApplicationSid", sid)]).await;
    assert_eq!(server.paths(), ["/app", "/over", "/app", "/over"]);
}
