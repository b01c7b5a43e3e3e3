//! The engines with their real models, over what a telephone line leaves of the audio.

mod ears;
mod folder;
mod line;
mod mouth;
mod round_trip;
