// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/stream_call.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/once.h"
#include "loader/protocols/session_front.h"
#include "loader/protocols/xsf_codec.h"

namespace aiges {
namespace {

class StreamCall final : public GrpcCall, private SessionFront::Owner {
 public:
  StreamCall(std::shared_ptr<Exchange> exchange, GrpcServices* env)
      : GrpcCall(std::move(exchange), Kind::kStream, &env->grpc),
        env_(*env),
        idle_limit_(std::chrono::milliseconds(env->lane.settings.limits.stream_idle_ms)),
        session_(&env->lane.sessions, &this->exchange()->lane(), this) {
    if (SendsGzip(head())) PackAnswers();
    SeeProgress();
    if (idle_limit_ > Duration::zero()) SetAlarm(progress_ + idle_limit_);
  }

 private:
  // The client did something, or what it did waits for the engine.
  void SeeProgress() { progress_ = std::chrono::steady_clock::now(); }

  void OnMessage(Bytes message) override {
    SeeProgress();
    if (over_ || once_) return;
    if (session_.has_room() && waiting_.empty()) return Take(std::move(message));
    waiting_.push_back(std::move(message));
    Pause();
  }
  void OnMessagesEnd() override {
    SeeProgress();
    if (over_ || once_) return;
    input_ends_ = true;
    if (waiting_.empty()) OnInputEnd();
  }

  // The engine has taken some: there is room for others.
  void OnInputRoom() override {
    while (!over_ && !once_ && !waiting_.empty() && session_.has_room()) {
      Bytes message = std::move(waiting_.front());
      waiting_.pop_front();
      Take(std::move(message));
    }
    if (over_ || !waiting_.empty()) return;
    Resume();
    if (input_ends_ && !input_ended_) OnInputEnd();
  }

  void Take(Bytes message) {
    XsfRequest request;
    const Status parsed = ParseLoaderInput(message, &request);
    message = {};
    if (!parsed.ok() || request.meta_missing) {
      return Reject(
          {GrpcCode::kInvalidArgument, parsed.ok() ? "a payload has no meta" : parsed.text});
    }
    Status status = CheckSource(request.call);
    if (status.ok() && session_.id() == 0) status = Open(&request);
    if (!status.ok()) {
      session_.Abort();
      if (status.kind == StatusKind::kOverloaded) {
        return Reject({GrpcCode::kResourceExhausted, status.text});
      }
      return Fail(status);
    }
    std::vector<Payload> payloads = std::move(request.call.request.payloads);
    status = once_ ? session_.WriteOnce(std::move(payloads))
                   : session_.Write(std::move(payloads), DataStatus::kContinue);
    if (Written(status)) Poll();
  }

  Status Open(XsfRequest* request) {
    OnceCall& call = request->call;
    call.request.origin = exchange()->caller().origin;
    PassHeaders(env_.lane.settings.service, &call);
    once_ = request->state == SessionState::kOnce;
    service_id_ = call.service_id;
    call.request.request_id = RequestIdOf(head());
    call.request.protocol = "stream";
    output_.emplace(std::move(call.expect));
    const Status found = FindModel(env_.lane.models, exchange()->caller(), &call);
    if (!found.ok()) return found;
    return session_.Open(&call, env_.handles.Of(exchange()->peer()).Make());
  }

  // False: there was no room for it, and the call has ended with that.
  bool Written(const Status& status) {
    if (status.ok()) return true;
    const bool fault = status.kind == StatusKind::kInvalid;
    Reject({fault ? GrpcCode::kInvalidArgument : GrpcCode::kResourceExhausted, status.text});
    return false;
  }

  // The client has said everything.
  void OnInputEnd() {
    input_ended_ = true;
    if (session_.id() == 0) {
      return Reject(
          {GrpcCode::kInvalidArgument, "expected a LoaderInput that opens the session, got none"});
    }
    Written(session_.EndInput());
  }

  void Poll() {
    if (!over_ && !full_) session_.Poll();
  }

