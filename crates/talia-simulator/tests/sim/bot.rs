//! A bot without words: greets with a sound, answers each turn with another, yields when it is talked over.

use axum::extract::ws::{Message, WebSocket};
use talia_audio::{level::mulaw_rms_dbfs, mulaw};
use talia_simulator::speaker::tones;
use talia_twilio::media::{Inbound, decode_payload, parse, write_clear, write_mark, write_media};

#[derive(Debug, Clone, Copy)]
pub struct Bot {
    /// Words of the greeting.
    pub greeting: usize,
    /// Words of each answer.
    pub answer: usize,
    /// Silence that ends the caller's turn, in frames.
    pub patience: u32,
    /// Voiced frames that stop it.
    pub barge_in: u32,
    /// Answers before it says goodbye and closes.
    pub answers: u32,
}

/// What a bot saw of its stream.
#[derive(Debug, Clone, Default)]
pub struct BotSaw {
    pub call_sid: String,
    pub parameters: Vec<(String, String)>,
    pub frames: u32,
    pub digits: String,
    pub marks: Vec<String>,
    pub stopped: bool,
    pub closed: bool,
    pub sequence_gaps: u32,
    pub chunks: Vec<u64>,
    pub voiced_frames: u32,
}

impl Bot {
    pub async fn serve(self, mut socket: WebSocket) -> BotSaw {
        let mut saw = BotSaw::default();
        let mut sid = String::new();
        let (mut speaking, mut voiced, mut silent, mut turn) = (0, 0, 0, false);
        let mut answered = 0;
        let mut last_sequence = 0;
        while let Some(Ok(message)) = socket.recv().await {
            let text = match message {
                Message::Text(text) => text,
                Message::Close(_) => {
                    saw.closed = true;
                    continue;
                }
                _ => continue,
            };
            let parsed = parse(&text).unwrap();
            match &parsed {
                Inbound::Start(start) => {
                    assert!(start.media_format.is_mulaw_8k());
                    saw.call_sid = start.call_sid.as_str().to_owned();
                    saw.parameters = start.custom_parameters.clone().into_iter().collect();
                    sid = start.stream_sid.as_str().to_owned();
                    say(&mut socket, &sid, self.greeting, "greeting").await;
                    speaking = 1;
                    last_sequence = start.sequence_number;
                }
                Inbound::Media(media) => {
                    saw.frames += 1;
                    saw.chunks.push(media.chunk);
                    if media.sequence_number != last_sequence + 1 {
                        saw.sequence_gaps += 1;
                    }
                    last_sequence = media.sequence_number;
                    let mut audio = Vec::new();
                    decode_payload(&media.payload, &mut audio).unwrap();
                    if mulaw_rms_dbfs(&audio) > -45.0 {
                        saw.voiced_frames += 1;
                        (voiced, silent) = (voiced + 1, 0);
                    } else {
                        (voiced, silent) = (0, silent + 1);
                    }
                    if voiced >= self.barge_in {
                        turn = true;
                        if speaking > 0 {
                            let mut out = String::new();
                            write_clear(&mut out, &sid);
                            socket.send(Message::text(out)).await.unwrap();
                            speaking = 0;
                        }
                    }
                    if turn && silent >= self.patience {
                        turn = false;
                        answered += 1;
                        say(&mut socket, &sid, self.answer, &format!("answer {answered}")).await;
                        speaking += 1;
                    }
                }
                Inbound::Mark(mark) => {
                    last_sequence = mark.sequence_number;
                    saw.marks.push(mark.name.clone().into_owned());
                    speaking = i32::max(speaking - 1, 0);
                    if answered >= self.answers {
                        drop(socket.send(Message::Close(None)).await);
                    }
                }
                Inbound::Dtmf(dtmf) => {
                    last_sequence = dtmf.sequence_number;
                    saw.digits.push(dtmf.digit);
                }
                Inbound::Stop(_) => saw.stopped = true,
                Inbound::Connected { .. } | Inbound::Unknown(_) => {}
            }
        }
        saw
    }
}

/// Sends a sound of some words as 20 ms messages, as fast as the socket takes them, and a mark.
pub async fn say(socket: &mut WebSocket, sid: &str, words: usize, mark: &str) {
    let samples = tones(&"palabra ".repeat(words));
    let audio: Vec<u8> = samples.into_iter().map(mulaw::encode).collect();
    let mut out = String::new();
    for frame in audio.chunks(160) {
        write_media(&mut out, sid, frame);
        // The carrier may have closed meanwhile.
        drop(socket.send(Message::text(out.clone())).await);
    }
    write_mark(&mut out, sid, mark);
    drop(socket.send(Message::text(out)).await);
}
