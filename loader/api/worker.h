// SPDX-License-Identifier: Apache-2.0
// loader/api/worker.h: the door between scheduler and instances.
//
// The scheduler keeps the one queue; instances only take what they have credit for. A Slot is that
// credit: taking one is quick and does no I/O (the scheduler does it under its lock), using it
// sends the call (outside the lock).
// Ownership: a Slot is move-only and gives its credit back unless it was used.
// Threads: all of Workers is thread-safe. WorkerEvents are called on the hub thread, with no lock
// of the instances held.
// A session is not queued: it is placed at once, in one process of one instance, and stays there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/api/door.h"
#include "loader/api/nested.h"
#include "loader/api/request.h"

namespace aiges {

class Workers;

// One process of one instance. A later process of that instance is another place.
struct Place {
  uint32_t instance = 0;
  uint64_t generation = 0;
  unsigned gpus = 0;  // Devices that it has for itself; 0: not known.
};

class Slot {
 public:
  Slot(Workers* workers, Place place) : workers_(workers), place_(place) {}
  Slot(Slot&& other) noexcept
      : workers_(std::exchange(other.workers_, nullptr)), place_(other.place_) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot();

  // Sends the call. The request must stay alive until its result or its loss is reported.
  void Send(uint64_t call, const Request& request);

  Place place() const { return place_; }

 private:
  Workers* workers_;
  Place place_;
};

struct WorkerResult {
  uint64_t call = 0;
  Status status;
  std::vector<Payload> payloads;
  std::chrono::nanoseconds engine{0};
  unsigned batch = 1;  // How many calls ran as one; said by the first of them, 0 by the others.
  std::string detail = {};  // Of an error, for people: a traceback.
  int instance = -1;        // Who says this.
  // The worker died with the call in it.
  bool lost = false;
  // The worker died before the call was handed to the kernel: it has certainly not run, so it
  // may go to another instance.
  bool unsent = false;
};

struct SessionStart {
  std::string handle;  // The engine sees it as usrTag.
  Pairs params;
  std::vector<unsigned> psr_ids;
  unsigned credit = 1;  // Items that may come before CreditSession allows more.
};

struct SessionEvent {
  enum class Kind : uint8_t {
    kItem,    // Output. Not ok, or `last`: no further item comes.
    kTaken,   // The engine is done with the memory of the oldest `writes` writes.
    kClosed,  // Destroyed. The last event of a session that did not get lost.
    kLost,    // Its process is gone; `status` says why. The last event.
  };
  uint64_t session = 0;
  Kind kind = Kind::kItem;
  Status status;
  std::vector<Payload> payloads;
  bool last = false;
  unsigned writes = 0;
  std::string detail = {};  // Of an error, for people: a traceback.
  int instance = -1;        // Who says this.
};

struct WorkerDeath {
  unsigned instance = 0;
  std::string why;     // "did not start: ..", "died: exit status 3".
  std::string output;  // The last lines that it printed.
};

class WorkerEvents {
 public:
  virtual ~WorkerEvents() = default;
  virtual void OnResults(std::vector<WorkerResult> results) = 0;
  // In the order in which they happened, for each session.
  virtual void OnSessionEvents(std::vector<SessionEvent> events) = 0;
  // In the order in which they happened, for each call; its result comes after them.
  virtual void OnDoorEvents(std::vector<DoorEvent> events) = 0;
  // Of calls of other models that the process there makes, in order (api/nested.h).
  virtual void OnNested(Place, std::vector<NestedEvent>) {}
  // The process there has ended, and what was in it was told as lost.
  virtual void OnPlaceGone(Place) {}
  // The engine has counted something for a call or session that lies in it. Before its result.
  virtual void OnMeter(uint64_t, std::string_view, uint64_t) {}
  // Credit appeared without a result: an instance became ready.
  virtual void OnCapacity() = 0;
  // A worker serves; `took`: since its process was started.
  virtual void OnReady(unsigned /*instance*/, TimePoint /*now*/, Duration /*took*/) {}
  // A worker has ended that nobody had told to, or with work in it.
  virtual void OnDeath(WorkerDeath death) = 0;
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
  // Nobody waits for that running call any more: its engine may notice, an asynchronous one is
  // made to give it up. Its result still comes.
  virtual void CancelCall(Place place, uint64_t call) = 0;

  // Of a door call that was sent there. Append to what Flush sends, without I/O; the data are
  // copied.
  virtual void SendPart(Place place, uint64_t call, const Payload& part) = 0;
  virtual void TookPart(Place place, uint64_t call, uint64_t bytes) = 0;

  // Of a call of another model that the process there has begun. Leaves at once.
  virtual void Answer(Place, uint64_t, NestedAnswer) {}
  // Where large data of such an answer lie so that the worker can read them; nullptr: nowhere.
  virtual BufferPool* buffers() { return nullptr; }

  // The ready instance with the least in it; nothing when none is ready.
  virtual std::optional<Place> PlaceSession() = 0;
  // These append to what Flush sends, without I/O. False: that process is gone (a session that was
  // open in it gets kLost). The payloads must stay alive until kTaken or the session's last event.
  virtual bool OpenSession(Place place, uint64_t session, const SessionStart& start) = 0;
  virtual bool WriteSession(Place place, uint64_t session,
                            const std::vector<Payload>& payloads) = 0;
  virtual void CreditSession(Place place, uint64_t session, unsigned items) = 0;
  virtual void CloseSession(Place place, uint64_t session) = 0;

 private:
  friend class Slot;
  virtual void SendOn(Place place, uint64_t call, const Request& request) = 0;
  virtual void GiveBack(Place place) = 0;
};

inline Slot::~Slot() {
  if (workers_ != nullptr) workers_->GiveBack(place_);
}
inline void Slot::Send(uint64_t call, const Request& request) {
  std::exchange(workers_, nullptr)->SendOn(place_, call, request);
}

}  // namespace aiges
