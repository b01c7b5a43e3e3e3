//! What an honest Twilio never does: to try how a server defends itself.

/// One dishonesty of a call's carrier. A forged webhook needs none: give the carrier another auth token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tamper {
    /// The socket's handshake is signed with another token.
    ForgedHandshake,
    /// `start` never comes; media does.
    NoStart,
    /// `start` comes twice.
    SecondStart,
    /// `start` announces 16-bit samples at 16 kHz.
    WrongCodec,
    /// `start` names another call.
    ForeignCall,
    /// A text message behind `start`, as it is.
    Text(String),
    /// A binary message behind `start`.
    Binary(Vec<u8>),
}
