// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/door_link.h"

#include <algorithm>
#include <utility>

namespace aiges {

// What the scheduler and the hub hold. `link` is the lane's.
class DoorLink::Talk final : public DoorSink, public std::enable_shared_from_this<Talk> {
 public:
  Talk(DoorLink* of, Lane* on) : link(of), lane(*on) {}

  void Part(Payload part) override {
    lane.Post([self = shared_from_this(), part = std::move(part)]() mutable {
      if (self->link != nullptr) self->link->listener_.OnPart(std::move(part));
    });
  }
  void Took(uint64_t bytes) override {
    lane.Post([self = shared_from_this(), bytes] {
      if (self->link != nullptr) self->link->OnTook(bytes);
    });
  }

  // The one answer.
  class Sink final : public ReplySink {
   public:
    explicit Sink(std::shared_ptr<Talk> talk) : talk_(std::move(talk)) {}
    void Done(Reply reply) override {
      Lane& its = talk_->lane;
      its.Post([talk = std::move(talk_), reply = std::move(reply)]() mutable {
        if (talk->link != nullptr) talk->link->OnReply(std::move(reply));
      });
    }

   private:
    std::shared_ptr<Talk> talk_;
  };

  DoorLink* link;
  Lane& lane;
};

DoorLink::DoorLink(DoorListener* listener, std::shared_ptr<Exchange> exchange, FrontLane* lane)
    : listener_(*listener),
      exchange_(std::move(exchange)),
      lane_(*lane),
      talk_(std::make_shared<Talk>(this, &exchange_->lane())),
      input_(&lane->budget.input) {}

DoorLink::~DoorLink() {
  talk_->link = nullptr;
  if (call_ != 0 && !answered_) lane_.service.Abort(call_);
}

bool DoorLink::Keep(std::string_view bytes) {
  if (!input_.TrySet(first_.size() + bytes.size())) return false;
  first_.append(bytes);
  return true;
}

void DoorLink::Drop() {
  if (submitted_) return;
  first_ = {};
  input_.Set(0);
}

void DoorLink::Submit(Request request, Payload first) {
  submitted_ = true;
  first.data = Bytes::Own(std::exchange(first_, {}));
  under_way_ = first.data.size();
  input_.Set(under_way_);
  request.door = talk_;
  request.payloads.push_back(std::move(first));
  call_ = lane_.service.Submit(std::move(request), std::make_unique<Talk::Sink>(talk_));
  lane_.FlushSoon();
}

void DoorLink::Send(Payload part) {
  if (call_ == 0 || answered_) return;
  under_way_ += part.data.size();
  input_.Set(under_way_);
  lane_.service.SendPart(call_, std::move(part));
  lane_.FlushSoon();
}

void DoorLink::OnTook(uint64_t bytes) {
  const bool was_full = full();
  under_way_ -= std::min(under_way_, bytes);
  input_.Set(under_way_);
  if (was_full && !full()) listener_.OnTaken();
}

void DoorLink::Gave(uint64_t bytes, bool room) {
  ungranted_ += bytes;
  if (room) Grant();
}

void DoorLink::Grant() {
  if (ungranted_ == 0 || call_ == 0 || answered_) return;
  lane_.service.TookPart(call_, std::exchange(ungranted_, 0));
  lane_.FlushSoon();
}

void DoorLink::OnReply(Reply reply) {
  answered_ = true;
  under_way_ = 0;
  input_.Set(0);
  listener_.OnReply(std::move(reply));
}

}  // namespace aiges
