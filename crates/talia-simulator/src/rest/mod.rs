//! Twilio's REST API on a real socket: calls (create, list, fetch, update), the account, its numbers and apps.
//!
//! Source: Twilio's pages "Call resource", "IncomingPhoneNumber resource", "Application resource". Requests are forms,
//! answers JSON. What is marked [G] is general knowledge that no page was read for.

mod account;
mod answer;
mod calls;
mod create;
mod faults;
mod journal;
mod page;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use talia_twilio::form::Form;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    answer::{Answer, refuse},
    faults::When,
};
pub use self::{
    faults::{RestFault, RestFaults},
    journal::{RestJournal, RestRequest},
};
use crate::{carrier::Carrier, settings::Secret};

/// Most of a request that is read, in bytes.
const MAX_REQUEST: usize = 256 * 1024;
/// Twilio's codes: wrong credentials, no such resource, no such method.
const AUTHENTICATE: u16 = 20_003;
const NOT_FOUND: u16 = 20_404;
const METHOD_NOT_ALLOWED: u16 = 20_004;

/// Who may use the API, beside the account's own SID and token.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: Secret,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /Calls.json`.
    CreateCall,
    /// `GET /Calls.json`.
    ListCalls,
    /// `GET /Calls/{sid}.json`.
    FetchCall,
    /// `POST /Calls/{sid}.json`.
    UpdateCall,
    /// `GET /Accounts/{sid}.json`.
    FetchAccount,
    /// `GET /IncomingPhoneNumbers.json`.
    ListNumbers,
    /// `GET /IncomingPhoneNumbers/{sid}.json`.
    FetchNumber,
    /// `POST /IncomingPhoneNumbers/{sid}.json`.
    UpdateNumber,
    /// `GET /Applications.json`.
    ListApplications,
    /// `POST /Applications.json`.
    CreateApplication,
    /// `GET /Applications/{sid}.json`.
    FetchApplication,
    /// `POST /Applications/{sid}.json`.
    UpdateApplication,
}

impl Operation {
    /// What a method and the path behind the account mean, and the resource that is named.
    fn of(method: &Method, path: &[&str]) -> Result<(Self, String), Answer> {
        let json = |file: &str| file.strip_suffix(".json").map(str::to_owned).ok_or_else(not_found);
        let (collection, named) = match path {
            [] => ("Account".to_owned(), Some(String::new())),
            [list] => (json(list)?, None),
            [collection, file] => ((*collection).to_owned(), Some(json(file)?)),
            _ => return Err(not_found()),
        };
        let writes = *method == Method::POST;
        if !writes && *method != Method::GET {
            return Err(method_not_allowed());
        }
        let operation = match (collection.as_str(), named.is_some(), writes) {
            ("Account", true, false) => Self::FetchAccount,
            ("Calls", false, false) => Self::ListCalls,
            ("Calls", false, true) => Self::CreateCall,
            ("Calls", true, false) => Self::FetchCall,
            ("Calls", true, true) => Self::UpdateCall,
            ("IncomingPhoneNumbers", false, false) => Self::ListNumbers,
            ("IncomingPhoneNumbers", true, false) => Self::FetchNumber,
            ("IncomingPhoneNumbers", true, true) => Self::UpdateNumber,
            ("Applications", false, false) => Self::ListApplications,
            ("Applications", false, true) => Self::CreateApplication,
            ("Applications", true, false) => Self::FetchApplication,
            ("Applications", true, true) => Self::UpdateApplication,
            ("Account" | "IncomingPhoneNumbers", ..) => return Err(method_not_allowed()),
            _ => return Err(not_found()),
        };
        Ok((operation, named.unwrap_or_default()))
    }
}

#[derive(Clone)]
struct Api {
    carrier: Carrier,
    keys: Arc<[ApiKey]>,
    faults: RestFaults,
    journal: RestJournal,
}

/// The running fake; dropping it closes the socket. Calls that it made go on.
#[derive(Debug)]
pub struct RestApi {
    address: SocketAddr,
    faults: RestFaults,
    journal: RestJournal,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl RestApi {
    /// Serves a carrier's account at `bind` (port 0: any).
    pub async fn start(carrier: Carrier, keys: Vec<ApiKey>, bind: SocketAddr) -> std::io::Result<Self> {
        Self::serve(carrier, keys, TcpListener::bind(bind).await?)
    }

    /// Serves a carrier's account on a socket that listens already: a server can be told its address before there is
    /// a carrier.
    pub fn serve(carrier: Carrier, keys: Vec<ApiKey>, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let (faults, journal) = (RestFaults::default(), RestJournal::default());
        let router = Router::new().fallback(serve).with_state(Api {
            carrier,
            keys: keys.into(),
            faults: faults.clone(),
            journal: journal.clone(),
        });
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self {
            address,
            faults,
            journal,
            stop,
            task,
        })
    }

