// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/session_front.h"

#include <chrono>
#include <utility>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// Whose Poll runs on this thread: what comes meanwhile came at once.
thread_local const void* t_polling = nullptr;

}  // namespace

class SessionFront::Sink final : public OutputSink {
 public:
  Sink(std::shared_ptr<State> state, std::shared_ptr<void> keep)
      : state_(std::move(state)), keep_(std::move(keep)) {}

  void Done(SessionOutput output) override {
    if (t_polling == state_.get()) {
      state_->front->at_once_ = std::move(output);
      return;
    }
    Lane& lane = state_->lane;
    lane.Post(
        [state = std::move(state_), keep = std::move(keep_), output = std::move(output)]() mutable {
          if (state->front != nullptr) state->front->Deliver(std::move(output));
        });
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<void> keep_;
};

SessionFront::SessionFront(Sessions* sessions, Lane* lane, Owner* owner)
    : sessions_(*sessions), owner_(*owner), state_(std::make_shared<State>(lane, this)) {}

SessionFront::~SessionFront() { state_->front = nullptr; }

Status SessionFront::Open(OnceCall* call, std::string handle) {
  SessionRequest open;
  open.model = std::move(call->request.model);
  open.path = std::move(call->request.path);
  open.handle = std::move(handle);
  open.origin = std::move(call->request.origin);
  open.request_id = std::move(call->request.request_id);
  open.protocol = call->request.protocol;
  open.params = std::move(call->request.params);
  open.psr_ids = std::move(call->request.psr_ids);
  open.output_batches = kAhead;
  return sessions_.Open(std::move(open), &id_);
}

TimePoint SessionFront::last_taken() const {
  return TimePoint(Duration(state_->last_taken.load(std::memory_order_relaxed)));
}

Status SessionFront::Write(std::vector<Payload> payloads, DataStatus otherwise) {
  for (Payload& p : payloads) {
    p.status = StreamStatus(p, otherwise);
    const bool end = p.status == DataStatus::kEnd || p.status == DataStatus::kOnce;
    if (end) {
      open_.erase(p.key);
    } else {
      open_.insert_or_assign(p.key, p.type);
    }
  }
  if (payloads.empty()) return Status::Ok();
  if (open_.size() > kMostOpenStreams) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("input invalid data: expected at most ", kMostOpenStreams,
                                " payload keys that have not ended, got more"),
                         kCodeInvalidInput);
  }
  return Send(std::move(payloads));
}

Status SessionFront::WriteOnce(std::vector<Payload> payloads) {
  for (Payload& p : payloads) p.status = DataStatus::kOnce;
  return payloads.empty() ? Status::Ok() : Send(std::move(payloads));
}

Status SessionFront::Send(std::vector<Payload> payloads) {
  ++state_->untaken;
  Status status =
      sessions_.Write(id_, 0, std::move(payloads), [state = state_] { OnTaken(state); });
  if (status.ok()) return status;
  --state_->untaken;
  if (status.kind == StatusKind::kOverloaded) return status;
  return Status::Ok();  // Over: the poll tells why.
}

Status SessionFront::EndInput() {
  std::vector<Payload> ends;
  for (const auto& [key, type] : std::exchange(open_, {})) {
    Payload& end = ends.emplace_back();
    end.key = key;
    end.type = type;
    end.status = DataStatus::kEnd;
    end.desc.emplace_back("status", "2");
  }
  return ends.empty() ? Status::Ok() : Send(std::move(ends));
}

// Any thread.
void SessionFront::OnTaken(const std::shared_ptr<State>& state) {
  state->last_taken.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                          std::memory_order_relaxed);
  if (state->untaken.fetch_sub(1) != kMostUntaken) return;
  state->lane.Post([state] {
    if (state->front != nullptr) state->front->owner_.OnInputRoom();
  });
}

void SessionFront::Poll(TimePoint until, std::shared_ptr<void> keep) {
  if (polling_ || wanted_ || id_ == 0) return;
  wanted_ = true;
  until_ = until;
  keep_ = std::move(keep);
  if (!looping_) Loop();
}

void SessionFront::Loop() {
  const std::shared_ptr<State> state = state_;  // The owner may let go of the front.
  looping_ = true;
  while (std::exchange(wanted_, false)) {
    polling_ = true;
    const std::shared_ptr<void> keep = std::exchange(keep_, nullptr);
    t_polling = state.get();
    sessions_.Poll(id_, kMostBatches, until_, std::make_unique<Sink>(state, keep));
    t_polling = nullptr;
    if (!at_once_) break;
    polling_ = false;
    owner_.OnOutput(*std::exchange(at_once_, std::nullopt));
    if (state->front == nullptr) return;
  }
  looping_ = false;
}

void SessionFront::Deliver(SessionOutput output) {
  polling_ = false;
  owner_.OnOutput(std::move(output));
}

void SessionFront::Abort() {
  if (id_ != 0) sessions_.Abort(id_);
}

}  // namespace aiges
