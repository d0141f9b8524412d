#include "loader/ingress/grpc_stream.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/ingress/grpc_bytes.h"
#include "loader/ingress/once.h"
#include "loader/ingress/xsf_codec.h"

namespace aiges {
namespace {

constexpr int kPosted = 16;
// Writes that may wait for the engine before the client is made to wait.
constexpr int kMostWrites = 8;
// Batches that leave as one message, and that the engine may be ahead of the client.
constexpr size_t kMostBatches = 32;
constexpr unsigned kAhead = 128;

// One call. Lives until gRPC has told of its end (done_), nothing is outstanding at gRPC, and the
// session has called back all it was given; belongs to the lane.
class StreamCall : public std::enable_shared_from_this<StreamCall> {
 public:
  static void Accept(const StreamContext& env) {
    auto call = std::make_shared<StreamCall>(env);
    call->self_ = call;
    call->context_.AsyncNotifyWhenDone(&call->done_);
    grpc::ServerCompletionQueue* queue = env.lane.queue();
    env.stream.RequestRun(&call->context_, &call->rpc_, queue, queue, &call->arrived_);
  }

  explicit StreamCall(const StreamContext& env) : env_(env), rpc_(&context_) {}

 private:
  class Sink : public OutputSink {
   public:
    explicit Sink(std::shared_ptr<StreamCall> call) : call_(std::move(call)) {}
    void Done(SessionOutput output) override {
      if (t_polling == call_.get()) {  // At once, on the lane itself.
        call_->at_once_ = std::move(output);
        return;
      }
      GrpcLane& lane = call_->env_.lane;
      lane.Post([call = std::move(call_), out = std::make_shared<SessionOutput>(
                                              std::move(output))] { call->OnOutput(*out); });
    }

   private:
    std::shared_ptr<StreamCall> call_;
  };

  void OnArrived(bool ok) {
    if (!ok) {  // Shutting down: this one was never used, its done event does not come either.
      self_.reset();
      return;
    }
    Accept(env_);
    env_.lane.Enter();
    Read();
  }

  void Read() {
    busy_read_ = true;
    rpc_.Read(&message_, &read_);
  }

  void OnRead(bool ok) {
    busy_read_ = false;
    if (over_) return MaybeGone();
    if (!ok) return OnInputEnd();
    XsfRequest request;
    const Status parsed = ParseLoaderInput(Contiguous(message_, &env_.buffers), &request);
    message_.Clear();
    if (!parsed.ok() || request.meta_missing) {
      return Reject({grpc::StatusCode::INVALID_ARGUMENT,
                     parsed.ok() ? "a payload has no meta" : parsed.text});
    }
    Status status = CheckSource(request.call);
    if (status.ok() && id_ == 0) status = Open(&request);
    if (!status.ok()) {
      if (id_ != 0) env_.sessions.Abort(id_);
      if (status.kind == StatusKind::kOverloaded) {
        return Reject({grpc::StatusCode::RESOURCE_EXHAUSTED, status.text});
      }
      return Fail(status);
    }
    if (!Write(std::move(request.call.request.payloads))) return;
    if (!polling_ && !busy_write_ && !over_) Poll();
    if (!once_ && !over_) ReadIfWanted();
  }

  Status Open(XsfRequest* request) {
    OnceCall& call = request->call;
    PassHeaders(env_.settings.service, &call);
    once_ = request->state == SessionState::kOnce;
    service_id_ = call.service_id;
    SessionRequest open;
    open.handle = env_.handles.Make();
    open.params = std::move(call.request.params);
    open.psr_ids = std::move(call.request.psr_ids);
    open.output_batches = kAhead;
    output_.emplace(std::move(call.expect));
    return env_.sessions.Open(std::move(open), &id_);
  }

  // False: there was no room for it, and the call has ended with that.
  bool Write(std::vector<Payload> payloads) {
    for (Payload& p : payloads) {
      p.status = once_ ? DataStatus::kOnce : StreamStatus(p, DataStatus::kContinue);
      const bool end = p.status == DataStatus::kEnd || p.status == DataStatus::kOnce;
      std::erase_if(open_, [&p](const auto& stream) { return stream.first == p.key; });
      if (!end) open_.emplace_back(p.key, p.type);
    }
    if (payloads.empty()) return true;
    ++untaken_;
    const Status status = env_.sessions.Write(id_, 0, std::move(payloads),
                                              [call = shared_from_this()] { call->OnTaken(); });
    if (!status.ok()) --untaken_;
    if (status.kind != StatusKind::kOverloaded) return true;  // Over: the poll tells why.
    Reject({grpc::StatusCode::RESOURCE_EXHAUSTED, status.text});
    return false;
  }

  // Any thread.
  void OnTaken() {
    if (untaken_.fetch_sub(1) == kMostWrites) {
      env_.lane.Post([call = shared_from_this()] { call->ReadIfWanted(); });
    }
  }

  void ReadIfWanted() {
    if (!busy_read_ && !input_closed_ && !over_ && !once_ && untaken_ < kMostWrites) Read();
  }

