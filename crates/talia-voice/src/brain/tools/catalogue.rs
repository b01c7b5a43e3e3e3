//! Which tools there are: those of the mission, and those of the company's own that an assistant names.

use super::ToolSpec;
use super::http_tool::HttpRuns;
use super::lead::shortened;
use super::mcp::McpClient;
use super::mission::Mission;
use super::own::{Manner, OwnTool};
use super::schema::{Schema, strict};
use crate::brain::knowledge::Library;
use crate::brain::script::Assistant;
use crate::config::{Behaviour, Config};
use crate::outgoing::{AddressPolicy, ClientError, GuardedClient, Lookup};
use std::collections::HashMap;
use std::sync::Arc;
use thiserror::Error;

/// Passages of one search, and characters of all of them.
const PASSAGES: usize = 4;
const LONGEST_FOUND: usize = 4_000;
const LONGEST_PASSAGE: usize = 1_600;

/// Why the tools of a configuration can't be used.
#[derive(Debug, Error)]
pub enum ToolError {
    /// A schema is none, or not of an object.
    #[error("tools: «{id}»: parameters: {reason}")]
    Schema { id: String, reason: String },
    /// An address that tools may not reach.
    #[error("«{id}»: url: {fault}")]
    Address {
        id: String,
        fault: crate::outgoing::AddressFault,
    },
    /// An assistant names a tool that isn't there.
    #[error("assistant «{assistant}» names «{id}», which is neither in [[tools]] nor in [[mcp]]")]
    Unknown { assistant: String, id: String },
    /// The client for them.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// All tools of a server.
#[derive(Debug)]
pub struct Tools {
    http: HashMap<String, Arc<OwnTool>>,
    mcp: HashMap<String, Arc<McpClient>>,
}

impl From<Behaviour> for Manner {
    fn from(behaviour: Behaviour) -> Self {
        Self {
            side_effects: behaviour.side_effects,
            confirm: behaviour.confirm,
            per_call: behaviour.per_call,
        }
    }
}

impl Tools {
    /// Checks what the configuration says of tools. Nothing is connected yet.
    pub fn new(config: &Config, lookup: Arc<dyn Lookup>) -> Result<Self, ToolError> {
        let network = &config.tool_network;
        let policy = AddressPolicy {
            ports: network.ports.clone(),
            private: network.private.clone(),
        };
        let client = GuardedClient::new(policy.clone(), lookup)?;
        let mut http = HashMap::new();
        for tool in &config.tools {
            let wrong = |reason: String| ToolError::Schema {
                id: tool.id.clone(),
                reason,
            };
            let refused = |fault| ToolError::Address {
                id: tool.id.clone(),
                fault,
            };
            policy.check(&tool.url).map_err(refused)?;
            let parameters =
                strict(tool.parameters.clone()).ok_or_else(|| wrong("must be the schema of an object".to_owned()))?;
            let own = OwnTool {
                schema: Schema::new(&parameters).map_err(wrong)?,
                spec: ToolSpec {
                    name: tool.id.clone(),
                    description: tool.description.clone(),
                    parameters,
                },
                manner: Manner::from(tool.behaviour.clone()),
                runs: Box::new(HttpRuns {
                    tool: tool.clone(),
                    client: client.clone(),
                }),
            };
            http.insert(tool.id.clone(), Arc::new(own));
        }
        let mut mcp = HashMap::new();
        for server in &config.mcp {
            let refused = |fault| ToolError::Address {
                id: server.id.clone(),
                fault,
            };
            policy.check(&server.url).map_err(refused)?;
            mcp.insert(server.id.clone(), McpClient::new(server.clone(), client.clone()));
        }
        Ok(Self { http, mcp })
    }

    /// Whether every tool that an assistant names is there.
    pub fn check(&self, assistant: &Assistant) -> Result<(), ToolError> {
        let known = |id: &String| self.http.contains_key(id) || self.mcp.contains_key(id);
        match assistant.tools.iter().find(|id| !known(id)) {
            Some(id) => Err(ToolError::Unknown {
                assistant: assistant.id.clone(),
                id: id.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Asks every MCP server for its tools.
    pub async fn refresh(&self) {
        futures::future::join_all(self.mcp.values().map(McpClient::refresh)).await;
    }

    /// The tools of a call of this assistant. MCP servers that never answered are asked once more meanwhile.
    pub fn of(&self, assistant: &Assistant) -> Catalogue {
        let people = assistant.reachable();
        let library = assistant.library();
        let mut missions = Vec::new();
        for mission in Mission::ALL {
            let offered = match mission {
                Mission::TransferToPerson => !people.is_empty(),
                Mission::SearchKnowledge => library.as_ref().is_some_and(|library| !library.is_small()),
                _ => true,
            };
            // Our own schemas compile: a test makes every one.
            let spec = mission.spec(&people);
            if let (true, Ok(schema)) = (offered, Schema::new(&spec.parameters)) {
                missions.push((mission, schema, spec));
            }
        }
        let mut own = HashMap::new();
        for id in &assistant.tools {
            if let Some(tool) = self.http.get(id) {
                own.insert(tool.spec.name.clone(), tool.clone());
            }
            if let Some(server) = self.mcp.get(id) {
                let tools = server.tools();
                if tools.is_empty() {
                    let server = server.clone();
                    tokio::spawn(async move { server.refresh().await });
                }
                own.extend(tools.into_iter().map(|tool| (tool.spec.name.clone(), tool)));
            }
        }
        // The mission's names are its own.
        own.retain(|name, _| missions.iter().all(|(mission, ..)| mission.name() != name));
        let mut of_own: Vec<_> = own.values().map(|tool| tool.spec.clone()).collect();
        of_own.sort_by(|a, b| a.name.cmp(&b.name));
        let specs = missions.iter().map(|(.., spec)| spec.clone()).chain(of_own).collect();
        Catalogue {
            specs,
            missions: missions
                .into_iter()
                .map(|(mission, schema, _)| (mission, schema))
                .collect(),
            own,
            people,
            library,
        }
    }
}

/// The tools of one call.
#[derive(Debug)]
pub struct Catalogue {
    specs: Vec<ToolSpec>,
    missions: Vec<(Mission, Schema)>,
    own: HashMap<String, Arc<OwnTool>>,
    people: Vec<String>,
    library: Option<Arc<Library>>,
}

impl Catalogue {
    pub(super) fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    pub(super) fn facts(&self) -> &str {
        self.library.as_ref().map_or("", |library| library.facts())
    }

    pub(super) fn people(&self) -> &[String] {
        &self.people
    }

    pub(super) fn mission(&self, name: &str) -> Option<(Mission, &Schema)> {
        let found = self.missions.iter().find(|(mission, _)| mission.name() == name)?;
        Some((found.0, &found.1))
    }

    pub(super) fn own(&self, name: &str) -> Option<Arc<OwnTool>> {
        self.own.get(name).cloned()
    }

    /// What is written down about something; `None`: nothing.
    pub(super) fn search(&self, query: &str) -> Option<String> {
        let library = self.library.as_ref()?;
        let mut found = String::new();
        for passage in library.search(query, PASSAGES) {
            if !found.is_empty() && found.len() + passage.text.len() > LONGEST_FOUND {
                break;
            }
            for part in [
                "## ",
                &passage.heading,
                "\n",
                &shortened(&passage.text, LONGEST_PASSAGE),
                "\n\n",
            ] {
                found.push_str(part);
            }
        }
        (!found.is_empty()).then_some(found)
    }
}
