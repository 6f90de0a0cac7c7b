#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| premaster_fuzz::server::run(data));
