//! Tells an operator why signatures fail: which other URL Twilio has signed.
//!
//! Nearly every refusal of an honest request is a wrong public origin: `http` for `https`, another host, a proxy that
//! adds a port or takes a slash away.

use std::fmt;

use super::{Claim, Parts, Refusal, SignatureHeaders, Validator, canonical};

/// In what the signed URL differs from the one that was checked.
///
/// Names scheme, host and port only: a path may hold a one-time token, a query a caller's number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    /// The scheme that was signed, where it differs.
    pub scheme: Option<String>,
    /// The host that was signed, where it differs.
    pub host: Option<String>,
    /// The port that was signed, where it differs; the inner none is "without port".
    pub port: Option<Option<String>>,
    /// How the path or query that was signed differs.
    pub target: Option<TargetDifference>,
    /// The form fields were not signed: it was a GET, or a body that is no form.
    pub fields_unsigned: bool,
}

/// A difference behind the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetDifference {
    /// Signed with a `/` at its end.
    SlashAdded,
    /// Signed without the `/` at its end.
    SlashRemoved,
    /// Signed without its query.
    QueryRemoved,
    /// Signed with the path or query of another URL that was seen.
    Other,
}

impl TargetDifference {
    fn as_str(self) -> &'static str {
        match self {
            Self::SlashAdded => "with a slash at the end of its path",
            Self::SlashRemoved => "without the slash at the end of its path",
            Self::QueryRemoved => "without its query",
            Self::Other => "with the other path that was seen",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(scheme) = &self.scheme {
            words.push(format!("with scheme {scheme}"));
        }
        if let Some(host) = &self.host {
            words.push(format!("with host {host}"));
        }
        match &self.port {
            Some(Some(port)) => words.push(format!("with port {port}")),
            Some(None) => words.push("without a port".to_owned()),
            None => {}
        }
        if let Some(target) = self.target {
            words.push(target.as_str().to_owned());
        }
        if self.fields_unsigned {
            words.push("without the form's fields".to_owned());
        }
        if words.is_empty() {
            return out.write_str("the URL was signed as it is configured");
        }
        write!(out, "the URL was signed {}", words.join(", "))
    }
}

impl Validator {
    /// Searches for a URL near `url` that makes the signature hold; `seen` are other URLs that the request suggests
    /// (built from `Host` and `X-Forwarded-*`). For the log only: the request stays refused.
    ///
    /// Costs up to 128 HMACs for each URL, so call it for a few requests a minute at most.
    pub fn diagnose<'a>(
        &self,
        url: &str,
        params: &[(String, String)],
        headers: impl Into<SignatureHeaders<'a>>,
        seen: &[&str],
    ) -> Result<Option<Diagnosis>, Refusal> {
        let claim = self.claim(headers.into())?;
        let ours = Parts::split(url).ok_or(Refusal::Malformed)?;
        let pairs = canonical(params);
        Ok(std::iter::once(ours)
            .chain(seen.iter().filter_map(|other| Parts::split(other)))
            .find_map(|base| search(&claim, ours, base, &pairs)))
    }
}

fn search(claim: &Claim<'_>, ours: Parts<'_>, base: Parts<'_>, pairs: &[(&str, &str)]) -> Option<Diagnosis> {
    let schemes = [base.scheme, "https", "http", "wss", "ws"];
    let ports = [base.port, ours.port, None, Some("443"), Some("80")];
    for (target, difference) in targets(ours, base) {
        for scheme in schemes {
            for port in ports {
                for fields_unsigned in [false, true] {
                    let signed: &[(&str, &str)] = if fields_unsigned { &[] } else { pairs };
                    let candidate = Parts {
                        target: &target,
                        ..base.with_scheme(scheme)
                    };
                    if claim.holds(&candidate.write(port, ""), signed) {
                        return Some(Diagnosis {
                            scheme: (scheme != ours.scheme).then(|| scheme.to_owned()),
                            host: (base.host != ours.host).then(|| base.host.to_owned()),
                            port: (port != ours.port).then(|| port.map(str::to_owned)),
                            target: difference,
                            fields_unsigned: fields_unsigned && !pairs.is_empty(),
                        });
                    }
                }
            }
        }
    }
    None
}

/// The path and query as given, and as proxies are known to change them.
fn targets(ours: Parts<'_>, base: Parts<'_>) -> Vec<(String, Option<TargetDifference>)> {
    let same = (base.target != ours.target).then_some(TargetDifference::Other);
    let (path, query) = match base.target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (base.target, String::new()),
    };
    let mut targets = vec![
        (base.target.to_owned(), same),
        (format!("{path}/{query}"), Some(TargetDifference::SlashAdded)),
    ];
    if let Some(shorter) = path.strip_suffix('/') {
        targets.push((format!("{shorter}{query}"), Some(TargetDifference::SlashRemoved)));
    }
    if !query.is_empty() {
        targets.push((path.to_owned(), Some(TargetDifference::QueryRemoved)));
    }
    targets
}
