//! One module for each command.

pub mod diagnose;
pub mod explain;
pub mod name;
pub mod render;
pub mod rules;
pub mod schema;
