// SPDX-License-Identifier: Apache-2.0
// wrapper/model_calls.h: calls of other models, for aiges.call and its kin (sdk/aiges/_models.py).
//
// A call is an object of Python that ends with it. It waits without the GIL; or an event loop is
// told by a descriptor (Inbox) that something has come, and asks for it then.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"

namespace aiges::shim {

// From wrapperSetCtrl; NULL is fine.
void SetCallModel(wrapperCallModel function);
void SetCallNext(wrapperCallNext function);
void SetCallEnd(wrapperCallEnd function);

// Adds _ModelCall and _ModelInbox to the module.
void BindModelCalls(pybind11::module_& m);

}  // namespace aiges::shim
