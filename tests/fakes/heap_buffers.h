// SPDX-License-Identifier: Apache-2.0
// tests/fakes/heap_buffers.h: a BufferPool without shared memory. Counts what it gives out.
#pragma once

#include <memory>

#include "loader/api/buffers.h"

namespace aiges {

class HeapBuffers : public BufferPool {
 public:
  Buffer Allocate(size_t size) override {
    ++allocations;
    // At least one byte: the sanitizers then see a write past the end of any size.
    std::shared_ptr<char> memory(new char[size + 1], std::default_delete<char[]>());
    return {memory.get(), size, memory};
  }

  int allocations = 0;
};

}  // namespace aiges
