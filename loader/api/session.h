// SPDX-License-Identifier: Apache-2.0
// loader/api/session.h: the door between protocols and scheduler for sessions.
//
// A session is one conversation with one instance of the engine: create, write*, results, destroy.
// Every front uses it the same way: Open, Write what the client sends, Poll for what the engine
// gives. A front that polls only when its client has taken the last answer slows the engine down
// to the client: no more than `output_batches` batches are ever under way.
//
// Life cycle: Open -> (Write | Poll)* -> over. It is over when a Poll was given `last` or an error,
// by Abort, or by idle time; wrapperDestroy has then been asked for, exactly once, and the licence
// returns when it is done. The instance's death is an error (kCodeCrash) of the next Poll or Write.
//
// Ownership: arguments are taken. Each sink is called exactly once.
// Threads: all methods are thread-safe and never wait for the engine. Sinks are called on the
// calling thread or on the hub, with no lock held, and must not block; they may call in again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/request.h"

namespace aiges {

// What one Poll brought.
struct SessionOutput {
  Status status;  // Not ok: the session is over. Comes alone: batches before it were given first.
  // Each is what one wrapperRead or one callback gave, in the engine's order. Empty: the time was
  // up first.
  std::vector<std::vector<Payload>> batches;
  bool last = false;  // Every output stream has ended: the session is over.
};

class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void Done(SessionOutput output) = 0;
};

struct SessionRequest {
  ModelRef model;                        // As Request's.
  std::shared_ptr<const CallPath> path;  // The same.
  OriginRef origin;                      // The same.
  std::string handle;         // The engine sees it as usrTag. Must not be that of a live session.
  std::string request_id;     // As Request's.
  const char* protocol = "";  // The same.
  Pairs params;
  std::vector<unsigned> psr_ids;
  unsigned output_batches = 100;  // Bound of what the engine may be ahead of the client.
  bool ordered = false;           // Writes carry a sync_id and are put in its order.
  Duration idle_limit{0};  // Over after so long without Write, Poll or a waiting Poll. 0: never.

  const std::string& shown_id() const { return request_id.empty() ? handle : request_id; }
};

// Names an open session. 0 is never given out.
using SessionId = uint64_t;

class Sessions {
 public:
  virtual ~Sessions() = default;

  // Takes a licence and an instance; wrapperCreate runs in the background, its failure is told by
  // the next Write or Poll. Refusals as for once calls (kOverloaded, kDisconnected); kOverloaded
  // also when the handle is in use. The engine sees it with the Write or Poll that follows.
  virtual Status Open(SessionRequest request, SessionId* id) = 0;

  // One piece of input. `taken` (may be empty) is called once the engine has it or the session is
  // over: read no more from the client meanwhile. Not ok: the session is over, or its input is
  // full (kOverloaded, the session goes on); `taken` was not kept.
  // sync_id: position in an ordered session; else ignored.
  virtual Status Write(SessionId id, int sync_id, std::vector<Payload> payloads,
                       std::function<void()> taken) = 0;

  // The next 1..max_batches batches; waits for them until `until`. Only one waits at a time: one
  // that was waiting already is given nothing, at once.
  virtual void Poll(SessionId id, size_t max_batches, TimePoint until,
                    std::unique_ptr<OutputSink> sink) = 0;

  // The client of a waiting Poll is gone: its sink is given nothing, now, and no output is lost.
  virtual void EndPoll(SessionId id) = 0;

  // The client is gone or has had enough. An unknown id is not an error.
  virtual void Abort(SessionId id) = 0;

  // For clients that name a session by its handle. kInvalid with kCodeInvalidHandle (never known,
  // or idle for too long) or kCodeSessionReleased (over not long ago).
  virtual Status Find(const std::string& handle, SessionId* id) = 0;
};

}  // namespace aiges
