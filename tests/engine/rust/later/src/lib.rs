// SPDX-License-Identifier: Apache-2.0

//! An engine in Rust whose once calls are answered by threads; tests/engine/go/later is the same in
//! Go. It has no sessions and no batches.
#![forbid(unsafe_code)]

use std::time::Duration;

use aiges::{Context, Engine, Error, ErrorKind, Later, Params, Payload, Reply, Results};

struct Threads;

impl Engine for Threads {
    fn init(_config: &Params) -> Result<Self, Error> {
        Ok(Threads)
    }

    fn exec(&self, _context: &Context, _params: &Params, _input: &[Payload]) -> Results {
        panic!("once calls go to exec_later")
    }
}

impl Later for Threads {
    fn exec_later(
        &self,
        context: Context<'static>,
        params: Params<'static>,
        mut input: Vec<Payload<'static>>,
        reply: Reply,
    ) {
        if params.get("do") == Some("panic") {
            panic!("no room for the call");
        }
        std::thread::spawn(move || {
            match params.get("do") {
                Some("bad") => {
                    let _ = reply.send(Err(Error::bad_input("expected a word")));
                    return;
                }
                Some("drop") => return,
                Some("thread_panic") => panic!("the thread is gone"),
                Some("wait") => {
                    context.meter("waits", 1);
                    while !context.cancelled() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    context.meter("saw_cancel", 1);
                    let error = Error::of(ErrorKind::Cancelled, "given up");
                    let _ = reply.send(Err(error));
                    return;
                }
                _ => {}
            }
            let delay = params.parse("delay_ms");
            std::thread::sleep(Duration::from_millis(delay.ok().flatten().unwrap_or(0)));
            for each in &mut input {
                each.data = each.data.to_ascii_uppercase().into();
            }
            let _ = reply.send(Ok(input));
        });
    }
}

aiges::export!(Threads, later);
