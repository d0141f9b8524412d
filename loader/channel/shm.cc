// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/shm.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kControlPage = 16 * 1024;  // One flag byte per block, a page-aligned unit.
constexpr size_t kKeepResident = 32u << 20;

size_t ControlBytes(size_t blocks) {
  return (blocks + kControlPage - 1) / kControlPage * kControlPage;
}

Status SystemError(const char* what) {
  return Status::Error(StatusKind::kInternal,
                       StrCat("shared memory: ", what, ": ", ErrnoText(errno)));
}

}  // namespace

std::shared_ptr<ArenaMapping> ArenaMapping::Map(int fd, Access access, bool can_release,
                                                Status* status) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    *status = SystemError("fstat");
    return nullptr;
  }
  const auto size = static_cast<size_t>(info.st_size);
  // size = control(count) + count blocks; the control area is a function of count.
  size_t count = size / kBlock;
  while (count > 0 && ControlBytes(count) + count * kBlock > size) --count;
  if (count == 0 || ControlBytes(count) + count * kBlock != size) {
    *status = Status::Error(StatusKind::kInternal, "shared memory: size is not that of an arena");
    return nullptr;
  }
  std::shared_ptr<ArenaMapping> map(new ArenaMapping);
  map->count_ = count;
  map->control_bytes_ = ControlBytes(count);
  const int data_protection = access == Access::kOwner ? PROT_READ | PROT_WRITE : PROT_READ;
  const int flag_protection = can_release ? PROT_READ | PROT_WRITE : PROT_READ;
  void* flags = ::mmap(nullptr, map->control_bytes_, flag_protection, MAP_SHARED, fd, 0);
  if (flags == MAP_FAILED) {
    *status = SystemError("mmap");
    return nullptr;
  }
  map->flags_ = static_cast<std::atomic<uint8_t>*>(flags);
  void* blocks = ::mmap(nullptr, count * kBlock, data_protection, MAP_SHARED | MAP_NORESERVE, fd,
                        static_cast<off_t>(map->control_bytes_));
  if (blocks == MAP_FAILED) {
    *status = SystemError("mmap");
    return nullptr;
  }
  map->blocks_ = static_cast<char*>(blocks);
  return map;
}

ArenaMapping::~ArenaMapping() {
  if (flags_ != nullptr) ::munmap(static_cast<void*>(flags_), control_bytes_);
  if (blocks_ != nullptr) ::munmap(blocks_, count_ * kBlock);
}

std::string_view ArenaMapping::View(uint64_t offset, uint64_t length) const {
  const uint64_t size = count_ * kBlock;
  if (offset >= size || length > size - offset) return {};
  return {blocks_ + offset, length};
}

void ArenaMapping::Release(uint64_t offset) {
  flags_[offset / kBlock].store(1, std::memory_order_release);
}

