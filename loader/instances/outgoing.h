// SPDX-License-Identifier: Apache-2.0
// loader/instances/outgoing.h: the way to one worker process: bytes that are not sent yet, and the
// ledger of what lies in the process.
//
// Frames are appended by whoever has something to say and leave with the next Flush, so that one
// write carries what came together. Each names the generation that it is for; for any other there
// is nobody. What was not yet handed to the kernel when a process died has certainly not run.
// Ownership: the descriptor is the process's. Threads: all methods are thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "loader/api/request.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/channel/shm.h"
#include "loader/instances/frames.h"
#include "loader/instances/ledger.h"

namespace aiges {

enum class Sent {
  kYes,
  kGone,      // The process, or the session in it: nothing was kept.
  kTooLarge,  // For a frame: nothing was kept.
};

class Outgoing {
 public:
  explicit Outgoing(const Clock& clock) : clock_(clock) {}

  // A process begins with its first frame, or has ended: then what was in it.
  void Open(uint64_t generation, int channel, std::string init_frame);
  Ledger::Contents Close();

  Sent Call(uint64_t generation, uint64_t call, const Request& request, const Arena& memory);
  void CancelCall(uint64_t generation, uint64_t call);
  // Of a door call that lies in it.
  void DoorIn(uint64_t generation, uint64_t call, const Payload& part);
  void DoorTook(uint64_t generation, uint64_t call, uint64_t bytes);
  Sent OpenSession(uint64_t generation, uint64_t session, const SessionStart& start);
  Sent WriteSession(uint64_t generation, uint64_t session, const std::vector<Payload>& payloads,
                    const Arena& memory);
  void CreditSession(uint64_t generation, uint64_t session, unsigned items);
  void CloseSession(uint64_t generation, uint64_t session);
  // To a call of another model that the process has open; dropped where it has not. What lies in
  // `memory` is kept until the worker is done with it.
  void CallAnswer(uint64_t generation, uint64_t call, NestedAnswer answer, const Arena& memory);
  // To whatever process there is.
  Sent Load(uint64_t resource, const Payload& payload, const Arena& memory);
  Sent Unload(uint64_t resource);
  void Fini(TimePoint end);
  // False: bytes are left, the socket is full.
  bool Flush();

  // What the worker says. Answers to what does not lie in it, of a broken worker, are taken out.
  void Settle(std::vector<ResultFrame>* results);
  // Creates that were taken are taken out too. Returns how many sessions have ended.
  unsigned Settle(std::vector<SessionEvent>* events);
  void Settle(std::vector<DoorEvent>* events);
  // Calls that the worker may not make are refused, and taken out. False: it has made one twice.
  bool Settle(std::vector<NestedEvent>* events);
  void OnLoaded();
  void OnAlive(bool answers_calls);
  void StartToServe();
  Duration WithoutProgress() const;

 private:
  bool IsHere(uint64_t generation) const REQUIRES(mu_) {
    return channel_ >= 0 && generation == generation_;
  }

  const Clock& clock_;
  mutable Mutex mu_;
  uint64_t generation_ GUARDED_BY(mu_) = 0;
  int channel_ GUARDED_BY(mu_) = -1;
  std::string bytes_ GUARDED_BY(mu_);
  size_t sent_ GUARDED_BY(mu_) = 0;           // Of bytes_.
  uint64_t sent_before_ GUARDED_BY(mu_) = 0;  // Bytes that are no longer in bytes_.
  Ledger ledger_ GUARDED_BY(mu_);
  // Answers of calls that the worker makes and is not done with, by call, in order.
  std::unordered_map<uint64_t, std::deque<std::vector<Payload>>> kept_ GUARDED_BY(mu_);
};

}  // namespace aiges
