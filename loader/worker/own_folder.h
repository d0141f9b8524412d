// SPDX-License-Identifier: Apache-2.0
// loader/worker/own_folder.h: where this program lies, and what was installed with it.
#pragma once

#include <unistd.h>

#include <string>

namespace aiges {

inline std::string OwnFolder() {
  char path[4096];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return ".";
  const std::string text(path, static_cast<size_t>(n));
  return text.substr(0, text.rfind('/'));
}

}  // namespace aiges
