// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/request_memory.h"

#include <algorithm>
#include <utility>

#include "loader/channel/frame.h"

namespace aiges {

static_assert(kSharedThreshold == kInlineLimit, "both sides share from the same size on");

size_t MessageMemoryBytes(const Settings& settings) {
  return std::max(settings.queue.max_bytes, 4 * settings.limits.max_message_bytes);
}

std::unique_ptr<RequestMemory> RequestMemory::Create(const Settings& settings, Status* status) {
  const size_t capacity = MessageMemoryBytes(settings) + settings.limits.max_resource_bytes;
  auto arena = Arena::Create("aiges-requests", capacity, status);
  if (arena == nullptr) return nullptr;
  return std::unique_ptr<RequestMemory>(new RequestMemory(std::move(arena)));
}

RequestMemory::RequestMemory(std::unique_ptr<Arena> arena) : arena_(std::move(arena)) {
  // Never freed: workers look at it until they end. There is room in an arena that is new.
  board_ = reinterpret_cast<std::atomic<uint64_t>*>(
      arena_->Allocate(kCancelSlots * sizeof *board_, &board_offset_));
}

Buffer RequestMemory::Allocate(size_t size) {
  if (size >= kSharedThreshold) {
    uint64_t offset = 0;
    if (char* data = arena_->Allocate(size, &offset)) {
      struct Run {
        std::shared_ptr<Arena> arena;
        uint64_t offset;
        ~Run() { arena->Free(offset); }
      };
      return {data, size, std::shared_ptr<const Run>(new Run{arena_, offset})};
    }
  }
  return HeapBuffer(size);
}

void RequestMemory::Cancel(uint64_t id) {
  board_[id % kCancelSlots].store(id, std::memory_order_relaxed);
}

}  // namespace aiges
