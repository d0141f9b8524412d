// SPDX-License-Identifier: Apache-2.0
//! Engines for AIGES in Rust. An engine is a type with the trait [`Engine`]; [`export!`] makes the
//! library of it that the host loads (`libwrapper.so`, a `cdylib`):
//!
//! ```
//! use aiges::{Context, Engine, Error, Params, Payload, Results};
//!
//! struct Upper;
//!
//! impl Engine for Upper {
//!     fn init(_config: &Params) -> Result<Self, Error> {
//!         Ok(Upper)
//!     }
//!
//!     fn exec(&self, _context: &Context, _params: &Params, input: &[Payload]) -> Results {
//!         let text = aiges::find(input, "text")?.as_str()?;
//!         Ok(vec![Payload::text("text", text.to_uppercase())])
//!     }
//! }
//!
//! aiges::export!(Upper);
//! # fn main() {}
//! ```
//!
//! A panic in a hook is an error of that call, with its stack in the log: the profile must unwind,
//! as it does by default. No user code needs unsafe.

// A backtrace is taken where the compiler has it (build.rs).
#![allow(unknown_lints, clippy::incompatible_msrv)]

pub mod abi;
mod answer;
mod call;
mod context;
mod emitter;
mod engine;
mod error;
#[doc(hidden)]
pub mod exports;
mod host;
mod macros;
mod payload;
mod schema;
mod wall;

pub use call::{Answers, ModelCall};
pub use context::Context;
pub use emitter::{Emitter, Gone, Reply};
pub use engine::{Batches, Call, Engine, Later, Resources, Results, Session, Sessions, Wishes};
pub use error::{Error, ErrorKind};
pub use payload::{find, DataType, Params, Payload, Status};
pub use schema::{Param, Schema};
