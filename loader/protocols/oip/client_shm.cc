// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/client_shm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "loader/base/strings.h"

namespace aiges::oip {
namespace {

// Of workers: Triton's prefix, which clients of it may not name either.
constexpr std::string_view kReserved = "triton_python_backend_shm_region_";
constexpr size_t kLongestName = 255;

// "/name", whatever slashes stand before it; empty: it is no name.
std::string ObjectName(std::string_view key) {
  key.remove_prefix(std::min(key.find_first_not_of('/'), key.size()));
  const bool fine = !key.empty() && key.size() < kLongestName && key != "." && key != ".." &&
                    key.find('/') == std::string_view::npos &&
                    key.find('\0') == std::string_view::npos && !key.starts_with(kReserved);
  return fine ? StrCat('/', key) : std::string();
}

// Regular, and at least so long.
bool HasBytes(int fd, uint64_t bytes) {
  struct stat found{};
  return ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode) &&
         static_cast<uint64_t>(found.st_size) >= bytes;
}

Status Invalid(std::string text) { return Status::Error(StatusKind::kInvalid, std::move(text)); }
Status TooShort(const std::string& name) {
  return Invalid(StrCat("shared memory region '", name,
                        "': the object is shorter than it was when it was registered"));
}

}  // namespace

Status ClientShm::Register(Region region) {
  if (!on_) {
    return Status::Error(StatusKind::kUnsupported,
                         "registering shared memory is off: [oip] client_shm");
  }
  if (region.name.empty() || region.name.size() > kLongestName) {
    return Invalid("shared memory region: expected a name of 1 to 255 bytes");
  }
  const std::string object = ObjectName(region.key);
  if (object.empty()) {
    return Invalid(StrCat("cannot register shared memory region '", region.name,
                          "': expected a key that names one object of /dev/shm, got '", region.key,
                          "'"));
  }
  if (region.byte_size == 0 || region.offset + region.byte_size < region.offset) {
    return Invalid(StrCat("shared memory region '", region.name,
                          "': expected a byte_size above 0 that fits behind the offset, got ",
                          region.byte_size));
  }
  Fd fd(::shm_open(object.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK, 0));
  if (fd.get() < 0) {
    return Status::Error(StatusKind::kInternal, StrCat("Unable to open shared memory region: '",
                                                       region.key, "': ", ErrnoText(errno)));
  }
  if (!HasBytes(fd.get(), region.offset + region.byte_size)) {
    return Invalid(StrCat("failed to register shared memory region '", region.name,
                          "': invalid args: its object is shorter than offset + byte_size = ",
                          region.offset + region.byte_size));
  }
  const MutexLock lock(mu_);
  if (regions_.count(region.name) != 0) {
    return Status::Error(StatusKind::kExists,
                         StrCat("shared memory region '", region.name, "' already in manager"));
  }
  if (regions_.size() >= kMostRegions) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("expected at most ", kMostRegions, " shared memory regions"));
  }
  const std::string name = region.name;
  regions_[name] = {std::move(region), std::make_shared<const Fd>(std::move(fd))};
  return Status::Ok();
}

Status ClientShm::Unregister(const std::string& name) {
  const MutexLock lock(mu_);
  if (name.empty()) {
    regions_.clear();
  } else {
    regions_.erase(name);
  }
  return Status::Ok();
}

Status ClientShm::List(const std::string& name, std::vector<Region>* out) const {
  const MutexLock lock(mu_);
  if (name.empty() || regions_.count(name) != 0) {
    for (const auto& [key, open] : regions_) {
      if (name.empty() || key == name) out->push_back(open.region);
    }
    return Status::Ok();
  }
  return Status::Error(StatusKind::kNotFound,
                       StrCat("Unable to find system shared memory region: '", name, "'"));
}

Status ClientShm::Place(const std::string& name, uint64_t offset, uint64_t size, Open* open,
                        uint64_t* at) const {
  {
    const MutexLock lock(mu_);
    const auto found = regions_.find(name);
    if (found == regions_.end()) {
      return Status::Error(StatusKind::kNotFound,
                           StrCat("Unable to find shared memory region: '", name, "'"));
    }
    *open = found->second;
  }
  const Region& region = open->region;
  if (offset > region.byte_size || size > region.byte_size - offset) {
    return Invalid(StrCat("shared memory region '", name, "': expected offset + byte_size up to ",
                          region.byte_size, ", got ", offset, " + ", size));
  }
  *at = region.offset + offset;
  return HasBytes(open->fd->get(), *at + size) ? Status::Ok() : TooShort(name);
}

Status ClientShm::Check(const std::string& name, uint64_t offset, uint64_t size) const {
  Open open;
  uint64_t at = 0;
  return Place(name, offset, size, &open, &at);
}

Status ClientShm::Read(const std::string& name, uint64_t offset, char* to, size_t size) const {
  Open open;
  uint64_t at = 0;
  const Status status = Place(name, offset, size, &open, &at);
  if (!status.ok()) return status;
  while (size > 0) {
    const ssize_t n = ::pread(open.fd->get(), to, size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return TooShort(name);
    to += n;
    at += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return Status::Ok();
}

Status ClientShm::Write(const std::string& name, uint64_t offset, std::string_view data) const {
  Open open;
  uint64_t at = 0;
  const Status status = Place(name, offset, data.size(), &open, &at);
  if (!status.ok()) return status;
  while (!data.empty()) {
    const ssize_t n = ::pwrite(open.fd->get(), data.data(), data.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return Invalid(StrCat("shared memory region '", name, "': ", ErrnoText(errno)));
    }
    data.remove_prefix(static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
  return Status::Ok();
}

}  // namespace aiges::oip
