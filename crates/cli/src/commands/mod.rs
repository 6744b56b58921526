//! One module for each command.

pub mod collect;
pub mod completions;
mod cases;
pub mod check;
pub mod compare;
pub mod diagnose;
pub mod explain;
pub mod man;
pub mod name;
pub mod render;
pub mod rules;
pub mod schema;
