//! `talia-voice twilio connect`: points a number and the TwiML App at this server.

use super::plan::Plan;
use super::wanted::{APP_NAME, Wanted};
use crate::cli::Options;
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::line::{RestError, TwilioRest};
use crate::telemetry::Metrics;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::io::{BufRead, Write};
use std::sync::Arc;
use talia_twilio::rest::{Application, PhoneNumber};

/// Options of the command.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Connect {
    /// The number, E.164 (+52…). Not needed when the account has only one.
    #[arg(long)]
    number: Option<String>,
    /// Changes without asking.
    #[arg(long)]
    yes: bool,
}

impl Connect {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let config = Config::load(&Sources::of_process(options.config.clone()))?;
        ensure!(
            config.server.public_url.is_secure() || config.twilio.api_url.starts_with("http://"),
            "falta server.public_url (TALIA_PUBLIC_URL): Twilio solo llama a direcciones https://"
        );
        let rest = TwilioRest::new(&config, Clock::real(), Arc::new(Metrics::default()))?
            .context("falta twilio.account_sid (TALIA_TWILIO_ACCOUNT_SID)")?;
        let account = rest.fetch_account().await.map_err(spoken)?;
        println!(
            "Cuenta   {} ({}, {})",
            account.friendly_name, account.kind, account.status
        );
        ensure!(
            account.status == "active",
            "la cuenta no está activa: {}",
            account.status
        );
        let number = self.number(&rest).await?;
        println!("Número   {} ({})", number.phone_number, number.sid);
        let wanted = Wanted::of(&config);
        let app = app(&rest, config.twilio.twiml_app_sid.as_deref()).await?;
        match &app {
            Some(app) => println!("App      {} ({})", app.friendly_name, app.sid),
            None => println!("App      ninguna: se creará «{APP_NAME}»"),
        }
        let plan = Plan::new(&wanted, &number, app.as_ref());
        if plan.rows.is_empty() {
            println!("\nTodo está ya en su lugar: no hay nada que cambiar.");
        } else {
            println!("\n{}", plan.table());
            if !self.yes && !agreed()? {
                bail!("no se cambió nada");
            }
            if let Some(change) = &plan.number {
                let changed = rest.update_number(&number.sid, change).await.map_err(spoken)?;
                ensure!(
                    wanted.faults_of_number(&changed).is_empty(),
                    "Twilio aceptó el cambio, pero el número no quedó como se pidió"
                );
            }
            let app = match (&plan.app, &app) {
                (Some(change), Some(app)) => Some(rest.update_application(&app.sid, change).await.map_err(spoken)?),
                (Some(change), None) => Some(rest.create_application(change).await.map_err(spoken)?),
                (None, _) => None,
            };
            if let Some(app) = &app {
                ensure!(
                    wanted.faults_of_app(app).is_empty(),
                    "Twilio aceptó el cambio, pero la TwiML App no quedó como se pidió"
                );
            }
            println!("Listo.");
            remind(config.twilio.twiml_app_sid.as_deref(), app.as_ref());
        }
        if config.twilio.twiml_app_sid.is_none() && plan.app.is_none() {
            remind(None, app.as_ref());
        }
        println!(
            "Compruébelo con `talia-voice doctor` y llame al {}.",
            number.phone_number
        );
        Ok(())
    }

    async fn number(&self, rest: &TwilioRest) -> Result<PhoneNumber> {
        let mut found = rest.numbers(self.number.as_deref()).await.map_err(spoken)?;
        if let Some(wanted) = &self.number {
            found.retain(|number| number.phone_number == *wanted);
        }
        if found.len() == 1 {
            return Ok(found.remove(0));
        }
        let all = match &self.number {
            Some(_) => rest.numbers(None).await.map_err(spoken)?,
            None => found,
        };
        let all: Vec<_> = all.into_iter().map(|number| number.phone_number).collect();
        match (&self.number, all.is_empty()) {
            (_, true) => bail!("la cuenta no tiene números: compre uno en la consola de Twilio"),
            (Some(wanted), false) => bail!("la cuenta no tiene el número {wanted}; tiene: {}", all.join(", ")),
            (None, false) => bail!("diga cuál con --number; la cuenta tiene: {}", all.join(", ")),
        }
    }
}

/// The configured app, or the one that this command has made before.
async fn app(rest: &TwilioRest, configured: Option<&str>) -> Result<Option<Application>> {
    if let Some(sid) = configured {
        let app = rest.fetch_application(sid).await;
        return match app {
            Ok(app) => Ok(Some(app)),
            Err(error) => Err(spoken(error).context(format!("twilio.twiml_app_sid ({sid})"))),
        };
    }
    let apps = rest.applications(APP_NAME).await.map_err(spoken)?;
    Ok(apps.into_iter().find(|app| app.friendly_name == APP_NAME))
}

fn remind(configured: Option<&str>, app: Option<&Application>) {
    if let (None, Some(app)) = (configured, app) {
        println!(
            "Anote la TwiML App en la configuración: export TALIA_TWIML_APP_SID={}",
            app.sid
        );
    }
}

/// Asks at the terminal. Silence is a no.
fn agreed() -> Result<bool> {
    print!("¿Hacer estos cambios? [s/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    println!();
    let answer = answer.trim().to_lowercase();
    Ok(["s", "si", "sí", "y", "yes"].contains(&answer.as_str()))
}

/// An error of the API for whoever sits at the terminal.
fn spoken(error: RestError) -> anyhow::Error {
    let said = match error.twilio_says() {
        Some((Some(code), message)) => format!("Twilio dice: {message} ({code})"),
        Some((None, message)) => format!("Twilio dice: {message}"),
        None if error.unknown_outcome() => {
            "la respuesta de Twilio se perdió; repita la orden: nada se hace dos veces".to_owned()
        }
        None => "no se alcanza la API de Twilio".to_owned(),
    };
    anyhow::Error::new(error).context(said)
}
