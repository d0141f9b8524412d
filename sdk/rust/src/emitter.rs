// SPDX-License-Identifier: Apache-2.0
//! Answers from any thread: of a session, or of a once call that is answered later.

use std::ffi::{CStr, CString};
use std::fmt;
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::abi::Callback;
use crate::answer::Answer;
use crate::error::Error;
use crate::payload::Payload;
use crate::wall;

/// Nobody waits for it any more: stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("nobody waits for the answer any more")
    }
}

impl std::error::Error for Gone {}

struct Target {
    tag: CString,
    callback: Callback,
    open: AtomicBool,
}

impl Target {
    fn deliver(&self, hook: &str, result: Result<Vec<Payload<'_>>, Error>) -> Result<(), Gone> {
        let tag = self.tag.as_ptr() as *const c_void;
        let taken = match result.and_then(Answer::new) {
            // Safety: the list lives until the callback has returned.
            Ok(mut answer) => unsafe { (self.callback)(tag, answer.head(), 0) },
            Err(error) => {
                let code: c_int = wall::queue(hook, error);
                // Safety: the host asks for the text on this thread before it returns.
                let taken = unsafe { (self.callback)(tag, ptr::null_mut(), code) };
                wall::clear();
                taken
            }
        };
        if taken == 0 {
            Ok(())
        } else {
            Err(Gone)
        }
    }
}

/// Sends what a session answers, from any thread, also before `create` has returned. Clones send to
/// the same session.
#[derive(Clone)]
pub struct Emitter {
    target: Arc<Target>,
}

impl Emitter {
    pub(crate) fn new(tag: &CStr, callback: Callback) -> Emitter {
        let open = AtomicBool::new(true);
        Emitter { target: Arc::new(Target { tag: tag.to_owned(), callback, open }) }
    }

    /// Sends one item. It waits while the client is slower than the engine: hold no lock that
    /// another answer needs. The session ends when every stream of its output has had a payload of
    /// the status End or Once.
    pub fn emit(&self, payloads: Vec<Payload<'_>>) -> Result<(), Gone> {
        if !self.is_open() {
            return Err(Gone);
        }
        self.target.deliver("emit", Ok(payloads))
    }

    /// Ends the session with an error.
    pub fn fail(&self, error: Error) -> Result<(), Gone> {
        if !self.target.open.swap(false, Ordering::AcqRel) {
            return Err(Gone);
        }
        self.target.deliver("session", Err(error))
    }

    /// Whether the session is there still.
    pub fn is_open(&self) -> bool {
        self.target.open.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.target.open.store(false, Ordering::Release);
    }
}

/// The answer of one once call, from any thread. Dropped unanswered, the client is told so.
pub struct Reply {
    target: Option<Target>,
}

impl Reply {
    pub(crate) fn new(tag: &CStr, callback: Callback) -> Reply {
        let open = AtomicBool::new(true);
        Reply { target: Some(Target { tag: tag.to_owned(), callback, open }) }
    }

    /// Answers.
    pub fn send(mut self, result: Result<Vec<Payload<'_>>, Error>) -> Result<(), Gone> {
        match self.target.take() {
            Some(target) => target.deliver("exec_later", result),
            None => Err(Gone),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(target) = self.target.take() {
            let _ = target.deliver("exec_later", Err(wall::unanswered()));
        }
    }
}
