//! Both programs on computers of their own: network namespaces, which need root.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

#[path = "../common/mod.rs"]
mod common;
mod discover;
mod forged;
mod found;
mod hostile_feedback;
mod latency_lan;
mod namespaces;
mod outsider;
mod rate_lan;
mod recipes;
mod repair_group;
mod repair_lan;
mod serve;
