// SPDX-License-Identifier: Apache-2.0
// loader/protocols/door_link.h: a call of an engine's door, as the front of it sees it: parts in,
// parts out, with the pace of both sides.
//
// Overview. HttpDoor and GrpcDoor (door_call.h) turn an Exchange into parts (api/door.h) and back;
// a DoorLink carries them. It gathers what is said before the call is submitted, holds back what
// the engine has no room for, and brings what the engine says to the lane.
//
// Ownership: a DoorLink is its Responder's; what the scheduler holds of it knows when it is gone.
// Threads: the lane. Nothing of DoorListener is called from within a method of DoorLink.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/api/budget.h"
#include "loader/api/door.h"
#include "loader/api/service.h"
#include "loader/front/exchange.h"
#include "loader/front/front_lane.h"

namespace aiges {

// Who answers the client.
class DoorListener {
 public:
  virtual ~DoorListener() = default;
  virtual void OnPart(Payload part) = 0;
  // The last; of a call that went well its payload is the last part.
  virtual void OnReply(Reply reply) = 0;
  // The engine has room for more of the request.
  virtual void OnTaken() = 0;
};

class DoorLink {
 public:
  DoorLink(DoorListener* listener, std::shared_ptr<Exchange> exchange, FrontLane* lane);
  ~DoorLink();  // Gives the call up, if it is not answered.
  DoorLink(const DoorLink&) = delete;
  DoorLink& operator=(const DoorLink&) = delete;

  // Before Submit: bytes that go with the first part. False: there is no room for them.
  bool Keep(std::string_view bytes);
  size_t kept() const { return first_.size(); }
  void Drop();  // It will not be submitted.
  // Once: admits the call, with its first part, whose data are what was kept.
  void Submit(Request request, Payload first);
  bool submitted() const { return submitted_; }
  // A further part of the request.
  void Send(Payload part);
  // More than may be under way: the client is to wait for OnTaken.
  bool full() const { return under_way_ > kDoorWindow; }

  // A part of the answer was given to the exchange; `room`: it takes more. The engine hears of it
  // now, or when the client has taken what there is (OnRoom of the exchange).
  void Gave(uint64_t bytes, bool room);
  void OnRoom() { Grant(); }

 private:
  class Talk;

  void Grant();
  void OnTook(uint64_t bytes);
  void OnReply(Reply reply);

  DoorListener& listener_;
  const std::shared_ptr<Exchange> exchange_;
  FrontLane& lane_;
  std::shared_ptr<Talk> talk_;
  CallId call_ = 0;
  bool submitted_ = false, answered_ = false;
  std::string first_;       // What is kept.
  uint64_t under_way_ = 0;  // Bytes of the request that the engine has not taken.
  Share input_;             // Of both.
  uint64_t ungranted_ = 0;  // Bytes of the answer that the client has not made room for.
};

}  // namespace aiges
