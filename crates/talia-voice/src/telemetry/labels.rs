//! The words that metrics are labelled with: closed sets, so that no outside text becomes a label.

mod recordings;

pub use recordings::{BucketFault, BucketOperation, RecordingAnswer, RecordingFault};

use crate::dialing::Denial;
use crate::providers::FaultClass;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};

/// Why a request, socket or call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Refusal {
    /// No signature where one is needed.
    SignatureMissing,
    /// A signature that isn't Twilio's for this request.
    SignatureWrong,
    /// Our own signature with a header missing.
    OwnSignatureIncomplete,
    /// Our own signature that no secret of ours makes, or none is configured.
    OwnSignatureWrong,
    /// Our own signature, good but too old or of the future.
    OwnSignatureStale,
    /// Our own signature, good but used before.
    OwnSignatureReplayed,
    /// Our own signature, good, and no room to remember its id.
    OwnSignatureCrowded,
    /// The account isn't the configured one.
    AccountForeign,
    /// A webhook's body is too large.
    BodyTooLarge,
    /// A webhook's body didn't come in time.
    BodyTimeout,
    /// A webhook's form can't be read, or lacks its CallSid.
    FormBad,
    /// A stream's token that was never given out.
    TokenUnknown,
    /// A stream's token that was used before.
    TokenUsed,
    /// A stream's token that came too late, or whose call is over.
    TokenExpired,
    /// A request for a media socket that isn't a WebSocket handshake.
    NotASocket,
    /// A media socket that sent nothing in time.
    FirstMessageTimeout,
    /// A media socket that didn't start in time.
    StartTimeout,
    /// A media socket whose first messages aren't `connected` and `start`.
    StartBad,
    /// A stream that starts as another call or account than its token's.
    StartForeign,
    /// A stream in a format other than μ-law, 8 kHz, mono.
    MediaFormat,
    /// A call beyond the limit.
    TooManyCalls,
    /// A connection beyond the limit.
    TooManyConnections,
    /// A connection that couldn't agree on TLS, or not in time.
    TlsHandshake,
    /// The server is stopping.
    Draining,
    /// The database can't be written.
    StoreUnavailable,
    /// A webhook repeated for a call that is over or already streaming.
    Replayed,
    /// A call whose stream broke too often.
    TooManyResumes,
    /// An operator's route without the right key, or from another machine.
    OperatorKey,
    /// A webhook about a call that we don't know.
    CallUnknown,
    /// A webhook about a call out that names another call.
    OutboundForeign,
    /// A call from a browser that doesn't come from one.
    NotAClient,
    /// A call out without an account or a number to show.
    DialingNotConfigured,
    /// A program without a key of ours, or from another machine.
    ApiKey,
    /// A program whose key isn't good for this.
    ApiScope,
    /// A call that is to be erased and isn't over.
    CallAlive,
    /// A command to a call that doesn't do it.
    CommandDeclined,
    /// A command of another node that can't be read.
    CommandUnreadable,
    /// A program's request that can't be read or says too little.
    ApiBody,
    /// A query string with a filter that isn't known or a value that none can have.
    ApiQuery,
    /// A cursor that isn't ours, or of another query.
    ApiCursor,
    /// An idempotency key that was used for something else.
    KeyReused,
    /// A call in which no voice could say anything.
    NoVoice,
    /// A person to hand a caller to who isn't in the configuration (any more).
    DestinationUnknown,
}

/// A message on a media socket that was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BadFrame {
    /// Not the JSON of a known message.
    Json,
    /// Audio that isn't base64.
    Base64,
    /// A binary message.
    Binary,
    /// Audio of a track that isn't the caller's.
    Track,
    /// A message of another stream.
    Stream,
    /// An event that we don't know: skipped, as Twilio may add some.
    UnknownEvent,
    /// A message that came a second time, or after a later one.
    Repeated,
    /// A second `start`.
    SecondStart,
    /// A key that no telephone has, or a mark that no one could have sent.
    Value,
    /// More messages than a telephone line has; what it says is not looked at.
    TooFast,
}

/// A stage of a turn.
///
/// The first two run from the caller's last sound, `Think` to `Hear` each from the one before;
/// `ToFirstFrame` and `Total` run from the caller's last sound to the first frame sent and heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Stage {
    Transcribe,
    Decide,
    Think,
    Synthesize,
    Send,
    Hear,
    ToFirstFrame,
    Total,
}

/// What became of a sound over our speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BargeInOutcome {
    Paused,
    Resumed,
    Yielded,
}

/// Why a write or read of the database failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum StoreFault {
    Full,
    ReadOnly,
    Locked,
    Io,
    Rejected,
    Overflow,
    Closed,
    /// It came late, for a call that was erased.
    Erased,
    /// The spool can't be written, read or cleared.
    Spool,
    Other,
}

/// Why there is no new certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum CertificateFault {
    /// The files hold no pair that can be used.
    Reload,
    /// An order by ACME failed.
    Order,
}

/// A Twilio webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Webhook {
    Inbound,
    After,
    Status,
    StreamStatus,
    OutboundAnswer,
    Amd,
    Browser,
    BrowserAfter,
    BrowserLeg,
    Transferred,
    Whisper,
}

