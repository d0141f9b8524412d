#include "loader/ingress/grpc_xsf.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/ingress/grpc_bytes.h"
#include "loader/ingress/once.h"
#include "loader/ingress/xsf_codec.h"

namespace aiges {
namespace {

// Calls that may arrive at once before the lane has looked at the first.
constexpr int kPosted = 128;
constexpr int kStatusEnd = 2;
// Request metadata that asks for the time per stage, and the trailing metadata that tells it.
constexpr const char* kTimingKey = "server-timing";

// waitTime in ms: absent -> the default, not a number -> 0 (frozen behaviour).
int64_t WaitMs(const XsfRequest& request, uint64_t absent) {
  const std::string* text = Find(request.param, "waitTime");
  if (text == nullptr) return static_cast<int64_t>(absent);
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (error != std::errc() || end != text->data() + text->size()) return 0;
  return std::clamp<int64_t>(ms, 0, 86'400'000);
}

// One call on its way. Gets three events from its lane: arrived, done (told of the end or of the
// client's cancellation), finished (the answer is out); deletes itself after the last.
class XsfServerCall {
 public:
  explicit XsfServerCall(const XsfContext& env) : env_(env), responder_(&context_) {
    context_.AsyncNotifyWhenDone(&done_);
    grpc::ServerCompletionQueue* queue = env_.lane.queue();
    env_.xsf.Requestcall(&context_, &message_, &responder_, queue, queue, &arrived_);
  }

 private:
  class Sink : public ReplySink {
   public:
    explicit Sink(XsfServerCall* call) : call_(call) {}
    void Done(Reply reply) override {
      call_->reply_ = std::move(reply);
      call_->env_.lane.Answer([call = call_] { call->OnReply(); });
    }

   private:
    XsfServerCall* call_;
  };

  // Output of a session. It comes to the lane even when the client is gone, so as to be kept.
  class PollSink : public OutputSink {
   public:
    explicit PollSink(XsfServerCall* call) : call_(call) {}
    void Done(SessionOutput output) override {
      call_->output_ = std::move(output);
      call_->env_.lane.Post([call = call_] { call->OnOutput(); });
    }

   private:
    XsfServerCall* call_;
  };

  void OnArrived(bool ok) {
    if (!ok) {  // Shutting down: this one was never used, its done event does not come either.
      delete this;
      return;
    }
    env_.lane.Enter();
    events_left_ = 2;
    Serve();
    new XsfServerCall(env_);  // The next; after Serve, which somebody waits for.
  }

  void OnDone() {
    gone_ = context_.IsCancelled();
    if (gone_ && call_id_ != 0) env_.service.Abort(call_id_);
    if (gone_ && polling_) env_.sessions.EndPoll(session_->id);
    Leave();
  }
  void Leave() {
    if (--events_left_ > 0) return;
    env_.lane.Leave();
    delete this;
  }

  void Serve() {
    const TimePoint now = std::chrono::steady_clock::now();
    const Bytes message = Contiguous(message_, &env_.buffers);
    message_.Clear();
    const Status parsed = ParseXsf(message, &request_);
    if (!parsed.ok() && parsed.code == 0) {
      responder_.FinishWithError(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, parsed.text),
                                 &finished_);
      return;
    }
    if (request_.handle.empty()) request_.handle = env_.handles.Make();
    if (!parsed.ok()) return Refuse(parsed);
    if (request_.op == "ping") {
      XsfReply reply;
      reply.has_output = false;
      return Finish(reply);
    }
    const std::string& op = request_.op;
    if (op == "AILoad" || op == "AIUnLoad") return ServeResource();
    if (op == "AIHotword" || op == "AIDetect" || op == "AILBType") {
      return Refuse(Status::Ok(), 0);
    }
    if (op != "AIIn" && op != "AIOut" && op != "AIExcp") {
      return Refuse(Status::Error(StatusKind::kUnimplemented,
                                  StrCat("invalid service operation: \"", op, "\""),
                                  kCodeInvalidOp));
    }
    if (request_.meta_missing) {
      return Refuse(Status::Error(StatusKind::kInvalid,
                                  "input invalid data: a payload has no meta",
                                  kCodeInvalidInput));
    }
    const std::string* seq = Find(request_.param, "SeqNo");
    const bool first = seq != nullptr && *seq == "1";
    if (op != "AIIn" || !first || request_.state != SessionState::kOnce) {
      return ServeSession(first, now);
    }
    const Status input = CheckInput(request_.call);
    if (!input.ok()) return Refuse(input);
    Submit(now);
  }

