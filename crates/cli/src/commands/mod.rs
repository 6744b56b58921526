//! One module for each command.

pub mod collect;
pub mod diagnose;
pub mod explain;
pub mod name;
pub mod rules;
pub mod schema;
