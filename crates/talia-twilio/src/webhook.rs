//! Views of the forms that Twilio posts: a voice request, a call's status, a stream's status.
//!
//! Only the fields that a voice server acts upon; all others stay in the [`Form`].
//! Source: Twilio's "TwiML for Programmable Voice: request parameters" and the Call resource's status callbacks.

use std::{fmt, str::FromStr};

use crate::{
    form::{Form, FormError},
    sid::{AccountSid, CallSid, StreamSid},
    status::CallStatus,
};

/// A request for TwiML: the Voice URL, an action or a redirect.
///
/// Its debug form leaves out numbers and names.
#[derive(Clone, PartialEq, Eq)]
pub struct VoiceRequest {
    /// The call.
    pub call_sid: CallSid,
    /// The account that owns the number.
    pub account_sid: AccountSid,
    /// Who calls: E.164, `client:NAME`, `sip:…` or a word such as `anonymous`.
    pub from: String,
    /// Who is called, in the same forms.
    pub to: String,
    /// `ringing` in an inbound call's first request.
    pub call_status: CallStatus,
    /// Who dialled.
    pub direction: Direction,
    /// Of a forwarded call, when the carrier says so; unreliable.
    pub forwarded_from: Option<String>,
    /// Of a leg that a `<Dial>` made.
    pub parent_call_sid: Option<CallSid>,
    /// How far the carrier vouches for the caller's number (`TN-Validation-Passed-A`, …).
    pub stir_verstat: Option<String>,
    /// Who answered an outbound call (`human`, `machine_start`, …).
    pub answered_by: Option<String>,
    /// Why a fallback URL is asked.
    pub error_code: Option<u32>,
}

impl VoiceRequest {
    /// Reads the request.
    pub fn read(form: &Form) -> Result<Self, FormError> {
        Ok(Self {
            call_sid: parsed(form, "CallSid")?,
            account_sid: parsed(form, "AccountSid")?,
            from: form.need("From")?.to_owned(),
            to: form.need("To")?.to_owned(),
            call_status: status(form)?,
            direction: Direction::parse(form.need("Direction")?),
            forwarded_from: form.optional("ForwardedFrom").map(str::to_owned),
            parent_call_sid: parsed_if_present(form, "ParentCallSid")?,
            stir_verstat: form.optional("StirVerstat").map(str::to_owned),
            answered_by: form.optional("AnsweredBy").map(str::to_owned),
            error_code: parsed_if_present(form, "ErrorCode")?,
        })
    }
}

impl fmt::Debug for VoiceRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("VoiceRequest")
            .field("call_sid", &self.call_sid)
            .field("call_status", &self.call_status)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Who dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Somebody called our number.
    Inbound,
    /// The REST API made the call.
    OutboundApi,
    /// A `<Dial>` made the call.
    OutboundDial,
    /// A SIP trunk calls out.
    TrunkingOriginating,
    /// A SIP trunk is called.
    TrunkingTerminating,
    /// A word that this crate doesn't know. A call isn't lost for it.
    Other,
}

impl Direction {
    /// Reads Twilio's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "inbound" => Self::Inbound,
            "outbound-api" => Self::OutboundApi,
            "outbound-dial" => Self::OutboundDial,
            "trunking-originating" => Self::TrunkingOriginating,
            "trunking-terminating" => Self::TrunkingTerminating,
            _ => Self::Other,
        }
    }
}

/// Who answered an outbound call, as far as Twilio can tell. Source: the Call resource's `AnsweredBy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A machine that is still speaking its greeting.
    MachineStart,
    /// A machine whose greeting ended with a beep.
    MachineEndBeep,
    /// A machine whose greeting ended in silence.
    MachineEndSilence,
    /// A machine whose greeting ended otherwise.
    MachineEndOther,
    /// A fax.
    Fax,
    /// Twilio can't tell, or says something new.
    Unknown,
}

impl AnsweredBy {
    const ALL: [Self; 7] = [
        Self::Human,
        Self::MachineStart,
        Self::MachineEndBeep,
        Self::MachineEndSilence,
        Self::MachineEndOther,
        Self::Fax,
        Self::Unknown,
    ];

    /// Twilio's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::MachineStart => "machine_start",
            Self::MachineEndBeep => "machine_end_beep",
            Self::MachineEndSilence => "machine_end_silence",
            Self::MachineEndOther => "machine_end_other",
            Self::Fax => "fax",
            Self::Unknown => "unknown",
        }
    }

    /// Reads Twilio's word. One that isn't known is [`AnsweredBy::Unknown`]: nobody is hung up upon for a new word.
    pub fn parse(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == word);
        known.unwrap_or(Self::Unknown)
    }

    /// Whether it is a machine that records what is said from now on.
    pub fn records(self) -> bool {
        matches!(
            self,
            Self::MachineEndBeep | Self::MachineEndSilence | Self::MachineEndOther
        )
    }
}

