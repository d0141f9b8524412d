// SPDX-License-Identifier: Apache-2.0
// wrapper/py_error.h: what went wrong in Python, as a number and a text for the client.
//
// Numbers of the user's own functions pass through untouched; those below are the shim's, for what
// the user's functions did not say themselves. (30001..30003 and 30006 are the SDK's,
// aiges.errors.)
//
// Texts and details are what a C string and a log line can hold: UTF-8 of a few KiB at most, where
// a NUL and half a surrogate pair stand as \x00 and \udce9, and the middle of what is longer is
// left out.
#pragma once

#include <string>

#include "wrapper/python_ptr.h"

namespace aiges::shim {

inline constexpr int kInitError = 30001;      // No usable Python, wrapper.py or hook.
inline constexpr int kUserInitError = 30002;  // wrapperInit raised or returned no int.
inline constexpr int kUserExecError = 30003;  // wrapperOnceExec raised.
inline constexpr int kBadReturn = 30004;      // A hook returned something of another type.
inline constexpr int kBadResult = 30005;      // A result item cannot be used.
inline constexpr int kBadInput = 30006;       // A BadInput whose own code is none.

// Remembers (code, text) for the wrapperError call that follows on this thread; returns code.
int SetError(int code, std::string text);
// The remembered text if it belongs to this code, else nullptr. Valid until the next SetError.
const char* LastError(int code);
void ClearError();

// A batch has several errors at once, and wrapperError is asked by number alone: QueueError sets
// the text just remembered for `code` (if any) behind those before it, and LastError gives the
// texts of one code in that order. For the items of a batch, in the order of the batch.
void QueueError(int code);

// str(object) as such a text; "" where there is none. No exception is left set. Needs the GIL, as
// all that follows but LastDetail and LastClass.
std::string ShownText(PyObject* object);

// The folder of wrapper.py: a text names the innermost line in it, where there is one, rather than
// the line of a library. Before wrapper.py is imported.
void SetOwnFolder(const std::string& folder);

// Takes the current Python exception: prints its traceback once to stderr (= the log), returns
// "ValueError: text (wrapper.py, line 12)". `trace`, if given, gets the traceback too.
std::string TakePythonError(std::string* trace = nullptr);
// The same as "ValueError: text", and nothing is printed: for what is said in another way. With
// `only_text` without the type.
std::string TakeQuietly(bool only_text = false);
// SetError with the current exception: `before`, its text and `after`, and its traceback as the
// detail.
int SetPythonError(int code, std::string before, const std::string& after = "");
// What texts call a hook: by its own name, or as the engine's contract says, whose users know it by
// another one ("predict"). Said before any hook is called.
void SetHookNames(PyObject* names);
std::string HookName(const char* hook);
// The same for the exception that a hook ended with: "<hook> raised ValueError: ..". An
// aiges.errors.CallError has its own code and its own text alone, and nothing is in the log but
// where its class says that it is the engine's fault (0).
int Raised(const char* hook);
// The detail of what LastError gave last, if that was for this code; else nullptr. Valid as that.
const char* LastDetail(int code);
// The class of what LastError gave last, where that was for this code; else 0.
int LastClass(int code);

}  // namespace aiges::shim
