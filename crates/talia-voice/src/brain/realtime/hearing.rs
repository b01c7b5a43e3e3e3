//! The caller's audio on its way to the service, and the words that come back for it.

use super::{RealtimeBrain, messages};
use crate::brain::Sensed;
use crate::config::TurnDetection;
use std::collections::VecDeque;
use talia_dialogue::{JobId, TranscriptionPurpose, TurnId};

/// Audio before the first sound that belongs to a turn, in μ-law bytes: half a second.
const PRE_ROLL: usize = 4_000;
/// The service refuses to take less as an item: a tenth of a second.
const SHORTEST: usize = 800;
/// Audio of one turn beyond which the oldest is dropped, in bytes: a minute.
const LONGEST: usize = 480_000;
/// Turns whose words or audio are kept.
const TURNS: usize = 16;
/// What the service's detector is believed, when it says that the caller has finished.
const FINISHED: f32 = 0.9;

/// What was heard and is not done with.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// The last half second.
    recent: VecDeque<u8>,
    /// The turn that is under way.
    open: Option<TurnId>,
    turns: VecDeque<Turn>,
    /// Bytes that the service has, and not yet as an item.
    uncommitted: usize,
    commits: u64,
    /// The turns of the commits that the service has not yet given an item to.
    unnamed: VecDeque<(TurnId, u64)>,
    /// The dialogue's newest question whether the caller has finished.
    asked_end: Option<JobId>,
    /// The service's detector: the caller speaks…
    speaking: bool,
    /// …has fallen silent in this turn, of which it makes an item by itself…
    stopped: bool,
    /// …and nobody has asked about that yet.
    unasked_stop: bool,
}

/// One turn of the caller.
#[derive(Debug)]
struct Turn {
    id: TurnId,
    /// All of it, for a session that has to be begun again.
    audio: Vec<u8>,
    pieces: Vec<Piece>,
    /// Words that decide about an interruption are waited for.
    judged: Option<JobId>,
    closed: bool,
    /// The dialogue waits for its words.
    due: bool,
}

/// One item of the service.
#[derive(Debug)]
struct Piece {
    commit: u64,
    item: Option<String>,
    /// Its words; empty when there are none.
    words: Option<String>,
}

impl Turn {
    /// All words, once all are there.
    fn words(&self) -> Option<String> {
        let words: Option<Vec<_>> = self.pieces.iter().map(|piece| piece.words.as_deref()).collect();
        let words = words?.join(" ");
        Some(words.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Hearing {
    fn turn(&mut self, id: TurnId) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.id == id)
    }

    /// Whether the last turn that is over is written down.
    pub(super) fn is_written(&self) -> bool {
        let last = self.turns.iter().rev().find(|turn| turn.closed);
        last.is_none_or(|turn| !turn.due)
    }

    /// Whether nobody speaks, and all that was said is written down.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_none() && self.is_written()
    }

    /// Audio of closed turns that nobody has written down.
    pub(super) fn unwritten(&self) -> Vec<u8> {
        let unwritten = self.turns.iter().filter(|turn| turn.closed && turn.due);
        unwritten.flat_map(|turn| turn.audio.iter().copied()).collect()
    }

    /// The same as somebody else wrote it down: the first such turn has all words, the others none.
    pub(super) fn written(&mut self, text: &str) -> Vec<Sensed> {
        let mut words = text.trim().to_owned();
        let due = self.turns.iter_mut().filter(|turn| turn.due);
        let said = due.map(|turn| {
            turn.due = false;
            Sensed::Words {
                turn: turn.id,
                text: std::mem::take(&mut words),
            }
        });
        said.collect()
    }
}

impl RealtimeBrain {
    fn own_turns(&self) -> bool {
        self.setup.turn_detection == TurnDetection::Own
    }

