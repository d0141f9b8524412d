// SPDX-License-Identifier: Apache-2.0
// loader/base/file_mark.h: what tells one file from another in its place, without reading it.
//
// All that the system says: a copy may keep its model's time (cp -p, tar). A value; thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace aiges {

struct FileMark {
  uint64_t device = 0, inode = 0;
  int64_t size = 0, modified_ns = 0, changed_ns = 0;

  bool exists() const { return inode != 0; }
  bool operator==(const FileMark&) const = default;
};

// Of what lies there now, links followed; one that does not exist where nothing does.
FileMark MarkOf(const std::string& path);

}  // namespace aiges
