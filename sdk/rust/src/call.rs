// SPDX-License-Identifier: Apache-2.0
//! Calls of other models of the host.

use std::ffi::{CStr, CString};
use std::os::raw::{c_int, c_ulonglong};
use std::ptr;
use std::time::Duration;

use crate::abi::{CallAnswer, CALL_STREAM};
use crate::answer::{Answer, ParamNodes};
use crate::error::{Error, ErrorKind};
use crate::host;
use crate::payload::{text, Params, Payload};

/// A call of another model, before it is made: `context.call("reader").send(payloads)`.
#[derive(Clone, Debug)]
pub struct ModelCall {
    tag: CString,
    model: String,
    version: String,
    params: Params<'static>,
    timeout: Duration,
}

impl ModelCall {
    pub(crate) fn new(tag: &CStr, model: &str) -> ModelCall {
        ModelCall {
            tag: tag.to_owned(),
            model: model.to_owned(),
            version: String::new(),
            params: Params::new(),
            timeout: Duration::ZERO,
        }
    }

    /// Of the model; without it the host chooses.
    pub fn version(mut self, version: &str) -> ModelCall {
        self.version = version.to_owned();
        self
    }

    /// A parameter that goes along.
    pub fn param(mut self, name: &str, value: &str) -> ModelCall {
        self.params.push(name.to_owned(), value.to_owned());
        self
    }

    /// Beside the deadline of the call it is made for; the earlier one counts.
    pub fn timeout(mut self, timeout: Duration) -> ModelCall {
        self.timeout = timeout;
        self
    }

    /// Makes the call and waits for its answer.
    pub fn send(self, payloads: Vec<Payload<'_>>) -> Result<Vec<Payload<'static>>, Error> {
        let mut answers = self.begin(payloads, 0)?;
        answers.next().unwrap_or_else(|| Err(Error::new("the call ended without an answer")))
    }

    /// Opens a session of the other model, and gives it everything at once.
    pub fn stream(self, payloads: Vec<Payload<'_>>) -> Result<Answers, Error> {
        self.begin(payloads, CALL_STREAM)
    }

    fn begin(self, payloads: Vec<Payload<'_>>, flags: u32) -> Result<Answers, Error> {
        let (begin, ..) = host::calls()
            .ok_or_else(|| Error::unsupported("this host has no calls of other models"))?;
        let nul = |_| Error::new("expected no NUL in the name of a model");
        let model = CString::new(self.model.as_str()).map_err(nul)?;
        let version = CString::new(self.version).map_err(nul)?;
        let mut params = ParamNodes::new(&self.params)?;
        let mut data = Answer::new(payloads)?;
        // A millisecond at least: 0 is none.
        let most = c_int::MAX as u128;
        let timeout = match self.timeout.as_micros() {
            0 => 0,
            micros => ((micros + 999) / 1000).min(most) as c_int,
        };
        // Safety: all of it lives until the call returns, and the host copies it.
        let number = unsafe {
            begin(
                self.tag.as_ptr(),
                model.as_ptr(),
                version.as_ptr(),
                params.head(),
                data.head(),
                flags,
                timeout,
                None,
                ptr::null_mut(),
            )
        };
        Ok(Answers { number, model: self.model, over: false })
    }
}

/// The answers of a session of another model, as they come. Dropped early: it is given up.
#[derive(Debug)]
pub struct Answers {
    number: c_ulonglong,
    model: String,
    over: bool,
}

impl Iterator for Answers {
    type Item = Result<Vec<Payload<'static>>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let (_, next, _) = host::calls()?;
        let mut answer = CallAnswer {
            code: 0,
            error_class: 0,
            error: ptr::null(),
            data: ptr::null_mut(),
            last: 0,
        };
        // Safety: what the answer points to is valid until the next call of next or end.
        unsafe {
            if next(self.number, -1, &mut answer) != 0 {
                self.over = true;
                return None;
            }
            self.over = answer.last != 0;
            if answer.code == 0 {
                let list = Payload::read_list(answer.data);
                return Some(Ok(list.into_iter().map(Payload::into_owned).collect()));
            }
            self.over = true;
            let said = format!("model {}: {}", self.model, text(answer.error));
            let mut error = Error::of(ErrorKind::Engine, said);
            error.call_code = answer.code;
            Some(Err(error))
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        if let Some((_, _, end)) = host::calls() {
            // Safety: the number is ours, and given back once.
            unsafe { end(self.number) };
        }
    }
}
