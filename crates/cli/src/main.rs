//! `iiskeys`: offline diagnosis of IIS machine keys.

fn main() {}
