// SPDX-License-Identifier: Apache-2.0

//! An engine in Rust: a text becomes the numbers that a language model takes, and with the parameter
//! `decode` = true numbers become text again. Many texts that come together are one batch.
#![forbid(unsafe_code)]

use aiges::{Batches, Call, Context, Engine, Error, Params, Payload, Results, Schema, Wishes};
use serde_json::json;
use tokenizers::Tokenizer;

struct Model {
    tokenizer: Tokenizer,
}

/// The errors of that crate are boxed, and no `std::error::Error`.
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::new(error.to_string())
}

impl Engine for Model {
    fn init(config: &Params) -> Result<Self, Error> {
        let file = config.get("vocabulary").unwrap_or("tokenizer.json");
        let tokenizer = Tokenizer::from_file(file)
            .map_err(|error| Error::new(format!("[wrapper] vocabulary: {file}: {error}")))?;
        Ok(Model { tokenizer })
    }

    fn exec(&self, _context: &Context, params: &Params, input: &[Payload]) -> Results {
        let text = aiges::find(input, "text")?.as_str()?;
        if params.parse::<bool>("decode")? == Some(true) {
            let ids: Vec<u32> = serde_json::from_str(text).map_err(|error| {
                Error::bad_input(format!("text: expected a list of numbers: {error}"))
            })?;
            let text = self.tokenizer.decode(&ids, true).map_err(failed)?;
            return Ok(vec![Payload::text("text", text)]);
        }
        let found = self.tokenizer.encode(text, false).map_err(failed)?;
        let said = json!({ "ids": found.get_ids(), "tokens": found.get_tokens() });
        Ok(vec![Payload::text("tokens", said.to_string())])
    }

    fn schema(&self) -> Option<Schema> {
        Some(aiges::schema! {
            service: "tokenizer",
            params: { decode: boolean, "whether numbers are to become text" },
            input: { text: text, "a text, or a list of numbers as JSON" },
            output: { tokens: text, "ids and tokens as JSON" },
        })
    }

    fn wishes(&self) -> Wishes {
        Wishes { batch_size: 32, ..Wishes::default() }
    }
}

impl Batches for Model {
    fn exec_batch(&self, calls: &[Call]) -> Vec<Results> {
        calls.iter().map(|call| self.exec(&call.context, &call.params, &call.input)).collect()
    }
}

aiges::export!(Model, batches);
