// SPDX-License-Identifier: Apache-2.0
//! What comes in and goes out: payloads, and texts by name.

use std::borrow::Cow;
use std::ffi::CStr;
use std::os::raw::c_char;

use crate::abi::{DataList, ParamList};

/// What the bytes of a payload are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Text = 0,
    Audio = 1,
    Image = 2,
    Video = 3,
    /// Any other: tensors, JSON, resources.
    Other = 4,
}

/// Which part of its stream a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Begin = 0,
    Continue = 1,
    End = 2,
    /// The whole of it in one piece.
    Once = 3,
}

/// Texts by name: configuration, parameters of a call, attributes of a payload. In order, of a name
/// that comes twice `get` gives the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    pub fn new() -> Params<'a> {
        Params::default()
    }

    /// The text of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The text of that name as a number or the like; None where there is none. What cannot be
    /// read is the caller's fault.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, crate::Error> {
        match self.get(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                let wanted = std::any::type_name::<T>();
                crate::Error::bad_input(format!("{name}: expected {wanted}, got {text:?}"))
            }),
        }
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.pairs.push((name.into(), value.into()));
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// A copy that outlives the call.
    pub fn into_owned(self) -> Params<'static> {
        let owned = |(key, value): (Cow<str>, Cow<str>)| {
            (Cow::Owned(key.into_owned()), Cow::Owned(value.into_owned()))
        };
        Params { pairs: self.pairs.into_iter().map(owned).collect() }
    }

    /// # Safety
    /// The list is the host's, and valid for `'a`.
    pub(crate) unsafe fn read(mut node: *const ParamList) -> Params<'a> {
        let mut pairs = Vec::new();
        while !node.is_null() {
            // An empty list is one node without a key.
            if !(*node).key.is_null() {
                pairs.push((text((*node).key), text((*node).value)));
            }
            node = (*node).next;
        }
        Params { pairs }
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<Cow<'a, str>>> FromIterator<(K, V)> for Params<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Params<'a> {
        Params { pairs: pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }
}

/// One payload. Those of a request borrow the host's memory, without a copy; what is kept beyond
/// the call is copied by `into_owned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    pub key: Cow<'a, str>,
    pub data: Cow<'a, [u8]>,
    pub kind: DataType,
    pub status: Status,
    /// Attributes: `encoding`, `datatype`, `shape`, ..
    pub attributes: Params<'a>,
}

impl<'a> Payload<'a> {
    /// A whole payload of any bytes.
    pub fn new(
        key: impl Into<Cow<'a, str>>,
        kind: DataType,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Payload<'a> {
        Payload {
            key: key.into(),
            data: data.into(),
            kind,
            status: Status::Once,
            attributes: Params::new(),
        }
    }

    /// A whole text.
    pub fn text(key: impl Into<Cow<'a, str>>, text: impl Into<String>) -> Payload<'a> {
        Payload::new(key, DataType::Text, text.into().into_bytes())
    }

    /// The same as another part of its stream.
    pub fn with_status(mut self, status: Status) -> Payload<'a> {
        self.status = status;
        self
    }

    /// The data as text; what is no UTF-8 is the caller's fault.
    pub fn as_str(&self) -> Result<&str, crate::Error> {
        std::str::from_utf8(&self.data).map_err(|error| {
            crate::Error::bad_input(format!("{}: expected UTF-8: {error}", self.key))
        })
    }

    /// Whether its stream ends with it.
    pub fn ends(&self) -> bool {
        matches!(self.status, Status::End | Status::Once)
    }

    /// A copy that outlives the call.
    pub fn into_owned(self) -> Payload<'static> {
        Payload {
            key: Cow::Owned(self.key.into_owned()),
            data: Cow::Owned(self.data.into_owned()),
            kind: self.kind,
            status: self.status,
            attributes: self.attributes.into_owned(),
        }
    }

    /// # Safety
    /// The list is the host's, and valid for `'a`.
    pub(crate) unsafe fn read_list(mut node: *const DataList) -> Vec<Payload<'a>> {
        let mut list = Vec::new();
        while !node.is_null() {
            let each = &*node;
            if !each.key.is_null() || !each.data.is_null() {
                list.push(Payload {
                    key: text(each.key),
                    data: Cow::Borrowed(bytes(each.data as *const u8, each.len)),
                    kind: match each.kind {
                        0 => DataType::Text,
                        1 => DataType::Audio,
                        2 => DataType::Image,
                        3 => DataType::Video,
                        _ => DataType::Other,
                    },
                    status: match each.status {
                        0 => Status::Begin,
                        1 => Status::Continue,
                        2 => Status::End,
                        _ => Status::Once,
                    },
                    attributes: Params::read(each.desc),
                });
            }
            node = each.next;
        }
        list
    }
}

/// The payload of that key; without it the caller is told.
pub fn find<'a, 'b>(
    payloads: &'b [Payload<'a>],
    key: &str,
) -> Result<&'b Payload<'a>, crate::Error> {
    payloads.iter().find(|each| each.key == key).ok_or_else(|| {
        let came: Vec<&str> = payloads.iter().take(10).map(|each| &*each.key).collect();
        crate::Error::bad_input(format!("expected a payload {key}, got {came:?}"))
    })
}

unsafe fn bytes<'a>(data: *const u8, len: u32) -> &'a [u8] {
    if data.is_null() || len == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, len as usize)
}

/// What is no UTF-8 is shown with replacement characters.
pub(crate) unsafe fn text<'a>(start: *const c_char) -> Cow<'a, str> {
    if start.is_null() {
        return Cow::Borrowed("");
    }
    CStr::from_ptr(start).to_string_lossy()
}
