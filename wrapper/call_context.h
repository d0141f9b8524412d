// SPDX-License-Identifier: Apache-2.0
// wrapper/call_context.h: which call runs on a thread, and what the host knows about it.
#pragma once

#include <string>

#include "aiges/wrapper.h"

namespace aiges::shim {

// Names the call that runs on this thread, for aiges.context; ends with its scope.
class TagScope {
 public:
  explicit TagScope(const char* tag);
  ~TagScope();
  TagScope(const TagScope&) = delete;
  TagScope& operator=(const TagScope&) = delete;
};
// The same for a thread that runs one call as long as it lives.
void SetThreadTag(const std::string& tag);
const std::string& ThreadTag();

// Where the host says among params who calls. Not for user code there: aiges.context tells it.
inline constexpr const char* kCallerParam = ":caller";

// Where it says of which trace the call is a part (W3C Trace Context). These are for user code,
// too.
inline constexpr const char* kTraceParam = "traceparent";
inline constexpr const char* kTraceStateParam = "tracestate";

struct Noted {
  std::string caller;  // Empty: nobody is known.
  std::string trace_parent, trace_state;
};

// Keeps what the host says of a call, while it lasts. Thread-safe.
class CallNote {
 public:
  CallNote(const std::string& tag, const ParamList* params);
  ~CallNote();
  CallNote(const CallNote&) = delete;
  CallNote& operator=(const CallNote&) = delete;

 private:
  std::string tag_;  // Empty: the host says nothing.
};
// Whether any call that lasts is a part of a trace.
bool AnyTraces();
// Of a call by its tag; empty where nothing is known.
Noted NotedOf(const std::string& tag);

// From wrapperSetCtrl; NULL is fine.
void SetCallState(wrapperCallState function);

struct CallState {
  bool over = false;       // Nobody waits for it any more.
  long long left_ms = -1;  // To its deadline; -1: it has none.
};
// Of any call by its tag; of the worker itself where that is empty. Without the GIL.
CallState AskCallState(const std::string& tag);
// How many seconds the host gives to the end of Python, from now on.
double SecondsLeft();

}  // namespace aiges::shim
