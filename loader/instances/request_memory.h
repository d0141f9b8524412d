// SPDX-License-Identifier: Apache-2.0
// loader/instances/request_memory.h: the memory that the loader writes and every worker reads:
// large payloads of requests, resources, and the cancel board (channel/frame.h).
//
// One for all instances: a call is bound to one late, so what it brings must be readable by all.
// Where there is no room, a buffer lies on the heap, and its bytes cross inside the frame.
// Ownership: a buffer keeps the memory alive. Threads: all methods are thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "loader/api/buffers.h"
#include "loader/api/settings.h"
#include "loader/channel/shm.h"

namespace aiges {

class RequestMemory : public BufferPool {
 public:
  // kInternal when the system refuses.
  static std::unique_ptr<RequestMemory> Create(const Settings& settings, Status* status);

  Buffer Allocate(size_t size) override;
  // Now and then: gives back what has not been used for a while.
  void Trim() { arena_->Trim(); }
  // Nobody waits for that call or session any more: its engine may look here.
  void Cancel(uint64_t id);

  const Arena& arena() const { return *arena_; }
  uint64_t board_offset() const { return board_offset_; }

 private:
  explicit RequestMemory(std::unique_ptr<Arena> arena);

  const std::shared_ptr<Arena> arena_;
  std::atomic<uint64_t>* board_ = nullptr;  // In the arena.
  uint64_t board_offset_ = 0;
};

// Room for everything that may wait, and for the largest messages in work. Address space only:
// pages exist once they are written. Results get as much, in each worker.
size_t MessageMemoryBytes(const Settings& settings);

}  // namespace aiges
