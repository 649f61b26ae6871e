#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loom_live_fuzz::bounded(
    input,
    loom_live::fuzzing::addresses
));