/// What was asked of Twilio's REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RestOperation {
    CreateCall,
    FetchCall,
    ListCalls,
    UpdateCall,
    Account,
    Numbers,
    Applications,
}

/// How it ended, all attempts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RestOutcome {
    Done,
    RateLimited,
    NotFound,
    CallOver,
    Unauthorised,
    Refused,
    Unreachable,
    UnknownOutcome,
}

macro_rules! label_set {
    ($($name:ident { $field:ident: $kind:ty }),* $(,)?) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $name {
            pub(super) $field: $kind,
        }
    )*};
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RestOutcomeLabel {
    pub(super) operation: RestOperation,
    pub(super) outcome: RestOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CommandLabel {
    pub(super) command: CommandKind,
    pub(super) outcome: CommandOutcome,
}

/// An engine of somebody else, by its name in the configuration, and how it failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProviderFaultLabel {
    pub(super) provider: String,
    pub(super) class: FaultClass,
}

/// A model of somebody else, and which of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TokenLabel {
    pub(super) provider: String,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BucketLabel {
    pub(super) operation: BucketOperation,
    pub(super) reason: BucketFault,
}

label_set! {
    ProviderLabel { provider: String },
    RefusalLabel { reason: Refusal },
    BadFrameLabel { kind: BadFrame },
    StageLabel { stage: Stage },
    BargeInLabel { outcome: BargeInOutcome },
    StoreLabel { reason: StoreFault },
    CertificateLabel { reason: CertificateFault },
    RecordingLabel { reason: RecordingFault },
    RecordingAnswerLabel { answer: RecordingAnswer },
    WebhookLabel { webhook: Webhook },
    RestLabel { operation: RestOperation },
    DenialLabel { reason: Denial },
    ToolLabel { verdict: ToolVerdict },
    MaskLabel { kind: Masked },
    SinkLabel { sink: String },
}

/// A sink of events, and why it didn't take one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SinkFaultLabel {
    pub(super) sink: String,
    pub(super) reason: SinkFault,
}

/// Why a sink of events didn't take one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum SinkFault {
    /// No connection.
    Unreachable,
    /// It may not be reached: a private address, a port that isn't open.
    AddressRefused,
    /// No answer in time.
    TimedOut,
    /// It doesn't know our password, token or signature.
    Unauthorised,
    /// It knows us and doesn't allow it.
    Forbidden,
    /// The stream isn't there, can't be made, or is another than is needed.
    Stream,
    /// It has no room.
    Full,
    /// The event is larger than it takes.
    TooLarge,
    /// Its address is given up (410).
    Gone,
    /// It asks to be left in peace for a while (429).
    TooMany,
    /// It says that the request is wrong (another 4xx, or a redirect).
    Refused,
    /// It says that it failed (5xx).
    Failed,
    /// Anything else.
    Other,
}

impl SinkFault {
    /// The word for it in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::AddressRefused => "address-refused",
            Self::TimedOut => "timed-out",
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::Stream => "stream",
            Self::Full => "full",
            Self::TooLarge => "too-large",
            Self::Gone => "gone",
            Self::TooMany => "too-many",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }
}

/// What was masked in a line of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Masked {
    /// The number of a payment card, or a piece of it.
    Card,
    /// A card's security code.
    SecurityCode,
    /// What a pattern of the operator's matched.
    Pattern,
}

/// What became of a model's wish to use a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ToolVerdict {
    /// It was done.
    Done,
    /// The caller is asked first.
    Asked,
    /// It was done before, or is being done.
    Repeated,
    /// There is no such tool.
    UnknownTool,
    /// Arguments of more bytes than a wish has.
    ArgumentsTooLong,
    /// Arguments that are no JSON object.
    ArgumentsNotJson,
    /// Arguments that don't fit the tool's schema, or its address.
    ArgumentsUnfit,
    /// A value that is no name, e-mail, telephone or company.
    ValueUnfit,
    /// The tool was used too often in this call.
    ToolQuota,
    /// Tools were used too often in this call.
    CallQuota,
    /// The caller has not confirmed what it needs.
    Unconfirmed,
    /// No such person, or not one of this assistant's.
    DestinationUnknown,
    /// A person who isn't there at this hour.
    Closed,
    /// It could not be written down before.
    Unwritten,
    /// An address that tools may not reach.
    AddressRefused,
    /// No connection.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that was cut or makes no sense.
    Broken,
    /// An answer larger than is read.
    TooLarge,
    /// The tool says that it failed.
    Failed,
    /// The call ended meanwhile.
    CallOver,
}

/// What a live call was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum CommandKind {
    HangUp,
    Transfer,
    Say,
}

impl CommandKind {
    /// Its word in the audit trail and in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::HangUp => "hang_up",
            Self::Transfer => "transfer",
            Self::Say => "say",
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum CommandOutcome {
    /// The call has it.
    Done,
    /// The call doesn't do it, or isn't live.
    Declined,
    /// The node that has the call can't be reached.
    Unreachable,
    /// That node didn't answer.
    Unconfirmed,
    /// It could not be written down before.
    Unwritten,
}

/// Kinds of a model's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum TokenKind {
    /// Read, and not in the provider's cache.
    Fresh,
    /// Read from the provider's cache.
    Cached,
    /// Written.
    Output,
}