/// The callback of an asynchronous detection of answering machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineVerdict {
    /// The call.
    pub call_sid: CallSid,
    /// The account that owns it.
    pub account_sid: AccountSid,
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// How long it took to tell, milliseconds.
    pub took_ms: Option<u64>,
}

impl MachineVerdict {
    /// Reads the callback.
    pub fn read(form: &Form) -> Result<Self, FormError> {
        Ok(Self {
            call_sid: parsed(form, "CallSid")?,
            account_sid: parsed(form, "AccountSid")?,
            answered_by: AnsweredBy::parse(form.need("AnsweredBy")?),
            took_ms: parsed_if_present(form, "MachineDetectionDuration")?,
        })
    }
}

/// A call's status callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// The call.
    pub call_sid: CallSid,
    /// The account that owns it.
    pub account_sid: AccountSid,
    /// Its status. Callbacks arrive in any order: see [`CallStatus::advance`].
    pub call_status: CallStatus,
    /// Counts a call's callbacks from 0; only in subscribed progress events.
    pub sequence_number: Option<u64>,
    /// How long the call lasted, in seconds; only when it is over.
    pub call_duration_s: Option<u64>,
    /// When the event happened, as RFC 2822 in UTC; only in subscribed progress events.
    pub timestamp: Option<String>,
    /// The last answer of the other side's SIP server, of a leg that failed.
    pub sip_response_code: Option<u16>,
}

impl StatusCallback {
    /// Reads the callback.
    pub fn read(form: &Form) -> Result<Self, FormError> {
        Ok(Self {
            call_sid: parsed(form, "CallSid")?,
            account_sid: parsed(form, "AccountSid")?,
            call_status: status(form)?,
            sequence_number: parsed_if_present(form, "SequenceNumber")?,
            call_duration_s: parsed_if_present(form, "CallDuration")?,
            timestamp: form.optional("Timestamp").map(str::to_owned),
            sip_response_code: parsed_if_present(form, "SipResponseCode")?,
        })
    }
}

/// A stream's status callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatus {
    /// The call.
    pub call_sid: CallSid,
    /// The account that owns it.
    pub account_sid: AccountSid,
    /// The stream.
    pub stream_sid: StreamSid,
    /// The name from the TwiML.
    pub name: Option<String>,
    /// What happened.
    pub event: StreamEvent,
    /// Twilio's text about an error.
    pub error: Option<String>,
    /// When it happened, as ISO 8601 (unlike a call's callbacks).
    pub timestamp: Option<String>,
}

/// What happened to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamEvent {
    /// The socket stands.
    Started,
    /// The stream ended as it should.
    Stopped,
    /// The stream broke.
    Error,
}

impl StreamEvent {
    /// Twilio's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "stream-started",
            Self::Stopped => "stream-stopped",
            Self::Error => "stream-error",
        }
    }

    /// Reads Twilio's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Started, Self::Stopped, Self::Error]
            .into_iter()
            .find(|event| event.as_str() == word)
    }
}

impl StreamStatus {
    /// Reads the callback.
    pub fn read(form: &Form) -> Result<Self, FormError> {
        Ok(Self {
            call_sid: parsed(form, "CallSid")?,
            account_sid: parsed(form, "AccountSid")?,
            stream_sid: parsed(form, "StreamSid")?,
            name: form.optional("StreamName").map(str::to_owned),
            event: StreamEvent::parse(form.need("StreamEvent")?).ok_or(FormError::BadField("StreamEvent"))?,
            error: form.optional("StreamError").map(str::to_owned),
            timestamp: form.optional("Timestamp").map(str::to_owned),
        })
    }

    /// The number of Twilio's error (319xx), where its text begins with one or names one.
    pub fn error_code(&self) -> Option<u16> {
        let mut words = self.error.as_deref()?.split(|c: char| !c.is_ascii_digit());
        words.find_map(|word| word.parse().ok().filter(|code| (31_900..32_000).contains(code)))
    }
}

fn status(form: &Form) -> Result<CallStatus, FormError> {
    CallStatus::parse(form.need("CallStatus")?).ok_or(FormError::BadField("CallStatus"))
}

fn parsed<T: FromStr>(form: &Form, name: &'static str) -> Result<T, FormError> {
    form.need(name)?.parse().map_err(|_| FormError::BadField(name))
}

fn parsed_if_present<T: FromStr>(form: &Form, name: &'static str) -> Result<Option<T>, FormError> {
    form.optional(name)
        .map(str::parse)
        .transpose()
        .map_err(|_| FormError::BadField(name))
}
