// SPDX-License-Identifier: Apache-2.0
// wrapper/doors.h: door calls (aiges/wrapper.h) for engines in Python.
//
// What the host says is kept in a list, without the GIL: the thread that says it must not wait for
// Python. A descriptor becomes readable when the list is not empty, so that the engine's event loop
// takes all that has come in one step (aiges_embed._doors_take). What the engine answers goes
// through CTTryCallback, which never waits.
//
// Threads: BeginDoorCall and TellDoor as the host calls them; what Python calls needs the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"

namespace aiges::shim {

void SetDoorTook(wrapperDoorTook function);

int BeginDoorCall(const char* tag, const DataList* part);
int TellDoor(const char* tag, int event, const DataList* part);

// Adds _doors_fd and what else aiges/contracts/_doors.py uses to the module.
void BindDoors(pybind11::module_& m);

}  // namespace aiges::shim
