// wrapper/sessions.h: sessions and asynchronous calls of Python engines.
//
// A session is served by the user's own hooks (wrapperCreate ..), or by a generator:
//   plain generator wrapperOnceExec   stepped by wrapperRead, on the worker's thread
//   every other (async, wrapperStream) driven by aiges/_streaming.py, answers by callback
// Locks: the table's mutex is never held while the GIL is taken or the host's callback is called,
// and the GIL is never held while that callback may wait.
#pragma once

#include <pybind11/pybind11.h>

#include "aiges/wrapper.h"
#include "wrapper/contract.h"

namespace aiges::shim {

// The C ABI's session functions. No GIL.
const void* CreateSession(Contract& contract, const char* tag, const ParamList* params,
                          wrapperCallback callback, const unsigned* psr_ids, int psr_count,
                          int* error);
int WriteSession(const void* handle, const DataList* data);
int ReadSession(const void* handle, pDataList* out);
int DestroySession(const void* handle);
// wrapperExecAsync. No GIL.
int BeginCall(Contract& contract, const char* tag, const ParamList* params, const DataList* data,
              wrapperCallback callback, const unsigned* psr_ids, int psr_count);
// Ends what still runs. No GIL.
void StopStreams();

// A wrapperCallback that never waits, from wrapperSetCtrl; NULL is fine.
void SetTryCallback(wrapperCallback function);
void SetCallState(wrapperCallState function);

// Names the call that runs on this thread, for aiges.context; ends with its scope.
class TagScope {
 public:
  explicit TagScope(const char* tag);
  ~TagScope();
};

// Adds callback() and what aiges.context and aiges/_streaming.py need to aiges_embed.
void BindSessions(pybind11::module_& m);

}  // namespace aiges::shim
