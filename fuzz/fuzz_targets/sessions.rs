#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| premaster_fuzz::sessions::run(data));
