// SPDX-License-Identifier: Apache-2.0
// ModelStreamInfer. Requests of a stream run beside each other, each for a model of its own. Those
// of models with one response are answered in their order; responses of decoupled ones come when
// they are there. The stream takes no more requests while many are under way, or while its client
// does not take what there is; and no more output is asked of the engines then.
#include <chrono>
#include <deque>
#include <list>
#include <optional>
#include <utility>

#include "loader/protocols/oip/grpc_calls.h"
#include "loader/protocols/oip/grpc_codec.h"
#include "loader/protocols/oip/inference.h"

namespace aiges::oip {
namespace {

constexpr size_t kMostUnderWay = 1024;
constexpr const char* kFinal = "triton_final_response";
constexpr const char* kWantsEmptyFinal = "triton_enable_empty_final_response";
constexpr const char* kWantsStatus = "triton_grpc_error";

class StreamInferCall final : public GrpcCall {
 public:
  StreamInferCall(std::shared_ptr<Exchange> exchange, GrpcServices* env, Server* server)
      : GrpcCall(std::move(exchange), Kind::kStream, &env->grpc),
        env_(*env),
        server_(*server),
        wants_status_(head().fields.Find(kWantsStatus) == "true") {
    if (SendsGzip(head())) PackAnswers();
  }

 private:
  // A request under way. In order_ until it has been answered, where its order counts.
  struct One final : Inference::Owner {
    explicit One(StreamInferCall* c) : call(*c) {}
    void OnResponse(InferResponse response, const StageTimes&) override {
      const bool last = inference->is_last();
      said_final = said_final || last;
      response.params.emplace_back(kFinal, last);
      call.Say(this, WriteGrpcStream(response, ""));
    }
    void OnError(Status status) override {
      said_final = said_final || inference->is_last();
      call.SayError(this, status, inference->is_last());
    }
    void OnEnd(Status status) override { call.OnEnd(this, std::move(status)); }
    void OnBatch() override { call.OnBatch(this); }

    StreamInferCall& call;
    std::shared_ptr<Inference> inference;
    Wish wish;
    bool ordered = true, wants_empty = false, said_final = false, over = false;
    bool waits = false;  // For the client, before it asks the engine for more.
    std::vector<std::vector<Bytes>> messages;  // Of an ordered one that is not the first.
  };

  Memory memory() const { return {&env_.lane.buffers, &env_.lane.budget.input}; }

  // Parsed one after the other: their order is that of the stream.
  void OnMessage(Bytes message) override {
    if (over_) return;
    waiting_.push_back(std::move(message));
    TakeMore();
  }
  void OnMessagesEnd() override {
    ended_ = true;
    EndIfDone();
  }

  void TakeMore() {
    while (!over_ && !parsing_ && !waiting_.empty() && all_.size() < kMostUnderWay && !full_) {
      Bytes message = std::move(waiting_.front());
      waiting_.pop_front();
      if (IsLongToParse(message.view())) {
        ParseElsewhere(std::move(message));
      } else {
        InferRequest request;
        const Status status = ParseGrpc(message, memory(), &request);
        Begin(status, std::move(request));
      }
    }
    if (over_) return;
    if (waiting_.empty() && !parsing_) {
      Resume();
    } else {
      Pause();
    }
    EndIfDone();
  }

  void ParseElsewhere(Bytes message) {
    parsing_ = true;
    env_.lane.codec.Post(
        [this, exchange = exchange(), memory = memory(), message = std::move(message)]() mutable {
          auto request = std::make_shared<InferRequest>();
          Status status = ParseGrpc(message, memory, request.get());
          exchange->lane().Post([this, exchange, status = std::move(status), request] {
            if (exchange->over()) return;
            parsing_ = false;
            Begin(status, std::move(*request));
            TakeMore();
          });
        });
  }

  void Begin(Status status, InferRequest request) {
    if (over_) return;
    One* one = all_.emplace_back(std::make_unique<One>(this)).get();
    one->wish.id = request.id;
    one->wish.model = request.model;
    one->wish.version = request.version;
    Target target;
    OnceCall call;
    if (status.ok()) {
      status = FindTarget(server_.models(), request.model, request.version, &target);
    }
    if (status.ok()) status = CheckRoom(&env_.lane.budget.output);
    TimePoint until;
    if (status.ok()) {
      one->wish = Wish(request, target);
      one->ordered = !target.card->decoupled();
      const ParamValue* empty = FindParam(request.params, kWantsEmptyFinal);
      one->wants_empty = empty != nullptr && *empty == ParamValue(true);
      until = DeadlineOf(request.params, std::chrono::steady_clock::now(), deadline());
      if (!one->ordered && FindParam(request.params, "timeout") == nullptr) until = deadline();
      const ServiceSettings& settings = env_.lane.settings.service;
      status = MakeCall(&request, target, settings, server_.shm(), memory(),
                        AskerOf(*exchange(), settings), &call);
    }
    if (one->ordered) order_.push_back(one);
    if (!status.ok()) return OnEnd(one, std::move(status));
    one->inference = std::make_shared<Inference>(
        Inference::Rooms{&env_.lane.service, &env_.lane.sessions, &exchange()->lane(), &server_},
        one);
    one->inference->Start(std::move(call), one->wish, until);
    env_.lane.FlushSoon();
  }

