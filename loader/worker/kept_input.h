// SPDX-License-Identifier: Apache-2.0
// loader/worker/kept_input.h: bytes of a request that an engine keeps beyond its call
// (wrapperKeepInput).
//
// Overview. Requests lie in an arena that the loader writes and this process maps. What is kept is
// copied, and its pages in the mapping of this process are replaced by those of the copy: address
// and bytes stay, whatever the loader puts there afterwards. A later request that comes to lie in
// such pages cannot be seen in the mapping, so it is read through the descriptor. When nobody keeps
// a page any more, that of the arena takes its place again. Until then nothing of this costs more
// than a look at a counter.
//
// Ownership: the mapping outlives it. Threads: all methods are thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/channel/shm.h"

namespace aiges {

class KeptInput {
 public:
  // Of all that is kept. Nothing more is taken then: engines have to copy.
  static constexpr size_t kMostBytes = 512u << 20;
  static constexpr size_t kMostRanges = 4096;

  // The arena, and a descriptor of it.
  void Use(std::shared_ptr<ArenaMapping> requests, int fd);

  // Whether these are bytes of a request in shared memory, and there is room to keep them.
  bool CanKeep(std::string_view bytes) const;
  // False: the system refuses, and the bytes will change. Once for each End.
  bool Begin(std::string_view bytes);
  void End(std::string_view bytes);

  // Whether what the mapping shows at this place is something that is kept instead.
  bool Hides(std::string_view bytes) const {
    return ranges_.load(std::memory_order_acquire) != 0 && HidesAny(bytes);
  }
  // What the arena has at this place. Empty: it cannot be read.
  std::string Read(std::string_view bytes) const;

 private:
  struct Pages {
    size_t begin, end;  // Numbers, from the begin of the arena's blocks.
  };
  bool HidesAny(std::string_view bytes) const;
  Pages PagesOf(std::string_view bytes) const;
  // Pages that have so many keepers, in runs; 0: or are not known.
  std::vector<Pages> RunsOf(Pages pages, uint32_t keepers) const REQUIRES(mu_);
  // Puts other memory in the place of pages: private with a copy, or the arena's.
  bool Hide(Pages pages) REQUIRES(mu_);
  bool Show(Pages pages) REQUIRES(mu_);

  std::shared_ptr<ArenaMapping> requests_;  // Set before the engine is loaded.
  int fd_ = -1;
  size_t page_ = 4096;
  std::atomic<size_t> ranges_{0}, bytes_{0};  // Kept now.
  mutable Mutex mu_;
  std::unordered_map<size_t, uint32_t> keepers_ GUARDED_BY(mu_);  // By page; those that are hidden.
};

// The one of the process: the functions of the C ABI carry no context.
KeptInput& GetKeptInput();

}  // namespace aiges
