//! The account, its number and its TwiML App, read by Twilio's REST API.

use super::finding::{APP, CREDENTIALS, Finding, NUMBER, text};
use super::{Patient, clock_skew};
use crate::cli::twilio::Wanted;
use crate::line::{RestError, TwilioRest};
use crate::telemetry::Metrics;
use std::sync::Arc;
use talia_twilio::rest::{Fault, PhoneNumber};

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let rest = TwilioRest::new(&patient.config, patient.clock.clone(), Arc::new(Metrics::default()));
    let rest = match rest {
        Ok(Some(rest)) => rest,
        Ok(None) => {
            let account = CREDENTIALS.failure(
                text("falta la cuenta de Twilio", "the Twilio account is missing"),
                text("ponga TALIA_TWILIO_ACCOUNT_SID=AC…", "set TALIA_TWILIO_ACCOUNT_SID=AC…"),
            );
            return without_account(account, clock_skew::look(patient).await);
        }
        Err(error) => {
            let said = text(error.to_string(), error.to_string());
            let account = CREDENTIALS.failure(said.clone(), said);
            return without_account(account, clock_skew::look(patient).await);
        }
    };
    let (account, clock) = tokio::join!(rest.fetch_account(), clock_skew::look(patient));
    let account = match account {
        Ok(account) => account,
        Err(error) => return without_account(refused(&error), clock),
    };
    let credentials = match (account.status.as_str(), account.kind.as_str()) {
        ("active", "Trial") => CREDENTIALS.warning(
            text("la cuenta es de prueba", "the account is a trial"),
            text(
                "las llamadas empiezan con el aviso de Twilio y solo salen a números verificados: pásela a de pago",
                "calls begin with Twilio's notice and go out to verified numbers only: upgrade it",
            ),
        ),
        ("active", _) => CREDENTIALS.ok(text("la cuenta está activa", "the account is active")),
        (status, _) => CREDENTIALS.failure(
            text(format!("la cuenta está {status}"), format!("the account is {status}")),
            text(
                "reactívela en la consola de Twilio",
                "reactivate it in Twilio's console",
            ),
        ),
    };
    let wanted = Wanted::of(&patient.config);
    let (number, app) = tokio::join!(number(patient, &rest, &wanted), app(patient, &rest, &wanted));
    vec![credentials, number, app, clock]
}

fn without_account(account: Finding, clock: Finding) -> Vec<Finding> {
    let unseen = || text("no se puede ver sin la cuenta", "can't be seen without the account");
    vec![account, NUMBER.skipped(unseen()), APP.skipped(unseen()), clock]
}

fn refused(error: &RestError) -> Finding {
    let said = error.twilio_says().map_or_else(
        || error.to_string(),
        |(code, message)| match code {
            Some(code) => format!("{message} ({code})"),
            None => message.to_owned(),
        },
    );
    match error.fault() {
        Fault::Unauthorised | Fault::NotFound => CREDENTIALS.failure(
            text(
                format!("Twilio no las acepta: {said}"),
                format!("Twilio doesn't take them: {said}"),
            ),
            text(
                "revise TALIA_TWILIO_ACCOUNT_SID y TALIA_TWILIO_AUTH_TOKEN (o la API key) en la consola de Twilio",
                "check TALIA_TWILIO_ACCOUNT_SID and TALIA_TWILIO_AUTH_TOKEN (or the API key) in Twilio's console",
            ),
        ),
        _ => CREDENTIALS.failure(
            text(
                format!("no se pudo preguntar a Twilio: {said}"),
                format!("Twilio couldn't be asked: {said}"),
            ),
            text(
                "revise la salida a internet de esta máquina hacia api.twilio.com:443",
                "check this machine's way out to api.twilio.com:443",
            ),
        ),
    }
}

