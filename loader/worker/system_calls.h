// SPDX-License-Identifier: Apache-2.0
// loader/worker/system_calls.h: a filter of system calls (seccomp) that stays for ever.
//
// A list of what is refused, not of what is allowed: no engine, driver or Python is to fail of
// something new that it asks of the kernel. Refused calls fail with EPERM; clone3 with ENOSYS, upon
// which the C library takes clone, whose flags can be looked at.
// Needs no_new_privs. For the calling thread and those that it makes later.
#pragma once

#include <string>

namespace aiges {

struct RefusedCalls {
  // Namespaces, mounts, ptrace, modules, bpf, keys, io_uring and others that engines do not need.
  bool attacks = false;
  bool network = false;  // All sockets but those of AF_UNIX.
};

// Empty, or why it is not in force.
std::string RefuseSystemCalls(const RefusedCalls& refused);

}  // namespace aiges
