// SPDX-License-Identifier: Apache-2.0
// loader/worker/host.h: what the rooms of a worker share: the engine, how it wants to be used, the
// memory, and the way back to the loader. Made once, before any thread; immutable but for Outbox.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/worker/own_process.h"
#include "loader/worker/plugin.h"

namespace aiges {

// Thread-safe. Frames written in one piece stay together and in order.
class Outbox {
 public:
  void Write(std::string_view frames) {
    if (frames.empty()) return;
    MutexLock lock(mu_);
    // The loader is gone when this fails; its end takes this process with it.
    if (SendSome(kChannelFd, frames, 0) < 0) EndWithoutChannel();
  }

 private:
  Mutex mu_;
};

// The one of the process: callbacks of the C ABI carry no context.
inline Outbox& GetOutbox() {
  static Outbox* const outbox = new Outbox;  // Never destroyed: engines' threads outlive main.
  return *outbox;
}

// How the engine wants its work, from its symbols, its wrapperTraits and [aiges] asyncMode.
struct EngineMode {
  bool sessions = false;             // Has create, write and destroy.
  bool callback = false;             // Sessions answer by callback; wrapperRead is not called.
  bool either = false;               // They may use either; wrapperRead until the first callback.
  bool polled = false;               // wrapperRead is asked again and again, and may say nothing.
  bool async_once = false;           // Once calls go to wrapperExecAsync.
  Fault async_fault = Fault::kExec;  // What an error by their callback is.
  bool doors = false;                // Has wrapperDoorCall, and has named doors.
  bool batch = false;                // Once calls may go to wrapperExecBatch.
  bool real_time_results = true;     // wrapperRead after every write, not only after the last.
  unsigned batch_size = 1;
  int64_t batch_delay_ns = 0;
  unsigned threads = 1, most_threads = 1;  // That run hooks: at the start, and at most.
};

struct Host {
  std::unique_ptr<Plugin> plugin;
  std::shared_ptr<ArenaMapping> requests;
  std::unique_ptr<Arena> results;
  const std::atomic<uint64_t>* cancel_board = nullptr;  // kCancelSlots entries (frame.h).
  EngineMode mode;

  bool Cancelled(uint64_t id) const {
    return cancel_board[id % kCancelSlots].load(std::memory_order_relaxed) == id;
  }
};

inline int64_t NowNs() { return ToNanos(std::chrono::steady_clock::now()); }

}  // namespace aiges
