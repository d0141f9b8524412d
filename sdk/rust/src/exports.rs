// SPDX-License-Identifier: Apache-2.0
//! What `export!` calls: the functions of include/aiges/wrapper.h for one engine.
//!
//! # Safety
//! All of them are for the host alone, with what that header promises.
#![allow(clippy::missing_safety_doc)]

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{Callback, DataList, ParamList, WrapperWishes};
use crate::answer::Answer;
use crate::context::Context;
use crate::emitter::{Emitter, Reply};
use crate::engine::{Batches, Call, Engine, Later, Resources, Results, Session, Sessions};
use crate::error::{Error, EXEC_FAILED, INIT_FAILED};
use crate::payload::{Params, Payload};
use crate::{host, wall};

/// The one engine of the process. Never freed: threads of its own may outlive the last call.
pub struct Slot<E>(AtomicPtr<E>);

impl<E: Engine> Slot<E> {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Slot<E> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    fn get(&self) -> Result<&E, Error> {
        // Safety: set once, by init, and never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
            .ok_or_else(|| Error::new("called before wrapperInit"))
    }
}

fn give(results: Vec<Payload<'static>>) -> Result<*mut DataList, Error> {
    Answer::new(results).map(Answer::into_head)
}

/// Safety: `function` is what the host has for that kind, or nothing.
pub unsafe fn set_ctrl(kind: c_int, function: *mut c_void) -> c_int {
    host::set(kind, function);
    0
}

/// An error of the start has a code of its own, whatever it is.
fn start(hook: &str, run: impl FnOnce() -> Result<(), Error>) -> c_int {
    wall::code_of(hook, || {
        wall::guarded(hook, run).map_err(|error| {
            let code = if error.code == EXEC_FAILED { INIT_FAILED } else { error.code };
            error.with_code(code)
        })
    })
}

pub unsafe fn init<E: Engine>(slot: &Slot<E>, config: *const ParamList) -> c_int {
    wall::watch_panics();
    start("init", || {
        let engine = E::init(&Params::read(config))?;
        slot.0.store(Box::into_raw(Box::new(engine)), Ordering::Release);
        Ok(())
    })
}

pub fn warm_up<E: Engine>(slot: &Slot<E>) -> c_int {
    start("warm_up", || slot.get()?.warm_up())
}

pub fn close<E: Engine>(slot: &Slot<E>) -> c_int {
    wall::code_of("close", || {
        slot.get()?.close();
        Ok(())
    })
}

pub unsafe fn wishes<E: Engine>(slot: &Slot<E>, out: *mut WrapperWishes) -> c_int {
    wall::code_of("wishes", || {
        let wishes = slot.get()?.wishes();
        if let Some(out) = out.as_mut() {
            out.threads = wishes.threads;
            out.batch_size = wishes.batch_size;
            out.batch_delay_us = wishes.batch_delay_us;
        }
        Ok(())
    })
}

/// Asked once: what it says stays.
pub fn schema<E: Engine>(slot: &Slot<E>) -> *const c_char {
    match wall::guarded("schema", || Ok(slot.get()?.schema().map(|schema| schema.to_json()))) {
        Ok(None) => ptr::null(),
        Ok(Some(text)) => CString::new(text).map_or(ptr::null(), |text| text.into_raw()),
        Err(error) => {
            eprintln!("schema: {error}");
            ptr::null()
        }
    }
}

pub unsafe fn exec<E: Engine>(
    slot: &Slot<E>,
    tag: *const c_char,
    params: *const ParamList,
    input: *const DataList,
    out: *mut *mut DataList,
    ids: *const c_uint,
    count: c_int,
) -> c_int {
    wall::clear();
    wall::code_of("exec", || {
        let params = Params::read(params);
        let context = Context::read(tag, ids, count, &params);
        let input = Payload::read_list(input);
        *out = give(slot.get()?.exec(&context, &params, &input)?)?;
        Ok(())
    })
}

pub unsafe fn exec_free(out: *mut *mut DataList) -> c_int {
    if let Some(head) = out.as_mut() {
        Answer::free(*head);
        *head = ptr::null_mut();
    }
    0
}

pub unsafe fn exec_later<E: Later>(
    slot: &Slot<E>,
    tag: *const c_char,
    params: *const ParamList,
    input: *const DataList,
    callback: Callback,
    ids: *const c_uint,
    count: c_int,
) -> c_int {
    wall::clear();
    let engine = match slot.get() {
        Ok(engine) => engine,
        Err(error) => return wall::queue("exec_later", error),
    };
    let params = Params::read(params);
    let context = Context::read(tag, ids, count, &params).to_owned();
    let input = Payload::read_list(input).into_iter().map(Payload::into_owned).collect();
    let reply = Reply::new(context.tag(), callback);
    // A panic is answered by the reply, which it drops or has given away.
    let _ = wall::guarded("exec_later", || {
        engine.exec_later(context, params.into_owned(), input, reply);
        Ok(())
    });
    0
}

