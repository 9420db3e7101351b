//! The receiver's command line.

fn main() {}
