// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/client_shm.h: shared memory of clients on this machine ([oip] client_shm).
//
// A client names a POSIX shared memory object once (register), and then places in it where its
// tensors lie. The name is one of /dev/shm and nothing else: no path, and none of the loader's or
// its engines' own. Data are copied with pread and pwrite, never mapped: who cuts the object short
// gets an error, and costs the loader nothing. Off: registering is kUnsupported.
// Thread-safe. The copies are the caller's to bound.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"

namespace aiges::oip {

class ClientShm {
 public:
  struct Region {
    std::string name, key;
    uint64_t offset = 0, byte_size = 0;
  };

  explicit ClientShm(bool on) : on_(on) {}

  Status Register(Region region);
  // Empty: all. An unknown name is no error.
  Status Unregister(const std::string& name);
  // Empty: all. kNotFound: an unknown name.
  Status List(const std::string& name, std::vector<Region>* out) const;

  Status Read(const std::string& name, uint64_t offset, char* to, size_t size) const;
  Status Write(const std::string& name, uint64_t offset, std::string_view data) const;
  // Whether so much lies there.
  Status Check(const std::string& name, uint64_t offset, uint64_t size) const;

 private:
  struct Open {
    Region region;
    std::shared_ptr<const Fd> fd;
  };

  // Where it is in the object.
  Status Place(const std::string& name, uint64_t offset, uint64_t size, Open* open,
               uint64_t* at) const;

  static constexpr size_t kMostRegions = 1024;

  const bool on_;
  mutable Mutex mu_;
  std::map<std::string, Open> regions_;  // With mu_.
};

}  // namespace aiges::oip
