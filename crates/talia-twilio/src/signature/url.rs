//! The URL that was signed, taken apart without changing a byte of its path and query.

/// A URL in the parts that Twilio is known to vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    /// Without user, password and port; an IPv6 address keeps its brackets.
    pub(super) host: &'a str,
    pub(super) port: Option<&'a str>,
    /// Path and query, escapes kept.
    pub(super) target: &'a str,
}

impl<'a> Parts<'a> {
    /// None when there is no scheme or no host. User, password and fragment are left out: Twilio never signs them.
    pub(super) fn split(url: &'a str) -> Option<Self> {
        let url = url.split('#').next()?;
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        (!scheme.is_empty() && !host.is_empty()).then_some(Self {
            scheme,
            host,
            port,
            target,
        })
    }

    pub(super) fn with_scheme(self, scheme: &'a str) -> Self {
        Self { scheme, ..self }
    }

    /// The same as a socket's URL. Twilio dials and signs `wss` only; a server behind a proxy, or on the loopback of a
    /// test, sees `https`, `http` or `ws`.
    pub(super) fn as_socket(self) -> Self {
        self.with_scheme("wss")
    }

    /// The forms of the authority that Twilio may have signed: without port, with the given one, with the scheme's own.
    pub(super) fn ports(self) -> Vec<Option<&'a str>> {
        let own = match self.scheme {
            "https" | "wss" => Some("443"),
            "http" | "ws" => Some("80"),
            _ => None,
        };
        let mut ports = vec![self.port, None, own];
        ports.dedup();
        if ports.len() == 3 && ports[0] == ports[2] {
            ports.pop();
        }
        ports
    }

    pub(super) fn write(self, port: Option<&str>, slash: &str) -> String {
        let Self {
            scheme, host, target, ..
        } = self;
        match port {
            Some(port) => format!("{scheme}://{host}:{port}{target}{slash}"),
            None => format!("{scheme}://{host}{target}{slash}"),
        }
    }

    /// The raw value of a query field that is there exactly once.
    pub(super) fn query_value(self, name: &str) -> Option<&'a str> {
        let (_, query) = self.target.split_once('?')?;
        let mut values = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(field, _)| *field == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}
