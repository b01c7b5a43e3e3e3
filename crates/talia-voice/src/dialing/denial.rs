//! Why a number is not dialled: a closed set of words, counted and audited.

use prometheus_client::encoding::EncodeLabelValue;

/// Why a number is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Denial {
    /// `sip:…`, `client:…`, `anonymous`: no telephone number at all.
    NotANumber,
    /// Digits, but not `+`, country code and number.
    NotE164,
    /// An emergency or short number.
    Short,
    /// No such number exists.
    Invalid,
    /// A country that isn't in `dialing.countries`.
    Country,
    Premium,
    SharedCost,
    Personal,
    /// A company number that may be routed anywhere.
    Uan,
    Pager,
    Voicemail,
    /// Satellites and networks without a country: +870, +878, +881 to +883, +979…
    Network,
    /// A range that is dear and known from fraud, or one of `dialing.refused_prefixes`.
    HighCost,
    /// A kind of number that nobody has said to be ordinary.
    UnknownKind,
    /// Nobody knows what time it is there.
    TimeZone,
    /// Too early, too late or the wrong day, somewhere where this number may be.
    Hours,
    /// Whoever has this number doesn't want to be called.
    DoNotCall,
    /// Nobody says who agreed to this call, when and how.
    Consent,
    CapPerHour,
    CapPerDay,
    CapPerPrefix,
    CapCost,
}

impl Denial {
    /// Every reason.
    pub const ALL: [Self; 22] = [
        Self::NotANumber,
        Self::NotE164,
        Self::Short,
        Self::Invalid,
        Self::Country,
        Self::Premium,
        Self::SharedCost,
        Self::Personal,
        Self::Uan,
        Self::Pager,
        Self::Voicemail,
        Self::Network,
        Self::HighCost,
        Self::UnknownKind,
        Self::TimeZone,
        Self::Hours,
        Self::DoNotCall,
        Self::Consent,
        Self::CapPerHour,
        Self::CapPerDay,
        Self::CapPerPrefix,
        Self::CapCost,
    ];

    /// The word in answers and in the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not-a-number",
            Self::NotE164 => "not-e164",
            Self::Short => "short-number",
            Self::Invalid => "invalid-number",
            Self::Country => "country",
            Self::Premium => "premium",
            Self::SharedCost => "shared-cost",
            Self::Personal => "personal",
            Self::Uan => "uan",
            Self::Pager => "pager",
            Self::Voicemail => "voicemail",
            Self::Network => "network",
            Self::HighCost => "high-cost",
            Self::UnknownKind => "unknown-kind",
            Self::TimeZone => "time-zone",
            Self::Hours => "hours",
            Self::DoNotCall => "do-not-call",
            Self::Consent => "consent",
            Self::CapPerHour => "cap-per-hour",
            Self::CapPerDay => "cap-per-day",
            Self::CapPerPrefix => "cap-per-prefix",
            Self::CapCost => "cap-cost",
        }
    }

    /// Whether the same wish may be granted later.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Hours | Self::CapPerHour | Self::CapPerDay | Self::CapPerPrefix | Self::CapCost
        )
    }

    /// Whether the text wasn't a number that can be called at all.
    pub fn is_malformed(self) -> bool {
        matches!(self, Self::NotANumber | Self::NotE164 | Self::Invalid | Self::Consent)
    }
}