  // AILoad: the first payload becomes a resource, its number is the answer's payload "res_id".
  // AIUnLoad: params["res_id"]. Without these, an empty success as ever.
  void ServeResource() {
    std::vector<Payload>& payloads = request_.call.request.payloads;
    const std::string* number = Find(request_.call.request.params, "res_id");
    const bool load = request_.op == "AILoad";
    if (load ? payloads.empty() : number == nullptr) return Refuse(Status::Ok(), 0);
    ++events_left_;  // The answer.
    if (!load) {
      return env_.resources.Unload(static_cast<unsigned>(std::atoi(number->c_str())),
                                   [this](Status status) { OnResource(std::move(status), 0); });
    }
    env_.resources.Load(std::move(payloads.front()), [this](Status status, unsigned id) {
      OnResource(std::move(status), id);
    });
  }

  void OnResource(Status status, unsigned id) {
    env_.lane.Post([this, status = std::move(status), id] {
      std::vector<Payload> payloads;
      if (id != 0) {
        payloads.emplace_back().key = "res_id";
        payloads.back().data = Bytes::Own(std::to_string(id));
      }
      XsfReply out;
      out.service_id = request_.call.service_id;
      out.payloads = &payloads;
      if (status.ok()) {
        Finish(out);
      } else {
        Refuse(status);
      }
      Leave();
    });
  }

  // One operation of a session; `first`: the one that opens it.
  void ServeSession(bool first, TimePoint now) {
    Status status = CheckSource(request_.call);
    for (Payload& p : request_.call.request.payloads) p.status = StreamStatus(p, DataStatus::kBegin);
    if (status.ok()) status = first ? OpenSession() : FindSession();
    if (!status.ok()) return Refuse(status);
    if (request_.op == "AIExcp") {
      env_.sessions.Abort(session_->id);
      env_.table.Remove(request_.handle, session_->id);
      return Refuse(Status::Ok(), 0);
    }
    if (request_.op == "AIIn") {
      status = env_.sessions.Write(session_->id, request_.sync_id,
                                   std::move(request_.call.request.payloads), nullptr);
      if (status.kind == StatusKind::kOverloaded) {  // The session goes on.
        status.kind = StatusKind::kInvalid;
        status.code = kCodeInvalidInput;
        return Refuse(status);
      }
      if (!status.ok() && !HasKept()) return EndSession(status);
    }
    {
      MutexLock lock(session_->mu);
      if (!session_->kept.empty()) {
        output_ = std::move(session_->kept.front());
        session_->kept.pop_front();
        kept_ = true;
      }
    }
    if (kept_) return OnOutput();
    const int64_t wait_ms =
        request_.op == "AIOut" ? WaitMs(request_, env_.settings.queue.default_timeout_ms) : 0;
    ++events_left_;  // The output.
    polling_ = true;
    env_.sessions.Poll(session_->id, 1, now + std::chrono::milliseconds(wait_ms),
                       std::make_unique<PollSink>(this));
  }

  Status OpenSession() {
    env_.table.Sweep([this](const std::string& handle) {
      SessionId id = 0;
      return env_.sessions.Find(handle, &id).ok();
    });
    OnceCall& call = request_.call;
    PassHeaders(env_.settings.service, &call);
    SessionRequest open;
    open.handle = request_.handle;
    open.params = std::move(call.request.params);
    open.psr_ids = std::move(call.request.psr_ids);
    open.ordered = true;
    open.idle_limit = std::chrono::milliseconds(env_.settings.sessions.ttl_ms);
    SessionId id = 0;
    const Status status = env_.sessions.Open(std::move(open), &id);
    if (!status.ok()) return status;
    session_ = std::make_shared<XsfSession>(id, call.service_id, std::move(call.expect));
    env_.table.Add(request_.handle, session_);
    return Status::Ok();
  }

  Status FindSession() {
    session_ = env_.table.Find(request_.handle);
    if (session_ != nullptr && request_.op != "AIExcp" && HasKept()) {
      return Status::Ok();  // What is kept may be the last.
    }
    SessionId id = 0;
    const Status status = env_.sessions.Find(request_.handle, &id);
    if (!status.ok()) return status;
    if (session_ != nullptr && session_->id == id) return Status::Ok();
    return Status::Error(StatusKind::kInvalid,
                         StrCat("service instance invalid: ", request_.handle,
                                " is the session of another protocol"),
                         kCodeInvalidHandle);
  }

  bool HasKept() {
    MutexLock lock(session_->mu);
    return !session_->kept.empty();
  }

  void EndSession(const Status& status) {
    env_.table.Remove(request_.handle, session_->id);
    Refuse(status);
  }

