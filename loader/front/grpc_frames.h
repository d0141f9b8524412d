// SPDX-License-Identifier: Apache-2.0
// loader/front/grpc_frames.h: gRPC's messages within a body: five bytes before each, one that says
// whether it is compressed and four for its length.
//
// A message is in one piece, in memory that the workers can read where it is large, and counted in
// Budget::input until its last holder lets go. Memory is taken as bytes come, not as they are
// announced. A length that is too large is refused when it is said.
// Belongs to its call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/base/bytes.h"
#include "loader/front/grpc_status.h"
#include "loader/front/gzip.h"

namespace aiges {

// Before each message: a flag, whether it is packed, and its length (big-endian).
inline constexpr size_t kGrpcFrameHead = 5;
// What a head says; of kGrpcFrameHead bytes.
inline uint64_t GrpcFrameLength(const char* head) {
  uint64_t length = 0;
  for (size_t i = 1; i < kGrpcFrameHead; ++i) {
    length = length << 8 | static_cast<unsigned char>(head[i]);
  }
  return length;
}

struct GrpcMessage {
  Bytes data;
  bool packed = false;  // Still to be unpacked, as grpc-encoding says.
};

class GrpcReader {
 public:
  // `most`: bytes of one message, compressed or not.
  GrpcReader(uint64_t most, BufferPool* pool, Account* account)
      : most_(most), account_(account), large_(pool, account) {}

  // The next piece of the body: appends the messages that are whole with it. Not ok: the call's
  // status; nothing more may be read.
  GrpcStatus Read(std::string_view piece, std::vector<GrpcMessage>* out);
  // The body has ended: kInternal in the middle of a message.
  GrpcStatus End() const;
  // In the middle of a message.
  bool within() const { return head_size_ > 0; }

 private:
  GrpcStatus TakeHead();
  GrpcStatus NoRoom() const;

  const uint64_t most_;
  Account* const account_;
  char head_[kGrpcFrameHead] = {};
  size_t head_size_ = 0;
  uint64_t length_ = 0;  // Of the message that is being read.
  bool packed_ = false;
  GrowingBytes large_;
};

// How a message of more than `most` bytes is refused. `size`: of the message, for people.
GrpcStatus TooLarge(std::string_view size, uint64_t most);

// What grpc-encoding names; absent is identity. Nothing for one that is not served.
std::optional<Coding> ParseCoding(std::string_view name);
// What is told to clients: grpc-accept-encoding.
inline constexpr std::string_view kCodings = "identity, deflate, gzip";
// Whether grpc-accept-encoding has gzip in it.
bool AcceptsGzip(std::string_view accepted);
GrpcStatus UnknownCoding(std::string_view name);

// What goes before a message that is these pieces.
Bytes FrameHead(size_t size, bool packed);

}  // namespace aiges
