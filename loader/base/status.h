// SPDX-License-Identifier: Apache-2.0
// loader/base/status.h: errors as values.
//
// A Status says how to react (kind), what the client sees as a number (code, 0 until the edge or
// the engine chose one) and what happened (text: "<operation> <object>: <cause>").
// Values; copy and move freely. Const access from several threads is safe.
#pragma once

#include <string>
#include <utility>

namespace aiges {

enum class StatusKind {
  kOk,
  kInvalid,        // The caller's input is wrong: repeating it does not help.
  kOverloaded,     // Refused before any work: try again later or elsewhere.
  kDeadline,       // The time given was not enough.
  kCancelled,      // The caller no longer wants the answer.
  kDisconnected,   // The worker that had the work is gone.
  kUnimplemented,  // This service does not know the operation.
  kInternal,       // The engine or the host failed.
  kNotFound,       // What the caller names is not there.
  kExists,         // What the caller would make is there already.
  kUnsupported,    // The operation is known, and not for this object.
  kUnknown,        // The engine says that it does not know what happened.
};

struct [[nodiscard]] Status {
  StatusKind kind = StatusKind::kOk;
  int code = 0;
  std::string text;

  static Status Ok() { return {}; }
  static Status Error(StatusKind kind, std::string text, int code = 0) {
    return {kind, code, std::move(text)};
  }
  bool ok() const { return kind == StatusKind::kOk; }
};

}  // namespace aiges