  void OnOutput() {
    polling_ = false;
    const bool nothing = output_.status.ok() && output_.batches.empty() && !output_.last;
    if (!kept_ && gone_) {  // For the next call of this session.
      {
        MutexLock lock(session_->mu);
        if (!nothing) session_->kept.push_back(std::move(output_));
      }
      // For nobody; but a call that never finishes keeps the server from ending.
      responder_.FinishWithError(grpc::Status::CANCELLED, &finished_);
    } else {
      AnswerSession();
    }
    if (!kept_) Leave();
  }

  void AnswerSession() {
    if (!output_.status.ok()) return EndSession(output_.status);
    std::vector<Payload> payloads;
    if (!output_.batches.empty()) payloads = std::move(output_.batches.front());
    Status status;
    {
      MutexLock lock(session_->mu);
      status = session_->output.Check(&payloads);
    }
    if (!status.ok()) {
      env_.sessions.Abort(session_->id);
      return EndSession(status);
    }
    XsfReply out;
    out.service_id = request_.call.service_id;
    // END is for the session: one stream of several that ends must not make the client stop.
    const DataStatus last = payloads.empty() ? DataStatus::kBegin : payloads.back().status;
    const bool ends = last == DataStatus::kEnd || last == DataStatus::kOnce;
    if (output_.last) {
      out.output_status = ends ? static_cast<int>(last) : kStatusEnd;
      env_.table.Remove(request_.handle, session_->id);
    } else {
      out.output_status = static_cast<int>(ends ? DataStatus::kContinue : last);
    }
    out.payloads = &payloads;
    Finish(out);
  }

  void Submit(TimePoint now) {
    OnceCall& call = request_.call;
    call.request.handle = request_.handle;
    call.request.arrived = now;
    call.request.deadline =
        now + std::chrono::milliseconds(
                  WaitMs(request_, env_.settings.queue.default_timeout_ms));
    const auto client = context_.deadline();  // system_clock; max() when the client set none.
    if (client != std::chrono::system_clock::time_point::max()) {
      const auto left = client - std::chrono::system_clock::now();
      call.request.deadline = std::min(call.request.deadline, now + left);
    }
    PassHeaders(env_.settings.service, &call);
    call_id_ = env_.service.Submit(std::move(call.request), std::make_unique<Sink>(this));
    if (env_.lane.Alone()) env_.service.Flush();  // Nothing to gather.
  }

  // Where Answer says; the last that happens there.
  void OnReply() {
    Status status = std::move(reply_.status);
    if (status.ok()) status = CheckOutput(request_.call.expect, &reply_.payloads);
    if (context_.client_metadata().count(kTimingKey) > 0) {  // On request: it costs 1 us.
      context_.AddTrailingMetadata(kTimingKey, ServerTiming(reply_.times));
    }
    if (!status.ok()) return Refuse(status);
    XsfReply out;
    out.service_id = request_.call.service_id;
    out.output_status = static_cast<int>(DataStatus::kOnce);
    out.payloads = &reply_.payloads;
    Finish(out);
  }

  void Refuse(const Status& status, int output_status = kStatusEnd) {
    XsfReply reply;
    reply.output_code = CodeOf(status);
    reply.output_error = status.text;
    reply.output_status = output_status;
    if (reply.output_code == kCodeNoLicence) {  // The one code that makes XSF clients go elsewhere.
      reply.code = kCodeNoLicence;
      reply.error_info = status.text;
    }
    Finish(reply);
  }

  void Finish(XsfReply& reply) {
    reply.trace = &request_.trace;
    reply.handle = &request_.handle;
    reply.peer = &env_.handles.address();
    std::string load = env_.load.Binary(std::chrono::steady_clock::now());
    if (!load.empty()) context_.AddTrailingMetadata(LoadHeader::kTrailer, std::move(load));
    responder_.Finish(ToByteBuffer(SerialiseXsf(reply)), grpc::Status::OK, &finished_);
  }

  const XsfContext& env_;
  grpc::ServerContext context_;
  grpc::ByteBuffer message_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_;
  XsfRequest request_;
  Reply reply_;
  std::shared_ptr<XsfSession> session_;  // Of a session's operation.
  SessionOutput output_;
  CallId call_id_ = 0;  // Lane, as all below.
  bool kept_ = false;   // output_ is from an earlier call.
  bool polling_ = false;
  bool gone_ = false;
  int events_left_ = 0;
  GrpcLane::Event arrived_ = [this](bool ok) { OnArrived(ok); };
  GrpcLane::Event done_ = [this](bool) { OnDone(); };
  GrpcLane::Event finished_ = [this](bool) { Leave(); };
};

}  // namespace

void AcceptXsfCalls(const XsfContext& context) {
  for (int i = 0; i < kPosted; ++i) new XsfServerCall(context);
}

}  // namespace aiges
