//! `/api/openapi.json`: what programs may ask and are answered, as OpenAPI 3.1.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Kept by hand beside the other documents; tests hold every route and every answer against it.
const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// The document.
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
