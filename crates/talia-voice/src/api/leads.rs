//! Leads: what callers told of themselves.

use super::named::Named;
use super::problem::Problem;
use super::query::{Page, Query};
use crate::app::App;
use crate::store::{LeadFilter, LeadRow};
use axum::Json;
use axum::extract::{RawQuery, State};
use std::sync::Arc;

/// A page of leads, the newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<LeadRow>>, Problem> {
    let known = &["since", "until", "phone", "email", "call_sid", "limit", "cursor"];
    let query = Query::read(&app, "leads", known, query.as_deref())?;
    let filter = LeadFilter {
        since: query.time("since")?,
        until: query.time("until")?,
        phone: query.number("phone")?,
        email: query.text("email")?,
        call_sid: query.call_sid()?,
    };
    let behind = query.behind()?;
    let rows = app.store.leads_page(&filter, behind.as_ref(), query.with_next());
    let rows = rows.await.map_err(|error| Problem::unavailable(&app, &error))?;
    Ok(Json(query.page(rows, |row| (&row.created_at, &row.id))))
}

/// One lead.
pub(super) async fn one(State(app): State<Arc<App>>, Named(id): Named) -> Result<Json<LeadRow>, Problem> {
    let lead = app.store.lead_of_id(&id).await;
    let lead = lead.map_err(|error| Problem::unavailable(&app, &error))?;
    lead.map(Json).ok_or_else(Problem::not_found)
}
