//! `<Dial>`: rings people, whispers to the one who answers, joins the two, and tells the action how it went.

mod leg;
mod whisper;

use talia_twilio::{CallSid, CallStatus};

use self::leg::Leg;
use crate::{
    call::{Call, Flow},
    events::{EndedBy, Purpose, What},
    fields,
    passing::{Grid, SILENCE, Source, Tick, frame_of},
    sounds,
    twiml::Dial,
};

/// Twilio's codes: no caller's number that may be shown, no number that could be rung.
const INVALID_CALLER_ID: u16 = 13_214;
const INVALID_NUMBER: u16 = 13_223;
/// A period of the ringing tone, in milliseconds and frames.
const RING_MS: u64 = 6_000;
const RING_FRAMES: usize = 300;

/// How a `<Dial>` went.
pub(crate) struct Dialled {
    pub(crate) status: CallStatus,
    pub(crate) sid: Option<CallSid>,
    pub(crate) duration_s: u64,
    pub(crate) bridged: bool,
}

impl Dialled {
    fn unreached(status: CallStatus, sid: Option<CallSid>) -> Self {
        Self {
            status,
            sid,
            duration_s: 0,
            bridged: false,
        }
    }
}

impl Call {
    pub(crate) async fn dial(&mut self, dial: &Dial, base: &str) -> Flow {
        let (done, instead) = self.reach(dial, base).await;
        let action = dial.action.as_ref().map(|action| action.from(base));
        match (instead, action) {
            (None, Some(action)) => Flow::Fetch(Purpose::Action, action, fields::dial(&done)),
            (None, None) => Flow::Next,
            (Some(Flow::End(EndedBy::Caller)), Some(action)) => {
                // It is requested whenever a <Dial> ends; nobody is left to hear the answer.
                self.hung_up = true;
                let mut told = self.base_fields.with_status(CallStatus::Completed);
                told.extend(fields::dial(&done));
                if let Err(fault) = self.request(Purpose::Action, &action, &told).await {
                    self.warn(fault.code, &fault.detail);
                }
                Flow::End(EndedBy::Caller)
            }
            (Some(flow), _) => flow,
        }
    }

    /// Rings everybody: how it went, and what governs the call instead of the `<Dial>`, if something does.
    async fn reach(&mut self, dial: &Dial, base: &str) -> (Dialled, Option<Flow>) {
        let known = self.record.read();
        let from = dial.caller_id.clone().unwrap_or_else(|| known.from.clone());
        let own = from == known.from || from == known.to || self.carrier.account().may_show(&from);
        // A browser has no number of its own that a telephone could show.
        let numbers = dial.nouns.iter().any(|noun| noun.is_number);
        if !own || (numbers && from.starts_with("client:")) {
            self.warn(INVALID_CALLER_ID, "the callerId may not be shown");
            return (Dialled::unreached(CallStatus::Failed, None), None);
        }
        let began_ms = self.now_ms();
        let mut legs = Vec::new();
        for noun in &dial.nouns {
            if noun.is_number && !crate::people::is_number(&noun.to) {
                self.warn(INVALID_NUMBER, "<Number> isn't E.164");
                continue;
            }
            legs.push(Leg::new(self, noun, (&from, base), began_ms));
        }
        let Some(first) = legs.first().map(|leg| leg.sid.clone()) else {
            return (Dialled::unreached(CallStatus::Failed, None), None);
        };
        let result = match self.ring_legs(&mut legs, dial).await {
            Ok(Some(index)) => {
                let mut leg = legs.remove(index);
                for other in &mut legs {
                    other.end(CallStatus::Canceled, self.now_ms());
                }
                let talked = self.talk(&mut leg, dial).await;
                leg.end(CallStatus::Completed, self.now_ms());
                let bridged = leg.joined_ms.is_some();
                let duration_s = leg.lasted_ms().div_ceil(1_000);
                let sid = Some(leg.sid.clone());
                legs.push(leg);
                let done = Dialled {
                    status: CallStatus::Completed,
                    sid,
                    duration_s,
                    bridged,
                };
                (done, talked.err())
            }
            Ok(None) => (Dialled::unreached(most_telling(&legs), Some(first)), None),
            Err(flow) => (Dialled::unreached(CallStatus::Canceled, Some(first)), Some(flow)),
        };
        for mut leg in legs {
            leg.end(CallStatus::Canceled, self.now_ms());
            self.leaving.spawn(leg.finish());
        }
        result
    }

