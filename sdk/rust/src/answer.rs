// SPDX-License-Identifier: Apache-2.0
//! Payloads as a list of the C ABI, which the host reads.

use std::os::raw::{c_char, c_int, c_void};
use std::ptr;

use crate::abi::{DataList, ParamList};
use crate::error::Error;
use crate::payload::{Params, Payload};

const MOST_DATA: usize = 2 << 30;

/// A list and all that it points to. `head` comes first: the host gives its address back, and
/// `free` makes the answer of it again.
#[repr(C)]
pub(crate) struct Answer {
    head: DataList,
    rest: Vec<DataList>,
    owned: Vec<Vec<u8>>,
    texts: Vec<u8>,
    pairs: Vec<ParamList>,
}

fn empty_node() -> DataList {
    DataList {
        key: ptr::null_mut(),
        data: ptr::null_mut(),
        len: 0,
        kind: 0,
        status: 0,
        desc: ptr::null_mut(),
        next: ptr::null_mut(),
    }
}

fn check(what: &str, text: &str) -> Result<(), Error> {
    if text.as_bytes().contains(&0) {
        return Err(Error::bad_result(format!("{what}: expected no NUL in {text:?}")));
    }
    Ok(())
}

/// Texts with a NUL behind each. Filled to its known size before any address is taken.
struct Texts {
    at: *mut u8,
}

impl Texts {
    unsafe fn put(&mut self, text: &str) -> *mut c_char {
        let start = self.at;
        ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
        *start.add(text.len()) = 0;
        self.at = start.add(text.len() + 1);
        start as *mut c_char
    }
}

fn size_of_pairs(params: &Params) -> Result<usize, Error> {
    let mut size = 0;
    for (key, value) in params.iter() {
        check("a name", key)?;
        check(key, value)?;
        size += key.len() + value.len() + 2;
    }
    Ok(size)
}

/// Links `params` behind each other in `pairs`, whose room is there already.
unsafe fn put_pairs(
    params: &Params,
    texts: &mut Texts,
    pairs: &mut Vec<ParamList>,
) -> *mut ParamList {
    let first = pairs.len();
    for (key, value) in params.iter() {
        let node = ParamList {
            key: texts.put(key),
            value: texts.put(value),
            vlen: value.len() as u32,
            next: ptr::null_mut(),
        };
        pairs.push(node);
        if pairs.len() > first + 1 {
            let at = pairs.as_mut_ptr().add(pairs.len() - 1);
            (*at.sub(1)).next = at;
        }
    }
    if pairs.len() == first {
        ptr::null_mut()
    } else {
        pairs.as_mut_ptr().add(first)
    }
}

impl Answer {
    /// Owned data is not copied.
    pub(crate) fn new(payloads: Vec<Payload<'_>>) -> Result<Box<Answer>, Error> {
        let (mut text_size, mut pair_count, mut data_size) = (0, 0, 0_usize);
        for each in &payloads {
            check("a key", &each.key)?;
            text_size += each.key.len() + 1 + size_of_pairs(&each.attributes)?;
            pair_count += each.attributes.len();
            data_size = data_size.saturating_add(each.data.len());
        }
        if data_size > MOST_DATA {
            let text = format!("expected results of at most {MOST_DATA} bytes, got {data_size}");
            return Err(Error::bad_result(text));
        }
        let mut answer = Box::new(Answer {
            head: empty_node(),
            rest: Vec::with_capacity(payloads.len().saturating_sub(1)),
            owned: Vec::with_capacity(payloads.len()),
            texts: vec![0; text_size],
            pairs: Vec::with_capacity(pair_count),
        });
        let mut texts = Texts { at: answer.texts.as_mut_ptr() };
        for (index, each) in payloads.into_iter().enumerate() {
            // Safety: both have room for what was counted above.
            let (key, desc) = unsafe {
                (texts.put(&each.key), put_pairs(&each.attributes, &mut texts, &mut answer.pairs))
            };
            let mut data = each.data.into_owned();
            let node = DataList {
                key,
                data: data.as_mut_ptr() as *mut c_void,
                len: data.len() as u32,
                kind: each.kind as c_int,
                status: each.status as c_int,
                desc,
                next: ptr::null_mut(),
            };
            answer.owned.push(data);
            if index == 0 {
                answer.head = node;
                continue;
            }
            answer.rest.push(node);
            let last: *mut DataList = answer.rest.last_mut().expect("just pushed");
            let before = match index {
                1 => &mut answer.head,
                _ => &mut answer.rest[index - 2],
            };
            before.next = last;
        }
        Ok(answer)
    }

    pub(crate) fn head(&mut self) -> *mut DataList {
        &mut self.head
    }

    /// Gives it to the host, until `free`.
    pub(crate) fn into_head(self: Box<Answer>) -> *mut DataList {
        Box::into_raw(self) as *mut DataList
    }

    /// # Safety
    /// `head` is NULL or of `into_head`, and nobody reads it any more.
    pub(crate) unsafe fn free(head: *mut DataList) {
        if !head.is_null() {
            drop(Box::from_raw(head as *mut Answer));
        }
    }
}

/// Params as a list of the C ABI, for a call of another model.
pub(crate) struct ParamNodes {
    _texts: Vec<u8>,
    pairs: Vec<ParamList>,
}

impl ParamNodes {
    pub(crate) fn new(params: &Params) -> Result<ParamNodes, Error> {
        let mut bytes = vec![0; size_of_pairs(params)?];
        let mut pairs = Vec::with_capacity(params.len());
        let mut texts = Texts { at: bytes.as_mut_ptr() };
        // Safety: both have room for all params.
        unsafe { put_pairs(params, &mut texts, &mut pairs) };
        Ok(ParamNodes { _texts: bytes, pairs })
    }

    pub(crate) fn head(&mut self) -> *mut ParamList {
        if self.pairs.is_empty() {
            ptr::null_mut()
        } else {
            self.pairs.as_mut_ptr()
        }
    }
}
