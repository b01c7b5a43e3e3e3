//! Events that arrive outside: at a real NATS server, and at a company's own backend.

mod lanes;
mod nats;
mod nats_faults;
mod nats_identity;
pub(crate) mod rig;
mod webhooks;
