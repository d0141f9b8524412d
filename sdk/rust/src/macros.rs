// SPDX-License-Identifier: Apache-2.0
//! `export!`: the symbols of the C ABI. wrapperTraits tells the host which features the engine has.
//! Older loaders of this ABI ask for more symbols than they use: where a feature is not named, they
//! find functions that answer with an error.

/// Exports an engine as libwrapper.so. Behind the type stand the features that it has beside once
/// calls: `sessions`, `batches`, `later`, `resources`, for the trait of each name:
/// `aiges::export!(Engine, sessions, batches);`. Once in a library.
#[macro_export]
macro_rules! export {
    ($engine:ty $(, $feature:ident)* $(,)?) => {
        #[doc(hidden)]
        #[allow(non_snake_case, clippy::missing_safety_doc)]
        mod __aiges {
            #[allow(unused_imports)]
            use super::*;
            use ::std::os::raw::{c_char, c_int, c_uint, c_void};
            use $crate::abi::{DataList, ParamList, WrapperWishes};
            use $crate::exports as all;

            static SLOT: all::Slot<$engine> = all::Slot::new();

            #[no_mangle]
            pub unsafe extern "C" fn wrapperSetCtrl(kind: c_int, function: *mut c_void) -> c_int {
                all::set_ctrl(kind, function)
            }
            #[no_mangle]
            pub unsafe extern "C" fn wrapperInit(config: *mut ParamList) -> c_int {
                all::init(&SLOT, config)
            }
            #[no_mangle]
            pub extern "C" fn wrapperFini() -> c_int {
                all::close(&SLOT)
            }
            #[no_mangle]
            pub extern "C" fn wrapperError(code: c_int) -> *const c_char {
                all::error_text(code)
            }
            #[no_mangle]
            pub extern "C" fn wrapperErrorDetail(code: c_int) -> *const c_char {
                all::error_detail(code)
            }
            #[no_mangle]
            pub extern "C" fn wrapperErrorClass(code: c_int) -> c_int {
                all::error_class(code)
            }
            #[no_mangle]
            pub extern "C" fn wrapperVersion() -> *const c_char {
                concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\0").as_ptr()
                    as *const c_char
            }
            #[no_mangle]
            pub extern "C" fn wrapperTraits() -> c_uint {
                0 $(| $crate::__trait_bits!($feature))*
            }
            #[no_mangle]
            pub unsafe extern "C" fn wrapperWishes(wishes: *mut WrapperWishes) -> c_int {
                all::wishes(&SLOT, wishes)
            }
            #[no_mangle]
            pub extern "C" fn wrapperSchema() -> *const c_char {
                all::schema(&SLOT)
            }
            #[no_mangle]
            pub extern "C" fn wrapperWarmup() -> c_int {
                all::warm_up(&SLOT)
            }
            #[no_mangle]
            pub unsafe extern "C" fn wrapperExec(
                tag: *const c_char,
                params: *mut ParamList,
                input: *mut DataList,
                out: *mut *mut DataList,
                ids: *mut c_uint,
                count: c_int,
            ) -> c_int {
                all::exec(&SLOT, tag, params, input, out, ids, count)
            }
            #[no_mangle]
            pub unsafe extern "C" fn wrapperExecFree(
                _tag: *const c_char,
                out: *mut *mut DataList,
            ) -> c_int {
                all::exec_free(out)
            }
            #[no_mangle]
            pub extern "C" fn wrapperDebugInfo(_handle: *const c_void) -> *const c_char {
                "\0".as_ptr() as *const c_char
            }
            #[no_mangle]
            pub extern "C" fn wrapperRead(
                _handle: *const c_void,
                _out: *mut *mut DataList,
            ) -> c_int {
                all::not_there()
            }
            $($crate::__export_feature!($feature, $engine);)*
            $crate::__stand_in!(sessions: $($feature)*);
            $crate::__stand_in!(later: $($feature)*);
            $crate::__stand_in!(resources: $($feature)*);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __trait_bits {
    (sessions) => {
        $crate::abi::TRAIT_SESSIONS | $crate::abi::TRAIT_CALLBACK
    };
    (batches) => {
        $crate::abi::TRAIT_BATCH
    };
    (later) => {
        $crate::abi::TRAIT_ASYNC_ONCE
    };
    (resources) => {
        $crate::abi::TRAIT_RESOURCES
    };
    ($other:ident) => {
        compile_error!("expected sessions, batches, later or resources")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_feature {
    (sessions, $engine:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperCreate(
            tag: *const c_char,
            params: *mut ParamList,
            callback: Option<$crate::abi::Callback>,
            ids: *mut c_uint,
            count: c_int,
            code: *mut c_int,
        ) -> *const c_void {
            all::create(&SLOT, tag, params, callback, ids, count, code)
        }
        #[no_mangle]
        pub unsafe extern "C" fn wrapperWrite(
            handle: *const c_void,
            input: *mut DataList,
        ) -> c_int {
            all::write::<$engine>(handle, input)
        }
        #[no_mangle]
        pub unsafe extern "C" fn wrapperDestroy(handle: *const c_void) -> c_int {
            all::destroy::<$engine>(handle)
        }
    };
    (batches, $engine:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperExecBatch(
            count: c_uint,
            tags: *const *const c_char,
            params: *const *mut ParamList,
            input: *const *mut DataList,
            out: *mut *mut DataList,
            codes: *mut c_int,
        ) -> c_int {
            all::exec_batch(&SLOT, all::BatchArrays { count, tags, params, input, out, codes })
        }
    };
    (later, $engine:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperExecAsync(
            tag: *const c_char,
            params: *mut ParamList,
            input: *mut DataList,
            callback: $crate::abi::Callback,
            _timeout_ms: c_int,
            ids: *mut c_uint,
            count: c_int,
        ) -> c_int {
            all::exec_later(&SLOT, tag, params, input, callback, ids, count)
        }
    };
    (resources, $engine:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperLoadRes(data: *mut DataList, number: c_uint) -> c_int {
            all::load(&SLOT, data, number)
        }
        #[no_mangle]
        pub extern "C" fn wrapperUnloadRes(number: c_uint) -> c_int {
            all::unload(&SLOT, number)
        }
    };
    ($other:ident, $engine:ty) => {};
}

/// The functions of a feature that is not in the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __stand_in {
    (sessions: sessions $($rest:ident)*) => {};
    (later: later $($rest:ident)*) => {};
    (resources: resources $($rest:ident)*) => {};
    ($wanted:ident: $other:ident $($rest:ident)*) => {
        $crate::__stand_in!($wanted: $($rest)*);
    };
    (sessions:) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperCreate(
            _tag: *const c_char,
            _params: *mut ParamList,
            _callback: Option<$crate::abi::Callback>,
            _ids: *mut c_uint,
            _count: c_int,
            code: *mut c_int,
        ) -> *const c_void {
            *code = all::not_there();
            ::std::ptr::null()
        }
        #[no_mangle]
        pub extern "C" fn wrapperWrite(_handle: *const c_void, _input: *mut DataList) -> c_int {
            all::not_there()
        }
        #[no_mangle]
        pub extern "C" fn wrapperDestroy(_handle: *const c_void) -> c_int {
            all::not_there()
        }
    };
    (later:) => {
        #[no_mangle]
        pub unsafe extern "C" fn wrapperExecAsync(
            tag: *const c_char,
            params: *mut ParamList,
            input: *mut DataList,
            callback: $crate::abi::Callback,
            _timeout_ms: c_int,
            ids: *mut c_uint,
            count: c_int,
        ) -> c_int {
            all::exec_by_callback(&SLOT, tag, params, input, callback, ids, count)
        }
    };
    (resources:) => {
        #[no_mangle]
        pub extern "C" fn wrapperLoadRes(_data: *mut DataList, _number: c_uint) -> c_int {
            all::not_there()
        }
        #[no_mangle]
        pub extern "C" fn wrapperUnloadRes(_number: c_uint) -> c_int {
            all::not_there()
        }
    };
}
