//! One sentence through the chain of voices: who is asked, who speaks, and who says the rest when a voice breaks off.
//!
//! Voices that are late or broken are raced against the next one; whoever sounds first speaks, and the others are told
//! that nobody listens. What was said is known by the voice's alignment, or else by the time that it was heard: the
//! rest begins at the word that was not said to its end. No word is left out; the word that broke off is said again.

use super::{
    MouthEvent,
    chain::{CloudVoice, Link, Patience},
    inspect::Inspector,
    piecewise::LocalVoice,
    resume::{Alignment, rest_begins},
    tts::{Piece, Session, Speech},
};
use crate::providers::{Fault, FaultClass, Work};
use std::{sync::Arc, time::Duration};
use talia_audio::frame::duration_of;
use talia_dialogue::SegmentId;
use talia_spanish::tongue;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The pause between the word that broke off and the voice that says it again: 80 ms of μ-law's silence.
const BREATH: usize = 640;
const SILENCE: u8 = 0xFF;

/// What one call speaks with.
pub(super) struct Voices {
    pub(super) local: LocalVoice,
    pub(super) links: Arc<[Link]>,
    pub(super) patience: Patience,
    pub(super) events: mpsc::Sender<MouthEvent>,
    pub(super) tasks: TaskTracker,
    /// What voices were given to say.
    work: Work,
    /// By link; opened when first needed.
    sessions: Vec<Option<Session>>,
    /// When all that was made will have been heard, if it was begun at once.
    heard_until: Instant,
    /// When no voice could say a sentence.
    given_up: Option<Instant>,
}

/// A sentence to be said.
pub(super) struct Sentence {
    pub(super) segment: SegmentId,
    pub(super) text: String,
    /// The rest isn't wanted.
    pub(super) cancelled: CancellationToken,
    /// When it was asked for.
    pub(super) asked: Instant,
}

/// No voice said it, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsaid;

/// One voice at work on the sentence.
struct Lane {
    link: usize,
    /// Where its text begins in the sentence's, in bytes.
    from: usize,
    speech: Speech,
    /// None for this machine's own voice, which is trusted.
    inspector: Option<Inspector>,
    alignment: Alignment,
    delivered: u64,
    /// When it was begun, or last sent something.
    progress: Instant,
    late: bool,
}

/// The race of the voices for one sentence.
struct Race<'a> {
    voices: &'a mut Voices,
    sentence: &'a Sentence,
    /// As it is spoken.
    text: String,
    lanes: Vec<Lane>,
    /// The lane that the caller hears.
    speaker: Option<usize>,
    /// Where the rest begins that nobody has said.
    from: usize,
    /// Links that were asked already.
    asked: Vec<usize>,
    began: Instant,
    anything: bool,
}

impl Voices {
    pub(super) fn new(local: LocalVoice, events: mpsc::Sender<MouthEvent>, work: Work, tasks: TaskTracker) -> Self {
        let links = local.engines.chain.clone();
        let mut voices = Self {
            patience: local.engines.patience,
            sessions: links.iter().map(|_| None).collect(),
            links,
            local,
            events,
            tasks,
            work,
            heard_until: Instant::now(),
            given_up: None,
        };
        // While the disclosure is said, which is kept, the connection of the first voice is made.
        if let Some(first) = voices.order().first().copied() {
            voices.open(first);
        }
        voices
    }