  void OnOutput(SessionOutput output) override {
    if (over_) return;
    if (!output.status.ok()) return Fail(output.status);
    std::vector<Payload> payloads;
    for (std::vector<Payload>& batch : output.batches) {
      std::move(batch.begin(), batch.end(), std::back_inserter(payloads));
    }
    const Status status = output_->Check(&payloads);
    if (!status.ok()) {
      session_.Abort();
      return Fail(status);
    }
    XsfReply reply;
    reply.service_id = service_id_;
    reply.payloads = &payloads;
    reply.output_status = static_cast<int>(output.last ? DataStatus::kEnd
                                           : begun_    ? DataStatus::kContinue
                                                       : DataStatus::kBegin);
    begun_ = true;
    if (output.last) return SendLast(reply, {});
    full_ = !Send(SerialiseLoaderOutput(reply));
    Poll();
  }

  void OnWritable() override {
    full_ = false;
    SeeProgress();
    Poll();
  }

  // An error of the session, as its last message. What is the caller's fault shows in the call's
  // status as well.
  void Fail(const Status& status) {
    XsfReply reply;
    reply.service_id = service_id_;
    reply.output_code = CodeOf(status);
    reply.output_error = status.text;
    reply.output_status = static_cast<int>(DataStatus::kEnd);
    const bool fault = status.kind == StatusKind::kInvalid;
    SendLast(reply, fault ? GrpcStatus{GrpcCode::kInvalidArgument, status.text} : GrpcStatus{});
  }
  void SendLast(const XsfReply& reply, const GrpcStatus& status) {
    Fields trailers;
    AddLoad(&env_, &trailers);
    Send(SerialiseLoaderOutput(reply));
    End(status, trailers);
  }
  void Reject(const GrpcStatus& status) {
    session_.Abort();
    End(status, {});
  }
  void End(const GrpcStatus& status, const Fields& trailers) {
    over_ = true;
    idle_ = nullptr;
    waiting_.clear();
    Resume();
    Finish(status, trailers);
  }

  void OnDeadline() override {
    if (!over_) session_.Abort();
    if (full_) return exchange()->Reset(ResetReason::kCancel);  // A status would wait.
    End({GrpcCode::kDeadlineExceeded, "the deadline has passed"}, {});
  }

  void OnOver(Over) override {
    if (!over_) session_.Abort();  // Cancelled.
    over_ = true;
  }

  void SetAlarm(TimePoint t) {
    idle_ = exchange()->lane().SetAlarm(t, [this] { OnIdleAlarm(); });
  }

  // Only a client is idle: time that the engine takes does not count.
  void OnIdleAlarm() {
    if (over_) return;
    const bool listens = !once_ && !input_ends_ && waiting_.empty();
    if (!full_ && (!listens || session_.untaken() > 0)) SeeProgress();
    const TimePoint limit = std::max(progress_, session_.last_taken()) + idle_limit_;
    if (limit > std::chrono::steady_clock::now()) return SetAlarm(limit);
    if (full_) return exchange()->Reset(ResetReason::kSlow);  // A status would wait.
    Reject(
        {GrpcCode::kDeadlineExceeded, StrCat("the client was idle for [limits] stream_idle_ms = ",
                                             env_.lane.settings.limits.stream_idle_ms, " ms")});
  }

  GrpcServices& env_;
  const Duration idle_limit_;  // 0: none.
  SessionFront session_;
  TimePoint progress_;
  std::unique_ptr<Lane::Alarm> idle_;
  std::deque<Bytes> waiting_;  // Messages that there is no room for yet.
  std::string service_id_;
  std::optional<StreamOutput> output_;
  bool once_ = false, begun_ = false;
  bool input_ends_ = false;   // The client has said everything,
  bool input_ended_ = false;  // and the engine has been told.
  bool full_ = false;         // The client is to take some of what was sent.
  bool over_ = false;         // Nothing more is read, polled for or written.
};

}  // namespace

std::unique_ptr<Responder> MakeStreamCall(std::shared_ptr<Exchange> exchange, GrpcServices* env) {
  return std::make_unique<StreamCall>(std::move(exchange), env);
}

}  // namespace aiges