    pub(super) fn hear_frame(&mut self, mulaw: &[u8]) {
        let surplus = (self.hearing.recent.len() + mulaw.len()).saturating_sub(PRE_ROLL);
        let surplus = surplus.min(self.hearing.recent.len());
        self.hearing.recent.drain(..surplus);
        self.hearing.recent.extend(mulaw);
        let open = self.hearing.open;
        if let Some(turn) = open.and_then(|id| self.hearing.turn(id)) {
            let surplus = (turn.audio.len() + mulaw.len()).saturating_sub(LONGEST);
            turn.audio.drain(..surplus.min(turn.audio.len()));
            turn.audio.extend_from_slice(mulaw);
        }
        if open.is_some() || !self.own_turns() {
            self.append(mulaw);
        }
    }

    fn append(&mut self, mulaw: &[u8]) {
        self.hearing.uncommitted += mulaw.len();
        self.send(&messages::append(mulaw));
    }

    pub(super) fn begin_turn(&mut self, id: TurnId) {
        let hearing = &mut self.hearing;
        let audio: Vec<u8> = hearing.recent.iter().copied().collect();
        if hearing.turns.len() == TURNS {
            hearing.turns.pop_front();
        }
        hearing.open = Some(id);
        hearing.asked_end = None;
        hearing.stopped = false;
        hearing.unasked_stop = false;
        hearing.turns.push_back(Turn {
            id,
            audio: audio.clone(),
            pieces: Vec::new(),
            judged: None,
            closed: false,
            due: false,
        });
        if self.own_turns() {
            self.append(&audio);
        }
    }

    /// Makes an item of what was appended. `false` when that is too little for one.
    fn commit(&mut self, turn: TurnId) -> bool {
        if self.hearing.uncommitted < SHORTEST {
            return false;
        }
        let hearing = &mut self.hearing;
        hearing.uncommitted = 0;
        hearing.commits += 1;
        let commit = hearing.commits;
        hearing.unnamed.push_back((turn, commit));
        if let Some(turn) = hearing.turn(turn) {
            turn.pieces.push(Piece {
                commit,
                item: None,
                words: None,
            });
        }
        self.send(&messages::commit(&format!("commit-{commit}")));
        true
    }

    /// Answers the dialogue's question for words: at a pause at once, for nobody needs them to go on; where they decide
    /// about an interruption, with the service's own.
    pub(super) fn take_words(&mut self, job: JobId, id: TurnId, purpose: TranscriptionPurpose) {
        if purpose == TranscriptionPurpose::Pause {
            self.sensed.push_back(Sensed::Listened { job });
            return;
        }
        if self.own_turns() {
            self.commit(id);
        }
        let awaited = self.hearing.turn(id).and_then(|turn| {
            let earlier = turn.judged.replace(job);
            (!turn.pieces.is_empty()).then_some(earlier)
        });
        match awaited {
            Some(earlier) => {
                self.sensed.extend(earlier.map(|job| Sensed::Failed { job }));
                self.tell_words(id);
            }
            // With the service's detector the item comes by itself.
            None if !self.own_turns() && self.hearing.open == Some(id) => {}
            None => self.sensed.push_back(Sensed::Failed { job }),
        }
    }

    pub(super) fn take_end(&mut self, job: JobId) {
        if std::mem::take(&mut self.hearing.unasked_stop) {
            self.sensed.push_back(Sensed::EndOfTurn {
                job,
                probability: FINISHED,
            });
        } else {
            self.hearing.asked_end = Some(job);
        }
    }

    /// The service's detector took the caller's silence for the end of the turn.
    pub(super) fn speech_stopped(&mut self) {
        self.hearing.speaking = false;
        self.hearing.stopped = true;
        match self.hearing.asked_end.take() {
            Some(job) => self.sensed.push_back(Sensed::EndOfTurn {
                job,
                probability: FINISHED,
            }),
            None => self.hearing.unasked_stop = true,
        }
    }

    pub(super) fn speech_started(&mut self) {
        self.hearing.speaking = true;
        self.hearing.unasked_stop = false;
    }

