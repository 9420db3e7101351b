//! Policies in simulated networks: no socket, no clock, every run made of its seed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests are tests"
)]

mod adversary;
mod allocations;
#[path = "../common/mod.rs"]
mod common;
mod delivery;
mod feedback;
mod fuzz;
mod keyed;
mod lan;
mod loss_matrix;
mod regressions;
mod repair;
