//! One module for each command.

mod cases;
pub mod check;
pub mod compare;
pub mod diagnose;
pub mod explain;
pub mod name;
pub mod rules;
pub mod schema;
