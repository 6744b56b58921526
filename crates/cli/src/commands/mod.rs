//! One module for each command.

pub mod completions;
pub mod collect;
pub mod diagnose;
pub mod explain;
pub mod man;
pub mod name;
pub mod rules;
pub mod schema;
