//! The rows of the report, by what they are about.

mod answer;
mod evidence;
mod keys;
mod tls;

pub use answer::*;
pub use evidence::*;
pub use keys::*;
pub use tls::*;
