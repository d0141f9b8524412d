// SPDX-License-Identifier: Apache-2.0
#include "loader/base/process.h"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

[[noreturn]] void OnTerminate() {
  try {
    if (const std::exception_ptr fault = std::current_exception()) std::rethrow_exception(fault);
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again) {
      std::fprintf(stderr, "AIService: cannot start a thread: %s\n", ErrnoAdvice(EAGAIN).c_str());
      ::_exit(1);
    }
    std::fprintf(stderr, "AIService: %s\n", e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "AIService: %s\n", e.what());
  } catch (...) {
  }
  std::abort();
}

}  // namespace

std::string ErrnoAdvice(int error) {
  const std::string text = ErrnoText(error);
  switch (error) {
    case EAGAIN:
      return text + " (ulimit -u, pids.max of the container)";
    case EMFILE:
      return text + " (ulimit -n)";
    case ENFILE:
      return text + " (fs.file-max of the machine)";
    case ENOMEM:
      return text + " (memory of the machine or the container, ulimit -v)";
    default:
      return text;
  }
}

Status CheckResources(unsigned descriptors, unsigned threads) {
  std::vector<Fd> open;
  while (open.size() < descriptors) {
    open.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (open.back().valid()) continue;
    return Status::Error(StatusKind::kInternal,
                         StrCat("cannot open ", descriptors, " descriptors, only ", open.size() - 1,
                                ": ", ErrnoAdvice(errno)));
  }
  std::mutex together;  // Held until all are there: they must exist at one time.
  std::vector<std::thread> started;
  Status status;
  {
    const std::lock_guard lock(together);
    try {
      while (started.size() < threads) {
        started.emplace_back([&together] { const std::lock_guard wait(together); });
      }
    } catch (const std::system_error& e) {
      status = Status::Error(StatusKind::kInternal,
                             StrCat("cannot start a thread: ", ErrnoAdvice(e.code().value()), "; ",
                                    threads, " are needed, ", started.size(), " could be started"));
    }
  }
  for (std::thread& thread : started) thread.join();
  return status;
}

void ExplainLackOfThreads() { std::set_terminate(&OnTerminate); }

// /proc/<pid>/statm: the second number, in pages (proc(5)).
uint64_t ResidentBytes(pid_t pid) {
  std::ifstream in(StrCat("/proc/", pid, "/statm"));
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace aiges
