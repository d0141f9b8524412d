// SPDX-License-Identifier: Apache-2.0
// loader/api/buffers.h: where the front puts large payload data, so that it need not be copied
// again.
//
// A buffer of at least kSharedThreshold bytes lies in memory that the workers can read. Smaller
// ones, and large ones when that memory is used up, lie on the heap: the data then crosses inside
// the frame. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>

#include "loader/base/bytes.h"

namespace aiges {

// Measured on 2 cores: below, one copy through the socket is cheaper than mapping and releasing.
inline constexpr size_t kSharedThreshold = 64 * 1024;

// Writable until it is turned into Bytes.
struct Buffer {
  char* data = nullptr;
  size_t size = 0;
  std::shared_ptr<const void> owner;

  Bytes Freeze() && { return {std::string_view(data, size), std::move(owner)}; }
};

// Memory of this process alone.
inline Buffer HeapBuffer(size_t size) {
  std::shared_ptr<char[]> heap(new char[size + 1]);
  char* data = heap.get();
  return {data, size, std::move(heap)};
}

class BufferPool {
 public:
  virtual ~BufferPool() = default;
  virtual Buffer Allocate(size_t size) = 0;
};

}  // namespace aiges
