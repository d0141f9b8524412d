// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/inference.h: one inference, of a model that gives one response or of one
// that gives any number (decoupled), for every front of OIP.
//
// A call of the service, or a session whose input is one write. Its owner is told of responses and
// of the end, on the lane and never from within its own call of Start; of a decoupled model not
// more than a batch before it says Next. After Leave it is told nothing.
// Belongs to the lane; keeps itself alive until it is over.
#pragma once

#include <memory>
#include <utility>

#include "loader/api/service.h"
#include "loader/protocols/oip/infer_call.h"
#include "loader/protocols/oip/server.h"
#include "loader/protocols/session_front.h"

namespace aiges::oip {

class Inference final : public std::enable_shared_from_this<Inference>,
                        private SessionFront::Owner {
 public:
  class Owner {
   public:
    virtual void OnResponse(InferResponse response, const StageTimes& times) = 0;
    // Of a decoupled model: an error in the place of a response; more may follow.
    virtual void OnError(Status status) = 0;
    // All has been said. Not ok: what is wrong; nothing has come that makes a whole.
    virtual void OnEnd(Status status) = 0;
    // Of what came together (not each response): the owner may say Next.
    virtual void OnBatch() {}

   protected:
    ~Owner() = default;
  };

  // The rooms outlive it. `keep`: whoever owns it, until it is over.
  struct Rooms {
    Service* service;
    Sessions* sessions;
    Lane* lane;
    Server* server;
  };
  Inference(const Rooms& rooms, Owner* owner, std::shared_ptr<void> keep = nullptr);

  // The number by which HttpHooks::abort knows it; 0: it is over.
  uint64_t Start(OnceCall call, Wish wish, TimePoint until);
  // Of a decoupled model: more responses are wanted.
  void Next();
  // Whether the response that is told now is the last; of a decoupled one the engine says so.
  bool is_last() const { return last_; }
  void Leave();

 private:
  class Sink;

  uint64_t StartSession(OnceCall call);
  void OnReply(Reply reply);
  void OnOutput(SessionOutput output) override;
  void Tell(std::vector<Payload> payloads, const StageTimes& times);
  void TellBatch(std::vector<Payload> batch);
  void End(Status status);

  const Rooms rooms_;
  Owner* owner_;  // nullptr: it has left, or it is over.
  std::shared_ptr<void> keep_;
  Wish wish_;
  TimePoint until_;
  CallId call_ = 0;
  std::unique_ptr<SessionFront> session_;
  Status failed_;  // Of a response, which ends it.
  bool last_ = false;
};

}  // namespace aiges::oip