    /// The API's base, to be used in the place of `https://api.twilio.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the API does wrong, to be set by a test.
    pub fn faults(&self) -> &RestFaults {
        &self.faults
    }

    /// Every request that reached the API.
    pub fn journal(&self) -> &RestJournal {
        &self.journal
    }
}

impl Drop for RestApi {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// A request behind its credentials.
struct Asked {
    operation: Operation,
    /// The resource's identifier; empty for lists.
    named: String,
    /// The query, in the order in which it came.
    query: Form,
    form: Form,
    /// Path and query.
    target: String,
}

async fn serve(State(api): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let body = to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
    let form = Form::parse(&body);
    let seen = RestRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: query.clone(),
        form: form.clone().unwrap_or_default(),
        status: None,
    };
    let number = api.journal.open(seen);
    let (response, status) = match check(&api, &parts.method, parts.uri.path(), &parts.headers) {
        Err(refusal) => refusal.sent(),
        Ok((operation, named)) => {
            let Ok(form) = form else {
                let (response, status) = refuse(StatusCode::BAD_REQUEST, 20_001, "the form can't be read").sent();
                api.journal.close(number, status);
                return response;
            };
            let asked = Asked {
                operation,
                named,
                query,
                form,
                target,
            };
            answered(&api, &asked).await
        }
    };
    api.journal.close(number, status);
    response
}

/// Answers, as well or as badly as the test wants.
async fn answered(api: &Api, asked: &Asked) -> (Response, Option<u16>) {
    let Some(fault) = api.faults.take(asked.operation) else {
        return work(api, asked).sent();
    };
    match fault.when() {
        When::Instead => fault.instead().await,
        When::After => {
            let answer = work(api, asked);
            fault.after(answer).await
        }
    }
}

fn work(api: &Api, asked: &Asked) -> Answer {
    let worked = match asked.operation {
        Operation::CreateCall => calls::create(api, asked),
        Operation::ListCalls => Ok(calls::list(api, asked)),
        Operation::FetchCall => calls::fetch(api, asked),
        Operation::UpdateCall => calls::update(api, asked),
        Operation::FetchAccount => Ok(account::fetch(api)),
        Operation::ListNumbers => Ok(account::list_numbers(api, asked)),
        Operation::FetchNumber => account::fetch_number(api, asked),
        Operation::UpdateNumber => account::update_number(api, asked),
        Operation::ListApplications => Ok(account::list_applications(api, asked)),
        Operation::CreateApplication => account::create_application(api, asked),
        Operation::FetchApplication => account::fetch_application(api, asked),
        Operation::UpdateApplication => account::update_application(api, asked),
    };
    worked.unwrap_or_else(|refusal| refusal)
}

fn check(api: &Api, method: &Method, path: &str, headers: &HeaderMap) -> Result<(Operation, String), Answer> {
    if !allowed(api, headers) {
        return Err(refuse(StatusCode::UNAUTHORIZED, AUTHENTICATE, "Authentication Error"));
    }
    let pieces: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let account = api.carrier.settings().account_sid.as_str();
    let rest = match pieces.as_slice() {
        ["2010-04-01", "Accounts", file] if file.strip_suffix(".json") == Some(account) => &[][..],
        ["2010-04-01", "Accounts", named, rest @ ..] if *named == account && !rest.is_empty() => rest,
        _ => return Err(not_found()),
    };
    Operation::of(method, rest)
}

fn method_not_allowed() -> Answer {
    refuse(StatusCode::METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED, "Method not allowed")
}

fn not_found() -> Answer {
    refuse(StatusCode::NOT_FOUND, NOT_FOUND, "The requested resource was not found")
}

fn allowed(api: &Api, headers: &HeaderMap) -> bool {
    let settings = api.carrier.settings();
    let credentials = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
    let Some((user, password)) = credentials.as_deref().and_then(|pair| pair.split_once(':')) else {
        return false;
    };
    let own = (settings.account_sid.as_str(), settings.auth_token.expose());
    let keys = api.keys.iter().map(|key| (key.sid.as_str(), key.secret.expose()));
    std::iter::once(own).chain(keys).any(|pair| pair == (user, password))
}
