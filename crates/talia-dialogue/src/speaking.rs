//! Our own speech: sentences become audio, audio becomes frames, marks become heard words.

use crate::asked::{About, Asked};
use crate::dialogue::Dialogue;
use crate::playout::Permission;
use crate::sentence::Sentence;
use crate::turn::{Kept, Overlap};
use crate::{CueId, EndReason, Output, SegmentId, Speech, SpeechKind, TurnTiming, UtteranceId, ledger};

impl Dialogue {
    pub(crate) fn on_say(&mut self, speech: Speech<'_>) {
        let text = speech.text.trim();
        let for_filler = self.filler.is_some_and(|filler| filler.id == speech.cue);
        let known = for_filler || self.current.as_ref().is_some_and(|asked| asked.id == speech.cue);
        if !known || text.is_empty() || (for_filler && self.answer_has_audio()) {
            self.refused.cues += 1;
            return;
        }
        let kind = match speech.kind {
            _ if for_filler => SpeechKind::Filler,
            SpeechKind::Filler => SpeechKind::Answer,
            kind => kind,
        };
        if let Some(asked) = self.current.as_mut().filter(|asked| asked.id == speech.cue) {
            asked.first_text.get_or_insert(self.now);
            asked.progress = self.now;
        }
        let segment = self.count.segment();
        // A filler bridges the wait for what is queued; the disclosure comes first in whatever order the brain says it.
        let ahead = kind == SpeechKind::Filler || (kind == SpeechKind::Disclosure && !self.disclosure_heard);
        let sentence = Sentence::new(segment, speech.cue, kind, text, self.now);
        self.playout.push(sentence, ahead);
        self.out.push_back(Output::Synthesize {
            segment,
            cue: speech.cue,
            text: text.to_owned(),
            kind,
        });
    }

    /// The brain speaks by itself: only its answer, never what comes first or bridges a wait.
    pub(crate) fn on_speak(&mut self, cue: CueId, utterance: UtteranceId) {
        let now = self.now;
        let Some(asked) = self.current.as_mut().filter(|asked| asked.id == cue) else {
            self.refused.cues += 1;
            return;
        };
        asked.first_text.get_or_insert(now);
        asked.progress = now;
        let segment = self.count.segment();
        let mut sentence = Sentence::new(segment, cue, SpeechKind::Answer, "", now);
        sentence.utterance = Some(utterance);
        self.playout.push(sentence, false);
        self.out.push_back(Output::Speak { segment, utterance });
    }

    pub(crate) fn on_text(&mut self, segment: SegmentId, text: &str) {
        let growing = |sentence: &&mut Sentence| sentence.utterance.is_some() && !sentence.complete;
        let refused = match self.playout.find(segment).filter(growing) {
            Some(sentence) => sentence.grow(text),
            None => text.len(),
        };
        self.refused.text_bytes += refused as u64;
    }

    pub(crate) fn on_audio(&mut self, segment: SegmentId, mulaw: &[u8]) {
        let now = self.now;
        let Some(sentence) = self.playout.find(segment).filter(|sentence| !sentence.complete) else {
            self.refused.audio += 1;
            return;
        };
        self.refused.audio_bytes += sentence.receive(mulaw, now) as u64;
    }

    pub(crate) fn on_audio_end(&mut self, segment: SegmentId, failed: bool) {
        let known = self.playout.find(segment).is_some_and(|sentence| !sentence.complete);
        if !known {
            self.refused.audio += 1;
            return;
        }
        self.end_audio(segment, failed);
    }

    /// A sentence's audio is over. Without a whole disclosure the call must not go on; any other sentence is skipped
    /// from where its audio broke off.
    fn end_audio(&mut self, segment: SegmentId, failed: bool) {
        let Some(sentence) = self.playout.find(segment) else {
            return;
        };
        let failed = failed || sentence.total() == 0;
        if failed && sentence.kind == SpeechKind::Disclosure && !self.disclosure_heard {
            self.hang_up(EndReason::Failure);
            return;
        }
        self.playout.complete(segment, failed, &mut self.out);
    }

    /// What may be sent now.
    pub(crate) fn permission(&self) -> Permission {
        if !self.disclosure_heard {
            return Permission::Disclosure;
        }
        match self.turn.as_ref().map(|turn| turn.overlap) {
            None | Some(Overlap::Kept(Kept::Guard | Kept::FalseAlarms | Kept::Taken)) => Permission::All,
            Some(Overlap::Kept(Kept::Uninterruptible)) => Permission::Uninterruptible,
            Some(Overlap::None | Overlap::Judging { .. }) => Permission::Nothing,
        }
    }

