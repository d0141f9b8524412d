// SPDX-License-Identifier: Apache-2.0
// loader/front/prpc_frames.h: frames of baidu_std, the protocol of brpc's clients (those of Paddle
// Serving are such).
//
//   "PRPC", u32 bytes of the body, u32 bytes of the meta (big endian); body: meta, message,
//   attachment. The meta is the protobuf message RpcMeta:
//     request = 1 {service_name = 1, method_name = 2, log_id = 3, .., timeout_ms = 8}
//     response = 2 {error_code = 1, error_text = 2}
//     compress_type = 3, correlation_id = 4, attachment_size = 5, .., authentication_data = 7
// Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/front/grpc_status.h"

namespace aiges {

inline constexpr std::string_view kPrpcMagic = "PRPC";
inline constexpr size_t kPrpcHeader = 12;
inline constexpr uint32_t kMostPrpcMeta = 64 * 1024;

struct PrpcSizes {
  uint32_t body = 0, meta = 0;
};
// Of kPrpcHeader bytes. Nothing: they are no such header, or of a meta that is longer than the body
// or than kMostPrpcMeta.
std::optional<PrpcSizes> ReadPrpcHeader(std::string_view bytes);

// What a client says; views of the text that was read.
struct PrpcCall {
  std::string_view service, method, authentication;
  uint64_t timeout_ms = 0;  // 0: not said.
  int64_t correlation_id = 0;
  int64_t attachment_size = 0;
  int64_t compress_type = 0;  // 0 none, 1 snappy, 2 gzip, 3 zlib.
};
// Nothing: it is no RpcMeta, or none of a request.
std::optional<PrpcCall> ReadPrpcMeta(std::string_view meta);

// The frame of an answer up to its message, which has so many bytes. With an error there is none.
std::string WritePrpcAnswer(int64_t correlation_id, const GrpcStatus& status, size_t message);

// The number that brpc has for it.
int PrpcError(GrpcCode code);

}  // namespace aiges