async fn number(patient: &Patient, rest: &TwilioRest, wanted: &Wanted) -> Finding {
    let numbers = match rest.numbers(patient.number.as_deref()).await {
        Ok(numbers) => numbers,
        Err(error) => {
            let said = text(error.to_string(), error.to_string());
            return NUMBER.failure(said.clone(), said);
        }
    };
    let connect = |number: &str| {
        let order = format!("talia-voice twilio connect --number {number}");
        text(order.clone(), order)
    };
    let ours: Vec<&PhoneNumber> = match &patient.number {
        Some(asked) => numbers.iter().filter(|number| number.phone_number == *asked).collect(),
        None => numbers.iter().filter(|number| wanted.leads_here(number)).collect(),
    };
    if ours.is_empty() {
        return match (&patient.number, numbers.first()) {
            (Some(asked), _) => NUMBER.failure(
                text(
                    format!("la cuenta no tiene el {asked}"),
                    format!("the account doesn't have {asked}"),
                ),
                text("revise el número", "check the number"),
            ),
            (None, None) => NUMBER.failure(
                text("la cuenta no tiene números", "the account has no numbers"),
                text("compre uno en la consola de Twilio", "buy one in Twilio's console"),
            ),
            // One number alone: what is wrong with it is worth more than that it doesn't lead here.
            (None, Some(only)) if numbers.len() == 1 => judge(only, wanted),
            (None, Some(first)) => NUMBER.failure(
                text("ningún número llama a este servidor", "no number leads to this server"),
                connect(&first.phone_number),
            ),
        };
    }
    let faulty = ours.iter().find(|number| !wanted.faults_of_number(number).is_empty());
    if let Some(number) = faulty {
        return judge(number, wanted);
    }
    let all: Vec<_> = ours.iter().map(|number| number.phone_number.as_str()).collect();
    let all = all.join(", ");
    if ours.iter().any(|number| number.urls.fallback_url.is_empty()) {
        return NUMBER.warning(
            text(
                format!("{all}: bien, pero sin Fallback URL"),
                format!("{all}: fine, but without Fallback URL"),
            ),
            text(
                "suba deploy/fallback.xml a un sitio ajeno a este servidor y ponga TALIA_TWILIO__FALLBACK_URL",
                "host deploy/fallback.xml somewhere else than here and set TALIA_TWILIO__FALLBACK_URL",
            ),
        );
    }
    NUMBER.ok(text(format!("{all}: bien"), format!("{all}: fine")))
}

fn judge(number: &PhoneNumber, wanted: &Wanted) -> Finding {
    let faults = wanted.faults_of_number(number);
    let differences: Vec<_> = faults
        .iter()
        .map(|(name, there, _)| format!("{name} = {}", if there.is_empty() { "–" } else { there }))
        .collect();
    let differences = differences.join(", ");
    let number = &number.phone_number;
    let order = format!("talia-voice twilio connect --number {number}");
    NUMBER.failure(
        text(format!("{number}: {differences}"), format!("{number}: {differences}")),
        text(order.clone(), order),
    )
}

async fn app(patient: &Patient, rest: &TwilioRest, wanted: &Wanted) -> Finding {
    let Some(sid) = &patient.config.twilio.twiml_app_sid else {
        return APP.skipped(text(
            "ninguna: solo hace falta para llamar desde el navegador",
            "none: only needed for calls from a browser",
        ));
    };
    let order = || text("talia-voice twilio connect", "talia-voice twilio connect");
    match rest.fetch_application(sid).await {
        Ok(app) => {
            let faults = wanted.faults_of_app(&app);
            match faults.first() {
                None => APP.ok(text("bien", "fine")),
                Some((name, there, _)) => {
                    let there = if there.is_empty() { "–" } else { there };
                    APP.failure(text(format!("{name} = {there}"), format!("{name} = {there}")), order())
                }
            }
        }
        Err(error) if error.fault() == Fault::NotFound => APP.failure(
            text(format!("la cuenta no tiene {sid}"), format!("the account has no {sid}")),
            text(
                "corrija o quite TALIA_TWIML_APP_SID",
                "correct or remove TALIA_TWIML_APP_SID",
            ),
        ),
        Err(error) => APP.failure(text(error.to_string(), error.to_string()), order()),
    }
}