    /// Counts what was heard, skips what will not come, sends what is due.
    pub(crate) fn follow_playout(&mut self) {
        let now = self.now;
        self.playout.confirm_overdue(now);
        if let Some((segment, _)) = self.playout.starved_at().filter(|(_, at)| *at <= now) {
            self.out.push_back(Output::CancelSynthesis { segment });
            self.end_audio(segment, true);
            if self.over {
                return;
            }
        }
        self.measure();
        while let Some(sentence) = self.playout.pop_heard() {
            self.sentence_heard(&sentence);
        }
        self.note_disclosure();
        self.release_carried(true);
        self.drop_late_filler();
        self.pump();
    }

    pub(crate) fn pump(&mut self) {
        let permission = self.permission();
        if permission == Permission::Disclosure
            && let Some(turn) = &mut self.turn
            && turn.overlap == Overlap::None
            && self.playout.next_frame_at(permission).is_some()
        {
            // Nothing else can be said before it, so the disclosure alone does not wait for the caller.
            turn.overlap = Overlap::Kept(Kept::Uninterruptible);
        }
        let echo = &mut self.echo;
        self.playout
            .pump(self.now, permission, &mut self.out, |plays_at, frame| {
                echo.sent(plays_at, frame);
            });
    }

    fn sentence_heard(&mut self, sentence: &Sentence) {
        self.write(ledger::played(sentence));
        self.last_said.clone_from(&sentence.text);
        self.disclosed |= sentence.kind == SpeechKind::Disclosure && sentence.heard > 0;
        if let Some(asked) = self.current.as_mut().filter(|asked| asked.id == sentence.cue) {
            asked.heard += sentence.heard;
            asked.progress = self.now;
            if sentence.heard > 0 {
                self.failures = 0;
            }
        }
    }

    /// The disclosure was heard when all its sentences were, and no more of them can come.
    fn note_disclosure(&mut self) {
        if self.disclosure_heard {
            return;
        }
        let last = self
            .playout
            .sentences()
            .all(|sentence| sentence.kind != SpeechKind::Disclosure);
        let opening = self.current.as_ref().filter(|asked| asked.about == About::Opening);
        let more = self.playout.is_empty() && opening.is_some_and(|asked| !asked.answered);
        if last && self.disclosed && !more {
            self.disclosure_heard = true;
            self.out.push_back(Output::DisclosureHeard);
        }
    }

    /// Tells the stages of the turn once the first audio of its answer was heard.
    fn measure(&mut self) {
        let Some(Asked {
            id,
            at,
            first_text: Some(first_text),
            stages: Some(stages),
            measured: measured @ false,
            ..
        }) = &mut self.current
        else {
            return;
        };
        let first = self
            .playout
            .sentences()
            .find(|sentence| sentence.cue == *id && sentence.heard > 0);
        if let Some((first_audio, first_frame)) =
            first.and_then(|sentence| Some((sentence.first_audio?, sentence.first_frame?)))
        {
            *measured = true;
            self.out.push_back(Output::Measured(TurnTiming {
                turn: stages.turn,
                speech_ended: stages.speech_ended,
                transcribed: stages.transcribed,
                decided: *at,
                first_text: *first_text,
                first_audio,
                first_frame,
                first_heard: self.now,
            }));
        }
    }

    /// Stops what is on the line. It will be sent again unless it is dropped.
    pub(crate) fn clear(&mut self) {
        if self.playout.uninterruptible_on_line() {
            return;
        }
        if self.playout.clear(self.now, &mut self.out) {
            self.echo.cleared(self.now);
        }
    }

    /// Drops every queued sentence except a disclosure that has to be heard, and what can't be cut any more.
    pub(crate) fn drop_speech(&mut self) {
        self.clear();
        let bound = !self.disclosure_heard;
        let dropped = self
            .playout
            .remove(|sentence| !(sentence.unacknowledged() || (bound && sentence.kind == SpeechKind::Disclosure)));
        self.cancel(&dropped);
        let answer: Vec<_> = dropped
            .into_iter()
            .filter(|sentence| sentence.heard > 0 || !matches!(sentence.kind, SpeechKind::Filler | SpeechKind::Nudge))
            .collect();
        self.write(ledger::cut(&answer));
    }

    /// Nothing more of these has to be made.
    pub(crate) fn cancel(&mut self, dropped: &[Sentence]) {
        for sentence in dropped {
            if let Some(utterance) = sentence.utterance {
                let heard = sentence.sounded();
                self.out.push_back(Output::Cut { utterance, heard });
            } else if !sentence.complete {
                self.out.push_back(Output::CancelSynthesis { segment: sentence.id });
            }
        }
    }
}
