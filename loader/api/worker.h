// loader/api/worker.h: the door between scheduler and instances.
//
// The scheduler keeps the one queue; instances only take what they have credit for. A Slot is that
// credit: taking one is quick and does no I/O (the scheduler does it under its lock), using it
// sends the call (outside the lock).
// Ownership: a Slot is move-only and gives its credit back unless it was used.
// Threads: all of Workers is thread-safe. WorkerEvents are called on the hub thread, with no lock
// of the instances held.
// Seams: sessions will come as further frame types beside exec (channel/frame.h); their slots
// name an instance, which is why Slot carries one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/request.h"

namespace aiges {

class Workers;

class Slot {
 public:
  Slot(Workers* workers, uint32_t instance, uint64_t generation)
      : workers_(workers), instance_(instance), generation_(generation) {}
  Slot(Slot&& other) noexcept
      : workers_(std::exchange(other.workers_, nullptr)),
        instance_(other.instance_),
        generation_(other.generation_) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot();

  // Sends the call. The request must stay alive until its result or its loss is reported.
  void Send(uint64_t call, const Request& request);

  uint32_t instance() const { return instance_; }

 private:
  Workers* workers_;
  uint32_t instance_;
  uint64_t generation_;
};

struct WorkerResult {
  uint64_t call = 0;
  Status status;
  std::vector<Payload> payloads;
  std::chrono::nanoseconds engine{0};
  // The worker died before the call was handed to the kernel: it has certainly not run, so it
  // may go to another instance.
  bool unsent = false;
};

class WorkerEvents {
 public:
  virtual ~WorkerEvents() = default;
  virtual void OnResults(std::vector<WorkerResult> results) = 0;
  // Credit appeared without a result: an instance became ready.
  virtual void OnCapacity() = 0;
  // The earliest deadline that the scheduler asked for has come.
  virtual void OnAlarm(TimePoint now) = 0;
};

class Workers {
 public:
  virtual ~Workers() = default;
  virtual std::optional<Slot> Reserve() = 0;
  virtual void Flush() = 0;
  // Asks for OnAlarm at t or earlier. Cheap when an earlier alarm is already set.
  virtual void SetAlarm(TimePoint t) = 0;
  virtual unsigned ReadyCount() const = 0;
  // Whether an instance serves, or is on its way up without a pause before it.
  virtual bool Hopeful() const = 0;

 private:
  friend class Slot;
  virtual void SendOn(uint32_t instance, uint64_t generation, uint64_t call,
                      const Request& request) = 0;
  virtual void GiveBack(uint32_t instance, uint64_t generation) = 0;
};

inline Slot::~Slot() {
  if (workers_ != nullptr) workers_->GiveBack(instance_, generation_);
}
inline void Slot::Send(uint64_t call, const Request& request) {
  std::exchange(workers_, nullptr)->SendOn(instance_, generation_, call, request);
}

}  // namespace aiges
