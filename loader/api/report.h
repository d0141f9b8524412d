// SPDX-License-Identifier: Apache-2.0
// loader/api/report.h: what the rooms tell about themselves, for /metrics and the status page.
//
// Plain values, copied out under the owner's lock; host.cc connects the owners with the pages.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/exemplars.h"
#include "loader/base/gpu_devices.h"
#include "loader/base/metrics.h"

namespace aiges {

enum class InstanceState : uint8_t {
  kStarting,  // Process is up, engine is loading.
  kReady,     // Takes calls.
  kBackoff,   // Dead; waits before the next start.
  kStopped,   // Told to finish, or finished, for good.
};
inline constexpr int kInstanceStates = 4;

inline const char* StateName(InstanceState state) {
  switch (state) {
    case InstanceState::kStarting:
      return "starting";
    case InstanceState::kReady:
      return "ready";
    case InstanceState::kBackoff:
      return "backoff";
    case InstanceState::kStopped:
      return "stopped";
  }
  return "unknown";
}

struct InstanceReport {
  unsigned index = 0;
  InstanceState state = InstanceState::kStarting;
  int pid = -1;
  uint64_t starts = 0;  // Processes started so far; restarts = starts - 1.
  unsigned outstanding = 0;
  unsigned window = 0;
  uint64_t calls = 0;
  std::vector<GpuDevice> gpus;  // That [instances] gpus gives it.
  std::string plugin;           // Path of the loaded library.
  std::string last_error;       // Why the last process ended, empty if none did.
  // What the engine told of its own metrics last (wrapperMetrics); nullptr: nothing.
  std::shared_ptr<const std::string> metrics;
};

struct InstancesReport {
  std::vector<InstanceReport> instances;
  std::map<std::string, uint64_t> meters;  // Units counted by the engine, by its meter key.
  uint64_t earlier_restarts = 0;           // Of instances that are not among these any more.
};

struct QueueReport {
  uint64_t in_flight = 0;  // Admitted and not yet answered or still in an engine.
  uint64_t queued = 0;
  uint64_t queued_bytes = 0;
  uint64_t licences = 0;
  std::map<int, uint64_t> answers;       // By loader code; 0 is success.
  uint64_t unwanted = 0;                 // Results that came when nobody waited for them any more.
  uint64_t replayed = 0;                 // Calls that ran once more because their worker died.
  std::map<unsigned, uint64_t> batches;  // By how many calls ran as one.
  uint64_t running = 0;                  // Calls that engines have; sessions are not among them.
};

// How busy the loader is, for those who choose between loaders.
struct LoadReport {
  uint64_t used = 0;   // Calls and sessions in hand.
  uint64_t slots = 0;  // Calls that engines can work on at the same time.
  uint64_t queued = 0;
  uint64_t answered = 0;  // Once calls since the start.
  uint64_t failed = 0;    // Of these, with a code.
};

struct SessionsReport {
  uint64_t open = 0;                 // Not over yet.
  uint64_t opened = 0;               // Since the start.
  uint64_t batches = 0;              // Given to fronts.
  uint64_t dropped = 0;              // Items that came when nobody wanted them any more.
  uint64_t aborted = 0;              // Ended by the client.
  uint64_t expired = 0;              // Ended by idle time.
  uint64_t input_bytes = 0;          // Of input that the engine has not taken.
  std::map<int, uint64_t> failures;  // Ended by an error, by loader code.
};

// Spans that were told to a collector.
struct SpanCounts {
  uint64_t sent = 0;      // Taken by it.
  uint64_t rejected = 0;  // Refused by it, or not told within all tries.
  uint64_t dropped = 0;   // There was no room for them.
};

struct RegistryReport {
  std::string backend;      // "none", "file" or "consul".
  bool connected = false;   // The last request was answered.
  bool registered = false;  // Others can find this loader.
  std::string id;           // Of the registration.
  std::string problem;      // The last thing that went wrong, empty when it is over.
  uint64_t requests = 0;
  uint64_t failures = 0;
};

// What the config centre brought.
struct ConfigReport {
  std::string revision;  // In force. Empty: a local file.
  bool cached = false;   // The centre was away at start.
  uint64_t applied = 0;
  uint64_t refused = 0;
  std::string refusal;               // Why the newest tree is not in force; empty when it is.
  std::vector<std::string> restart;  // Changed keys that wait for the next start.
};

// Written by the scheduler, read by the page.
struct StageHistograms {
  LatencyHistogram queue, channel, engine, total;
  Exemplars examples;  // Of total.
};

// [entitlement]. Times are Unix seconds.
struct EntitlementReport {
  bool on = false;
  std::string id, customer;
  int64_t not_before = 0, expires = 0, end = 0;  // end: with its grace.
  int64_t left_s = 0;                            // To `expires`; below 0: that was before.
  std::vector<std::string> models;
  uint64_t instances = 0, calls = 0, concurrency = 0;
  uint64_t calls_today = 0, refused = 0;
  std::string refusal;  // Of all calls, now; empty: none.
  std::string problem;  // Of a changed file that is not used.
};

// [metering].
struct MeteringReport {
  bool on = false;
  std::string instance, folder;
  uint64_t records = 0;               // Written by this process.
  uint64_t dropped = 0, refused = 0;  // Records without room; calls because of that.
  uint64_t waiting = 0;               // Records that the sink has not taken.
  uint64_t bytes = 0, max_bytes = 0;
  uint64_t delivered = 0, sink_failures = 0, dead_letters = 0;
  uint64_t sync_failures = 0;
  std::string problem;  // Of the sink, now; empty: none.
};

}  // namespace aiges
