//! `[[tools]]`, `[[mcp]]`, `[tool_network]`: what assistants may use beside speaking, and where it may be.

use super::variables::filled;
use super::words::words;
use super::{ConfigError, is_this_machine, set};
use ipnet::IpNet;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use url::Url;

/// A caller waits on the line for every tool.
const LONGEST_TIMEOUT_S: f64 = 5.0;
const USUAL_TIMEOUT_S: f64 = 5.0;
const USUAL_PER_CALL: u32 = 10;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    id: String,
    description: String,
    method: String,
    url: String,
    parameters: String,
    headers: BTreeMap<String, String>,
    timeout_s: Option<f64>,
    side_effects: Option<bool>,
    confirm: String,
    reversible: bool,
    per_call: Option<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMcp {
    id: String,
    url: String,
    headers: BTreeMap<String, String>,
    timeout_s: Option<f64>,
    read_only: Vec<String>,
    acts: Vec<RawMcpAct>,
    per_call: Option<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawMcpAct {
    tool: String,
    confirm: String,
    reversible: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawNetwork {
    #[serde(deserialize_with = "words")]
    ports: Vec<String>,
    #[serde(deserialize_with = "words")]
    private: Vec<String>,
}

/// A tool of the company's own that is asked by HTTP.
#[derive(Debug, Clone)]
pub struct HttpTool {
    /// Its name for assistants and models.
    pub id: String,
    /// What it is for, to a model.
    pub description: String,
    /// How it is asked.
    pub method: Method,
    /// Where, with `{gaps}` for arguments in path and query.
    pub url: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// For one use.
    pub timeout: Duration,
    /// How it behaves.
    pub behaviour: Behaviour,
}

/// A server of tools.
#[derive(Debug, Clone)]
pub struct McpServer {
    /// Its name for assistants.
    pub id: String,
    /// Where it is.
    pub url: String,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// For one use of a tool.
    pub timeout: Duration,
    /// Its tools that may be used, by name; others don't exist for us, whatever it says of itself.
    pub tools: BTreeMap<String, Behaviour>,
}

/// How a tool behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// It changes something.
    pub side_effects: bool,
    /// The question whose yes it needs before.
    pub confirm: Option<String>,
    /// How often it may run in one call.
    pub per_call: u32,
}

/// Where tools may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNetwork {
    /// Ports.
    pub ports: Vec<u16>,
    /// Private networks that are open to them.
    pub private: Vec<IpNet>,
}

fn wrong(key: &'static str, id: &str, what: &str) -> ConfigError {
    ConfigError::value(key, format!("«{id}»: {what}"))
}

pub(super) fn check(raw: Vec<Raw>, environment: &HashMap<String, String>) -> Result<Vec<HttpTool>, ConfigError> {
    let mut ids = BTreeSet::new();
    raw.into_iter().map(|tool| tool.check(&mut ids, environment)).collect()
}

pub(super) fn check_mcp(
    raw: Vec<RawMcp>,
    environment: &HashMap<String, String>,
) -> Result<Vec<McpServer>, ConfigError> {
    let mut ids = BTreeSet::new();
    raw.into_iter()
        .map(|server| server.check(&mut ids, environment))
        .collect()
}

impl Raw {
    fn check(self, ids: &mut BTreeSet<String>, environment: &HashMap<String, String>) -> Result<HttpTool, ConfigError> {
        const KEY: &str = "tools";
        let id = name(KEY, &self.id)?;
        if !ids.insert(id.clone()) {
            return Err(wrong(KEY, &id, "is there twice"));
        }
        let description = set(&self.description).ok_or_else(|| wrong(KEY, &id, "a description is missing"))?;
        let method = match set(&self.method).as_deref().unwrap_or("POST") {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => return Err(wrong(KEY, &id, "method must be GET, POST, PUT, PATCH or DELETE")),
        };
        let gaps = gaps_of(&self.url).ok_or_else(|| wrong(KEY, &id, "url has a gap that doesn't end"))?;
        url(KEY, &id, &self.url)?;
        let host_and_before = self.url.splitn(4, '/').take(3).collect::<String>();
        if host_and_before.contains('{') {
            return Err(wrong(KEY, &id, "url must not have gaps before its path"));
        }
        let parameters = set(&self.parameters).unwrap_or_else(|| "{}".to_owned());
        let parameters: Value = serde_json::from_str(&parameters)
            .map_err(|error| wrong(KEY, &id, &format!("parameters must be JSON: {error}")))?;
        let known = |gap: &String| {
            parameters
                .get("properties")
                .is_some_and(|known| known.get(gap).is_some())
        };
        if let Some(unknown) = gaps.iter().find(|gap| !known(gap)) {
            return Err(wrong(
                KEY,
                &id,
                &format!("url's gap {{{unknown}}} is none of its parameters"),
            ));
        }
        let side_effects = self.side_effects.unwrap_or(method != Method::GET);
        let behaviour = behaviour(KEY, &id, (side_effects, &self.confirm, self.reversible), self.per_call)?;
        Ok(HttpTool {
            timeout: limit(KEY, &id, self.timeout_s)?,
            headers: headers(KEY, &id, self.headers, environment)?,
            id,
            description,
            method,
            url: self.url,
            parameters,
            behaviour,
        })
    }
}

