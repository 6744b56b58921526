//! What `build.rs` made from the words of the command line.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));
