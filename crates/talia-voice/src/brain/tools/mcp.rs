//! Tools of MCP servers over streamable HTTP, by the protocol's own SDK: only those that the configuration names, with
//! the manners that it says; what a server says of its tools is a description, never a permission.

use super::ToolSpec;
use super::http_tool::{LARGEST_ANSWER, shown};
use super::lead::shortened;
use super::own::{Manner, OwnTool, Runs, ToolFault};
use super::schema::{Schema, strict};
use crate::config::McpServer;
use crate::outgoing::GuardedClient;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::HeaderValue;
use rmcp::model::{CallToolRequestParams, CallToolResult, Tool};
use rmcp::service::{RoleClient, RunningService, ServiceError, ServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// For a connection and the list of tools.
const GREETING: Duration = Duration::from_secs(5);
/// Characters of a description: it goes into every request to a model.
const LONGEST_DESCRIPTION: usize = 1_000;

type Session = RunningService<RoleClient, ()>;

/// One server: connected when it is first needed, and again when its connection is gone.
pub(super) struct McpClient {
    server: McpServer,
    client: GuardedClient,
    session: Mutex<Option<Arc<Session>>>,
    tools: RwLock<Vec<Arc<OwnTool>>>,
}

impl fmt::Debug for McpClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("McpClient")
            .field("id", &self.server.id)
            .finish_non_exhaustive()
    }
}

impl McpClient {
    pub(super) fn new(server: McpServer, client: GuardedClient) -> Arc<Self> {
        Arc::new(Self {
            server,
            client,
            session: Mutex::new(None),
            tools: RwLock::new(Vec::new()),
        })
    }

    /// Its tools as they were last listed; none before.
    pub(super) fn tools(&self) -> Vec<Arc<OwnTool>> {
        self.tools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects and lists its tools. A server that can't be reached leaves what was known.
    pub(super) async fn refresh(self: &Arc<Self>) {
        let listed = async {
            let session = self.session().await?;
            session.list_all_tools().await.map_err(|error| fault_of(&error))
        };
        match timeout(GREETING, listed).await.unwrap_or(Err(ToolFault::TimedOut)) {
            Ok(listed) => {
                let tools: Vec<_> = listed.into_iter().filter_map(|tool| self.own(tool)).collect();
                tracing::info!(
                    mcp = self.server.id,
                    tools = tools.len(),
                    "the tools of an MCP server are known"
                );
                *self.tools.write().unwrap_or_else(PoisonError::into_inner) = tools;
            }
            Err(fault) => {
                self.session.lock().await.take();
                tracing::warn!(mcp = self.server.id, %fault, "the tools of an MCP server can't be listed");
            }
        }
    }

    /// One of its tools, if it is one that the configuration names and its schema can be checked against.
    fn own(self: &Arc<Self>, tool: Tool) -> Option<Arc<OwnTool>> {
        let behaviour = self.server.tools.get(tool.name.as_ref())?;
        let parameters = strict(Value::Object((*tool.input_schema).clone()));
        let checked = parameters.and_then(|parameters| Some((Schema::new(&parameters).ok()?, parameters)));
        let Some((schema, parameters)) = checked else {
            tracing::warn!(
                mcp = self.server.id,
                "a tool of an MCP server has a schema that can't be used"
            );
            return None;
        };
        let description = tool.description.or(tool.title.map(Into::into)).unwrap_or_default();
        Some(Arc::new(OwnTool {
            spec: ToolSpec {
                name: name_for_models(&self.server.id, &tool.name),
                description: shortened(&super::lead::one_line(&description), LONGEST_DESCRIPTION),
                parameters,
            },
            schema,
            manner: Manner::from(behaviour.clone()),
            runs: Box::new(McpRuns {
                client: self.clone(),
                tool: tool.name.to_string(),
            }),
        }))
    }

    async fn session(&self) -> Result<Arc<Session>, ToolFault> {
        let mut session = self.session.lock().await;
        if let Some(live) = session
            .as_ref()
            .filter(|session| !session.is_closed() && !session.is_transport_closed())
        {
            return Ok(live.clone());
        }
        let url = self.server.url.as_str();
        let client = self.client.for_checked(url).map_err(ToolFault::Address)?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(url);
        config.max_sse_event_size = LARGEST_ANSWER;
        config.max_json_response_size = LARGEST_ANSWER;
        for (name, value) in &self.server.headers {
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| ToolFault::Argument)?;
            value.set_sensitive(true);
            config.custom_headers.insert(name.clone(), value);
        }
        let transport = StreamableHttpClientTransport::with_client(client, config);
        // An error's text may hold what the server said.
        let greeted = timeout(GREETING, ().serve(transport)).await;
        let live = Arc::new(
            greeted
                .map_err(|_| ToolFault::TimedOut)?
                .map_err(|_| ToolFault::Unreachable)?,
        );
        *session = Some(live.clone());
        Ok(live)
    }
}

/// Server and tool in the letters that models take.
fn name_for_models(server: &str, tool: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            letter
        } else {
            '_'
        }
    };
    let name: String = server.chars().chain(['_']).chain(tool.chars()).map(plain).collect();
    shortened(&name, 64)
}

/// Runs one tool of a server.
struct McpRuns {
    client: Arc<McpClient>,
    tool: String,
}

impl fmt::Debug for McpRuns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("McpRuns")
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}

impl Runs for McpRuns {
    fn run(&self, arguments: Map<String, Value>, _key: String) -> BoxFuture<'static, Result<String, ToolFault>> {
        let (client, tool) = (self.client.clone(), self.tool.clone());
        async move {
            let limit = client.server.timeout;
            let session = timeout(limit, client.session())
                .await
                .map_err(|_| ToolFault::Unreachable)??;
            let request = CallToolRequestParams::new(tool).with_arguments(arguments);
            // One round: a server that wants to be told more would run the tool again.
            let used = timeout(limit, session.call_tool_with_mrtr_max_rounds(request, 1)).await;
            let result = used
                .map_err(|_| ToolFault::TimedOut)?
                .map_err(|error| fault_of(&error))?;
            if result.is_error == Some(true) {
                return Err(ToolFault::Said);
            }
            Ok(shown(&text_of(&result)))
        }
        .boxed()
    }
}

fn text_of(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text());
    let text = texts.map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n");
    match &result.structured_content {
        Some(value) if text.trim().is_empty() => value.to_string(),
        _ => text,
    }
}

fn fault_of(error: &ServiceError) -> ToolFault {
    match error {
        ServiceError::McpError(_) => ToolFault::Said,
        ServiceError::TransportSend(error) if crate::outgoing::was_refused(error) => {
            ToolFault::Address(crate::outgoing::AddressFault::Private)
        }
        ServiceError::Timeout { .. } => ToolFault::TimedOut,
        _ => ToolFault::Broken,
    }
}