    pub(super) fn end_turn(&mut self, id: TurnId, words_due: bool) {
        if self.hearing.open == Some(id) {
            self.hearing.open = None;
        }
        // What its own detector has heard the end of, the service makes an item of by itself.
        let left_to_service = !self.own_turns() && !self.hearing.speaking && self.hearing.stopped;
        if words_due && !left_to_service {
            self.commit(id);
        } else if self.own_turns() && self.hearing.uncommitted > 0 {
            self.hearing.uncommitted = 0;
            self.send(&messages::clear());
        }
        let Some(turn) = self.hearing.turn(id) else { return };
        turn.closed = true;
        turn.due = words_due;
        let judged = turn.judged.take();
        self.sensed.extend(judged.map(|job| Sensed::Failed { job }));
        self.tell_words(id);
    }

    /// The service made an item of what was committed, by us or by its detector.
    pub(super) fn committed(&mut self, item: String) {
        let hearing = &mut self.hearing;
        if let Some((turn, commit)) = hearing.unnamed.pop_front() {
            let piece = hearing.turn(turn).and_then(|turn| {
                let mut pieces = turn.pieces.iter_mut();
                pieces.find(|piece| piece.commit == commit)
            });
            if let Some(piece) = piece {
                piece.item = Some(item);
            }
            return;
        }
        // Its own detector: the newest turn's.
        hearing.uncommitted = 0;
        if let Some(turn) = hearing.turns.back_mut().filter(|turn| !turn.closed || turn.due) {
            turn.pieces.push(Piece {
                commit: 0,
                item: Some(item),
                words: None,
            });
        }
    }

    /// The words of an item; none when they can't be had.
    pub(super) fn written(&mut self, item: &str, text: &str) {
        let mut of = None;
        for turn in &mut self.hearing.turns {
            for piece in &mut turn.pieces {
                if piece.item.as_deref() == Some(item) {
                    piece.words = Some(text.trim().to_owned());
                    of = Some(turn.id);
                }
            }
        }
        if let Some(turn) = of {
            self.tell_words(turn);
        }
    }

    /// The service found nothing to make an item of.
    pub(super) fn commit_refused(&mut self, commit: u64) {
        let Some(place) = self.hearing.unnamed.iter().position(|(_, own)| *own == commit) else {
            return;
        };
        let Some((id, _)) = self.hearing.unnamed.remove(place) else {
            return;
        };
        if let Some(turn) = self.hearing.turn(id) {
            turn.pieces.retain(|piece| piece.commit != commit);
        }
        self.tell_words(id);
    }

    /// Hands out the words of a turn once all are there.
    fn tell_words(&mut self, id: TurnId) {
        let own = self.own_turns();
        let Some(turn) = self.hearing.turn(id) else { return };
        let Some(text) = turn.words() else { return };
        if let Some(job) = turn.judged.take() {
            self.sensed.push_back(Sensed::Transcribed {
                job,
                text: text.clone(),
            });
        }
        // A detector of the service may still be about to make the turn's only item.
        if turn.due && (own || !turn.pieces.is_empty()) {
            turn.due = false;
            self.sensed.push_back(Sensed::Words { turn: id, text });
        }
    }

    /// Tells a new session what the old one had heard and nobody has written down, and what is being said.
    pub(super) fn replay_audio(&mut self) {
        self.hearing.unnamed.clear();
        self.hearing.uncommitted = 0;
        let again: Vec<(TurnId, Vec<u8>, bool)> = self
            .hearing
            .turns
            .iter()
            .filter(|turn| !turn.closed || turn.due)
            .map(|turn| (turn.id, turn.audio.clone(), turn.closed))
            .collect();
        for (id, audio, closed) in again {
            if let Some(turn) = self.hearing.turn(id) {
                turn.pieces.clear();
            }
            for part in audio.chunks(LONGEST / 10) {
                self.append(part);
            }
            let judged = self.hearing.turn(id).is_some_and(|turn| turn.judged.is_some());
            if closed || judged {
                self.commit(id);
            }
        }
    }

    /// Nobody hears here any more: what was waited for comes from elsewhere, or not at all.
    pub(super) fn stop_hearing(&mut self) {
        let jobs: Vec<_> = self
            .hearing
            .turns
            .iter_mut()
            .filter_map(|turn| turn.judged.take())
            .collect();
        self.sensed.extend(jobs.into_iter().map(|job| Sensed::Failed { job }));
        self.hearing.open = None;
    }
}
