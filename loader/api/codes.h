// SPDX-License-Identifier: Apache-2.0
// loader/api/codes.h: the error numbers that clients know, and what they become on HTTP.
//
// Numbers: frozen, from the loader that this host takes over from. One table, used at the edge.
#pragma once

#include "loader/base/status.h"

namespace aiges {

inline constexpr int kCodeBodyNotJson = 10000;      // HTTP envelope: body is not JSON.
inline constexpr int kCodeConversion = 10001;       // HTTP envelope: a field cannot be converted.
inline constexpr int kCodeInvalidOp = 10003;        // Unknown operation.
inline constexpr int kCodeInvalidMode = 10004;      // Session mode not served.
inline constexpr int kCodeInvalidHandle = 10008;    // No such session (never known, or expired).
inline constexpr int kCodeInvalidInput = 10009;     // Input payload missing or malformed.
inline constexpr int kCodeSessionReleased = 10101;  // The session is over.
inline constexpr int kCodeTimeout = 10102;          // The deadline passed.
inline constexpr int kCodeRepeated = 10105;         // A call or session with this handle is live.
inline constexpr int kCodeInvalidOutput = 10106;    // Engine output not in expect, or other type.
inline constexpr int kCodeInvalidValue = 10107;  // Not what the engine declares ([http] validate).
inline constexpr int kCodeCrash = 10109;         // The worker died or is not available.
inline constexpr int kCodeNoLicence = 10110;     // Refused: licences or queue exhausted.
inline constexpr int kCodeUnmarshal = 10401;     // LoaderInput is not valid protobuf.
inline constexpr int kCodeUnauthenticated = 10420;  // No key, or one that is not known (401).
inline constexpr int kCodeDenied = 10421;           // The key may not do this (403).
inline constexpr int kCodeLimited = 10422;          // The caller's own limit is reached (429).
inline constexpr int kCodeNotEntitled = 10430;      // [entitlement] does not allow it (403).
inline constexpr int kCodeInitFailed = 10901;       // wrapperInit.
inline constexpr int kCodeLoadFailed = 10903;       // wrapperLoadRes.
inline constexpr int kCodeUnloadFailed = 10904;     // wrapperUnloadRes.
inline constexpr int kCodeCreateFailed = 10905;     // wrapperCreate.
inline constexpr int kCodeWriteFailed = 10907;      // wrapperWrite.
inline constexpr int kCodeReadFailed = 10908;       // wrapperRead.
inline constexpr int kCodeExecFailed = 10909;       // wrapperExec.
inline constexpr int kCodeCallbackFailed = 10910;   // The engine's callback told an error.

// What a client has done wrong, or may not do: no failure of the service (semantic conventions of
// OpenTelemetry, HTTP server spans: status).
inline bool IsOfClient(int code) {
  switch (code) {
    case kCodeBodyNotJson:
    case kCodeConversion:
    case kCodeInvalidOp:
    case kCodeInvalidMode:
    case kCodeInvalidHandle:
    case kCodeInvalidInput:
    case kCodeSessionReleased:
    case kCodeRepeated:
    case kCodeInvalidValue:
    case kCodeUnmarshal:
    case kCodeUnauthenticated:
    case kCodeDenied:
    case kCodeLimited:
    case kCodeNotEntitled:
      return true;
    default:
      return false;
  }
}

// The number of a status that nobody gave one yet.
inline int CodeOf(const Status& status) {
  if (status.code != 0) return status.code;
  switch (status.kind) {
    case StatusKind::kOk:
      return 0;
    case StatusKind::kInvalid:
      return kCodeInvalidInput;
    case StatusKind::kOverloaded:
      return kCodeNoLicence;
    case StatusKind::kDeadline:
    case StatusKind::kCancelled:
      return kCodeTimeout;
    case StatusKind::kDisconnected:
      return kCodeCrash;
    case StatusKind::kUnimplemented:
      return kCodeInvalidOp;
    case StatusKind::kNotFound:
    case StatusKind::kExists:
    case StatusKind::kUnsupported:
      return kCodeInvalidOp;
    case StatusKind::kInternal:
    case StatusKind::kUnknown:
      return kCodeExecFailed;
  }
  return kCodeExecFailed;
}

inline int HttpStatusOf(const Status& status) {
  if (status.code == kCodeUnauthenticated) return 401;
  if (status.code == kCodeDenied || status.code == kCodeNotEntitled) return 403;
  switch (status.kind) {
    case StatusKind::kOk:
      return 200;
    case StatusKind::kInvalid:
      return 400;
    case StatusKind::kOverloaded:
      return 429;
    case StatusKind::kDeadline:
      return 504;
    case StatusKind::kCancelled:
      return 499;  // Nobody reads it; shows up in metrics only.
    case StatusKind::kDisconnected:
      return 503;
    case StatusKind::kUnimplemented:
    case StatusKind::kNotFound:
      return 404;
    case StatusKind::kExists:
      return 409;
    case StatusKind::kUnsupported:
      return 501;
    case StatusKind::kInternal:
    case StatusKind::kUnknown:
      return 500;
  }
  return 500;
}

}  // namespace aiges
