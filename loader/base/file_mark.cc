// SPDX-License-Identifier: Apache-2.0
#include "loader/base/file_mark.h"

#include <sys/stat.h>

namespace aiges {
namespace {

int64_t Nanos(const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; }

}  // namespace

FileMark MarkOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, Nanos(info.st_mtim), Nanos(info.st_ctim)};
}

}  // namespace aiges
