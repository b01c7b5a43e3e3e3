//! The sentence that a person hears before a caller is joined to them.

use super::LeadDraft;
use talia_spanish::Language;

/// Who is calling `business`, and why, as far as it is known.
pub(crate) fn of(draft: &LeadDraft, business: &str, language: Language) -> String {
    let need = draft.purpose.as_deref().map(str::trim).filter(|need| !need.is_empty());
    match language {
        Language::Spanish => {
            let who = draft.name.as_deref().unwrap_or("una persona que no dio su nombre");
            let company = draft
                .company
                .as_deref()
                .map_or(String::new(), |company| format!(", de {company}"));
            let need = need.map_or(String::new(), |need| format!("; llama por esto: {need}"));
            format!("Llamada de {business} con {who}{company}{need}")
        }
        Language::English => {
            let who = draft.name.as_deref().unwrap_or("a caller who gave no name");
            let company = draft
                .company
                .as_deref()
                .map_or(String::new(), |company| format!(", of {company}"));
            let need = need.map_or(String::new(), |need| format!("; calling about this: {need}"));
            format!("A call for {business} with {who}{company}{need}")
        }
    }
}
