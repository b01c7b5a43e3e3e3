//! Prints what one frame costs on the wire, in nanoseconds: `cargo run --release -p talia-twilio --example frame_cost`.

use std::{hint::black_box, time::Instant};

use talia_twilio::media::{Inbound, MediaError, decode_payload, encode_payload, parse, read_outbound, write_media};

const ROUNDS: u32 = 400;
const FRAMES: u32 = 500;

fn main() -> Result<(), MediaError> {
    let stream = "MZ0123456789abcdef0123456789abcdef";
    let audio: Vec<u8> = (0..160_u8).collect();
    let mut payload = String::new();
    encode_payload(&audio, &mut payload);
    let frame = format!(
        r#"{{"event":"media","sequenceNumber":"1003","streamSid":"{stream}","media":{{"track":"inbound","chunk":"1001","timestamp":"20040","payload":"{payload}"}}}}"#
    );
    let mut decoded = Vec::new();
    let mut written = String::new();

    measure("read a frame", || black_box(parse(black_box(&frame))).map(|_| ()))?;
    measure("read and decode a frame", || match parse(black_box(&frame))? {
        Inbound::Media(media) => decode_payload(&media.payload, &mut decoded),
        _ => Err(MediaError::MissingField("media")),
    })?;
    measure("write a frame", || {
        write_media(&mut written, black_box(stream), black_box(&audio));
        Ok(())
    })?;
    measure("read a server's frame (simulator)", || {
        black_box(read_outbound(black_box(&written), stream))
            .map(|_| ())
            .map_err(|_| MediaError::MissingField("media"))
    })
}

#[expect(clippy::disallowed_methods, reason = "measuring time is all that this program does")]
fn measure(name: &str, mut frame: impl FnMut() -> Result<(), MediaError>) -> Result<(), MediaError> {
    // The best of many short rounds: other programs only ever make it slower.
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..FRAMES {
            frame()?;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(FRAMES));
    }
    println!("{name:36} {best:7.0} ns");
    Ok(())
}