  // The client has said everything.
  void OnInputEnd() {
    input_closed_ = true;
    if (id_ == 0) {
      return Reject({grpc::StatusCode::INVALID_ARGUMENT,
                     "expected a LoaderInput that opens the session, got none"});
    }
    std::vector<Payload> ends;
    for (const auto& [key, type] : std::exchange(open_, {})) {
      Payload& end = ends.emplace_back();
      end.key = key;
      end.type = type;
      end.status = DataStatus::kEnd;
      end.desc.emplace_back("status", "2");
    }
    Write(std::move(ends));
  }

  void Poll() {
    polling_ = true;
    t_polling = this;
    env_.sessions.Poll(id_, kMostBatches, TimePoint::max(),
                       std::make_unique<Sink>(shared_from_this()));
    t_polling = nullptr;
    if (at_once_) {
      const SessionOutput output = std::move(*at_once_);
      at_once_.reset();
      OnOutput(output);
    }
  }

  void OnOutput(const SessionOutput& output) {
    polling_ = false;
    if (over_) return MaybeGone();
    if (!output.status.ok()) return Fail(output.status);
    std::vector<Payload> payloads;
    for (const std::vector<Payload>& batch : output.batches) {
      payloads.insert(payloads.end(), batch.begin(), batch.end());
    }
    const Status status = output_->Check(&payloads);
    if (!status.ok()) {
      env_.sessions.Abort(id_);
      return Fail(status);
    }
    XsfReply reply;
    reply.service_id = service_id_;
    reply.payloads = &payloads;
    reply.output_status = static_cast<int>(output.last ? DataStatus::kEnd
                                           : begun_    ? DataStatus::kContinue
                                                       : DataStatus::kBegin);
    begun_ = true;
    if (output.last) return SendLast(reply);
    busy_write_ = true;
    rpc_.Write(ToByteBuffer(SerialiseLoaderOutput(reply)), &wrote_);
  }

  void OnWritten(bool ok) {
    busy_write_ = false;
    if (after_write_) return std::exchange(after_write_, nullptr)();
    if (!ok || over_) return MaybeGone();  // The client is gone; done_ says so too.
    Poll();
  }

  // An error of the session, as its last message.
  void Fail(const Status& status) {
    XsfReply reply;
    reply.service_id = service_id_;
    reply.output_code = CodeOf(status);
    reply.output_error = status.text;
    reply.output_status = static_cast<int>(DataStatus::kEnd);
    SendLast(reply);
  }
  void SendLast(const XsfReply& reply) {
    std::string load = env_.load.Binary(std::chrono::steady_clock::now());
    if (!load.empty()) context_.AddTrailingMetadata(LoadHeader::kTrailer, std::move(load));
    EndWith([this, message = ToByteBuffer(SerialiseLoaderOutput(reply))] {
      rpc_.WriteAndFinish(message, {}, grpc::Status::OK, &finished_);
    });
  }
  void Reject(const grpc::Status& status) {
    if (id_ != 0) env_.sessions.Abort(id_);
    EndWith([this, status] { rpc_.Finish(status, &finished_); });
  }
  // gRPC takes one message at a time.
  void EndWith(std::function<void()> end) {
    over_ = busy_finish_ = true;
    if (busy_write_) {
      after_write_ = std::move(end);
    } else {
      end();
    }
  }

  void OnFinished() {
    busy_finish_ = false;
    MaybeGone();
  }

  void OnDone() {
    done_came_ = true;
    if (!over_ && id_ != 0) env_.sessions.Abort(id_);  // Cancelled.
    over_ = true;
    MaybeGone();
  }

  // Outstanding polls and writes hold references of their own.
  void MaybeGone() {
    if (!done_came_ || busy_read_ || busy_write_ || busy_finish_ || self_ == nullptr) return;
    env_.lane.Leave();
    self_.reset();
  }

  static thread_local StreamCall* t_polling;

  const StreamContext& env_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> rpc_;
  grpc::ByteBuffer message_;
  std::shared_ptr<StreamCall> self_;
  SessionId id_ = 0;
  std::string service_id_;
  std::optional<StreamOutput> output_;
  std::optional<SessionOutput> at_once_;
  std::vector<std::pair<std::string, DataType>> open_;  // Input streams that have not ended.
  std::function<void()> after_write_;
  std::atomic<int> untaken_{0};
  bool once_ = false, begun_ = false, input_closed_ = false, polling_ = false;
  bool over_ = false;  // Nothing more is read, polled for or written.
  bool busy_read_ = false, busy_write_ = false, busy_finish_ = false, done_came_ = false;
  GrpcLane::Event arrived_ = [this](bool ok) { OnArrived(ok); };
  GrpcLane::Event read_ = [this](bool ok) { OnRead(ok); };
  GrpcLane::Event wrote_ = [this](bool ok) { OnWritten(ok); };
  GrpcLane::Event finished_ = [this](bool) { OnFinished(); };
  GrpcLane::Event done_ = [this](bool) { OnDone(); };
};

thread_local StreamCall* StreamCall::t_polling = nullptr;

}  // namespace

void AcceptStreams(const StreamContext& context) {
  for (int i = 0; i < kPosted; ++i) StreamCall::Accept(context);
}

}  // namespace aiges
