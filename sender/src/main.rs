//! The sender's command line.

fn main() {}
