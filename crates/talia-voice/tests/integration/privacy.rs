//! What a person may ask for and a lawyer wants proven: erasing, giving out, retention, the audit trail.

mod audit;
mod erasing;
mod retention;
mod rig;
