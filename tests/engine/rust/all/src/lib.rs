// SPDX-License-Identifier: Apache-2.0

//! An engine in Rust that does what the parameter "do" says; tests/engine/go/all is the same in Go.
//! Without it: each payload in upper case, with the texts of the resources that the call names.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aiges::{
    Batches, Call, Context, DataType, Emitter, Engine, Error, ErrorKind, Params, Payload,
    Resources, Results, Schema, Session, Sessions, Status,
};

struct All {
    mark: String,
    texts: Mutex<HashMap<u32, String>>,
}

fn text(said: impl Into<String>) -> Results {
    Ok(vec![Payload::text("text", said)])
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

impl Engine for All {
    fn init(config: &Params) -> Result<Self, Error> {
        match config.get("init") {
            Some("fail") => return Err(Error::new("no model in the folder")),
            Some("panic") => panic!("no memory for the model"),
            _ => {}
        }
        let mark = config.get("mark").unwrap_or("").to_owned();
        Ok(All { mark, texts: Mutex::default() })
    }

    fn warm_up(&self) -> Result<(), Error> {
        if self.mark == "cold" {
            return Err(Error::new("too cold"));
        }
        Ok(())
    }

    fn schema(&self) -> Option<Schema> {
        Some(aiges::schema! {
            service: "svcName",
            params: { do: text, "what to do"; items: integer, "how many", 0..1000 },
            input: { text: text, "any words" },
            output: { text: text, "the words" },
        })
    }

    fn close(&self) {
        println!("closed in order");
    }

    fn exec(&self, context: &Context, params: &Params, input: &[Payload]) -> Results {
        match params.get("do").unwrap_or("upper") {
            "upper" => {
                let more = self.resources(context);
                let each = |payload: &Payload| {
                    let mut data = payload.data.to_ascii_uppercase();
                    data.extend_from_slice(more.as_bytes());
                    Payload { data: data.into(), ..payload.clone().into_owned() }
                };
                Ok(input.iter().map(each).collect())
            }
            "echo" => Ok(input.iter().cloned().map(Payload::into_owned).collect()),
            "empty" => Ok(Vec::new()),
            "fail" => {
                let cause = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                Err(Error::new(format!("no boxes: {cause}")))
            }
            "bad" => {
                let got = input[0].data.len();
                Err(Error::bad_input(format!("expected a picture, got {got} bytes")))
            }
            "missing" => Err(Error::not_found("no such voice")),
            "own" => Err(Error::of(ErrorKind::BadInput, "unusable").with_code(4242)),
            "panic" => panic!("the model is gone"),
            "nil" => text(String::from_utf8_lossy(&input[input.len() + 5].data)),
            "nul" => Ok(vec![Payload::text("a\0b", "")]),
            "c_nil" => {
                // Safety: none; the process is to die of it.
                unsafe { std::ptr::write_volatile(8 as *mut u32, 1) };
                text("done")
            }
            "abort" => std::process::abort(),
            "exit" => std::process::exit(3),
            "hang" => sleep_for_ever(),
            "thread_panic" => {
                let _ = std::thread::spawn(|| panic!("nobody catches this")).join();
                text("done")
            }
            "pid" => text(std::process::id().to_string()),
            "config" => text(self.mark.as_str()),
            "meter" => {
                context.meter("words", 3);
                context.trace("found", "boxes");
                context.progress(0.5);
                text("done")
            }
            "who" => {
                let left = context.remaining();
                let same = left.is_some() == context.deadline().is_some();
                text(format!(
                    "{:?} {:?} {} {}",
                    context.caller(),
                    context.traceparent(),
                    same && left.is_some(),
                    left > Some(Duration::ZERO)
                ))
            }
            "wait" => {
                context.meter("waits", 1);
                while !context.cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                context.meter("saw_cancel", 1);
                Err(Error::of(ErrorKind::Cancelled, "given up"))
            }
            "call" | "stream" => call(context, params, input),
            _ => text("done"),
        }
    }
}

impl All {
    fn resources(&self, context: &Context) -> String {
        let texts = self.texts.lock().expect("no hook panics with it");
        let each =
            |number: &u32| format!("[{number}={}]", texts.get(number).map_or("", String::as_str));
        context.resources().iter().map(each).collect()
    }
}

/// Calls the first model of "model", which calls the others of that list.
fn call(context: &Context, params: &Params, input: &[Payload]) -> Results {
    let path = params.get("model").unwrap_or("");
    let (model, rest) = path.split_once(',').unwrap_or((path, ""));
    let mut call = context.call(model);
    if params.get("do") == Some("stream") {
        let mut all = Vec::new();
        for answer in call.param("items", "3").stream(input.to_vec())? {
            for each in &answer? {
                all.push(each.as_str()?.to_owned());
            }
        }
        return text(all.join(","));
    }
    if !rest.is_empty() {
        call = call.param("do", "call").param("model", rest);
    }
    match call.send(input.to_vec()) {
        Err(error) if params.get("tell").is_some() => {
            let said = error.text().split_once(": ").map_or("", |(_, said)| said);
            text(format!("{} {said}", error.call_code()))
        }
        other => other,
    }
}

impl Batches for All {
    fn exec_batch(&self, calls: &[Call]) -> Vec<Results> {
        std::thread::sleep(Duration::from_millis(5)); // So that the next calls come together.
        let mut results = Vec::new();
        for each in calls {
            each.context.meter("ran", 1);
            let data = String::from_utf8_lossy(&each.input[0].data);
            results.push(match each.params.get("do") {
                Some("bad") => Err(Error::bad_input(format!("expected a number, got {data:?}"))),
                Some("fail") => Err(Error::new("one of many")),
                Some("panic") => panic!("the batch is gone"),
                Some("short") => return Vec::new(),
                _ => text(format!("{} {data}", calls.len())),
            });
        }
        results
    }
}

impl Resources for All {
    fn load_resource(&self, number: u32, data: &Payload) -> Result<(), Error> {
        let said = data.as_str()?;
        if said == "bad" {
            return Err(Error::bad_input("expected a voice"));
        }
        self.texts.lock().expect("no hook panics with it").insert(number, said.to_owned());
        Ok(())
    }

    fn unload_resource(&self, number: u32) -> Result<(), Error> {
        match self.texts.lock().expect("no hook panics with it").remove(&number) {
            Some(_) => Ok(()),
            None => Err(Error::not_found(format!("no resource {number}"))),
        }
    }
}

/// Writes back what comes, in upper case; behind the end of the input so many "items" follow, by a
/// thread.
struct One {
    context: Context<'static>,
    out: Emitter,
    write: String,
    items: i64,
    sent: Option<std::thread::JoinHandle<()>>,
}

impl Sessions for All {
    type Session = One;

    fn create(
        &self,
        context: Context<'static>,
        params: &Params,
        out: Emitter,
    ) -> Result<One, Error> {
        match params.get("create") {
            Some("fail") => return Err(Error::new("no room for a session")),
            Some("bad") => return Err(Error::bad_input("expected a language")),
            Some("panic") => panic!("the session is gone"),
            _ => {}
        }
        let write = params.get("write").unwrap_or("").to_owned();
        Ok(One { context, out, write, items: params.parse("items")?.unwrap_or(0), sent: None })
    }
}

impl Session for One {
    fn write(&mut self, input: &[Payload]) -> Result<(), Error> {
        match self.write.as_str() {
            "fail" => return Err(Error::new("no sound in it")),
            "panic" => panic!("the write is gone"),
            "later" => {
                let _ = self.out.fail(Error::bad_input("expected another sound"));
                return Ok(());
            }
            _ => {}
        }
        for each in input {
            let last = each.ends() && self.items == 0;
            let status = if last { Status::End } else { Status::Continue };
            let data = each.data.to_ascii_uppercase();
            let item = Payload::new(&*each.key, DataType::Text, data).with_status(status);
            if self.out.emit(vec![item]).is_err() {
                return Ok(());
            }
            if each.ends() && self.items > 0 {
                let (context, out) = (self.context.clone(), self.out.clone());
                let (key, items) = (each.key.clone().into_owned(), self.items);
                self.sent = Some(std::thread::spawn(move || send(&context, &out, &key, items)));
            }
        }
        Ok(())
    }
}

fn send(context: &Context, out: &Emitter, key: &str, items: i64) {
    for i in 1..=items {
        let status = if i == items { Status::End } else { Status::Continue };
        let item = Payload::text(key, i.to_string()).with_status(status);
        if out.emit(vec![item]).is_err() {
            context.meter("refused", 1);
            return;
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        if let Some(thread) = self.sent.take() {
            let _ = thread.join();
        }
        self.context.meter("destroyed", 1);
    }
}

aiges::export!(All, sessions, batches, resources);
