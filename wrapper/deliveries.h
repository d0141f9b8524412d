// SPDX-License-Identifier: Apache-2.0
// wrapper/deliveries.h: the functions of aiges_embed by which Python brings results and asks about
// calls: those for user code (callback, call_state, ..) and those for _streaming.py (_deliver, ..).
//
// All need the GIL. They find the session by the name they are given: its usrTag, sid or handle.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"

namespace aiges::shim {

// From wrapperSetCtrl; NULL is fine.
void SetAlive(wrapperAlive function);

// Makes the trace of the call of this thread, and of no other, the current one of OpenTelemetry
// here (sdk/aiges/_tracing.py). Costs nothing to speak of where no call is a part of one.
void FollowTrace();

void BindDeliveries(pybind11::module_& m);

}  // namespace aiges::shim
