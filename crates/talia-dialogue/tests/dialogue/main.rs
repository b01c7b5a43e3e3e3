//! Whole conversations on a virtual clock: a virtual line, virtual ears, a virtual brain and a virtual mouth.

mod announcing;
mod barge_in;
mod conversation;
mod endings;
mod faults;
mod line;
mod oracle;
mod outcome;
mod own_voice;
mod random;
mod reply;
mod resumption;
mod transfer;
mod turns;
mod world;
