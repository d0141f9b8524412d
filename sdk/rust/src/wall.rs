// SPDX-License-Identifier: Apache-2.0
//! The wall between the engine and C: panics stop here, and errors wait for wrapperError.
//!
//! The host asks for the text of an error on the thread that got its code, once for each, of a batch
//! in the order of its calls. So each thread has a queue.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::CString;
use std::os::raw::{c_char, c_int};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

use crate::error::{Error, ErrorKind};

const MOST_TEXT: usize = 4096;
const MOST_DETAIL: usize = 64 << 10;

struct Failure {
    code: c_int,
    class: c_int,
    text: CString,
    detail: Option<CString>,
}

#[derive(Default)]
struct Failures {
    waiting: VecDeque<Failure>,
    current: Option<Failure>,
    /// Of the panic that is on its way on this thread.
    panic: Option<(String, String)>,
}

thread_local! {
    static FAILURES: RefCell<Failures> = RefCell::default();
}

/// With what a C string can hold, cut between characters.
fn c_text(text: &str, most: usize) -> CString {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let shown = text[..end].replace('\0', "\\x00");
    CString::new(shown).expect("no NUL is left")
}

/// Forgets what nobody has asked for.
pub(crate) fn clear() {
    FAILURES.with(|failures| {
        if let Ok(mut failures) = failures.try_borrow_mut() {
            failures.waiting.clear();
        }
    });
}

/// Keeps the error for wrapperError. Out: its code.
pub(crate) fn queue(hook: &str, error: Error) -> c_int {
    // A text for the caller stands alone; the engine's own says where it comes from.
    let plain = error.kind != ErrorKind::Engine || error.detail.is_some();
    let text = if plain { error.text.clone() } else { format!("{hook} failed: {}", error.text) };
    let failure = Failure {
        code: error.code,
        class: error.class(),
        text: c_text(&text, MOST_TEXT),
        detail: error.detail.as_deref().map(|detail| c_text(detail, MOST_DETAIL)),
    };
    FAILURES.with(|failures| failures.borrow_mut().waiting.push_back(failure));
    error.code
}

pub(crate) fn error_text(code: c_int) -> *const c_char {
    FAILURES.with(|failures| {
        let mut failures = failures.borrow_mut();
        if let Some(at) = failures.waiting.iter().position(|each| each.code == code) {
            failures.current = failures.waiting.remove(at);
        }
        match &failures.current {
            Some(current) if current.code == code => current.text.as_ptr(),
            _ => "the engine said nothing of this code\0".as_ptr() as *const c_char,
        }
    })
}

pub(crate) fn error_detail(code: c_int) -> *const c_char {
    FAILURES.with(|failures| match &failures.borrow().current {
        Some(Failure { code: own, detail: Some(detail), .. }) if *own == code => detail.as_ptr(),
        _ => ptr::null(),
    })
}

pub(crate) fn error_class(code: c_int) -> c_int {
    FAILURES.with(|failures| match &failures.borrow().current {
        Some(current) if current.code == code => current.class,
        _ => 0,
    })
}

#[cfg(has_backtrace)]
fn stack() -> String {
    std::backtrace::Backtrace::force_capture().to_string()
}

#[cfg(not(has_backtrace))]
fn stack() -> String {
    String::new()
}

fn said_by(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a value that is no text",
    }
}

/// From here on a panic is in the log with its stack, also one of a thread of the engine's own.
pub(crate) fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let said = said_by(info.payload());
            let place = match info.location() {
                Some(at) => format!(" ({}:{})", at.file(), at.line()),
                None => String::new(),
            };
            let text = format!("{said}{place}");
            let stack = stack();
            let thread = std::thread::current();
            eprintln!(
                "panic on thread {}: {text}\n{stack}",
                thread.name().unwrap_or("of the host")
            );
            // try_with, as the thread may be about to end.
            let _ = FAILURES.try_with(|failures| {
                if let Ok(mut failures) = failures.try_borrow_mut() {
                    failures.panic = Some((text, stack));
                }
            });
        }));
    });
}

/// Runs user code. A panic is an error of the engine's.
pub(crate) fn guarded<T>(hook: &str, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let known = FAILURES.with(|failures| failures.borrow_mut().panic.take());
        // An engine may have a panic hook of its own, in the place of ours.
        let (text, stack) = known.unwrap_or_else(|| (said_by(&*payload).to_owned(), String::new()));
        // Dropping it may panic, too.
        std::mem::forget(payload);
        let mut error = Error::new(format!("{hook} panicked: {text}"));
        error.detail = Some(if stack.is_empty() { text } else { stack });
        Err(error)
    })
}

/// Why a call is dropped on this thread before it is answered.
pub(crate) fn unanswered() -> Error {
    if !std::thread::panicking() {
        return Error::new("dropped the call unanswered");
    }
    let said = FAILURES.with(|failures| failures.borrow().panic.clone());
    let (text, stack) = said.unwrap_or_default();
    let mut error = Error::new(format!("exec_later panicked: {text}"));
    error.detail = Some(if stack.is_empty() { text } else { stack });
    error
}

/// `guarded` for a function that gives a code to C.
pub(crate) fn code_of(hook: &str, run: impl FnOnce() -> Result<(), Error>) -> c_int {
    match guarded(hook, run) {
        Ok(()) => 0,
        Err(error) => queue(hook, error),
    }
}