  void Say(One* one, std::vector<Bytes> message) {
    if (over_) return;
    if (one->ordered && order_.front() != one) {
      one->messages.push_back(std::move(message));
    } else {
      SetFull(!Send(std::move(message)));
    }
  }

  // Who takes nothing for so long holds what others could have.
  void SetFull(bool full) {
    full_ = full;
    const std::chrono::milliseconds limit(env_.lane.settings.limits.stream_idle_ms);
    if (!full) {
      slow_ = nullptr;
    } else if (slow_ == nullptr && limit.count() > 0) {
      slow_ = exchange()->lane().SetAlarm(std::chrono::steady_clock::now() + limit, [this] {
        if (full_ && !over_) exchange()->Reset(ResetReason::kSlow);  // A status would wait.
      });
    }
  }

  // As Triton tells it: of which model only where it was asked.
  void SayError(One* one, const Status& status, bool last) {
    if (wants_status_) return Close(GrpcStatusOf(status));
    InferResponse response;
    response.id = one->wish.id;
    if (one->inference != nullptr) {
      response.model = one->wish.model;
      response.params.emplace_back(kFinal, last);
    }
    Say(one, WriteGrpcStream(response, status.text.empty() ? "unknown error" : status.text));
  }

  void OnEnd(One* one, Status status) {
    if (over_) return;
    if (!status.ok()) {
      SayError(one, status, /*last=*/true);
      if (over_) return;
    } else if (!one->said_final && one->wants_empty) {
      InferResponse response;
      response.model = one->wish.model;
      response.version = one->wish.version;
      response.id = one->wish.id;
      response.params.emplace_back(kFinal, true);
      Say(one, WriteGrpcStream(response, ""));
    }
    one->over = true;
    if (!one->ordered) Forget(one);
    while (!order_.empty() && order_.front()->over) {
      One* const first = order_.front();
      order_.pop_front();
      Forget(first);
      if (order_.empty()) break;
      for (std::vector<Bytes>& message : std::exchange(order_.front()->messages, {})) {
        SetFull(!Send(std::move(message)));
      }
    }
    // Not from within TakeMore's own loop: that goes on by itself.
    exchange()->lane().Gather([this, exchange = exchange()] {
      if (!exchange->over() && !over_) TakeMore();
    });
  }

  void Forget(One* one) {
    all_.remove_if([one](const std::unique_ptr<One>& each) { return each.get() == one; });
  }

  void OnBatch(One* one) {
    one->waits = full_;
    if (!full_) one->inference->Next();
  }
  void OnWritable() override {
    SetFull(false);
    std::vector<std::shared_ptr<Inference>> more;  // Next may end one.
    for (const auto& one : all_) {
      if (std::exchange(one->waits, false)) more.push_back(one->inference);
    }
    for (const auto& inference : more) inference->Next();
    TakeMore();
  }

  void EndIfDone() {
    if (ended_ && !over_ && !parsing_ && waiting_.empty() && all_.empty()) Close({});
  }

  void OnDeadline() override {
    if (full_) return exchange()->Reset(ResetReason::kCancel);  // A status would wait.
    Close({GrpcCode::kDeadlineExceeded, "the deadline has passed"});
  }
  void OnOver(Over) override { LeaveAll(); }

  void LeaveAll() {
    over_ = true;
    for (const auto& one : all_) {
      if (one->inference != nullptr) one->inference->Leave();
    }
  }
  void Close(const GrpcStatus& status) {
    LeaveAll();
    waiting_.clear();
    Resume();
    Fields trailers;
    AddLoad(&env_, &trailers);
    Finish(status, trailers);
  }

  GrpcServices& env_;
  Server& server_;
  const bool wants_status_;
  std::list<std::unique_ptr<One>> all_;  // Under way.
  std::deque<One*> order_;               // Of those, the ordered ones.
  std::deque<Bytes> waiting_;            // Messages that there is no room for yet.
  bool ended_ = false;                   // The client has said everything.
  bool parsing_ = false;                 // One message is with another thread.
  bool full_ = false;                    // The client is to take some of what was sent.
  std::unique_ptr<Lane::Alarm> slow_;    // While full_.
  bool over_ = false;
};

}  // namespace

std::unique_ptr<Responder> MakeStreamInferCall(std::shared_ptr<Exchange> exchange,
                                               GrpcServices* env, Server* server) {
  return std::make_unique<StreamInferCall>(std::move(exchange), env, server);
}

}  // namespace aiges::oip
