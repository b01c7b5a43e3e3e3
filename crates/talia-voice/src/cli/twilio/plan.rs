//! What would change at Twilio: pure, so that what is shown is what is done.

use super::wanted::{APP_NAME, Wanted};
use talia_twilio::rest::{Application, ApplicationChange, NumberChange, PhoneNumber};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// What would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    pub(super) number: Option<NumberChange>,
    pub(super) app: Option<ApplicationChange>,
}

impl Plan {
    /// Compares what is there with what is wanted; without an app, one is made.
    pub(super) fn new(wanted: &Wanted, number: &PhoneNumber, app: Option<&Application>) -> Self {
        let mut plan = Self::default();
        let faults = wanted.faults_of_number(number);
        if !faults.is_empty() {
            let has = |name| faults.iter().any(|(field, ..)| *field == name);
            plan.number = Some(NumberChange {
                voice_url: has("VoiceUrl").then(|| wanted.voice_url.clone()),
                fallback_url: wanted.fallback_url.clone().filter(|_| has("VoiceFallbackUrl")),
                status_callback: has("StatusCallback").then(|| wanted.status_callback.clone()),
                voice_application_sid: has("VoiceApplicationSid").then(String::new),
            });
        }
        plan.add("número", faults);
        let Some(app) = app else {
            plan.app = Some(ApplicationChange {
                friendly_name: Some(APP_NAME.to_owned()),
                voice_url: Some(wanted.app_voice_url.clone()),
                fallback_url: wanted.fallback_url.clone(),
                status_callback: Some(wanted.status_callback.clone()),
            });
            plan.add(
                "TwiML App",
                vec![
                    ("FriendlyName", String::new(), APP_NAME.to_owned()),
                    ("VoiceUrl", String::new(), wanted.app_voice_url.clone()),
                    ("StatusCallback", String::new(), wanted.status_callback.clone()),
                ],
            );
            return plan;
        };
        let faults = wanted.faults_of_app(app);
        if !faults.is_empty() {
            let has = |name| faults.iter().any(|(field, ..)| *field == name);
            plan.app = Some(ApplicationChange {
                friendly_name: None,
                voice_url: has("VoiceUrl").then(|| wanted.app_voice_url.clone()),
                fallback_url: wanted.fallback_url.clone().filter(|_| has("VoiceFallbackUrl")),
                status_callback: has("StatusCallback").then(|| wanted.status_callback.clone()),
            });
        }
        plan.add("TwiML App", faults);
        plan
    }

    fn add(&mut self, whose: &str, faults: Vec<(&'static str, String, String)>) {
        self.rows.extend(faults.into_iter().map(|(name, before, after)| Row {
            what: format!("{whose} · {name}"),
            before,
            after,
        }));
    }

    /// The table: what, before, after.
    pub(super) fn table(&self) -> String {
        let shown = |text: &str| if text.is_empty() { "–" } else { text }.to_owned();
        let width = |column: fn(&Row) -> &str, title: &str| {
            let longest = self.rows.iter().map(|row| shown(column(row)).chars().count()).max();
            longest.unwrap_or(0).max(title.chars().count())
        };
        let (what, before) = (width(|row| &row.what, ""), width(|row| &row.before, "antes"));
        let mut table = format!("  {:what$}  {:before$}  después\n", "", "antes");
        for row in &self.rows {
            let line = format!(
                "  {:what$}  {:before$}  {}\n",
                row.what,
                shown(&row.before),
                shown(&row.after)
            );
            table.push_str(&line);
        }
        table
    }
}