    /// The links in the order in which they are asked: those that are well first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.links.len()).collect();
        order.sort_by_key(|&link| match &self.links[link] {
            Link::Local => false,
            Link::Cloud(cloud) => !cloud.watch.is_available(),
        });
        order
    }

    fn open(&mut self, link: usize) {
        if let Link::Cloud(cloud) = &self.links[link]
            && self.sessions[link].is_none()
        {
            self.sessions[link] = Some(cloud.open(&self.local.voice, &self.work, &self.tasks));
        }
    }

    /// Whether every text goes to this machine's own voice first.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.links.first(), None | Some(Link::Local))
    }

    /// Says a sentence: whole when it is kept, else by the chain.
    pub(super) async fn say(&mut self, sentence: &Sentence) -> Result<(), Unsaid> {
        if let Some(mulaw) = self.local.kept_by_any(&sentence.text) {
            self.deliver(sentence.segment, mulaw).await;
            return Ok(());
        }
        if self.given_up.is_some_and(|at| sentence.asked <= at) {
            // It waited behind one that nobody could say: the caller has waited long enough.
            return Err(Unsaid);
        }
        let mut rest = sentence.text.as_str();
        if let Some((opening, mulaw)) = self.kept_opening(rest) {
            rest = &rest[opening.len()..];
            self.deliver(sentence.segment, mulaw).await;
        }
        let cloudy = self.links.iter().any(|link| matches!(link, Link::Cloud(_)));
        let text = if cloudy {
            tongue::with_spoken_addresses(rest, self.local.voice.language)
        } else {
            rest.to_owned()
        };
        let race = Race {
            voices: self,
            sentence,
            text,
            lanes: Vec::new(),
            speaker: None,
            from: 0,
            asked: Vec::new(),
            began: Instant::now(),
            anything: false,
        };
        let said = race.run().await;
        if said.is_err() {
            self.given_up = Some(Instant::now());
        }
        said
    }

    /// The longest beginning of a sentence, up to a comma or colon, that the voice which will say the rest has kept.
    fn kept_opening<'t>(&self, text: &'t str) -> Option<(&'t str, Arc<[u8]>)> {
        let first = self.order().first().copied();
        let ends = text
            .char_indices()
            .filter(|(_, letter)| matches!(letter, ',' | ':' | ';'));
        let openings = ends.map(|(at, _)| &text[..=at]).collect::<Vec<_>>();
        openings.into_iter().rev().find_map(|opening| {
            let kept = match first.map(|first| &self.links[first]) {
                Some(Link::Cloud(cloud)) => cloud.kept(opening, &self.local.voice),
                _ => self.local.engines.tts.kept(opening, &self.local.voice),
            };
            Some((opening, kept?))
        })
    }

    async fn deliver(&mut self, segment: SegmentId, mulaw: Arc<[u8]>) {
        self.heard_until = self.heard_until.max(Instant::now()) + duration_of(mulaw.len() as u64);
        let _ = self.events.send(MouthEvent::Audio { segment, mulaw }).await;
    }
}

