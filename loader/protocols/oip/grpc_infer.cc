// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "loader/protocols/oip/grpc_calls.h"
#include "loader/protocols/oip/grpc_codec.h"
#include "loader/protocols/oip/inference.h"

namespace aiges::oip {
namespace {

// ModelInfer. A decoupled model answers, too, where it has exactly one response.
class InferCall final : public GrpcCall, private Inference::Owner {
 public:
  InferCall(std::shared_ptr<Exchange> exchange, GrpcServices* env, Server* server)
      : GrpcCall(std::move(exchange), Kind::kUnary, &env->grpc), env_(*env), server_(*server) {
    if (SendsGzip(head())) PackAnswers();
  }

 private:
  Memory memory() const { return {&env_.lane.buffers, &env_.lane.budget.input}; }

  void OnMessage(Bytes message) override {
    if (!IsLongToParse(message.view())) {
      InferRequest request;
      const Status status = ParseGrpc(message, memory(), &request);
      return Begin(status, std::move(request));
    }
    env_.lane.codec.Post(
        [this, exchange = exchange(), memory = memory(), message = std::move(message)]() mutable {
          auto request = std::make_shared<InferRequest>();
          Status status = ParseGrpc(message, memory, request.get());
          exchange->lane().Post([this, exchange, status = std::move(status), request] {
            if (!exchange->over()) Begin(status, std::move(*request));
          });
        });
  }

  void Begin(Status status, InferRequest request) {
    Target target;
    OnceCall call;
    if (status.ok()) {
      status = FindTarget(server_.models(), request.model, request.version, &target);
    }
    if (status.ok()) status = CheckRoom(&env_.lane.budget.output);
    if (!status.ok()) return Refuse(status);
    Wish wish(request, target);
    const TimePoint until =
        DeadlineOf(request.params, std::chrono::steady_clock::now(), deadline());
    const ServiceSettings& settings = env_.lane.settings.service;
    status = MakeCall(&request, target, settings, server_.shm(), memory(),
                      AskerOf(*exchange(), settings), &call);
    if (!status.ok()) return Refuse(status);
    inference_ = std::make_shared<Inference>(
        Inference::Rooms{&env_.lane.service, &env_.lane.sessions, &exchange()->lane(), &server_},
        static_cast<Inference::Owner*>(this));
    inference_->Start(std::move(call), std::move(wish), until);
    env_.lane.FlushSoon();
  }

  void OnResponse(InferResponse response, const StageTimes&) override {
    if (responses_++ == 0) response_ = std::move(response);
  }
  void OnError(Status status) override {
    if (responses_++ == 0) error_ = std::move(status);
  }
  void OnBatch() override { inference_->Next(); }
  void OnEnd(Status status) override {
    if (status.ok() && responses_ != 1) {
      status = Status::Error(
          StatusKind::kUnsupported,
          StrCat("ModelInfer RPC doesn't support models with decoupled transaction policy, unless "
                 "they produce exactly 1 response; got ",
                 responses_));
    }
    if (status.ok()) status = std::move(error_);
    if (!status.ok()) return Refuse(status);
    Send(WriteGrpc(response_));
    response_ = {};
    Close({});
  }

  void Refuse(const Status& status) { Close(GrpcStatusOf(status)); }
  void Close(const GrpcStatus& status) {
    Fields trailers;
    AddLoad(&env_, &trailers);
    Finish(status, trailers);
  }

  void OnOver(Over) override {
    if (inference_ != nullptr) inference_->Leave();
  }

  GrpcServices& env_;
  Server& server_;
  std::shared_ptr<Inference> inference_;
  InferResponse response_;  // The first, or
  Status error_;            // what came in its place.
  uint64_t responses_ = 0;
};

}  // namespace

std::unique_ptr<Responder> MakeInferCall(std::shared_ptr<Exchange> exchange, GrpcServices* env,
                                         Server* server) {
  return std::make_unique<InferCall>(std::move(exchange), env, server);
}

}  // namespace aiges::oip
