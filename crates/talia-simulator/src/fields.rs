//! The form fields of Twilio's requests. Source: Twilio's pages "TwiML for Programmable Voice" and "Media Streams".

use talia_twilio::{AccountSid, CallSid, CallStatus, StreamSid};

use crate::{dial::Dialled, people::Verdict, records::CallRecord};

/// Name and value, decoded.
pub(crate) type Fields = Vec<(String, String)>;

/// The fields that every request of a call has.
#[derive(Debug)]
pub(crate) struct CallFields {
    fixed: Fields,
}

impl CallFields {
    pub(crate) fn new(account: &AccountSid, call: &CallRecord, extra: &[(String, String)]) -> Self {
        let mut fixed = pairs([
            ("AccountSid", account.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", call.sid.as_str()),
            ("Called", &call.to),
            ("Caller", &call.from),
            ("Direction", call.direction.as_str()),
            ("From", &call.from),
            ("To", &call.to),
        ]);
        if let Some(parent) = &call.parent {
            fixed.push(("ParentCallSid".to_owned(), parent.as_str().to_owned()));
        }
        // Known for North American numbers only; elsewhere they are sent empty, and signed so.
        for side in ["From", "To", "Caller", "Called"] {
            for place in ["City", "State", "Zip", "Country"] {
                fixed.push((format!("{side}{place}"), String::new()));
            }
        }
        fixed.extend_from_slice(extra);
        Self { fixed }
    }

    /// The two fields that every callback has.
    pub(crate) fn account_and_call(&self) -> Fields {
        let named = |name: &str| self.fixed.iter().find(|(field, _)| field == name).cloned();
        ["AccountSid", "CallSid"].into_iter().filter_map(named).collect()
    }

    pub(crate) fn with_status(&self, status: CallStatus) -> Fields {
        let mut fields = self.fixed.clone();
        fields.push(("CallStatus".to_owned(), status.as_str().to_owned()));
        fields
    }
}

/// What is told of a detection's verdict.
pub(crate) fn verdict(verdict: &Verdict) -> Fields {
    pairs([
        ("AnsweredBy", verdict.answered_by.as_str()),
        ("MachineDetectionDuration", &verdict.after_ms.to_string()),
    ])
}

/// What a Dial's action is told.
pub(crate) fn dial(dialled: &Dialled) -> Fields {
    let mut fields = pairs([
        ("DialCallStatus", dialled.status.as_str()),
        ("DialCallDuration", &dialled.duration_s.to_string()),
        ("DialBridged", if dialled.bridged { "true" } else { "false" }),
    ]);
    if let Some(sid) = &dialled.sid {
        fields.push(("DialCallSid".to_owned(), sid.as_str().to_owned()));
    }
    fields
}

/// What a stream's callback is told.
pub(crate) fn stream_status(
    account: &AccountSid,
    call: &CallSid,
    (stream, name): (&StreamSid, Option<&str>),
    (event, error): (&str, Option<String>),
) -> Fields {
    let mut fields = pairs([
        ("AccountSid", account.as_str()),
        ("CallSid", call.as_str()),
        ("StreamSid", stream.as_str()),
        ("StreamName", name.unwrap_or(stream.as_str())),
        ("StreamEvent", event),
        ("Timestamp", &jiff::Timestamp::now().to_string()),
    ]);
    if let Some(error) = error {
        fields.push(("StreamError".to_owned(), error));
    }
    fields
}

pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Fields {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
