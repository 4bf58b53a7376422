#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tapscope_fuzz::drop_reasons(bytes));
