//! A call's words, a page at a time and as they come.

use super::rig::{ask, call, each, end, server_on, talked_out, walk, write};
use crate::harness::{Keeper, TestServer, call_sid};
use crate::store::segment;
use serde_json::Value;
use talia_twilio::CallStatus;

on_both! {
    words_are_followed_until_the_call_is_over
    a_call_that_nobody_ends_is_over_in_time
}

async fn say(server: &TestServer, number: u32, words: &str) {
    let segment = segment(&call_sid(number), words.to_owned(), &server.app.clock);
    server.app.store.append_segment(segment).await.expect("a write");
}

async fn words_are_followed_until_the_call_is_over(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    write(&server.app.store, call(1, 1)).await;
    write(&server.app.store, call(2, 1)).await;
    say(&server, 2, "de otra llamada").await;
    let path = format!("/api/voice/calls/{}/transcript", call_sid(1));
    let nothing = ask(&server, &path).await;
    assert_eq!(each(&nothing, "text"), Vec::<String>::new());
    let mut cursor = nothing["next"].as_str().expect("a place to listen from").to_owned();
    let mut heard = Vec::new();
    for number in 0..7 {
        say(&server, 1, &number.to_string()).await;
        if number % 3 == 2 {
            continue;
        }
        // Two at most: what is left comes with the next page.
        let page = ask(&server, &format!("{path}?limit=2&cursor={cursor}")).await;
        heard.extend(each(&page, "text"));
        page["next"].as_str().expect("it goes on").clone_into(&mut cursor);
    }
    talked_out(&server.app.store, 1).await;
    let last = ask(&server, &format!("{path}?cursor={cursor}")).await;
    heard.extend(each(&last, "text"));
    assert_eq!(last["next"], Value::Null, "a call that is over has no more words");
    let all: Vec<String> = (0..7).map(|number| number.to_string()).collect();
    assert_eq!(heard, all);
    assert_eq!(walk(&server, &path, (3, "text"), async |_| {}).await, all);
    assert_eq!(each(&ask(&server, &path).await, "text"), all);
    let whole = ask(&server, &format!("/api/voice/calls/{}", call_sid(1))).await;
    assert_eq!(whole["transcript"], ask(&server, &path).await["items"]);
    assert_eq!(server.get(&path.replace("1/", "9/"), &[]).await.status, 404);
}

/// Twilio says that a call is over before its last words are written down; whoever had it may also have died.
async fn a_call_that_nobody_ends_is_over_in_time(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    let sid = call_sid(0x520);
    let stream = server.ring_and_stream(&sid).await;
    crate::harness::eventually("it streams", async || {
        let row = server.app.store.call(&sid).await.expect("a read");
        server.app.live.has(&sid) && row.is_some_and(|row| row.streams == 1)
    })
    .await;
    end(&server.app.store, 0x520, CallStatus::Completed, 1).await;
    let path = format!("/api/voice/calls/{sid}/transcript");
    // It ended long ago by Twilio's clock, but its stream is open here.
    assert!(ask(&server, &path).await["next"].is_string());
    drop(stream);
    crate::harness::eventually("it is over", async || ask(&server, &path).await["next"].is_null()).await;
}
