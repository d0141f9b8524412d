// SPDX-License-Identifier: Apache-2.0
// loader/front/grpc_status.h: how gRPC says in fields of HTTP what became of a call, when it must
// be answered, and bytes.
//
// Frozen by the protocol (gRPC over HTTP2). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/base/clock.h"
#include "loader/front/fields.h"

namespace aiges {

enum class GrpcCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct GrpcStatus {
  GrpcCode code = GrpcCode::kOk;
  std::string text;  // UTF-8, for people.

  bool ok() const { return code == GrpcCode::kOk; }
};

// "application/grpc", with what may follow: "+proto", ";..". Not gRPC-Web.
bool IsGrpc(std::string_view content_type);

// Adds grpc-status and, where there is a text, grpc-message. Texts are cut at 4 KiB: clients refuse
// long trailers as a whole.
void AddStatus(const GrpcStatus& status, Fields* trailers);

// Printable ASCII but '%' as it is, other bytes as %XX.
std::string EncodeMessage(std::string_view text);

// "100m": at most eight digits and a unit of H M S m u n. Nothing for anything else. What is longer
// than the clock can hold is as long as that: ten years.
std::optional<Duration> ParseTimeout(std::string_view text);

// Base64 as binary metadata (names that end in "-bin") has it: with or without padding, and a comma
// between values that were joined on the way. Only the first of them. Nothing where it is none.
std::optional<std::string> DecodeBinary(std::string_view text);
std::string EncodeBinary(std::string_view bytes);  // Without padding.

}  // namespace aiges
