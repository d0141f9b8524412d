// loader/base/process.h: what a server process asks of the system once: signals and descriptors.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <initializer_list>

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

}  // namespace aiges
