// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "loader/base/strings.h"
#include "loader/metering/crc32c.h"

namespace aiges {
namespace {

constexpr std::string_view kMagic = "AIGESUM1";
constexpr size_t kFirstAt = 8;
constexpr size_t kReadAtOnce = 256 * 1024;

Status Failed(const char* what, const std::string& path) {
  return Status::Error(StatusKind::kInternal, StrCat(what, " ", path, ": ", ErrnoText(errno)));
}

uint32_t CrcOf(uint64_t number, uint32_t crc_of_bytes) {
  return Crc32c({reinterpret_cast<const char*>(&number), sizeof number}, crc_of_bytes);
}

bool WriteZeros(int fd, size_t size) {
  const std::vector<char> zeros(std::min(size, kReadAtOnce));
  for (size_t at = 0; at < size;) {
    const ssize_t n =
        ::pwrite(fd, zeros.data(), std::min(zeros.size(), size - at), static_cast<off_t>(at));
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

bool Reserve(int fd, size_t size) {
  int error = 0;
  do {
    error = ::fallocate(fd, 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP) return WriteZeros(fd, size);
  errno = error;
  return error == 0;
}

bool SyncFolderOf(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.valid() && ::fsync(fd.get()) == 0;
}

}  // namespace

std::shared_ptr<Segment> Segment::Make(const std::string& path, size_t size, Status* status) {
  const std::string made = path + ".tmp";
  Fd fd(::open(made.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd.valid()) return *status = Failed("create", made), nullptr;
  const int file = fd.get();
  const bool there = Reserve(file, size) &&
                     ::pwrite(file, kMagic.data(), kMagic.size(), 0) == ssize_t{kMagic.size()} &&
                     ::fsync(file) == 0;
  if (!there || ::rename(made.c_str(), path.c_str()) != 0 || !SyncFolderOf(path)) {
    *status = Failed("make room in", made);
    ::unlink(made.c_str());
    return nullptr;
  }
  // Populated: the threads that write meet no page that is not there.
  void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (map == MAP_FAILED) {
    *status = Failed("map", path);
    ::unlink(path.c_str());
    return nullptr;
  }
  std::shared_ptr<Segment> segment(new Segment(path, std::move(fd), size));
  segment->map_ = static_cast<char*>(map);
  return segment;
}

std::shared_ptr<Segment> Segment::Recover(const std::string& path, Status* status) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return *status = Failed("open", path), nullptr;
  char head[kHead] = {};
  if (::pread(fd.get(), head, sizeof head, 0) < ssize_t{kFirstAt + 8} ||
      std::string_view(head, kMagic.size()) != kMagic) {
    *status = Status::Error(
        StatusKind::kInvalid,
        StrCat(path, " is no file of usage records: expected it to begin with ", kMagic));
    return nullptr;
  }
  const auto size = static_cast<size_t>(info.st_size);
  std::shared_ptr<Segment> segment(new Segment(path, std::move(fd), size));
  std::memcpy(&segment->first_, head + kFirstAt, sizeof segment->first_);
  if (segment->first_ == 0) return segment;
  segment->end_ = Read(segment->fd(), kHead, size, segment->first_,
                       [&](uint64_t, std::string_view) { return ++segment->count_, true; });
  segment->size_ = segment->end_;
  segment->Cut();
  return segment;
}

void Segment::Begin(uint64_t first) {
  first_ = first;
  __atomic_store_n(reinterpret_cast<uint64_t*>(map_ + kFirstAt), first, __ATOMIC_RELEASE);
}

void Segment::Append(std::string_view bytes, uint32_t crc) {
  char* at = map_ + end_;
  const uint32_t whole = CrcOf(first_ + count_, crc);
  std::memcpy(at + 8, bytes.data(), bytes.size());
  std::memcpy(at + 4, &whole, sizeof whole);
  __atomic_store_n(reinterpret_cast<uint32_t*>(at), static_cast<uint32_t>(bytes.size()),
                   __ATOMIC_RELEASE);
  end_ += SizeOf(bytes.size());
  ++count_;
}

void Segment::Unmap() {
  if (map_ != nullptr) ::munmap(map_, size_);
  map_ = nullptr;
}

void Segment::Cut() const {
  if (::ftruncate(fd(), static_cast<off_t>(end_)) != 0) return;  // The zeros do no harm.
}

Status Segment::Sync() const {
  return ::fdatasync(fd()) == 0 ? Status::Ok() : Failed("fdatasync", path_);
}

size_t Segment::Read(int fd, size_t from, size_t end, uint64_t number, const Take& take) {
  std::vector<char> buffer;
  size_t at = from;   // In the file, of what is parsed next.
  size_t begin = at;  // Of the buffer, in the file.
  for (;;) {
    const size_t left = buffer.size() - (at - begin);
    uint32_t length = 0, crc = 0;
    if (left >= 8) {
      std::memcpy(&length, buffer.data() + (at - begin), 4);
      std::memcpy(&crc, buffer.data() + (at - begin) + 4, 4);
      if (length == 0 || length > kMostRecord || at + SizeOf(length) > end) return at;
    }
    if (left < 8 || left < SizeOf(length)) {
      if (at >= end || (begin == at && !buffer.empty() && left >= kReadAtOnce)) return at;
      const size_t want = std::min(kReadAtOnce, end - at);
      if (left >= want) return at;  // The file ends within a record.
      buffer.resize(want);
      const ssize_t n = ::pread(fd, buffer.data(), want, static_cast<off_t>(at));
      if (n <= 0) return at;
      buffer.resize(static_cast<size_t>(n));
      if (static_cast<size_t>(n) <= left) return at;
      begin = at;
      continue;
    }
    const std::string_view bytes(buffer.data() + (at - begin) + 8, length);
    if (CrcOf(number, Crc32c(bytes)) != crc) return at;
    if (!take(number, bytes)) return at;
    at += SizeOf(length);
    ++number;
  }
}

}  // namespace aiges