impl Race<'_> {
    async fn run(mut self) -> Result<(), Unsaid> {
        if !self.text.contains(char::is_alphanumeric) {
            return Ok(());
        }
        self.ask_next();
        loop {
            if self.lanes.is_empty() {
                return Err(Unsaid);
            }
            let deadline = self.deadline();
            let cancelled = self.sentence.cancelled.clone();
            tokio::select! {
                biased;
                () = cancelled.cancelled() => return Ok(()),
                (lane, piece) = next_piece(&mut self.lanes) => {
                    if self.take(lane, piece).await {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    if self.is_hopeless() {
                        self.blame_all();
                        return Err(Unsaid);
                    }
                    self.hurry();
                }
            }
        }
    }

    /// Asks the next voice for the rest. `false` when all were asked.
    fn ask_next(&mut self) -> bool {
        let order = self.voices.order();
        let Some(link) = order.into_iter().find(|link| !self.asked.contains(link)) else {
            return false;
        };
        self.asked.push(link);
        self.ask(link);
        true
    }

    fn ask(&mut self, link: usize) {
        let text = self.text[self.from..].to_owned();
        let voice = &self.voices.local.voice;
        let inspector = Inspector::new(&text, voice.language, voice.speed);
        self.voices.open(link);
        let (speech, inspector) = match &self.voices.sessions[link] {
            Some(session) => (session.say(text), Some(inspector)),
            None => (self.voices.local.say(text, &self.voices.tasks), None),
        };
        self.lanes.push(Lane {
            link,
            from: self.from,
            speech,
            inspector,
            alignment: Alignment::default(),
            delivered: 0,
            progress: Instant::now(),
            late: false,
        });
    }

    fn cloud(&self, link: usize) -> Option<&CloudVoice> {
        match &self.voices.links[link] {
            Link::Local => None,
            Link::Cloud(cloud) => Some(cloud),
        }
    }

    /// When something has to be done if nothing comes.
    fn deadline(&self) -> Instant {
        let lanes = self.lanes.iter().enumerate().filter(|(_, lane)| !lane.late);
        let late = lanes.map(|(index, lane)| self.late_at(index, lane)).min();
        late.map_or(self.hopeless_at(), |late| late.min(self.hopeless_at()))
    }

    fn late_at(&self, index: usize, lane: &Lane) -> Instant {
        let patience = &self.voices.patience;
        if self.speaker == Some(index) {
            let heard_until = self.voices.heard_until;
            let needed = heard_until.checked_sub(patience.reserve).unwrap_or(heard_until);
            needed.max(lane.progress + patience.next_audio)
        } else {
            lane.progress + patience.first_audio
        }
    }

    fn hopeless_at(&self) -> Instant {
        // The voice of this machine may take its time: what gives it up is the dialogue.
        if self.lanes.iter().any(|lane| lane.inspector.is_none()) {
            return self.began + Duration::from_mins(10);
        }
        let progress = self.lanes.iter().map(|lane| lane.progress).min().unwrap_or(self.began);
        let since = if self.anything {
            self.voices.heard_until.max(progress)
        } else {
            self.began
        };
        since + self.voices.patience.give_up
    }

    fn is_hopeless(&self) -> bool {
        Instant::now() >= self.hopeless_at()
    }

    /// Somebody is late: the next voice is asked as well.
    fn hurry(&mut self) {
        let now = Instant::now();
        let late: Vec<usize> = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(index, lane)| !lane.late && self.late_at(*index, lane) <= now)
            .map(|(index, _)| index)
            .collect();
        for index in late {
            self.lanes[index].late = true;
            if self.speaker == Some(index) {
                self.from = self.rest_after(index);
            }
            if self.from < self.text.len() {
                self.ask_next();
            }
        }
    }

    /// Where the rest begins after what a lane has delivered.
    fn rest_after(&self, index: usize) -> usize {
        let lane = &self.lanes[index];
        let text = &self.text[lane.from..];
        let expected = lane.inspector.as_ref().map_or(Duration::ZERO, Inspector::expected);
        let lasts = self.cloud(lane.link).map_or(expected, |cloud| cloud.lasts(expected));
        lane.from + rest_begins(text, &lane.alignment, duration_of(lane.delivered), lasts)
    }

    /// Takes a piece of a lane in; `true` when the sentence is said.
    async fn take(&mut self, index: usize, piece: Option<Piece>) -> bool {
        let lane = &mut self.lanes[index];
        match piece.unwrap_or(Piece::Failed(Fault::transient("the session ended"))) {
            Piece::Aligned { part, ends } => {
                lane.alignment.add(&self.text[lane.from..], &part, ends);
                false
            }
            Piece::Audio(bytes) => {
                let mut out = Vec::with_capacity(bytes.len());
                let checked = if let Some(inspector) = &mut lane.inspector {
                    inspector.push(&bytes, &mut out)
                } else {
                    out = bytes;
                    Ok(())
                };
                if lane.delivered > 0 || !out.is_empty() {
                    lane.progress = Instant::now();
                }
                if let Err(fault) = checked {
                    return self.broke(index, &fault);
                }
                self.hear(index, out).await;
                false
            }
            Piece::End => self.end(index).await,
            Piece::Failed(fault) => {
                if self.speaker == Some(index) {
                    let mut out = Vec::new();
                    if let Some(inspector) = &mut lane.inspector {
                        inspector.broke_off(&mut out);
                    }
                    self.hear(index, out).await;
                    // Whoever spoke stands first.
                    return self.broke(self.speaker.unwrap_or(index), &fault);
                }
                self.broke(index, &fault)
            }
        }
    }

    /// Lets the caller hear a lane, unless another one speaks.
    async fn hear(&mut self, index: usize, mulaw: Vec<u8>) {
        if mulaw.is_empty() {
            return;
        }
        let index = self.give_floor(index);
        let lane = &mut self.lanes[index];
        lane.late = false;
        let takes_over = self.anything && lane.delivered == 0;
        lane.delivered += mulaw.len() as u64;
        self.anything = true;
        let mulaw = if takes_over {
            [&[SILENCE; BREATH][..], &mulaw].concat()
        } else {
            mulaw
        };
        self.voices.deliver(self.sentence.segment, mulaw.into()).await;
    }

    /// The lane speaks from now on, and the others end. Answers its new place.
    fn give_floor(&mut self, index: usize) -> usize {
        if self.speaker == Some(index) && self.lanes.len() == 1 {
            return index;
        }
        let chosen = self.lanes.swap_remove(index);
        for lane in std::mem::take(&mut self.lanes) {
            if lane.late
                && let Some(cloud) = self.cloud(lane.link)
            {
                cloud.watch.failed(&Fault::transient("the audio came too late"));
            }
        }
        self.lanes.push(chosen);
        self.speaker = Some(0);
        0
    }

    /// A lane is at its end; `true` when the sentence is said with it.
    async fn end(&mut self, index: usize) -> bool {
        let lane = &mut self.lanes[index];
        let mut out = Vec::new();
        let checked = lane
            .inspector
            .as_mut()
            .map_or(Ok(()), |inspector| inspector.finish(&mut out));
        if checked.is_err() && out.is_empty() && lane.delivered == 0 {
            let fault = checked.err().unwrap_or(Fault::malformed("the voice is silent"));
            return self.broke(index, &fault);
        }
        if lane.inspector.is_none() && lane.delivered == 0 {
            return self.broke(index, &Fault::malformed("the voice is silent"));
        }
        let (link, lasted) = (lane.link, duration_of(lane.delivered + out.len() as u64));
        let expected = lane.inspector.as_ref().map(Inspector::expected);
        self.hear(index, out).await;
        if let Some(cloud) = self.cloud(link) {
            match checked {
                Ok(()) => {
                    cloud.watch.succeeded();
                    cloud.learn(lasted, expected.unwrap_or_default());
                }
                // Heard already; the next sentence goes to another voice if this happens again.
                Err(fault) => cloud.watch.failed(&fault),
            }
        }
        true
    }

    /// A lane failed: the next voice says what nobody said. `true` when nothing was left to say.
    fn broke(&mut self, index: usize, fault: &Fault) -> bool {
        let was_speaker = self.speaker == Some(index);
        if was_speaker {
            self.from = self.rest_after(index);
        }
        let lane = self.lanes.swap_remove(index);
        if let Some(cloud) = self.cloud(lane.link) {
            cloud.watch.failed(fault);
        } else {
            tracing::warn!(error = %fault, "the voice of this machine said nothing");
        }
        // Its place was taken by the last one, which was never the speaker: the speaker's rivals are asked after it.
        self.speaker = self
            .speaker
            .filter(|_| !was_speaker)
            .map(|speaker| if speaker == self.lanes.len() { index } else { speaker });
        if self.text[self.from..].trim().is_empty() {
            return true;
        }
        // Those that are left may never say anything.
        if self.lanes.iter().all(|lane| lane.late) && !self.ask_next() && self.lanes.is_empty() {
            // All were asked: one that only lost its connection may be well at once.
            let again = fault.class == FaultClass::Transient
                && self.asked.iter().filter(|link| **link == lane.link).count() < 2;
            if again && fault.is_worth_a_retry() && !self.is_hopeless() {
                self.asked.push(lane.link);
                self.ask(lane.link);
            }
        }
        false
    }

    fn blame_all(&self) {
        for lane in &self.lanes {
            if let Some(cloud) = self.cloud(lane.link) {
                cloud.watch.failed(&Fault::transient("no audio came"));
            }
        }
    }
}

/// The next piece of any lane.
async fn next_piece(lanes: &mut [Lane]) -> (usize, Option<Piece>) {
    let pieces = lanes
        .iter_mut()
        .enumerate()
        .map(|(index, lane)| Box::pin(async move { (index, lane.speech.pieces.recv().await) }));
    futures::future::select_all(pieces).await.0
}
