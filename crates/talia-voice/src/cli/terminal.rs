//! A conversation as it happens, for the eye.

use crate::call::live::{LiveEvent, LiveItem};
use std::{io::IsTerminal, time::Duration};
use talia_dialogue::{EndReason, Speaker, SpeechKind, TurnTiming};
use tokio::sync::broadcast::{self, error::RecvError};

/// What was measured while a conversation was shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// The stages of each turn.
    pub(super) turns: Vec<TurnTiming>,
    /// From the caller's first sound to our `clear`.
    pub(super) reactions: Vec<Duration>,
    /// Interruptions that were yielded to.
    pub(super) yielded: usize,
    /// Sounds that were no interruption.
    pub(super) resumed: usize,
}

struct Colours {
    assistant: &'static str,
    caller: &'static str,
    faint: &'static str,
    plain: &'static str,
}

/// Prints a conversation until it is over.
pub(super) async fn show(mut feed: broadcast::Receiver<LiveItem>) -> Shown {
    let colours = if std::io::stdout().is_terminal() {
        Colours {
            assistant: "\x1b[36m",
            caller: "\x1b[33m",
            faint: "\x1b[2m",
            plain: "\x1b[0m",
        }
    } else {
        Colours {
            assistant: "",
            caller: "",
            faint: "",
            plain: "",
        }
    };
    let mut shown = Shown::default();
    loop {
        match feed.recv().await {
            Ok(item) => {
                if line(&item.event, &colours, &mut shown) {
                    return shown;
                }
            }
            Err(RecvError::Lagged(missed)) => println!("  … {missed} sucesos no mostrados"),
            Err(RecvError::Closed) => return shown,
        }
    }
}

/// Prints one event; `true` when it was the last.
fn line(event: &LiveEvent, colours: &Colours, shown: &mut Shown) -> bool {
    let Colours {
        assistant,
        caller,
        faint,
        plain,
    } = colours;
    match event {
        LiveEvent::Opened { from, to } => println!("{faint}  ☎ llamada de {from} a {to}{plain}"),
        LiveEvent::CallerSpeaks => println!("{faint}           · quien llama habla{plain}"),
        LiveEvent::Says { .. } => {}
        LiveEvent::Partial { text } if text.is_empty() => {}
        LiveEvent::Partial { text } => println!("{faint}           · se oye: {text}{plain}"),
        LiveEvent::Line(entry) => {
            let at = clock(entry.began);
            match entry.speaker {
                Speaker::Caller => println!("{at}  {caller}Cliente  {}{plain}", entry.text),
                Speaker::Assistant => {
                    let note = if entry.kind == Some(SpeechKind::Disclosure) {
                        "  [aviso]"
                    } else {
                        ""
                    };
                    let cut = entry
                        .unheard
                        .as_ref()
                        .map_or_else(String::new, |rest| format!(" ✂ {faint}{rest}{plain}"));
                    println!(
                        "{at}  {assistant}TalIA    {}{plain}{cut}{faint}{note}{plain}",
                        entry.text
                    );
                }
            }
        }
        LiveEvent::Paused { reaction } => {
            shown.reactions.push(*reaction);
            println!(
                "{faint}           ✋ la interrumpen: calla en {} ms{plain}",
                reaction.as_millis()
            );
        }
        LiveEvent::Resumed => {
            shown.resumed += 1;
            println!("{faint}           ↻ no era una interrupción: sigue{plain}");
        }
        LiveEvent::Yielded => {
            shown.yielded += 1;
            println!("{faint}           ⇄ cede la palabra{plain}");
        }
        LiveEvent::Turn(timing) => {
            let total = timing.first_frame.saturating_sub(timing.speech_ended);
            println!(
                "{faint}           ⏱ {} ms hasta oír la respuesta (decidir {}, pensar {}, voz {}){plain}",
                total.as_millis(),
                timing.decided.saturating_sub(timing.speech_ended).as_millis(),
                timing.first_text.saturating_sub(timing.decided).as_millis(),
                timing.first_audio.saturating_sub(timing.first_text).as_millis(),
            );
            shown.turns.push(*timing);
        }
        LiveEvent::Ended { reason } => {
            println!("{faint}  ☎ fin: {}{plain}", in_words(*reason));
            return true;
        }
    }
    false
}

fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!("{:02}:{:02}.{}", seconds / 60, seconds % 60, at.subsec_millis() / 100)
}

fn in_words(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Transferred => "TalIA comunicó a quien llama con una persona",
        EndReason::Finished => "la conversación terminó y TalIA colgó",
        EndReason::CallerHungUp => "quien llamaba colgó",
        EndReason::Silence => "nadie contestaba",
        EndReason::TimeLimit => "se acabó el tiempo de la llamada",
        EndReason::Operator => "la terminó el operador",
        EndReason::Draining => "el servidor se detiene",
        EndReason::Failure => "falla técnica",
    }
}

/// The middle value.
pub(super) fn median(mut values: Vec<Duration>) -> Option<Duration> {
    values.sort();
    values.get(values.len() / 2).copied()
}
