//! Any text as a message of the media socket, read from both ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talia_twilio::media::{self, Inbound, Outbound};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };

    if let Ok(message) = media::parse(text) {
        if let Inbound::Media(frame) = &message {
            let mut audio = Vec::new();
            if media::decode_payload(&frame.payload, &mut audio).is_ok() {
                // Canonical base64 has one writing only.
                let mut again = String::new();
                media::encode_payload(&audio, &mut again);
                assert_eq!(again, frame.payload);
            }
        }
        if !matches!(message, Inbound::Unknown(_)) {
            let mut written = String::new();
            media::write_inbound(&mut written, &message);
            if written.len() <= media::MAX_MESSAGE {
                assert_eq!(media::parse(&written).as_ref(), Ok(&message));
            }
        }
    }

    let stream = "MZ00000000000000000000000000000001";
    let mut written = String::new();
    match media::read_outbound(text, stream) {
        Ok(Outbound::Media(audio)) => media::write_media(&mut written, stream, &audio),
        Ok(Outbound::Mark(name)) => media::write_mark(&mut written, stream, &name),
        Ok(Outbound::Clear) => media::write_clear(&mut written, stream),
        Err(_) => return,
    }
    assert_eq!(
        media::read_outbound(&written, stream),
        media::read_outbound(text, stream)
    );
});
