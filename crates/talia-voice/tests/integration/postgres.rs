//! PostgreSQL beside SQLite: the same is kept, by its own types; and what happens when the server refuses, hangs or dies.

mod faults;
mod sameness;
