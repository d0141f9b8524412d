// wrapper/py_error.h: what went wrong in Python, as a number and a text for the client.
//
// Numbers of the user's own functions pass through untouched; those below are the shim's, for what
// the user's functions did not say themselves. (30001..30003 are the SDK's, aiges.errors.)
#pragma once

#include <string>

#include "wrapper/python_ptr.h"

namespace aiges::shim {

inline constexpr int kInitError = 30001;     // No usable Python, wrapper.py or hook.
inline constexpr int kUserInitError = 30002;  // wrapperInit raised or returned no int.
inline constexpr int kUserExecError = 30003;  // wrapperOnceExec raised.
inline constexpr int kBadReturn = 30004;      // A hook returned something of another type.
inline constexpr int kBadResult = 30005;      // A result item cannot be used.

// Remembers (code, text) for the wrapperError call that follows on this thread; returns code.
int SetError(int code, std::string text);
// The remembered text if it belongs to this code, else nullptr. Valid until the next SetError.
const char* LastError(int code);
void ClearError();

// A batch has several errors at once, and wrapperError is asked by number alone: QueueError sets
// the text just remembered for `code` (if any) behind those before it, and LastError gives the
// texts of one code in that order. For the items of a batch, in the order of the batch.
void QueueError(int code);

// Takes the current Python exception: prints its traceback once to stderr (= the log), returns
// "ValueError: text (wrapper.py, line 12)". `trace`, if given, gets the traceback too, with its
// middle left out where it is long. Needs the GIL.
std::string TakePythonError(std::string* trace = nullptr);
// SetError with the current exception: `before` and its text, and its traceback as the detail.
int SetPythonError(int code, std::string before);
// The detail of what LastError gave last, if that was for this code; else nullptr. Valid as that.
const char* LastDetail(int code);

}  // namespace aiges::shim
