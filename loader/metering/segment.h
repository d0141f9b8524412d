// SPDX-License-Identifier: Apache-2.0
// loader/metering/segment.h: a file of records, written through memory.
//
// Layout, all numbers little-endian as the machine has them:
//   0   8 bytes  "AIGESUM1"
//   8   u64      the number of the first record; 0: none has been written, the file is spare
//   64  records  u32 length, u32 CRC32C of the number and the bytes, the bytes, zeros up to a
//                multiple of 8. A length of 0 ends the file.
// The length is stored last: a process that is killed leaves a record as a whole or not at all, as
// the memory is the kernel's. The checksum is for power that fails, when pages are lost one by one.
//
// The file has its full size from the start and its blocks are there, so that a write through
// memory cannot fail for want of room. Caller synchronises.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "loader/base/fd.h"
#include "loader/base/status.h"

namespace aiges {

class Segment {
 public:
  static constexpr size_t kHead = 64;
  static constexpr size_t kMostRecord = 16 * 1024;

  ~Segment() { Unmap(); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // A new file of that size, durable in its folder. nullptr: *status says why.
  static std::shared_ptr<Segment> Make(const std::string& path, size_t size, Status* status);
  // One that lies there: what is whole of it; the rest is cut off. One without a record has
  // first() == 0. nullptr: it is no such file, or cannot be read.
  static std::shared_ptr<Segment> Recover(const std::string& path, Status* status);

  static size_t SizeOf(size_t bytes) { return (8 + bytes + 7) / 8 * 8; }
  bool HasRoom(size_t bytes) const { return map_ != nullptr && end_ + SizeOf(bytes) <= size_; }
  size_t room() const { return map_ == nullptr ? 0 : size_ - end_; }
  // Its first record will have that number.
  void Begin(uint64_t first);
  // REQUIRES: HasRoom. crc: of the bytes alone.
  void Append(std::string_view bytes, uint32_t crc);
  // No further record: takes no address space any more. Its end stays as it is.
  void Unmap();
  // The file as long as what is in it.
  void Cut() const;
  // Not ok: what was written since the last time may be lost, and no second try would tell.
  Status Sync() const;

  const std::string& path() const { return path_; }
  uint64_t first() const { return first_; }
  uint64_t count() const { return count_; }
  uint64_t last() const { return first_ + count_ - 1; }  // REQUIRES: count() > 0.
  size_t end() const { return end_; }
  size_t size() const { return size_; }
  int fd() const { return fd_.get(); }

  // Reads from an offset on, up to `end`, until take() is false. Returns where it stopped; less
  // than `end` without take() having said so: what follows there is broken.
  using Take = std::function<bool(uint64_t number, std::string_view bytes)>;
  static size_t Read(int fd, size_t from, size_t end, uint64_t number, const Take& take);

 private:
  Segment(std::string path, Fd fd, size_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  const std::string path_;
  const Fd fd_;
  size_t size_;
  char* map_ = nullptr;
  uint64_t first_ = 0, count_ = 0;
  size_t end_ = kHead;
};

}  // namespace aiges
