//! One module for each command.

mod cases;
pub mod check;
pub mod collect;
pub mod compare;
pub mod completions;
pub mod diagnose;
pub mod explain;
pub mod man;
pub mod name;
pub mod render;
pub mod rules;
pub mod schema;
