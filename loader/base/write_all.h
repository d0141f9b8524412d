// SPDX-License-Identifier: Apache-2.0
// loader/base/write_all.h: a write that goes on where the system took a part.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace aiges {

// False: not all of it was taken; errno says why. Waits as long as `fd` does.
inline bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace aiges
