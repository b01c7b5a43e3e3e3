//! Whatever recognisers and voices say: what reads it never fails, and every question is answered.
//!
//! These are property tests and no fuzz targets, since the readers live in `talia-voice`: the fuzz crate, which builds the small pure
//! crates with coverage, would build SQLite, whisper.cpp and the ONNX runtime with it. What is changed at random are the real events of
//! `fixtures/provider_events.jsonl`, so that what comes out is mostly still an event.

use crate::ears::rig::{KINDS, provider};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::HashMap;
use std::time::Duration;
use talia_dialogue::{JobId, TurnId};
use talia_spanish::{Expectation, Language};
use talia_voice::config::{Account, Provider, ProviderKind, TurnDetection};
use talia_voice::ears::EarEvent;
use talia_voice::ears::stream::hearing::{Hearing, Local, Order};
use talia_voice::ears::stream::protocol::Heard;
use talia_voice::ears::stream::roster::Roster;
use talia_voice::ears::stt;
use talia_voice::mouth::tts::aura::Flushes;
use talia_voice::mouth::tts::cartesia::Requests;
use talia_voice::mouth::tts::elevenlabs::Contexts;
use talia_voice::mouth::tts::socket_session::{Event, Protocol as VoiceProtocol};
use talia_voice::providers::{Fault, Received};

/// What stands where a number stood.
const ODD: &[&str] = &[
    "-1",
    "0",
    "1e308",
    "-1e-308",
    "18446744073709551615",
    "9223372036854775807",
    "86400.0001",
    "null",
    "\"x\"",
    "[]",
    "{}",
    "true",
];

/// Real events as they are and put out of shape, and noise.
fn event() -> impl Strategy<Value = String> {
    let real: Vec<&str> = include_str!("fixtures/provider_events.jsonl").lines().collect();
    let real = proptest::sample::select(real);
    let spliced = (real.clone(), any::<Index>(), ".{0,6}", 0_usize..4).prop_map(|(text, at, put, cut)| {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, put.chars());
        chars.into_iter().collect()
    });
    let odd = (real.clone(), any::<Index>(), proptest::sample::select(ODD.to_vec()))
        .prop_map(|(text, at, odd)| with_odd_number(text, &at, odd));
    prop_oneof![3 => real.prop_map(str::to_owned), 3 => spliced, 3 => odd, 1 => ".{0,80}"]
}

/// One of the numbers in the text is another one.
fn with_odd_number(text: &str, at: &Index, odd: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let numbers: Vec<(usize, &str)> = text
        .split(|c| !is_number(c))
        .filter(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        .map(|part| (part.as_ptr() as usize - text.as_ptr() as usize, part))
        .collect();
    if numbers.is_empty() {
        return format!("{odd}{text}");
    }
    let (from, number) = numbers[at.index(numbers.len())];
    format!("{}{odd}{}", &text[..from], &text[from + number.len()..])
}

/// What happens to the ears of a call.
#[derive(Debug, Clone)]
enum Happens {
    /// So many frames of the caller.
    Audio(u8),
    Turn,
    Ask,
    AskEnd,
    Close,
    Says(String),
    Bytes,
    Closes(Option<u16>),
    Lost,
    /// So many milliseconds pass.
    Wait(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1_u8..40).prop_map(Happens::Audio),
        2 => Just(Happens::Turn),
        3 => Just(Happens::Ask),
        1 => Just(Happens::AskEnd),
        1 => Just(Happens::Close),
        8 => event().prop_map(Happens::Says),
        1 => Just(Happens::Bytes),
        1 => prop_oneof![Just(None), Just(Some(1000)), Just(Some(1008)), Just(Some(1011))].prop_map(Happens::Closes),
        1 => Just(Happens::Lost),
        2 => (1_u64..900).prop_map(Happens::Wait),
    ]
}

/// The ears of a call whose connections stand at once, and the questions that they owe an answer.
struct Ears {
    hearing: Hearing,
    now: Duration,
    engine: Option<usize>,
    turn: u32,
    is_open: bool,
    asked: u32,
    owed: HashMap<JobId, u32>,
    /// Whether the local recogniser writes down what it is given.
    local_works: bool,
}

impl Ears {
    fn new(local: Local, local_works: bool) -> Self {
        let now = Duration::ZERO;
        Self {
            hearing: Hearing::new(Roster::new(&[true; KINDS.len()], now, 0.5), local, now),
            now,
            engine: None,
            turn: 0,
            is_open: false,
            asked: 0,
            owed: HashMap::new(),
            local_works,
        }
    }