/// Once calls of an engine without `later`, where [aiges] asyncMode sends them here all the same:
/// answered before it returns.
pub unsafe fn exec_by_callback<E: Engine>(
    slot: &Slot<E>,
    tag: *const c_char,
    params: *const ParamList,
    input: *const DataList,
    callback: Callback,
    ids: *const c_uint,
    count: c_int,
) -> c_int {
    wall::clear();
    wall::code_of("exec", || {
        let params = Params::read(params);
        let context = Context::read(tag, ids, count, &params);
        let input = Payload::read_list(input);
        let results = slot.get()?.exec(&context, &params, &input)?;
        let _ = Reply::new(context.tag(), callback).send(Ok(results));
        Ok(())
    })
}

/// What a feature answers that the engine does not have.
pub fn not_there() -> c_int {
    wall::queue("", Error::unsupported("this engine does not do that"))
}

/// Arrays of the host, of `count` entries each.
pub struct BatchArrays {
    pub count: c_uint,
    pub tags: *const *const c_char,
    pub params: *const *mut ParamList,
    pub input: *const *mut DataList,
    pub out: *mut *mut DataList,
    pub codes: *mut c_int,
}

pub unsafe fn exec_batch<E: Batches>(slot: &Slot<E>, batch: BatchArrays) -> c_int {
    wall::clear();
    let count = batch.count as usize;
    let results = wall::guarded("exec_batch", || {
        let mut calls = Vec::with_capacity(count);
        for i in 0..count {
            let params = Params::read(*batch.params.add(i));
            calls.push(Call {
                context: Context::read(*batch.tags.add(i), ptr::null(), 0, &params),
                input: Payload::read_list(*batch.input.add(i)),
                params,
            });
        }
        let results: Vec<Results> = slot.get()?.exec_batch(&calls);
        if results.len() != count {
            let got = results.len();
            return Err(Error::bad_result(format!("expected {count} results, got {got}")));
        }
        Ok(results)
    });
    let results = match results {
        Ok(results) => results,
        Err(error) => {
            // The host asks once for each call.
            for _ in 1..count {
                wall::queue("exec_batch", error.clone());
            }
            return wall::queue("exec_batch", error);
        }
    };
    for (i, result) in results.into_iter().enumerate() {
        *batch.codes.add(i) = match result.and_then(give) {
            Ok(head) => {
                *batch.out.add(i) = head;
                0
            }
            Err(error) => wall::queue("exec_batch", error),
        };
    }
    0
}

struct Opened<S> {
    session: S,
    emitter: Emitter,
}

pub unsafe fn create<E: Sessions>(
    slot: &Slot<E>,
    tag: *const c_char,
    params: *const ParamList,
    callback: Option<Callback>,
    ids: *const c_uint,
    count: c_int,
    code: *mut c_int,
) -> *const c_void {
    wall::clear();
    let opened = wall::guarded("create", || {
        let params = Params::read(params);
        let context = Context::read(tag, ids, count, &params).to_owned();
        let callback =
            callback.ok_or_else(|| Error::unsupported("this host has no callback for sessions"))?;
        let emitter = Emitter::new(context.tag(), callback);
        let session = slot.get()?.create(context, &params, emitter.clone())?;
        Ok(Box::new(Opened { session, emitter }))
    });
    match opened {
        Ok(opened) => Box::into_raw(opened) as *const c_void,
        Err(error) => {
            *code = wall::queue("create", error);
            ptr::null()
        }
    }
}

pub unsafe fn write<E: Sessions>(handle: *const c_void, input: *const DataList) -> c_int {
    wall::clear();
    let opened = &mut *(handle as *mut Opened<E::Session>);
    wall::code_of("write", || opened.session.write(&Payload::read_list(input)))
}

pub unsafe fn destroy<E: Sessions>(handle: *const c_void) -> c_int {
    let opened = Box::from_raw(handle as *mut Opened<E::Session>);
    opened.emitter.close();
    wall::code_of("drop of the session", || {
        drop(opened);
        Ok(())
    })
}

pub unsafe fn load<E: Resources>(slot: &Slot<E>, data: *const DataList, number: c_uint) -> c_int {
    wall::clear();
    wall::code_of("load", || match Payload::read_list(data).first() {
        Some(data) => slot.get()?.load_resource(number, data),
        None => Err(Error::bad_input("expected the data of a resource, got none")),
    })
}

pub fn unload<E: Resources>(slot: &Slot<E>, number: c_uint) -> c_int {
    wall::clear();
    wall::code_of("unload", || slot.get()?.unload_resource(number))
}

pub fn error_text(code: c_int) -> *const c_char {
    wall::error_text(code)
}

pub fn error_detail(code: c_int) -> *const c_char {
    wall::error_detail(code)
}

pub fn error_class(code: c_int) -> c_int {
    wall::error_class(code)
}
