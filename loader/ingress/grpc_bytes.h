// loader/ingress/grpc_bytes.h: gRPC messages <-> Bytes, copied only where it must be.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/base/bytes.h"

namespace aiges {

// The message in one piece. Large: in memory that the workers can read; small: in place.
inline Bytes Contiguous(const grpc::ByteBuffer& message, BufferPool* buffers) {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return {};
  if (slices.size() == 1 && slices[0].size() < kSharedThreshold) {
    auto slice = std::make_shared<const grpc::Slice>(std::move(slices[0]));
    return {std::string_view(reinterpret_cast<const char*>(slice->begin()), slice->size()), slice};
  }
  Buffer buffer = buffers->Allocate(message.Length());
  char* at = buffer.data;
  for (const grpc::Slice& s : slices) {
    std::memcpy(at, s.begin(), s.size());
    at += s.size();
  }
  return std::move(buffer).Freeze();
}

// The slices keep the pieces alive.
inline grpc::ByteBuffer ToByteBuffer(const std::vector<Bytes>& pieces) {
  std::vector<grpc::Slice> slices;
  slices.reserve(pieces.size());
  for (const Bytes& piece : pieces) {
    auto* owner = new Bytes(piece);
    slices.emplace_back(
        const_cast<char*>(owner->data()), owner->size(),
        [](void* bytes) { delete static_cast<Bytes*>(bytes); }, owner);
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace aiges