impl RawMcp {
    fn check(
        self,
        ids: &mut BTreeSet<String>,
        environment: &HashMap<String, String>,
    ) -> Result<McpServer, ConfigError> {
        const KEY: &str = "mcp";
        let id = name(KEY, &self.id)?;
        if !ids.insert(id.clone()) {
            return Err(wrong(KEY, &id, "is there twice"));
        }
        url(KEY, &id, &self.url)?;
        let mut tools = BTreeMap::new();
        for tool in self.read_only {
            let behaviour = behaviour(KEY, &id, (false, "", false), self.per_call)?;
            tools.insert(tool, behaviour);
        }
        for act in self.acts {
            let behaviour = behaviour(KEY, &id, (true, &act.confirm, act.reversible), self.per_call)?;
            if tools.insert(act.tool.clone(), behaviour).is_some() {
                return Err(wrong(KEY, &id, &format!("{} is in read_only and in acts", act.tool)));
            }
        }
        if tools.is_empty() {
            return Err(wrong(KEY, &id, "name its tools: in read_only, or in [[mcp.acts]]"));
        }
        Ok(McpServer {
            timeout: limit(KEY, &id, self.timeout_s)?,
            headers: headers(KEY, &id, self.headers, environment)?,
            url: self.url,
            id,
            tools,
        })
    }
}

impl RawNetwork {
    pub(super) fn check(self) -> Result<ToolNetwork, ConfigError> {
        let ports = self
            .ports
            .iter()
            .map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
        let ports = ports
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ConfigError::value("tool_network.ports", "must be ports, parted by commas"))?;
        let network = |text: &String| {
            text.parse::<IpNet>()
                .ok()
                .or_else(|| Some(text.parse::<std::net::IpAddr>().ok()?.into()))
        };
        let private = self
            .private
            .iter()
            .map(network)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                ConfigError::value(
                    "tool_network.private",
                    "must be networks like 10.1.2.0/24, parted by commas",
                )
            })?;
        Ok(ToolNetwork { ports, private })
    }
}

/// Models take names of these letters only (OpenAI's rule for functions).
fn name(key: &'static str, id: &str) -> Result<String, ConfigError> {
    let id = set(id).ok_or_else(|| wrong(key, "", "an id is missing"))?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.len() > 48 || !id.bytes().all(fits) {
        return Err(wrong(key, &id, "an id is at most 48 letters, digits, _ and -"));
    }
    Ok(id)
}

fn url(key: &'static str, id: &str, text: &str) -> Result<(), ConfigError> {
    let url = Url::parse(text).map_err(|_| wrong(key, id, "url is not one"))?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" if !host.is_empty() => Ok(()),
        "http" if is_this_machine(host) => Ok(()),
        _ => Err(wrong(
            key,
            id,
            "url must begin with https:// (http:// only to this machine)",
        )),
    }
}

fn behaviour(
    key: &'static str,
    id: &str,
    (side_effects, confirm, reversible): (bool, &str, bool),
    per_call: Option<u32>,
) -> Result<Behaviour, ConfigError> {
    let confirm = set(confirm);
    match &confirm {
        Some(question) if !question.ends_with('?') => {
            return Err(wrong(key, id, "confirm must be a question: it ends with ?"));
        }
        Some(question) if gaps_of(question).is_none() => {
            return Err(wrong(key, id, "confirm has a gap that doesn't end"));
        }
        None if side_effects && !reversible => {
            return Err(wrong(
                key,
                id,
                "what it does can't be taken back: write in confirm what the caller is asked before, or say reversible = true",
            ));
        }
        _ => {}
    }
    Ok(Behaviour {
        side_effects,
        confirm,
        per_call: per_call.unwrap_or(USUAL_PER_CALL),
    })
}

fn limit(key: &'static str, id: &str, seconds: Option<f64>) -> Result<Duration, ConfigError> {
    match seconds.unwrap_or(USUAL_TIMEOUT_S) {
        seconds if (0.05..=LONGEST_TIMEOUT_S).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(wrong(key, id, "timeout_s must be between 0.05 and 5: a caller waits")),
    }
}

/// `${NAME}` in a value is that environment variable.
fn headers(
    key: &'static str,
    id: &str,
    raw: BTreeMap<String, String>,
    environment: &HashMap<String, String>,
) -> Result<Vec<(HeaderName, SecretString)>, ConfigError> {
    let mut headers = Vec::new();
    for (header, value) in raw {
        let parsed = HeaderName::try_from(&header).map_err(|_| wrong(key, id, &format!("{header} is no header")))?;
        let secret = filled(&value, environment).map_err(|reason| wrong(key, id, &format!("{header} {reason}")))?;
        if HeaderValue::from_str(secret.expose_secret()).is_err() {
            return Err(wrong(key, id, &format!("{header} has a value that no header can have")));
        }
        headers.push((parsed, secret));
    }
    Ok(headers)
}

/// The names in braces; nothing when one doesn't end.
fn gaps_of(text: &str) -> Option<Vec<String>> {
    let mut gaps = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (gap, behind) = after.split_once('}')?;
        gaps.push(gap.to_owned());
        rest = behind;
    }
    Some(gaps)
}
