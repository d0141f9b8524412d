// SPDX-License-Identifier: Apache-2.0
// loader/base/process.h: what a server process asks of the system once, at its start: signals,
// descriptors, threads. main's thread only.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "loader/base/status.h"

namespace aiges {

// Signals that are taken by waiting, never by a handler. Make it before any thread: all inherit
// the mask. Wait belongs to one thread.
class WaitedSignals {
 public:
  WaitedSignals(std::initializer_list<int> signals) {
    sigemptyset(&set_);
    for (const int signal : signals) sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  // The signal that came, or 0 after `limit` (0: waits for ever).
  int Wait(std::chrono::milliseconds limit) const {
    if (limit.count() == 0) return NotNegative(::sigwaitinfo(&set_, nullptr));
    const timespec time{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
    return NotNegative(::sigtimedwait(&set_, nullptr, &time));
  }
  // From now on they do what they do by default.
  void Release() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  static int NotNegative(int signal) { return signal < 0 ? 0 : signal; }

  sigset_t set_;
};

// The descriptors of thousands of connections need room; the soft limit is often 1024.
inline void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// Descriptors 0, 1 and 2 exist from here on. One that is closed would become the first socket or
// memory that is opened, and what is printed would go there. Before anything else is opened.
inline void OpenStandardDescriptors() {
  while (true) {
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO) ::close(fd);
    if (fd < 0 || fd > STDERR_FILENO) return;
  }
}

// Whether so many descriptors and threads can be had: libraries that need one in the middle of
// their work end the process. Ok, or which limit is in the way.
Status CheckResources(unsigned descriptors, unsigned threads);

// An uncaught lack of threads (std::thread throws) ends the process with exit code 1 and a text
// instead of a core.
void ExplainLackOfThreads();

// Resident set of a process; 0: it is not known.
uint64_t ResidentBytes(pid_t pid);

// "Too many open files (ulimit -n)": an error of the system with the limit that is behind it.
std::string ErrnoAdvice(int error);

}  // namespace aiges
