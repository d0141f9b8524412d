// SPDX-License-Identifier: Apache-2.0
//! What a hook can ask and say about the call or session it runs for.

use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_uint};
use std::time::{Duration, Instant};

use crate::call::ModelCall;
use crate::host;
use crate::payload::Params;

const CALLER: &str = ":caller";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// The call or session that a hook runs for. May be asked from any thread; once the call is over it
/// is one that nobody waits for.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    tag: Cow<'a, CStr>,
    resources: Cow<'a, [u32]>,
    caller: Cow<'a, str>,
    trace: (Cow<'a, str>, Cow<'a, str>),
}

impl<'a> Context<'a> {
    /// # Safety
    /// The pointers are the host's, and valid for `'a`.
    pub(crate) unsafe fn read(
        tag: *const c_char,
        ids: *const c_uint,
        count: c_int,
        params: &Params<'_>,
    ) -> Context<'a> {
        let tag = if tag.is_null() {
            Cow::Owned(CString::default())
        } else {
            Cow::Borrowed(CStr::from_ptr(tag))
        };
        let resources: &[u32] = if ids.is_null() || count <= 0 {
            &[]
        } else {
            std::slice::from_raw_parts(ids, count as usize)
        };
        let (mut caller, mut parent, mut state) = (Cow::from(""), Cow::from(""), Cow::from(""));
        for (key, value) in params.iter() {
            let place = match key {
                CALLER => &mut caller,
                TRACE_PARENT => &mut parent,
                TRACE_STATE => &mut state,
                _ => continue,
            };
            *place = Cow::Owned(value.to_owned());
        }
        Context { tag, resources: Cow::Borrowed(resources), caller, trace: (parent, state) }
    }

    /// The same for threads that outlive the hook.
    pub fn to_owned(&self) -> Context<'static> {
        Context {
            tag: Cow::Owned(self.tag.clone().into_owned()),
            resources: Cow::Owned(self.resources.clone().into_owned()),
            caller: Cow::Owned(self.caller.clone().into_owned()),
            trace: (
                Cow::Owned(self.trace.0.clone().into_owned()),
                Cow::Owned(self.trace.1.clone().into_owned()),
            ),
        }
    }

    pub(crate) fn tag(&self) -> &CStr {
        &self.tag
    }

    /// By when the answer is wanted; None: no one has said.
    pub fn deadline(&self) -> Option<Instant> {
        self.remaining().map(|left| Instant::now() + left)
    }

    /// The time until then; nothing after it.
    pub fn remaining(&self) -> Option<Duration> {
        let (_, left) = host::call_state(&self.tag);
        u64::try_from(left).ok().map(Duration::from_millis)
    }

    /// Whether nobody waits for the call any more: cancelled, over, past its deadline. Stop early.
    pub fn cancelled(&self) -> bool {
        host::call_state(&self.tag).0
    }

    /// Begins a call of another model of the host, which takes along what is left of the deadline.
    pub fn call(&self, model: &str) -> ModelCall {
        ModelCall::new(&self.tag, model)
    }

    /// Counts units of a kind for this call: they are in /metrics.
    pub fn meter(&self, key: &str, count: i32) {
        if let Ok(key) = CString::new(key) {
            host::meter(&self.tag, &key, count);
        }
    }

    /// Adds key=value to the trace of the call, in the host's log.
    pub fn trace(&self, key: &str, value: &str) {
        if let (Ok(key), Ok(value)) = (CString::new(key), CString::new(value)) {
            host::trace(&self.tag, &key, &value);
        }
    }

    /// Says in the log how far the call is, of 1.
    pub fn progress(&self, share: f64) {
        self.trace("progress", &format!("{:.3}", share.clamp(0.0, 1.0)));
    }

    /// The trace that the call is a part of (W3C Trace Context); empty: of none.
    pub fn traceparent(&self) -> &str {
        &self.trace.0
    }

    /// What belongs to it; mostly empty.
    pub fn tracestate(&self) -> &str {
        &self.trace.1
    }

    /// Who makes the call: the id of the key it came with; empty where there are no keys.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The numbers of the resources that the call names (`psr_ids`).
    pub fn resources(&self) -> &[u32] {
        &self.resources
    }
}
