// SPDX-License-Identifier: Apache-2.0
//! The C ABI as include/aiges/type.h and wrapper.h have it. tests/layout.rs compares the two.
//!
//! Lists are singly linked, NULL at the end; an empty one is one node of NULLs.

use std::os::raw::{c_char, c_int, c_longlong, c_uint, c_ulonglong, c_void};

/// A key and its text.
#[repr(C)]
pub struct ParamList {
    pub key: *mut c_char,
    pub value: *mut c_char,
    pub vlen: c_uint,
    pub next: *mut ParamList,
}

/// One payload.
#[repr(C)]
pub struct DataList {
    pub key: *mut c_char,
    pub data: *mut c_void,
    pub len: c_uint,
    pub kind: c_int,
    pub status: c_int,
    pub desc: *mut ParamList,
    pub next: *mut DataList,
}

/// One answer of another model.
#[repr(C)]
pub struct CallAnswer {
    pub code: c_int,
    pub error_class: c_int,
    pub error: *const c_char,
    pub data: *mut DataList,
    pub last: c_int,
}

/// What the engine asks for where aiges.toml does not say it.
#[repr(C)]
pub struct WrapperWishes {
    pub threads: c_uint,
    pub batch_size: c_uint,
    pub batch_delay_us: c_uint,
}

pub type Callback = unsafe extern "C" fn(*const c_void, *mut DataList, c_int) -> c_int;
pub type MeterCustom = unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> c_int;
pub type TraceLog = unsafe extern "C" fn(*const c_char, *const c_char, *const c_char) -> c_int;
pub type CallState = unsafe extern "C" fn(*const c_char, *mut c_longlong) -> c_int;
pub type CallReady = unsafe extern "C" fn(c_ulonglong, *mut c_void);
pub type CallModel = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const c_char,
    *mut ParamList,
    *mut DataList,
    c_uint,
    c_int,
    Option<CallReady>,
    *mut c_void,
) -> c_ulonglong;
pub type CallNext = unsafe extern "C" fn(c_ulonglong, c_int, *mut CallAnswer) -> c_int;
pub type CallEnd = unsafe extern "C" fn(c_ulonglong) -> c_int;

pub const CT_METER_CUSTOM: c_int = 0;
pub const CT_TRACE_LOG: c_int = 2;
pub const CT_CALL_STATE: c_int = 3;
pub const CT_CALL_MODEL: c_int = 8;
pub const CT_CALL_NEXT: c_int = 9;
pub const CT_CALL_END: c_int = 10;

pub const CALL_STREAM: c_uint = 1;

pub const TRAIT_SESSIONS: c_uint = 1;
pub const TRAIT_CALLBACK: c_uint = 2;
pub const TRAIT_ASYNC_ONCE: c_uint = 4;
pub const TRAIT_BATCH: c_uint = 8;
pub const TRAIT_RESOURCES: c_uint = 16;
