// SPDX-License-Identifier: Apache-2.0
// loader/api/service.h: the door between protocols and scheduler.
//
// Ingress decodes bytes into a Request and hands it over here; it never sees workers.
// Ownership: Submit takes its arguments. The sink is called exactly once, also when the worker
// dies or the loader drains.
// Threads: all methods are thread-safe and never wait for the engine. A sink is called on the
// submitting thread (refusals) or on the hub, and must not block.
// Failure: refusals (no licence, queue full, deadline passed) come through the sink too, so that
// there is one way to answer.
#pragma once

#include <cstdint>
#include <memory>

#include "loader/api/report.h"
#include "loader/api/request.h"

namespace aiges {

class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void Done(Reply reply) = 0;
};

// Names a submitted call until its sink was called. 0 is never given out.
using CallId = uint64_t;

class Service {
 public:
  virtual ~Service() = default;

  // Returns 0 when the sink was already called. The call may rest in a buffer until Flush().
  virtual CallId Submit(Request request, std::unique_ptr<ReplySink> sink) = 0;

  // Sends on what Submit gathered. Ingress calls it when it has nothing more to take, so that
  // calls which arrive together cross to a worker in one write.
  virtual void Flush() = 0;

  // The client is gone. Queued: removed at once, never run. Running: the result is dropped. The
  // sink is called with kCancelled. An unknown id is not an error.
  virtual void Abort(CallId id) = 0;

  // Of a door call (api/door.h): what its client says further, in order; until the last part, of
  // kDoorWindow bytes at most that the engine has not taken. An unknown id is not an error.
  virtual void SendPart(CallId id, Payload part) = 0;
  // Its client has taken so many bytes of the answer's parts.
  virtual void TookPart(CallId id, uint64_t bytes) = 0;

  // Whether a call sent now can be served: an instance is up and the loader is not draining.
  virtual bool Ready() const = 0;

  virtual LoadReport Load() const = 0;
};

}  // namespace aiges
