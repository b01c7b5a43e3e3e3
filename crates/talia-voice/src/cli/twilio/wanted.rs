//! How a number and a TwiML App should be set up for this server.

use crate::config::Config;
use crate::line::paths;
use talia_twilio::rest::{Application, PhoneNumber, VoiceUrls};

/// The name of the TwiML App that is made when none is configured.
pub(super) const APP_NAME: &str = "TalIA Voz";
/// What the path of a front door's Function ends with (`deploy/twilio-function`).
const FUNCTION_HOST: &str = ".twil.io";

/// The URLs that Twilio should ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Wanted {
    /// The number's Voice URL.
    pub(in crate::cli) voice_url: String,
    /// The number's and the app's status callback.
    pub(in crate::cli) status_callback: String,
    /// The Fallback URL of both; none: whatever it is may stay.
    pub(in crate::cli) fallback_url: Option<String>,
    /// The app's Voice URL.
    pub(in crate::cli) app_voice_url: String,
    /// Whether a Function of ours may stand in between.
    pub(in crate::cli) front_door: bool,
}

impl Wanted {
    pub(in crate::cli) fn of(config: &Config) -> Self {
        let url = |path| config.server.public_url.http(path);
        Self {
            voice_url: url(paths::INBOUND),
            status_callback: url(paths::STATUS),
            fallback_url: config.twilio.fallback_url.clone(),
            app_voice_url: url(paths::OUTBOUND),
            front_door: config.twilio.own_signatures.is_some(),
        }
    }

    /// Whether a number's calls come to this server, be it through our Function.
    pub(in crate::cli) fn leads_here(&self, number: &PhoneNumber) -> bool {
        number.voice_application_sid.is_empty() && self.is_ours(&number.urls.voice_url, &self.voice_url, "/inbound")
    }

    /// Whether a URL is the one that is wanted, or that of our Function of this name.
    pub(in crate::cli) fn is_ours(&self, url: &str, wanted: &str, function: &str) -> bool {
        // What follows a `#` tells Twilio how to ask, not where.
        let url = url.split('#').next().unwrap_or_default();
        let host = url.split('/').nth(2).unwrap_or_default();
        url == wanted || (self.front_door && host.ends_with(FUNCTION_HOST) && url.ends_with(function))
    }

    /// What is wrong with a number's set-up, field by field: Twilio's name, what is there, what should be.
    pub(in crate::cli) fn faults_of_number(&self, number: &PhoneNumber) -> Vec<(&'static str, String, String)> {
        let mut faults = Vec::new();
        if !number.voice_application_sid.is_empty() {
            faults.push((
                "VoiceApplicationSid",
                number.voice_application_sid.clone(),
                String::new(),
            ));
        }
        self.compare(&number.urls, (&self.voice_url, "/inbound"), &mut faults);
        faults
    }

    /// The same of a TwiML App.
    pub(in crate::cli) fn faults_of_app(&self, app: &Application) -> Vec<(&'static str, String, String)> {
        let mut faults = Vec::new();
        self.compare(&app.urls, (&self.app_voice_url, "/outbound"), &mut faults);
        faults
    }

    fn compare(
        &self,
        urls: &VoiceUrls,
        (voice_url, function): (&str, &str),
        faults: &mut Vec<(&'static str, String, String)>,
    ) {
        let fields = [
            ("VoiceUrl", &urls.voice_url, &urls.voice_method, voice_url, function),
            (
                "StatusCallback",
                &urls.status_callback,
                &urls.status_method,
                &self.status_callback,
                "/status",
            ),
        ];
        for (name, url, method, wanted, function) in fields {
            let posted = method.eq_ignore_ascii_case("POST");
            if !self.is_ours(url, wanted, function) {
                faults.push((name, url.clone(), wanted.to_owned()));
            } else if !posted {
                faults.push((name, format!("{method} {url}"), format!("POST {wanted}")));
            }
        }
        if let Some(wanted) = &self.fallback_url
            && (urls.fallback_url != *wanted || !urls.fallback_method.eq_ignore_ascii_case("GET"))
        {
            let there = format!("{} {}", urls.fallback_method, urls.fallback_url);
            let there = if urls.fallback_url.is_empty() {
                String::new()
            } else {
                there
            };
            faults.push(("VoiceFallbackUrl", there, format!("GET {wanted}")));
        }
    }
}
