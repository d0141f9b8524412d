// SPDX-License-Identifier: Apache-2.0
// loader/protocols/session_front.h: a session of the engine, as every front that streams has it.
//
// One piece of output is out at a time: a front polls for the next when its client has taken the
// last, and the engine is not more than kAhead batches before it. Input goes in as long as the
// engine has not more than kMostUntaken pieces before it; a front reads no more from its client
// meanwhile. What has ended of the input, and what is still open, is kept here, too.
//
// Overview. Output comes from the hub, or at once, in Poll itself; either way the owner is told on
// the lane, and never from within its own call of Poll but by the loop in there: an engine that
// always has something costs no depth. Who is gone by then is told nothing.
// Belongs to the lane. Destroying it aborts nothing.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/session.h"
#include "loader/base/clock.h"
#include "loader/front/exchange.h"
#include "loader/protocols/once.h"

namespace aiges {

class SessionFront {
 public:
  // Pieces of input that may wait for the engine before the client is made to wait.
  static constexpr int kMostUntaken = 8;
  // Batches that one poll brings, and that the engine may be ahead of the client.
  static constexpr size_t kMostBatches = 32;
  static constexpr unsigned kAhead = 128;

  class Owner {
   public:
    // What a Poll has brought: once for each.
    virtual void OnOutput(SessionOutput output) = 0;
    // The engine is done with a piece: there is room for another, where there was none.
    virtual void OnInputRoom() {}

   protected:
    ~Owner() = default;
  };

  // All of it outlives the front.
  SessionFront(Sessions* sessions, Lane* lane, Owner* owner);
  ~SessionFront();
  SessionFront(const SessionFront&) = delete;
  SessionFront& operator=(const SessionFront&) = delete;

  // `call`: its parameters are complete (PassHeaders); they are taken.
  Status Open(OnceCall* call, std::string handle);
  SessionId id() const { return id_; }  // 0: not opened.

  // Each payload's status is its own attribute, or `otherwise`. kOverloaded: there was no room for
  // it; kInvalid: too many inputs are open. Any other failure is told by the next poll.
  Status Write(std::vector<Payload> payloads, DataStatus otherwise);
  // Each payload is whole.
  Status WriteOnce(std::vector<Payload> payloads);
  // Ends what is still open of the input.
  Status EndInput();
  bool has_room() const { return untaken() < kMostUntaken; }
  int untaken() const { return state_->untaken; }
  // When the engine was last done with a piece.
  TimePoint last_taken() const;
  bool input_open() const { return !open_.empty(); }

  // Nothing where one is out. `keep` is held until the owner is told.
  void Poll(TimePoint until = TimePoint::max(), std::shared_ptr<void> keep = nullptr);
  void Abort();  // Any thread, once it is opened.

 private:
  // What outlives the front: a part of what the session's callbacks hold.
  struct State {
    State(Lane* l, SessionFront* f) : lane(*l), front(f) {}

    Lane& lane;
    SessionFront* front;  // The lane's; nullptr: gone.
    std::atomic<int> untaken{0};
    std::atomic<Duration::rep> last_taken{0};
  };
  class Sink;

  static void OnTaken(const std::shared_ptr<State>& state);
  Status Send(std::vector<Payload> payloads);
  void Deliver(SessionOutput output);
  void Loop();

  Sessions& sessions_;
  Owner& owner_;
  const std::shared_ptr<State> state_;
  SessionId id_ = 0;
  std::map<std::string, DataType> open_;  // Inputs that have not ended.
  std::optional<SessionOutput> at_once_;
  TimePoint until_;             // Of the next poll.
  std::shared_ptr<void> keep_;  // The same.
  bool polling_ = false, wanted_ = false, looping_ = false;
};

}  // namespace aiges
