// SPDX-License-Identifier: Apache-2.0
//! What an engine is. `Engine` is all that most need; the other traits are exported where `export!`
//! names them.

use crate::context::Context;
use crate::emitter::{Emitter, Reply};
use crate::error::Error;
use crate::payload::{Params, Payload};
use crate::schema::Schema;

/// Results of a hook. Owned data goes to the host without a copy.
pub type Results = Result<Vec<Payload<'static>>, Error>;

/// What the engine asks for where aiges.toml does not say it; 0: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `[instances] threads`
    pub threads: u32,
    /// `[batch] max_size`
    pub batch_size: u32,
    /// `[batch] max_delay_us`
    pub batch_delay_us: u32,
}

/// An engine, one in each process. Hooks run at once on several threads: as many as wait behind slow
/// ones, or `[instances] threads`. An error or a panic in `init` or `warm_up` ends the start.
pub trait Engine: Send + Sync + Sized + 'static {
    /// Makes the engine. `config`: `[wrapper]` of aiges.toml, as text.
    fn init(config: &Params) -> Result<Self, Error>;

    /// Answers a once call. What comes in is valid during the call only.
    fn exec(&self, context: &Context, params: &Params, input: &[Payload]) -> Results;

    /// Runs once, before the first call.
    fn warm_up(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What goes in and out.
    fn schema(&self) -> Option<Schema> {
        None
    }

    /// What aiges.toml leaves open.
    fn wishes(&self) -> Wishes {
        Wishes::default()
    }

    /// Runs once, after the last call.
    fn close(&self) {}
}

/// `export!(.., sessions)`: input and output at once.
pub trait Sessions: Engine {
    type Session: Session;

    /// Begins a session, which answers by `out`.
    fn create(
        &self,
        context: Context<'static>,
        params: &Params,
        out: Emitter,
    ) -> Result<Self::Session, Error>;
}

/// One session. Its hooks never overlap, but may come from different threads. It is dropped at its
/// end, on every path.
pub trait Session: Send + 'static {
    /// Takes a piece of the input.
    fn write(&mut self, input: &[Payload]) -> Result<(), Error>;
}

/// A call of a batch.
pub struct Call<'a> {
    pub context: Context<'a>,
    pub params: Params<'a>,
    pub input: Vec<Payload<'a>>,
}

/// `export!(.., batches)`: calls that are there together run as one, with `[batch] max_size`.
pub trait Batches: Engine {
    /// Answers each call, in the same order.
    fn exec_batch(&self, calls: &[Call]) -> Vec<Results>;
}

/// `export!(.., later)`: once calls are answered by threads of the engine's own, by `reply`.
pub trait Later: Engine {
    /// Takes a call on; must not wait.
    fn exec_later(
        &self,
        context: Context<'static>,
        params: Params<'static>,
        input: Vec<Payload<'static>>,
        reply: Reply,
    );
}

/// `export!(.., resources)`: data of one user, loaded once and used by many calls, which find its
/// number in `Context::resources`.
pub trait Resources: Engine {
    fn load_resource(&self, number: u32, data: &Payload) -> Result<(), Error>;
    fn unload_resource(&self, number: u32) -> Result<(), Error>;
}
