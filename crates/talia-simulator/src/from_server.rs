//! What the server sends on a stream: audio, marks and `clear` into Twilio's buffer, anything else into its debugger.

use talia_audio::level::mulaw_rms_dbfs;
use talia_twilio::{
    error_codes::StreamCode,
    media::{self, Outbound},
};
use tokio::time::Instant;

use crate::{
    assistant_ear::AUDIBLE_DBFS,
    events::What,
    media_socket::Arrived,
    stream::{Stream, StreamEnd},
};

/// Twilio's buffer is full (reported for more than ten minutes of audio).
const BUFFER_OVERFLOW: u16 = 31_931;

impl Stream<'_> {
    pub(crate) fn arrived(&mut self, arrived: Arrived) -> Option<StreamEnd> {
        match arrived {
            Arrived::Text(at, text) => self.message(at, &text),
            Arrived::Binary(_) => self.call.warn(StreamCode::BinaryMessage.code(), "a binary message"),
            Arrived::Over(closure) => return Some(StreamEnd::Server(closure.code, closure.close_code)),
        }
        None
    }

    fn message(&mut self, at: Instant, text: &str) {
        let now_ms = self.since_origin(at);
        match media::read_outbound(text, self.sid.as_str()) {
            Ok(Outbound::Media(audio)) => {
                let audible = mulaw_rms_dbfs(&audio) >= AUDIBLE_DBFS;
                let audio_ms = audio.len() as u64 / 8;
                match self.play_out.media(audio, now_ms) {
                    Ok(mut arrival) => {
                        if let Some(underrun) = &mut arrival.underrun {
                            underrun.at_ms += self.offset_ms;
                            let what = What::Underrun {
                                gap_ms: underrun.gap_ms,
                            };
                            self.call.journal.write(underrun.at_ms, what);
                        }
                        self.call.stopwatch.figures.outbound_audio_ms += audio_ms;
                        self.call
                            .stopwatch
                            .received(self.offset_ms as f64 + now_ms, audible, arrival);
                    }
                    Err(overfull) => self.call.warn(BUFFER_OVERFLOW, &overfull.to_string()),
                }
            }
            Ok(Outbound::Mark(name)) => {
                if self.call.settings.log_marks {
                    self.call.log(What::Mark {
                        name: name.clone().into_owned(),
                    });
                }
                if let Some(echo) = self.play_out.mark(name.into_owned()) {
                    self.echo(echo);
                }
            }
            Ok(Outbound::Clear) => {
                let (dropped_ms, echoes) = self.play_out.clear();
                self.call.log(What::Clear { dropped_ms });
                if let Some(yielded) = self.call.stopwatch.cleared(self.offset_ms as f64 + now_ms) {
                    self.call.log(What::Yielded {
                        after_ms: yielded.after_ms,
                        cleared: yielded.cleared,
                    });
                }
                for echo in echoes {
                    self.echo(echo);
                }
            }
            Err(error) => self.call.warn(error.code().code(), &error.to_string()),
        }
    }
}
