// SPDX-License-Identifier: Apache-2.0
//! The functions that the host offers by wrapperSetCtrl, which may be called from any thread.

use std::ffi::CStr;
use std::os::raw::{c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi;

const KINDS: usize = 16;

struct Functions([AtomicPtr<c_void>; KINDS]);

#[allow(clippy::declare_interior_mutable_const)]
const NOTHING: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static FUNCTIONS: Functions = Functions([NOTHING; KINDS]);

pub(crate) fn set(kind: c_int, function: *mut c_void) {
    if let Some(place) = usize::try_from(kind).ok().and_then(|kind| FUNCTIONS.0.get(kind)) {
        place.store(function, Ordering::Release);
    }
}

/// # Safety
/// `F` is the type of the function of that kind.
unsafe fn get<F: Copy>(kind: c_int) -> Option<F> {
    let function = FUNCTIONS.0[kind as usize].load(Ordering::Acquire);
    if function.is_null() {
        return None;
    }
    Some(std::mem::transmute_copy::<*mut c_void, F>(&function))
}

pub(crate) fn meter(tag: &CStr, key: &CStr, count: c_int) {
    // Safety: the host hands a wrapperMeterCustom over for this kind.
    unsafe {
        if let Some(meter) = get::<abi::MeterCustom>(abi::CT_METER_CUSTOM) {
            meter(tag.as_ptr(), key.as_ptr(), count);
        }
    }
}

pub(crate) fn trace(tag: &CStr, key: &CStr, value: &CStr) {
    // Safety: as above.
    unsafe {
        if let Some(trace) = get::<abi::TraceLog>(abi::CT_TRACE_LOG) {
            trace(tag.as_ptr(), key.as_ptr(), value.as_ptr());
        }
    }
}

/// Whether nobody waits for the call any more, and the milliseconds to its deadline; -1: none.
pub(crate) fn call_state(tag: &CStr) -> (bool, i64) {
    let mut left: c_longlong = -1;
    // Safety: as above.
    let state = unsafe {
        match get::<abi::CallState>(abi::CT_CALL_STATE) {
            Some(ask) => ask(tag.as_ptr(), &mut left),
            None => 0,
        }
    };
    (state != 0, left)
}

/// The three functions for calls of other models; None: the host has none.
pub(crate) fn calls() -> Option<(abi::CallModel, abi::CallNext, abi::CallEnd)> {
    // Safety: as above.
    unsafe {
        let begin = get::<abi::CallModel>(abi::CT_CALL_MODEL)?;
        let next = get::<abi::CallNext>(abi::CT_CALL_NEXT)?;
        Some((begin, next, get::<abi::CallEnd>(abi::CT_CALL_END)?))
    }
}
