// SPDX-License-Identifier: Apache-2.0
// wrapper/lent_input.h: a payload of a request as it lies in the host's memory, without a copy.
//
// It is a Python object with a buffer that cannot be written to. The bytes are the host's, and
// change when the call has ended; what of it is still referenced then is kept (wrapperKeepInput).
// All need the GIL but SetKeepInput.
#pragma once

#include "aiges/wrapper.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// The host's function from wrapperSetCtrl; NULL is fine: nothing is lent.
void SetKeepInput(wrapperKeepInput function);

// NULL without an exception: it is to be copied. Small ones always are: that is quicker.
Ref LendInput(const DataList& node);
// Its call is over; gives the reference up.
void EndLoan(PyObject* lent);

}  // namespace aiges::shim
