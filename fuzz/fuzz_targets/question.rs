#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| grove::fuzz::question(bytes));
