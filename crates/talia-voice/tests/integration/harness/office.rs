//! An account at the simulated Twilio, and the environment of whoever manages it.

use super::{ACCOUNT, ORIGIN, TOKEN};
use talia_simulator::account::Account;
use talia_simulator::carrier::Carrier;
use talia_simulator::rest::RestApi;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_twilio::AccountSid;
use talia_voice::line::paths;

/// The account and its API.
pub(crate) struct Office {
    carrier: Carrier,
    pub(crate) api: RestApi,
    url: String,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let account = AccountSid::new(ACCOUNT).expect("an account");
        let settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
        let carrier = Carrier::new(settings).expect("a carrier");
        let bind = "127.0.0.1:0".parse().expect("an address");
        let api = RestApi::start(carrier.clone(), Vec::new(), bind).await.expect("a port");
        let url = api.base_url();
        Self { carrier, api, url }
    }

    pub(crate) fn account(&self) -> &Account {
        self.carrier.account()
    }

    /// What the operator has set.
    pub(crate) fn environment(&self) -> [(&str, &str); 4] {
        [
            ("TALIA_TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
            ("TALIA_PUBLIC_URL", ORIGIN),
            ("TALIA_TWILIO__API_URL", &self.url),
        ]
    }
}
