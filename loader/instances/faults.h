// SPDX-License-Identifier: Apache-2.0
// loader/instances/faults.h: what the faults of a worker are called outside. Pure.
#pragma once

#include <string>

#include "loader/api/codes.h"
#include "loader/channel/frame.h"

namespace aiges {

inline int CodeOf(Fault fault) {
  switch (fault) {
    case Fault::kRepeated:
      return kCodeRepeated;
    case Fault::kCallback:
      return kCodeCallbackFailed;
    case Fault::kCreate:
      return kCodeCreateFailed;
    case Fault::kWrite:
      return kCodeWriteFailed;
    case Fault::kRead:
      return kCodeReadFailed;
    case Fault::kExpired:
      return kCodeTimeout;
    default:
      return kCodeExecFailed;
  }
}

// `callers`: what the caller sent cannot be used.
inline Status StatusOf(Fault fault, bool callers, std::string text) {
  if (fault == Fault::kNone) return Status::Ok();
  if (fault == Fault::kExpired) {
    return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
  }
  const bool invalid = callers || fault == Fault::kRepeated;
  return Status::Error(invalid ? StatusKind::kInvalid : StatusKind::kInternal, std::move(text),
                       CodeOf(fault));
}

}  // namespace aiges
