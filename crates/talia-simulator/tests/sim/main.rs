//! The simulator from outside: pure parts by property, calls against small servers on real sockets.

mod bot;
mod calls;
mod desk;
mod documents;
mod faults;
mod line;
mod listening;
mod load;
mod outbound;
mod play_out;
mod resources;
mod rest;
mod rest_faults;
mod script;
mod server;
