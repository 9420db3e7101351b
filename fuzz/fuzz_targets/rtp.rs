#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::rtp::run(bytes));
