// SPDX-License-Identifier: Apache-2.0
// wrapper/door_threads.h: the work of Python threads that serve blocking handlers of doors.
//
// Overview. The threads wait in Next. A simple call of gRPC (whole at once, one message, of a
// method named in Route; of HTTP whole at once, where Route says so) goes to them directly, without
// the engine's event loop; what else is theirs, Python puts here itself. A thread that ends a call
// takes the next one without a wake-up and without giving the GIL away: as long as calls are short,
// one thread serves them one after the other. Another one is woken when none is at work, and when
// something in the line has waited for a millisecond, unless threads take from it while the process
// keeps a core busy: then handlers wait for something, or are long.
//
// Threads: Take as the host calls it, without the GIL; the others with it. A thread of its own
// looks at the line while there is work.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"

namespace aiges::shim {

// As BeginDoorCall. False: it is for the event loop.
bool TakeForThreads(const char* tag, const DataList* part);

void BindDoorThreads(pybind11::module_& m);

}  // namespace aiges::shim
