//! The simulator from outside: pure parts by property, calls against small servers on real sockets.

mod bot;
mod calls;
mod cuts;
mod desk;
mod dial;
mod documents;
mod faults;
mod keys;
mod line;
mod listening;
mod load;
mod openai_realtime;
mod outbound;
mod play_out;
mod resources;
mod rest;
mod rest_faults;
mod script;
mod server;
mod silence;
mod sounds;
mod status;
