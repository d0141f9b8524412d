// SPDX-License-Identifier: Apache-2.0
// wrapper/java/errors.h: what went wrong, as a number and texts that wrapperError, ErrorDetail and
// ErrorClass are asked for afterwards.
//
// The errors of one hook, which are several of a batch, are remembered per thread, in order; the
// host asks for each by its number alone, on the same thread, once.
#pragma once

#include <string>

namespace aiges::java {

// Numbers as those of the SDKs (sdk/aiges/errors.py, CallException.java).
inline constexpr int kInitError = 30001;      // No usable Java, jar or class.
inline constexpr int kUserExecError = 30003;  // A hook threw what is no CallException.

struct HookError {
  int code = 0;
  int error_class = 0;
  std::string text, detail;
};

// Forgets those of the hook before.
void ClearErrors();
// Remembers it and returns its code, which is not 0.
int AddError(HookError error);
int AddError(int code, std::string text);
// The next one with this code, which becomes the current one; nullptr: there is none.
const HookError* NextError(int code);
// The current one, where it has this code.
const HookError* CurrentError(int code);

}  // namespace aiges::java
