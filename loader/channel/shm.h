// SPDX-License-Identifier: Apache-2.0
// loader/channel/shm.h: memory for large payloads, shared by descriptor.
//
// Overview. An arena is one sparse memfd: a control page per 16 Ki blocks, then blocks of 64 KiB.
// Exactly one process allocates and writes (the owner); others map it and read. A reader in
// another process gives a run of blocks back by setting the flag of its first block (a relaxed
// atomic byte in the control area); the owner sees that at its next allocation. No lock and no
// name in /dev/shm is shared, so a peer that dies can neither hold nor leak anything beyond the
// arena itself, which the kernel frees with its last descriptor.
//
// A reader gets a read-only descriptor, so that a plugin which writes through a stray pointer
// faults instead of changing the request of another instance. (A write seal would say more, but
// it also forbids giving memory back.)
//
// Life cycle of a run: Allocate -> written -> named in a frame (offset, length) -> released.
// Blocks beyond kKeepResident are given back to the system when released, the others by Trim when
// nothing has been allocated for a while.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"

namespace aiges {

inline constexpr size_t kBlock = 64 * 1024;
// Payloads from this size on travel in shared memory, smaller ones in the frame.
inline constexpr size_t kInlineLimit = 64 * 1024;

// A mapping of an arena. Resource: not movable. Const access is thread-safe.
class ArenaMapping {
 public:
  enum class Access { kOwner, kReader };

  // Maps fd, whose size must be that of an arena; null with *status set when it is not.
  // A reader can set release flags only if `can_release`.
  static std::shared_ptr<ArenaMapping> Map(int fd, Access access, bool can_release, Status* status);
  ~ArenaMapping();
  ArenaMapping(const ArenaMapping&) = delete;
  ArenaMapping& operator=(const ArenaMapping&) = delete;

  // The bytes of a run that a peer named; empty view with data() == nullptr when out of bounds.
  std::string_view View(uint64_t offset, uint64_t length) const;
  // Says that the run starting at this offset is no longer read.
  void Release(uint64_t offset);

  char* blocks() const { return blocks_; }
  size_t block_count() const { return count_; }
  std::atomic<uint8_t>& flag(size_t block) const { return flags_[block]; }
  size_t control_bytes() const { return control_bytes_; }  // Before the blocks, in the file.

 private:
  ArenaMapping() = default;

  char* blocks_ = nullptr;
  size_t count_ = 0;
  std::atomic<uint8_t>* flags_ = nullptr;
  size_t control_bytes_ = 0;
};

// The owner's side. Thread-safe.
class Arena {
 public:
  // Makes a memfd of that capacity (rounded up to blocks). kInternal when the system refuses.
  static std::unique_ptr<Arena> Create(const char* name, size_t capacity, Status* status);
  // Takes over an arena that the parent made for this process.
  static std::unique_ptr<Arena> Adopt(Fd fd, Status* status);

  // A run of blocks for length bytes, or nullptr when there is no room. Out: its offset.
  char* Allocate(size_t length, uint64_t* offset);
  // For runs that never left this process, or that come back through a frame.
  void Free(uint64_t offset);
  // Called now and then: if nothing was allocated since the last time, gives the memory of all
  // free blocks back. True: there is some still, so call again. Never holds up an Allocate.
  bool Trim();
  // Whether p lies in this arena; out: its offset.
  bool Contains(const char* p, uint64_t* offset) const;
  // A descriptor through which the arena can only be read.
  Fd OpenReadOnly() const;

  int fd() const { return fd_.get(); }

 private:
  Arena(Fd fd, std::shared_ptr<ArenaMapping> map);
  void SweepReleased() REQUIRES(mu_);
  void FreeRun(size_t block) REQUIRES(mu_);
  void GiveBack(size_t begin, size_t end);  // Blocks that nobody can allocate.

  const Fd fd_;
  const std::shared_ptr<ArenaMapping> map_;
  Mutex mu_;
  std::vector<bool> used_ GUARDED_BY(mu_);
  std::vector<uint32_t> run_length_ GUARDED_BY(mu_);  // Indexed by first block; 0: none.
  std::vector<uint32_t> runs_ GUARDED_BY(mu_);        // First blocks of the runs in use.
  std::vector<bool> resident_ GUARDED_BY(mu_);        // Blocks that may hold memory.
  uint64_t allocations_ GUARDED_BY(mu_) = 0;
  uint64_t trimmed_at_ GUARDED_BY(mu_) = 0;  // allocations_ at the last Trim.
};

}  // namespace aiges
