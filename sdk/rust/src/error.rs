// SPDX-License-Identifier: Apache-2.0
//! What went wrong, and whose fault it is.

use std::fmt;

/// Whose fault an error is, from which clients get their status over HTTP and gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The engine's fault: 500, INTERNAL.
    Engine,
    /// The caller sent what cannot be used: 400, INVALID_ARGUMENT.
    BadInput,
    /// What the caller names is not there: 404, NOT_FOUND.
    NotFound,
    /// Not now, perhaps later: 503, UNAVAILABLE.
    Unavailable,
    /// This engine does not do that: 501, UNIMPLEMENTED.
    Unsupported,
    /// What is to be made is there already: 409, ALREADY_EXISTS.
    AlreadyExists,
    /// Given up before it was done: 499, CANCELLED.
    Cancelled,
    /// Failed, nobody knows how: 500, UNKNOWN.
    Unknown,
}

/// The error of a hook. Any error of a library becomes one by `?`, and is the engine's fault.
///
/// It is no `std::error::Error` itself, so that this can be.
#[derive(Clone, Debug)]
pub struct Error {
    pub(crate) kind: ErrorKind,
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) call_code: i32,
    pub(crate) detail: Option<String>,
}

pub(crate) const INIT_FAILED: i32 = 30002;
pub(crate) const EXEC_FAILED: i32 = 30003;
pub(crate) const BAD_RESULT: i32 = 30005;

impl Error {
    /// Makes an error of that kind. The client gets the text.
    pub fn of(kind: ErrorKind, text: impl Into<String>) -> Error {
        let code = match kind {
            ErrorKind::Engine => EXEC_FAILED,
            ErrorKind::BadInput => 30006,
            ErrorKind::NotFound => 30007,
            ErrorKind::Unavailable => 30008,
            ErrorKind::Unsupported => 30009,
            ErrorKind::AlreadyExists => 30010,
            ErrorKind::Cancelled => 30011,
            ErrorKind::Unknown => 30012,
        };
        Error { kind, code, text: text.into(), call_code: 0, detail: None }
    }

    /// The engine's own fault, as any error of a library.
    pub fn new(text: impl Into<String>) -> Error {
        Error::of(ErrorKind::Engine, text)
    }

    /// The caller sent what cannot be used: say what was expected and what came.
    pub fn bad_input(text: impl Into<String>) -> Error {
        Error::of(ErrorKind::BadInput, text)
    }

    /// What the caller names is not there.
    pub fn not_found(text: impl Into<String>) -> Error {
        Error::of(ErrorKind::NotFound, text)
    }

    /// Not now, perhaps later.
    pub fn unavailable(text: impl Into<String>) -> Error {
        Error::of(ErrorKind::Unavailable, text)
    }

    /// This engine does not do that.
    pub fn unsupported(text: impl Into<String>) -> Error {
        Error::of(ErrorKind::Unsupported, text)
    }

    /// The same with a code of the engine's own, which clients find behind `;code=`. 0 changes
    /// nothing.
    pub fn with_code(mut self, code: i32) -> Error {
        if code != 0 {
            self.code = code;
        }
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the client gets.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Of a call of another model that failed: the code that a client of that model would get.
    /// Else 0.
    pub fn call_code(&self) -> i32 {
        self.call_code
    }

    pub(crate) fn class(&self) -> i32 {
        match self.kind {
            ErrorKind::Engine => 0,
            ErrorKind::BadInput => 1,
            ErrorKind::NotFound => 2,
            ErrorKind::Unavailable => 3,
            ErrorKind::Unsupported => 4,
            ErrorKind::AlreadyExists => 5,
            ErrorKind::Cancelled => 6,
            ErrorKind::Unknown => 7,
        }
    }

    pub(crate) fn bad_result(text: String) -> Error {
        Error::of(ErrorKind::Engine, text).with_code(BAD_RESULT)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Error {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        Error::new(text)
    }
}
