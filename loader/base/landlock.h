// SPDX-License-Identifier: Apache-2.0
// loader/base/landlock.h: Landlock of the kernel: a process gives up access to all files but those
// below the folders that it names, and cannot take it back; nor can what it starts.
//
// What a kernel can do is its ABI's number, asked at run time: 1 files (5.13), 2 moving between
// folders, 3 truncating (6.2), 4 TCP (6.7), 5 ioctl of devices (6.10), 6 signals and abstract
// sockets (6.12). What it cannot do is left out. The constants are here since the headers of Debian
// 12 lack the newer ones.
// Ownership: a Ruleset owns its descriptor. Threads: Restrict is for the calling thread and those
// that it makes later, so call it before there are others.
// Errors: texts with the path and the cause; empty where there is none.
#pragma once

#include <cstdint>
#include <string>

#include "loader/base/fd.h"

namespace aiges {

// 0: the kernel has none, or it is switched off.
int LandlockAbi();

class LandlockRules {
 public:
  enum class Access {
    kList,   // Names in folders, not what is in the files.
    kRead,   // And read files, and start programs.
    kWrite,  // And all else.
    kDevice  // Read, write and ioctl of what is there.
  };

  // `tcp`: TCP stays as it is.
  LandlockRules(int abi, bool tcp);

  // What lies at or below `path`, which may be a file.
  std::string Allow(const std::string& path, Access access);
  // From here on. Needs no_new_privs.
  std::string Restrict();

 private:
  const uint64_t handled_;
  std::string wrong_;
  Fd rules_;
};

}  // namespace aiges
