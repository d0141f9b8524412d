// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "loader/base/fd.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/worker/system_calls.h"

namespace aiges {
namespace {

constexpr int kMostNodes = 1024;  // MAX_NUMNODES of the largest kernels.
constexpr int kBind = 2;          // MPOL_BIND: memory of these nodes only.

// Not an error: containers often may not say it, and all is as fast as before then.
void UseMemoryOfNode(int node) {
  constexpr int kBits = 8 * sizeof(unsigned long);
  std::array<unsigned long, kMostNodes / kBits> mask{};
  if (node < 0) return;
  errno = EINVAL;
  if (node < kMostNodes) {
    mask[static_cast<size_t>(node / kBits)] = 1ul << (node % kBits);
    if (::syscall(SYS_set_mempolicy, kBind, mask.data(), mask.size() * kBits + 1) == 0) return;
  }
  std::fprintf(stderr, "aiges-worker: memory of NUMA node %d: %s\n", node, std::strerror(errno));
}

std::string UseCpus(const std::string& list) {
  cpu_set_t* const cpus = CPU_ALLOC(4096);
  const size_t size = CPU_ALLOC_SIZE(4096);
  CPU_ZERO_S(size, cpus);
  for (const int cpu : ReadCpuList(list)) CPU_SET_S(static_cast<size_t>(cpu), size, cpus);
  const int failed = ::sched_setaffinity(0, size, cpus);
  const int error = errno;
  CPU_FREE(cpus);
  if (failed == 0) return "";
  return StrCat("[instances] cpus: cannot run on ", list, ": ", ErrnoText(error),
                " (expected CPUs that this process may use, see taskset -p)");
}

std::string Limit(const char* key, int resource, uint64_t value) {
  const rlimit limit{value, value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0) return "";
  return StrCat("[sandbox] ", key, " = ", value, ": ", ErrnoText(errno),
                " (expected no more than the limit of AIService itself, see ulimit -H)");
}

std::string SetLimits(const Confinement& c) {
  std::string wrong;
  if (c.no_core) wrong = Limit("core", RLIMIT_CORE, 0);
  if (wrong.empty() && c.open_files > 0) wrong = Limit("open_files", RLIMIT_NOFILE, c.open_files);
  if (wrong.empty() && c.file_bytes > 0) wrong = Limit("file_mb", RLIMIT_FSIZE, c.file_bytes);
  if (wrong.empty() && c.processes > 0) wrong = Limit("processes", RLIMIT_NPROC, c.processes);
  return wrong;
}

std::string JoinGroup(const std::string& folder) {
  const std::string file = StrCat(folder, "/cgroup.procs");
  const Fd procs(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (procs.valid() && ::write(procs.get(), "0", 1) == 1) return "";
  return StrCat("[sandbox] cgroup: cannot join ", folder, ": ", ErrnoText(errno));
}

std::string BecomeUser(const Confinement& c) {
  const auto uid = static_cast<uid_t>(c.uid);
  const auto gid = static_cast<gid_t>(c.gid);
  if (::getuid() == uid && ::geteuid() == uid) return "";
  // /dev/stdout of the other user is to be this pipe, too.
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) (void)!::fchown(fd, uid, gid);
  std::vector<gid_t> groups;
  for (const std::string& text : c.groups) {
    gid_t group = 0;
    if (ReadWhole(text, &group)) groups.push_back(group);
  }
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0) {
    return StrCat("[sandbox] user: cannot become user ", uid, " with group ", gid, ": ",
                  ErrnoText(errno),
                  " (AIService must run as root, with CAP_SETUID and CAP_SETGID)");
  }
  // The kernel has forgotten both. Who reads /proc/self is this user now.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 1);
  return "";
}

// For root, too: with no_new_privs no program gets them back.
std::string DropCapabilities() {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> none{};
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (::syscall(SYS_capset, &head, none.data()) == 0) return "";
  return StrCat("[sandbox] strict: capset: ", ErrnoText(errno));
}

}  // namespace

std::string EnterSandbox(const Confinement& c) {
  std::string wrong = c.cgroup.empty() ? "" : JoinGroup(c.cgroup);
  if (wrong.empty() && !c.cpus.empty()) wrong = UseCpus(c.cpus);
  UseMemoryOfNode(c.numa_node);
  if (wrong.empty()) wrong = SetLimits(c);
  if (wrong.empty() && c.uid >= 0) wrong = BecomeUser(c);
  if (!wrong.empty()) return wrong;
  const bool filter = c.strict || !c.network;
  if ((c.no_new_privs || filter) && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return StrCat("[sandbox] no_new_privs: ", ErrnoText(errno));
  }
  if (c.strict) wrong = DropCapabilities();
  if (!wrong.empty()) return wrong;
  wrong = RefuseSystemCalls({.attacks = c.strict, .network = !c.network});
  return wrong.empty() ? "" : StrCat("[sandbox] ", c.strict ? "strict: " : "network: ", wrong);
}

}  // namespace aiges
