// SPDX-License-Identifier: Apache-2.0
// loader/channel/confinement.h: what a worker does to itself before it opens the plugin: where it
// runs, what it may use, what it gives up. docs/sandbox.md.
//
// The loader says it, the worker does it: between fork and exec there is no place for it, and what
// a worker has given up stays so when it becomes a Python. It goes over as one argument of the
// command line, lines "<name> <value>", which anybody on the machine may read.
// Values; Caller synchronises.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiges {

struct Confinement {
  int numa_node = -1;  // Memory of this node alone. -1: of any.
  std::string cpus;    // "0-3,8"; empty: those of the loader.
  std::string cgroup;  // Folder of a control group to go to; empty: stays.

  bool no_new_privs = false;  // Programs with setuid do not become another user.
  bool no_core = false;       // No core files.
  // Limits of the system; 0: as those of the loader.
  uint64_t open_files = 0, file_bytes = 0, processes = 0;

  // Another user; uid -1: as the loader.
  int64_t uid = -1, gid = -1;
  std::vector<std::string> groups;  // Numbers.

  bool network = true;              // false: sockets of AF_UNIX only.
  bool strict = false;              // Files as below, no system calls that only attacks need.
  std::vector<std::string> read;    // These must be there, as `write`.
  std::vector<std::string> write;   //
  std::vector<std::string> hidden;  // The loader's own files; not even where they lie in `read`.

  std::string Text() const;
};

// Not a value: it is not what Text() writes.
std::optional<Confinement> ReadConfinement(std::string_view text);

// "0-3,8" as numbers, in order; empty: it is no such list, or one of more than 4096 CPUs.
std::vector<int> ReadCpuList(std::string_view text);

}  // namespace aiges
