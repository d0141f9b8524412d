// SPDX-License-Identifier: Apache-2.0
// xtest/resources.h: CPU and memory of the server's process tree, from /proc, and its GPU memory.
//
// ResourceSampler has a thread of its own; a server that dies and comes back is found again. It
// never fails a run: without a process there are no samples, and problem() says why.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "loader/base/clock.h"
#include "xtest/result.h"

namespace aiges {

// Memory on all GPUs of these processes, in MB.
class GpuMeter {
 public:
  virtual ~GpuMeter() = default;
  virtual double UsedMb(const std::set<pid_t>& processes) = 0;
};
// By NVML, loaded at run time; null when it or a GPU is not there.
std::unique_ptr<GpuMeter> OpenNvml();

// The process and all its descendants; empty when it is gone.
std::set<pid_t> ProcessTree(pid_t root);

struct ProcessFigures {
  uint64_t start = 0;      // In ticks since boot: tells a process from a later one with its number.
  uint64_t cpu_ticks = 0;  // User and system.
  uint64_t rss_bytes = 0;
};
// False when it is gone.
bool ReadProcess(pid_t pid, ProcessFigures* out);

// Who listens on this TCP port of this machine; 0 when nobody, or when we may not see who.
pid_t FindListener(uint16_t port);
// True for loopback and for addresses of our own interfaces. "host:port".
bool IsLocal(const std::string& address);

class ResourceSampler {
 public:
  static constexpr std::chrono::milliseconds kInterval{200};

  // `find` gives the root process, 0 while there is none.
  ResourceSampler(std::function<pid_t()> find, std::unique_ptr<GpuMeter> gpu);
  ~ResourceSampler();

  // at_s counts from `start`.
  void Start(TimePoint start);
  void Stop();
  std::vector<ResourceSample> Take();  // After Stop; or so far.
  ResourceSample last();               // All 0 before the first.
  std::string problem();               // Empty when something was sampled.

 private:
  void Run();
  void Sample(TimePoint now);

  const std::function<pid_t()> find_;
  const std::unique_ptr<GpuMeter> gpu_;
  TimePoint start_{};
  // Of the sampling thread.
  pid_t root_ = 0;
  TimePoint looked_{}, sampled_{};
  std::map<pid_t, ProcessFigures> known_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<ResourceSample> samples_;
  std::thread thread_;
};

}  // namespace aiges
