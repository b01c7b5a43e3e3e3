//! `DELETE /api/voice/calls/{sid}`: erases a call for ever.

use super::named::Named;
use super::problem::Problem;
use crate::app::App;
use crate::http::Caller;
use crate::privacy::EraseError;
use crate::store::{Erased, Erasure, StoreError};
use crate::telemetry::labels::{BucketOperation, Refusal};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use std::sync::Arc;

/// 204 when nothing of it is left, also when that was so before; 409 while the call isn't over.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Named(call_sid): Named,
) -> Result<StatusCode, Problem> {
    let erasure = Erasure {
        call_sid,
        reason: "request",
        by: caller.0,
    };
    match app.eraser.call(erasure).await {
        Ok(Erased::Done { .. } | Erased::Before { .. }) => Ok(StatusCode::NO_CONTENT),
        Ok(Erased::Alive) => {
            app.metrics.refused(Refusal::CallAlive);
            Err(Problem::new(StatusCode::CONFLICT, "alive").with("the call isn't over"))
        }
        Ok(Erased::Unknown) => Err(Problem::not_found()),
        Err(EraseError::Bucket { trouble, .. }) => {
            tracing::warn!(
                bucket.fault = trouble.fault.word(),
                "an erased recording is still in the bucket; removing it is tried again"
            );
            app.metrics.bucket_fault(BucketOperation::Remove, trouble.fault);
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bucket");
            Err(problem.with("a recording that nobody can open any more is still in the bucket: it will be removed"))
        }
        Err(error) => {
            tracing::warn!(%error, "a call could not be erased wholly");
            app.metrics.refused(Refusal::StoreUnavailable);
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store");
            Err(match error {
                EraseError::Store(StoreError::Locked) => problem.with("the database is in use: ask again"),
                EraseError::Store(_) => problem,
                EraseError::File { .. } | EraseError::Bucket { .. } => {
                    problem.with("a recording that nobody can open any more is still there")
                }
            })
        }
    }
}
