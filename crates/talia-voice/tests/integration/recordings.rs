//! Recordings: what is in them, who can open them, and what becomes of them when something breaks.

mod bucket;
mod bucket_erasing;
mod bucket_troubles;
mod configuration;
mod damage;
mod faults;
mod keys;
mod listening;
mod permission;
pub(crate) mod rig;
mod timeline;