std::unique_ptr<Arena> Arena::Create(const char* name, size_t capacity, Status* status) {
  Fd fd(static_cast<int>(::syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!fd.valid()) {
    *status = SystemError("memfd_create");
    return nullptr;
  }
  const size_t blocks = std::max<size_t>(1, (capacity + kBlock - 1) / kBlock);
  if (::ftruncate(fd.get(), static_cast<off_t>(ControlBytes(blocks) + blocks * kBlock)) != 0) {
    *status = SystemError("ftruncate");
    return nullptr;
  }
  ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
  return Adopt(std::move(fd), status);
}

std::unique_ptr<Arena> Arena::Adopt(Fd fd, Status* status) {
  auto map = ArenaMapping::Map(fd.get(), ArenaMapping::Access::kOwner, true, status);
  if (map == nullptr) return nullptr;
  return std::unique_ptr<Arena>(new Arena(std::move(fd), std::move(map)));
}

Arena::Arena(Fd fd, std::shared_ptr<ArenaMapping> map)
    : fd_(std::move(fd)),
      map_(std::move(map)),
      used_(map_->block_count()),
      run_length_(map_->block_count()),
      resident_(map_->block_count()) {}

Fd Arena::OpenReadOnly() const {
  return Fd(::open(StrCat("/proc/self/fd/", fd_.get()).c_str(), O_RDONLY | O_CLOEXEC));
}

bool Arena::Contains(const char* p, uint64_t* offset) const {
  const char* begin = map_->blocks();
  if (p < begin || p >= begin + map_->block_count() * kBlock) return false;
  *offset = static_cast<uint64_t>(p - begin);
  return true;
}

void Arena::FreeRun(size_t block) {
  const uint32_t length = std::exchange(run_length_[block], 0u);
  if (length == 0) return;  // Released twice: a broken peer, and harmless.
  std::fill_n(used_.begin() + static_cast<ptrdiff_t>(block), length, false);
  const size_t begin = std::max(block, kKeepResident / kBlock);
  const size_t end = block + length;
  if (begin >= end) return;
  GiveBack(begin, end);
  std::fill(resident_.begin() + static_cast<ptrdiff_t>(begin),
            resident_.begin() + static_cast<ptrdiff_t>(end), false);
}

void Arena::GiveBack(size_t begin, size_t end) {
  ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(ControlBytes(map_->block_count()) + begin * kBlock),
              static_cast<off_t>((end - begin) * kBlock));
}

bool Arena::Trim() {
  std::vector<std::pair<size_t, size_t>> ranges;  // Taken out of use meanwhile.
  {
    MutexLock lock(mu_);
    SweepReleased();
    const bool quiet = std::exchange(trimmed_at_, allocations_) == allocations_;
    for (size_t i = 0; quiet && i < used_.size(); ++i) {
      if (used_[i] || !resident_[i]) continue;
      used_[i] = true;
      if (ranges.empty() || ranges.back().second != i) ranges.emplace_back(i, i);
      ranges.back().second = i + 1;
    }
  }
  for (const auto& [begin, end] : ranges) GiveBack(begin, end);
  MutexLock lock(mu_);
  for (const auto& [begin, end] : ranges) {
    std::fill(used_.begin() + static_cast<ptrdiff_t>(begin),
              used_.begin() + static_cast<ptrdiff_t>(end), false);
    std::fill(resident_.begin() + static_cast<ptrdiff_t>(begin),
              resident_.begin() + static_cast<ptrdiff_t>(end), false);
  }
  return std::find(resident_.begin(), resident_.end(), true) != resident_.end();
}

void Arena::SweepReleased() {
  for (size_t i = 0; i < runs_.size();) {
    const uint32_t block = runs_[i];
    if (map_->flag(block).exchange(0, std::memory_order_acquire) != 0) FreeRun(block);
    if (run_length_[block] == 0) {
      runs_[i] = runs_.back();
      runs_.pop_back();
    } else {
      ++i;
    }
  }
}

char* Arena::Allocate(size_t length, uint64_t* offset) {
  const size_t need = std::max<size_t>(1, (length + kBlock - 1) / kBlock);
  MutexLock lock(mu_);
  SweepReleased();
  size_t free_run = 0;
  for (size_t i = 0; i < used_.size(); ++i) {
    free_run = used_[i] ? 0 : free_run + 1;
    if (free_run < need) continue;
    const size_t first = i + 1 - need;
    std::fill_n(used_.begin() + static_cast<ptrdiff_t>(first), need, true);
    std::fill_n(resident_.begin() + static_cast<ptrdiff_t>(first), need, true);
    ++allocations_;
    map_->flag(first).store(0, std::memory_order_relaxed);
    run_length_[first] = static_cast<uint32_t>(need);
    runs_.push_back(static_cast<uint32_t>(first));
    *offset = first * kBlock;
    return map_->blocks() + *offset;
  }
  return nullptr;
}

void Arena::Free(uint64_t offset) { map_->Release(offset); }

}  // namespace aiges
