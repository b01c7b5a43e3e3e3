//! The simulator from outside: pure parts by property, calls against small servers on real sockets.

mod bot;
mod calls;
mod documents;
mod faults;
mod line;
mod listening;
mod load;
mod play_out;
mod rest;
mod script;
mod server;