    /// Carries out what is ordered, and what follows from that.
    fn obey(&mut self) {
        while let Some(order) = self.hearing.poll() {
            match order {
                Order::Connect(engine) => {
                    self.engine = Some(engine);
                    let stt = stt::streaming(&provider(KINDS[engine], "http://127.0.0.1:1")).expect("ears");
                    self.hearing
                        .connected(self.now, engine, stt.protocol(Language::Spanish));
                }
                Order::Disconnect => self.engine = None,
                Order::WriteDown { job, mulaw, .. } => {
                    let text = self.local_works.then(|| format!("{} bytes", mulaw.len()));
                    self.hearing.written_down(self.now, job, text);
                }
                Order::Report(EarEvent::Transcribed { job, .. } | EarEvent::Failed { job }) => {
                    *self.owed.entry(job).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    fn live(&mut self, happens: &Happens) {
        let engine = self.engine.unwrap_or_default();
        match happens {
            Happens::Audio(frames) => {
                for _ in 0..*frames {
                    self.hearing.audio(&[0x7f; 160]);
                    self.hearing.pump(self.now, 8);
                    self.now += Duration::from_millis(20);
                    self.obey();
                }
            }
            Happens::Turn => {
                self.turn += 1;
                self.is_open = true;
                self.owed.clear();
                self.hearing.turn_started(self.now, TurnId(self.turn));
            }
            Happens::Ask => {
                self.asked += 1;
                self.owed.insert(JobId(self.asked), 0);
                self.hearing
                    .ask(self.now, JobId(self.asked), TurnId(self.turn), Expectation::Email);
            }
            Happens::AskEnd => {
                self.asked += 1;
                self.hearing.ask_end(JobId(self.asked), TurnId(self.turn));
            }
            Happens::Close => {
                self.owed.clear();
                self.hearing.turn_closed(TurnId(self.turn));
            }
            Happens::Says(text) => self.message(&Received::Text(text.clone())),
            Happens::Bytes => self.message(&Received::Binary(vec![0xff, 0].into())),
            Happens::Closes(code) => self.message(&Received::Closed(*code)),
            Happens::Lost => self
                .hearing
                .disconnected(self.now, engine, Fault::transient("the test cuts it")),
            Happens::Wait(ms) => self.wait(Duration::from_millis(*ms)),
        }
        self.obey();
    }

    fn message(&mut self, message: &Received) {
        self.hearing.message(self.now, self.engine.unwrap_or_default(), message);
    }

    /// Time passes; what is due is done in its time.
    fn wait(&mut self, long: Duration) {
        let until = self.now + long;
        while let Some(at) = self.hearing.next_deadline(self.now).filter(|at| *at <= until) {
            assert!(at > self.now, "time stands still");
            self.now = at;
            self.hearing.tick(at);
            self.hearing.pump(at, 8);
            self.obey();
        }
        self.now = until;
    }
}

proptest! {
    #[test]
    fn every_question_is_answered_once_whatever_recognisers_say(
        life in proptest::collection::vec(happens(), 1..120),
        local in prop_oneof![Just(Local::First), Just(Local::Behind), Just(Local::Absent)],
        local_works: bool,
    ) {
        let mut ears = Ears::new(local, local_works);
        ears.obey();
        for happens in &life {
            ears.live(happens);
        }
        ears.wait(Duration::from_secs(6));
        ears.obey();
        for (job, answers) in ears.owed {
            prop_assert_eq!(answers, 1, "{:?}", job);
        }
    }

    #[test]
    fn no_event_makes_a_reader_of_recognisers_fail(texts in proptest::collection::vec(event(), 1..30)) {
        for kind in KINDS {
            let engine = stt::streaming(&provider(kind, "http://127.0.0.1:1")).expect("ears");
            let mut protocol = engine.protocol(Language::Spanish);
            let (mut wires, mut heard) = (Vec::new(), Vec::new());
            protocol.begin(&mut wires, &mut heard);
            for text in &texts {
                protocol.audio(&[0xff; 1_000], &mut wires);
                protocol.finalize(&mut wires, &mut heard);
                protocol.receive(text, &mut heard);
                protocol.expect(Expectation::Email, &mut wires);
                protocol.discard(&mut wires);
            }
            for heard in heard {
                if let Heard::Final(piece) | Heard::Running(piece) = heard {
                    prop_assert!(piece.words.len() < 1_000);
                }
            }
        }
    }

    #[test]
    fn no_event_makes_a_reader_of_voices_fail(
        messages in proptest::collection::vec((event(), any::<bool>()), 1..30),
    ) {
        let provider = voice_provider();
        let voice = crate::mouth::stage::voice();
        read_by(Flushes::new(&provider), &messages)?;
        read_by(Requests::new(&provider, &voice), &messages)?;
        read_by(Contexts::new(&provider, &voice), &messages)?;
    }
}

fn voice_provider() -> Provider {
    Provider {
        name: "voice".to_owned(),
        kind: ProviderKind::Cartesia,
        account: Account {
            url: "http://127.0.0.1:1".to_owned(),
            key: None,
        },
        model: Some("model".to_owned()),
        voice: Some("voice".to_owned()),
        prompt: None,
        prompt_version: None,
        turn_detection: TurnDetection::Own,
    }
}

/// Says a text and reads these messages; speech is only ever of a text that was to be said.
fn read_by(mut protocol: impl VoiceProtocol, messages: &[(String, bool)]) -> Result<(), TestCaseError> {
    let mut events = Vec::new();
    let now = tokio::time::Instant::now();
    protocol.opened();
    protocol.say(1, "Hola.", now);
    for (text, is_binary) in messages {
        let received = if *is_binary {
            Received::Binary(text.clone().into())
        } else {
            Received::Text(text.clone())
        };
        protocol.receive(&received, &mut events);
        protocol.keep_alive();
    }
    protocol.cancel(1);
    for event in events {
        if let Event::Audio { text_id, .. } = event {
            prop_assert!(text_id <= 1);
        }
    }
    Ok(())
}
