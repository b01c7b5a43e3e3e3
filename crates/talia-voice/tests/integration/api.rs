//! The API that programs read by: keys and scopes, filters, cursors, bad questions, and the document that tells of it.

/// Each of these on both engines.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Sqlite).await; })+
        }

        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Keeper::Postgres).await; })+
        }
    };
}

mod bad_questions;
mod document;
mod keys;
mod lists;
mod live;
mod pace;
mod recordings;
mod rig;
mod transcript;
mod walking;
