// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/inference.h"

#include <chrono>

namespace aiges::oip {

class Inference::Sink final : public ReplySink {
 public:
  explicit Sink(std::shared_ptr<Inference> me) : me_(std::move(me)) {}
  void Done(Reply reply) override {
    Lane& lane = *me_->rooms_.lane;
    lane.Post([me = std::move(me_), reply = std::move(reply)]() mutable {
      me->OnReply(std::move(reply));
    });
  }

 private:
  std::shared_ptr<Inference> me_;
};

Inference::Inference(const Rooms& rooms, Owner* owner, std::shared_ptr<void> keep)
    : rooms_(rooms), owner_(owner), keep_(std::move(keep)) {}

uint64_t Inference::Start(OnceCall call, Wish wish, TimePoint until) {
  wish_ = std::move(wish);
  until_ = until;
  call.request.protocol = "oip";
  if (wish_.card->decoupled()) return StartSession(std::move(call));
  last_ = true;
  call.request.arrived = std::chrono::steady_clock::now();
  call.request.deadline = until;
  call_ =
      rooms_.service->Submit(std::move(call.request), std::make_unique<Sink>(shared_from_this()));
  return call_;
}

uint64_t Inference::StartSession(OnceCall call) {
  session_ = std::make_unique<SessionFront>(rooms_.sessions, rooms_.lane,
                                            static_cast<SessionFront::Owner*>(this));
  std::vector<Payload> inputs = std::move(call.request.payloads);
  Status status = session_->Open(&call, call.request.handle);
  if (status.ok()) {
    status = session_->WriteOnce(std::move(inputs));
    if (!status.ok()) session_->Abort();
  }
  const uint64_t id = status.ok() ? session_->id() : 0;
  // Not from within: the owner may not be ready to be told.
  rooms_.lane->Post([me = shared_from_this(), status = std::move(status)]() mutable {
    if (!status.ok()) return me->End(std::move(status));
    me->Next();
  });
  return id;
}

void Inference::Next() {
  if (session_ != nullptr && owner_ != nullptr) session_->Poll(until_, shared_from_this());
}

void Inference::Leave() {
  const bool gone = owner_ == nullptr;
  owner_ = nullptr;
  if (!gone && call_ != 0) rooms_.service->Abort(call_);
  if (!gone && session_ != nullptr) session_->Abort();
  keep_ = nullptr;
}

void Inference::OnReply(Reply reply) {
  call_ = 0;
  if (owner_ == nullptr) return;
  if (!reply.status.ok()) return End(std::move(reply.status));
  if (wish_.counted != nullptr) rooms_.server->CountItems(*wish_.counted, wish_.items);
  Tell(std::move(reply.payloads), reply.times);
  End(std::move(failed_));
}

void Inference::OnOutput(SessionOutput output) {
  if (owner_ == nullptr) return;
  if (!output.status.ok()) return End(std::move(output.status));
  if (output.batches.empty() && !output.last && std::chrono::steady_clock::now() >= until_) {
    session_->Abort();
    return End(Status::Error(StatusKind::kDeadline, "Request timeout expired"));
  }
  for (std::vector<Payload>& batch : output.batches) {
    last_ = output.last && &batch == &output.batches.back();
    TellBatch(std::move(batch));
    if (!failed_.ok()) {
      session_->Abort();
      return End(std::move(failed_));
    }
    if (owner_ == nullptr) return;
  }
  if (output.last) return End(Status::Ok());
  owner_->OnBatch();
}

void Inference::TellBatch(std::vector<Payload> batch) {
  Status error;
  if (IsError(batch, &error)) {
    owner_->OnError(std::move(error));
  } else if (IsResponse(batch)) {
    Tell(std::move(batch), {});
  }
}

void Inference::Tell(std::vector<Payload> payloads, const StageTimes& times) {
  InferResponse response;
  failed_ = MakeResponse(std::move(payloads), wish_, rooms_.server->shm(), &response);
  if (failed_.ok()) owner_->OnResponse(std::move(response), times);
}

void Inference::End(Status status) {
  Owner* const owner = std::exchange(owner_, nullptr);
  const std::shared_ptr<void> keep = std::move(keep_);
  if (owner == nullptr) return;
  if (!status.ok()) status.text = ErrorText(status);
  owner->OnEnd(std::move(status));
}

}  // namespace aiges::oip
