//! A service's event stream: whatever it sends, however it is cut, the same events come out, and nothing grows without end.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself: the server around it builds native libraries that no fuzzer needs.
#[path = "../../crates/talia-voice/src/brain/llm/sse.rs"]
mod sse;

use sse::{SseEvent, SseParser};

fn events(pieces: &[&[u8]]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut events).expect("inputs are shorter than any limit");
    }
    events
}

// The first byte says where the rest is cut.
fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = events(&[stream]);
    let (one, two) = stream.split_at(usize::from(*cut) % (stream.len() + 1));
    assert_eq!(events(&[one, two]), whole);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(events(&bytes), whole);
    let read: usize = whole.iter().map(|event| event.name.len() + event.data.len()).sum();
    // A replaced byte has three.
    assert!(read <= 3 * stream.len());
});
