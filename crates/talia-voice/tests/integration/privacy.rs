//! What a person may ask for and a lawyer wants proven: erasing, giving out, retention, the audit trail; and what is never kept.

mod audit;
mod erasing;
mod masking;
mod retention;
pub(crate) mod rig;
