// SPDX-License-Identifier: Apache-2.0
// wrapper/sessions.h: sessions and asynchronous calls of Python engines, as the C ABI has them.
//
// session.h says what they are, and how they are locked.
#pragma once

#include "aiges/wrapper.h"
#include "wrapper/session.h"

namespace aiges::shim {

// The C ABI's session functions. No GIL.
const void* CreateSession(const SessionStart& start, int* error);
int WriteSession(const void* handle, const DataList* data);
int ReadSession(const void* handle, pDataList* out);
int DestroySession(const void* handle);
// wrapperExecAsync. No GIL.
int BeginCall(const SessionStart& start, const DataList* data);

// The end, in this order; each waits so long at most. No GIL.
void StopStreams(double seconds);  // Closes generators that still run.
void EndLoop(double seconds);      // And the event loop with all that the user runs on it.

}  // namespace aiges::shim
