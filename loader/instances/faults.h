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

inline StatusKind KindOf(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kCaller:
      return StatusKind::kInvalid;
    case ErrorClass::kNotFound:
      return StatusKind::kNotFound;
    case ErrorClass::kUnavailable:
      return StatusKind::kDisconnected;
    case ErrorClass::kUnsupported:
      return StatusKind::kUnsupported;
    case ErrorClass::kExists:
      return StatusKind::kExists;
    case ErrorClass::kCancelled:
      return StatusKind::kCancelled;
    case ErrorClass::kUnknown:
      return StatusKind::kUnknown;
    default:  // Also a number that a broken worker says.
      return StatusKind::kInternal;
  }
}

inline Status StatusOf(Fault fault, ErrorClass error_class, std::string text) {
  if (fault == Fault::kNone) return Status::Ok();
  if (fault == Fault::kExpired) {
    return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
  }
  const bool repeated = fault == Fault::kRepeated;
  return Status::Error(repeated ? StatusKind::kInvalid : KindOf(error_class), std::move(text),
                       CodeOf(fault));
}

}  // namespace aiges
