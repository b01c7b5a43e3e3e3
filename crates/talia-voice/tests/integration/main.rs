//! The server from outside: real sockets, a real database file, requests signed as Twilio signs them.

mod abandoned;
mod assistants;
mod binary;
mod brain;
mod calls_out;
mod config;
mod conversation;
mod dial_caps;
mod dialing;
mod events;
mod harness;
mod limits;
mod media;
mod own_signatures;
mod real_speech;
mod rest;
mod signatures;
mod status;
mod store;
mod streams;
mod tidy;
mod twilio_function;
mod webhooks;
