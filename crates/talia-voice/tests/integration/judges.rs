//! The providers' official SDKs as judges: of what we send them, and of what our fakes of them say.
//!
//! They are Python's, in a virtual environment that `scripts/setup.sh test` makes from `tests/judges/requirements.txt`.

mod court;
mod messages;
mod sessions;
