//! Both programs on one computer, by loopback: what they are told, what they say, and who attacks them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod cli;
#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod documents;
mod hostile;
mod keys;
mod layers;
mod loopback;
mod messages;
mod parts;
mod recipes_keys;
mod served;
mod signed;
mod slots;
mod sources;
mod system;
mod web;
mod web_key;
mod web_tls;