    /// Rings until somebody answers (whose place is returned), nobody can any more, or the time is over.
    async fn ring_legs(&mut self, legs: &mut [Leg], dial: &Dial) -> Result<Option<usize>, Flow> {
        let mut grid = Grid::new(None);
        let timeout_ms = dial.timeout_s * 1_000;
        loop {
            let call_ms = self.caller_hears_ringing(&mut grid, dial.hangup_on_star).await?;
            let Some(call_ms) = call_ms else {
                return Ok(None);
            };
            for (index, leg) in legs.iter_mut().enumerate() {
                let before = leg.status;
                leg.ring(call_ms, timeout_ms);
                if leg.status != before {
                    self.log(What::Dialled {
                        call_sid: leg.sid.as_str().to_owned(),
                        status: leg.status.as_str(),
                    });
                }
                if leg.status == CallStatus::InProgress {
                    return Ok(Some(index));
                }
            }
            if legs.iter().all(|leg| leg.status.is_terminal()) {
                return Ok(None);
            }
        }
    }

    /// One frame in which the caller hears the ringing tone; none: the caller's `*` ended the `<Dial>`.
    async fn caller_hears_ringing(&mut self, grid: &mut Grid, star: bool) -> Result<Option<u64>, Flow> {
        loop {
            match self.tick(grid).await {
                Tick::End(flow) => return Err(flow),
                Tick::Over => {}
                Tick::Frame(call_ms) => {
                    let tone = self.ring_tone.get_or_insert_with(|| sounds::ringing(RING_MS));
                    let heard = frame_of(tone, (call_ms / 20) as usize % RING_FRAMES);
                    if self.frame(call_ms, &heard, Source::Network).left {
                        return Err(Flow::End(EndedBy::Caller));
                    }
                    let stopped = star && self.keys.contains(&'*');
                    self.keys.clear();
                    return Ok((!stopped).then_some(call_ms));
                }
            }
        }
    }

    /// Whispers, then joins the two until one leaves.
    async fn talk(&mut self, leg: &mut Leg, dial: &Dial) -> Result<(), Flow> {
        if let Some(whisper) = leg.whisper.clone()
            && !self.whisper(leg, whisper).await?
        {
            return Ok(());
        }
        let joined_ms = self.now_ms();
        leg.joined_ms = Some(joined_ms);
        self.log(What::Joined {
            call_sid: leg.sid.as_str().to_owned(),
        });
        let mut grid = Grid::new(Some(dial.time_limit_s * 1_000));
        let mut to_person = SILENCE;
        loop {
            let call_ms = match self.tick(&mut grid).await {
                Tick::Frame(call_ms) => call_ms,
                Tick::Over => return Ok(()),
                Tick::End(flow) => return Err(flow),
            };
            let person = leg.frame(call_ms, &to_person, &mut self.journal);
            let caller = self.frame(call_ms, &person.voice, Source::Person);
            to_person = caller.voice;
            if caller.left {
                return Err(Flow::End(EndedBy::Caller));
            }
            let stopped = dial.hangup_on_star && self.keys.contains(&'*');
            self.keys.clear();
            if person.left || stopped {
                return Ok(());
            }
        }
    }
}

/// Of several people who weren't reached: that somebody didn't answer says more than that another was busy.
fn most_telling(legs: &[Leg]) -> CallStatus {
    let any = |status| legs.iter().any(|leg| leg.status == status);
    [CallStatus::NoAnswer, CallStatus::Busy, CallStatus::Failed]
        .into_iter()
        .find(|status| any(*status))
        .unwrap_or(CallStatus::Canceled)
}
