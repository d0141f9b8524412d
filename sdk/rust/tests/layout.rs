// SPDX-License-Identifier: Apache-2.0

//! src/abi.rs against include/aiges: a C program says what the headers have.

use std::mem::{size_of, MaybeUninit};
use std::path::Path;
use std::process::Command;

use aiges::abi::{self, CallAnswer, DataList, ParamList, WrapperWishes};
use aiges::{DataType, Status};

/// What the C program prints.
fn headers() -> String {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = std::env::temp_dir().join(format!("aiges-layout-{}", std::process::id()));
    let compiled = Command::new("cc")
        .arg("-I")
        .arg(crate_folder.join("../../include"))
        .arg(crate_folder.join("tests/layout.c"))
        .arg("-o")
        .arg(&program)
        .status()
        .expect("a C compiler");
    assert!(compiled.success());
    let said = Command::new(&program).output().expect("the compiled program");
    std::fs::remove_file(&program).expect("nobody else has it");
    String::from_utf8(said.stdout).expect("what it prints is ASCII")
}

macro_rules! layout {
    ($out:ident, $name:literal, $type:ty, $($member:literal: $field:ident),*) => {
        $out.push(format!("{} {}", $name, size_of::<$type>()));
        $({
            let place = MaybeUninit::<$type>::uninit();
            let start = place.as_ptr();
            // Safety: the address alone is taken.
            let at = unsafe { std::ptr::addr_of!((*start).$field) } as usize - start as usize;
            $out.push(format!("{}.{} {at}", $name, $member));
        })*
    };
}

#[test]
fn structs_and_numbers_are_those_of_the_headers() {
    let mut own: Vec<String> = Vec::new();
    layout!(own, "struct ParamList", ParamList,
        "key": key, "value": value, "vlen": vlen, "next": next);
    layout!(own, "struct DataList", DataList, "key": key, "data": data, "len": len, "type": kind,
        "status": status, "desc": desc, "next": next);
    layout!(own, "WCallAnswer", CallAnswer, "code": code, "errorClass": error_class,
        "error": error, "data": data, "last": last);
    layout!(own, "WrapperWishes", WrapperWishes, "threads": threads, "batch_size": batch_size,
        "batch_delay_us": batch_delay_us);
    let numbers = [
        ("CTMeterCustom", abi::CT_METER_CUSTOM as usize),
        ("CTTraceLog", abi::CT_TRACE_LOG as usize),
        ("CTCallState", abi::CT_CALL_STATE as usize),
        ("CTCallModel", abi::CT_CALL_MODEL as usize),
        ("CTCallNext", abi::CT_CALL_NEXT as usize),
        ("CTCallEnd", abi::CT_CALL_END as usize),
        ("WCallStream", abi::CALL_STREAM as usize),
        ("WTraitSessions", abi::TRAIT_SESSIONS as usize),
        ("WTraitCallback", abi::TRAIT_CALLBACK as usize),
        ("WTraitAsyncOnce", abi::TRAIT_ASYNC_ONCE as usize),
        ("WTraitBatch", abi::TRAIT_BATCH as usize),
        ("WTraitResources", abi::TRAIT_RESOURCES as usize),
        ("DataText", DataType::Text as usize),
        ("DataAudio", DataType::Audio as usize),
        ("DataImage", DataType::Image as usize),
        ("DataVideo", DataType::Video as usize),
        ("DataPer", DataType::Other as usize),
        ("DataBegin", Status::Begin as usize),
        ("DataContinue", Status::Continue as usize),
        ("DataEnd", Status::End as usize),
        ("DataOnce", Status::Once as usize),
    ];
    own.extend(numbers.iter().map(|(name, number)| format!("{name} {number}")));
    let headers = headers();
    assert_eq!(own, headers.lines().collect::<Vec<_>>());
}
