// SPDX-License-Identifier: Apache-2.0

//! An engine in Rust that answers with what it gets.
#![forbid(unsafe_code)]

use aiges::{Context, Engine, Error, Params, Payload, Results};

struct Echo;

impl Engine for Echo {
    fn init(_config: &Params) -> Result<Self, Error> {
        Ok(Echo)
    }

    fn exec(&self, _context: &Context, _params: &Params, input: &[Payload]) -> Results {
        let copy =
            |each: &Payload| Payload::new(each.key.to_string(), each.kind, each.data.to_vec());
        Ok(input.iter().map(copy).collect())
    }
}

aiges::export!(Echo);
