// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/xsf_call.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/once.h"
#include "loader/protocols/xsf_codec.h"

namespace aiges {
namespace {

constexpr int kStatusEnd = 2;
// Request metadata that asks for the time per stage, and the trailer that tells it.
constexpr std::string_view kTimingKey = "server-timing";

// waitTime in ms: absent -> the default, not a number -> 0 (frozen behaviour).
int64_t WaitMs(const XsfRequest& request, uint64_t absent) {
  const std::string* text = Find(request.param, "waitTime");
  if (text == nullptr) return static_cast<int64_t>(absent);
  int64_t ms = 0;
  if (!ReadWhole(*text, &ms)) return 0;
  return std::clamp<int64_t>(ms, 0, 86'400'000);
}

// What others answer comes as a letter to the lane, and finds the call there if its exchange is not
// over.
class XsfCall final : public GrpcCall {
 public:
  XsfCall(std::shared_ptr<Exchange> exchange, GrpcServices* env)
      : GrpcCall(std::move(exchange), Kind::kUnary, &env->grpc),
        env_(*env),
        settings_(env->lane.settings),
        sessions_(env->lane.sessions),
        handles_(env->handles.Of(this->exchange()->peer())) {
    if (SendsGzip(head())) PackAnswers();
  }

 private:
  struct Letter {
    std::shared_ptr<Exchange> exchange;
    XsfCall* call;
    Reply reply;
  };
  class Sink final : public ReplySink {
   public:
    explicit Sink(XsfCall* call)
        : letter_(std::make_unique<Letter>(Letter{call->exchange(), call, {}})) {}
    void Done(Reply reply) override {
      letter_->reply = std::move(reply);
      Lane& lane = letter_->exchange->lane();
      lane.Post([letter = std::move(letter_)] {
        if (!letter->exchange->over()) letter->call->OnReply(std::move(letter->reply));
      });
    }

   private:
    std::unique_ptr<Letter> letter_;
  };

  // Output of a session. What is there comes back from Poll at once; what comes later comes to the
  // lane even when the client is gone, so as to be kept.
  class PollSink final : public OutputSink {
   public:
    explicit PollSink(XsfCall* call)
        : exchange_(call->exchange()), session_(call->session_), call_(call) {}
    void Done(SessionOutput output) override {
      if (t_polling == call_) {
        call_->output_ = std::move(output);
        t_polling = nullptr;
        return;
      }
      Lane& lane = exchange_->lane();
      lane.Post([exchange = std::move(exchange_), session = std::move(session_), call = call_,
                 output = std::move(output)]() mutable {
        if (exchange->over()) return Keep(session.get(), std::move(output));
        call->output_ = std::move(output);
        call->OnOutput();
      });
    }

   private:
    std::shared_ptr<Exchange> exchange_;
    std::shared_ptr<XsfSession> session_;
    XsfCall* const call_;
  };

  // For the next call of this session.
  static void Keep(XsfSession* session, SessionOutput output) {
    const bool nothing = output.status.ok() && output.batches.empty() && !output.last;
    if (nothing) return;
    MutexLock lock(session->mu);
    session->kept.push_back(std::move(output));
  }

  void OnOver(Over) override {
    if (call_id_ != 0) env_.lane.service.Abort(call_id_);
    if (polling_) sessions_.EndPoll(session_->id);
  }

  void OnMessage(Bytes message) override {
    const TimePoint now = std::chrono::steady_clock::now();
    const Status parsed = ParseXsf(message, &request_);
    message = {};
    if (!parsed.ok() && parsed.code == 0) {
      return Finish({GrpcCode::kInvalidArgument, parsed.text});
    }
    if (request_.handle.empty()) request_.handle = handles_.Make();
    if (!parsed.ok()) return Refuse(parsed);
    if (request_.op == "ping") {
      XsfReply reply;
      reply.has_output = false;
      return Answer(reply);
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
      return Refuse(Status::Error(StatusKind::kInvalid, "input invalid data: a payload has no meta",
                                  kCodeInvalidInput));
    }
    const std::string* seq = Find(request_.param, "SeqNo");
    const bool first = seq != nullptr && *seq == "1";
    if (op != "AIIn" || !first || request_.state != SessionState::kOnce) {
      return ServeSession(first, now);
    }
    Status input = CheckInput(request_.call);
    if (input.ok()) input = CheckRoom(&env_.lane.budget.output);
    if (input.ok()) input = FindModel(env_.lane.models, exchange()->caller(), &request_.call);
    if (!input.ok()) return Refuse(input);
    Submit(now);
  }

  // AILoad: the first payload becomes a resource, its number is the answer's payload "res_id".
  // AIUnLoad: params["res_id"]. Without these, an empty success as ever.
  void ServeResource() {
    std::vector<Payload>& payloads = request_.call.request.payloads;
    const std::string* number = Find(request_.call.request.params, "res_id");
    const bool load = request_.op == "AILoad";
    const AuditRef& audit = exchange()->caller().audit;
    if (exchange()->caller().rank == Caller::Rank::kCaller) {
      const Status denied =
          Status::Error(StatusKind::kInvalid,
                        StrCat(request_.op, ": the key may not change the service"), kCodeDenied);
      if (audit != nullptr) audit->Tell({request_.op, "refused", denied.code, denied.text});
      return Refuse(denied);
    }
    if (load ? payloads.empty() : number == nullptr) return Refuse(Status::Ok(), 0);
    if (audit != nullptr) audit->Tell({request_.op, "allowed"});
    const auto tell = [this, exchange = exchange()](Status status, unsigned id) {
      exchange->lane().Post([this, exchange, status = std::move(status), id] {
        if (!exchange->over()) OnResource(status, id);
      });
    };
    if (load) return env_.resources.Load(std::move(payloads.front()), tell);
    env_.resources.Unload(static_cast<unsigned>(std::atoi(number->c_str())),
                          [tell](Status status) { tell(std::move(status), 0); });
  }

  void OnResource(const Status& status, unsigned id) {
    if (!status.ok()) return Refuse(status);
    std::vector<Payload> payloads;
    if (id != 0) {
      payloads.emplace_back().key = "res_id";
      payloads.back().data = Bytes::Own(std::to_string(id));
    }
    XsfReply out;
    out.service_id = request_.call.service_id;
    out.payloads = &payloads;
    Answer(out);
  }

  // One operation of a session; `first`: the one that opens it.
  void ServeSession(bool first, TimePoint now) {
    Status status = CheckSource(request_.call);
    for (Payload& p : request_.call.request.payloads)
      p.status = StreamStatus(p, DataStatus::kBegin);
    if (status.ok()) status = first ? OpenSession() : FindSession();
    if (!status.ok()) return Refuse(status);
    if (request_.op == "AIExcp") {
      sessions_.Abort(session_->id);
      env_.table.Remove(request_.handle, session_->id);
      return Refuse(Status::Ok(), 0);
    }
    if (request_.op == "AIIn") {
      status = sessions_.Write(session_->id, request_.sync_id,
                               std::move(request_.call.request.payloads), nullptr);
      if (status.kind == StatusKind::kOverloaded) {  // The session goes on.
        status.kind = StatusKind::kInvalid;
        status.code = kCodeInvalidInput;
        return Refuse(status);
      }
      if (!status.ok() && !HasKept()) return EndSession(status);
    }
    if (TakeKept()) return OnOutput();
    const int64_t wait_ms =
        request_.op == "AIOut" ? WaitMs(request_, settings_.queue.default_timeout_ms) : 0;
    polling_ = true;
    t_polling = this;
    sessions_.Poll(session_->id, 1, std::min(now + std::chrono::milliseconds(wait_ms), deadline()),
                   std::make_unique<PollSink>(this));
    // Taken back by the sink: it was called meanwhile, on this thread.
    if (std::exchange(t_polling, nullptr) == nullptr) OnOutput();
  }

  Status OpenSession() {
    env_.table.Sweep([this](const std::string& handle) {
      SessionId id = 0;
      return sessions_.Find(handle, &id).ok();
    });
    OnceCall& call = request_.call;
    call.request.origin = exchange()->caller().origin;
    PassHeaders(settings_.service, &call);
    const Status found = FindModel(env_.lane.models, exchange()->caller(), &call);
    if (!found.ok()) return found;
    SessionRequest open;
    open.model = std::move(call.request.model);
    open.handle = request_.handle;
    open.origin = std::move(call.request.origin);
    open.request_id = RequestIdOf(head());
    open.protocol = "xsf";
    open.params = std::move(call.request.params);
    open.psr_ids = std::move(call.request.psr_ids);
    open.ordered = true;
    open.idle_limit = std::chrono::milliseconds(settings_.sessions.ttl_ms);
    SessionId id = 0;
    const Status status = sessions_.Open(std::move(open), &id);
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
    const Status status = sessions_.Find(request_.handle, &id);
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
  bool TakeKept() {
    MutexLock lock(session_->mu);
    if (session_->kept.empty()) return false;
    output_ = std::move(session_->kept.front());
    session_->kept.pop_front();
    return true;
  }

  void EndSession(const Status& status) {
    env_.table.Remove(request_.handle, session_->id);
    Refuse(status);
  }

  void OnOutput() {
    polling_ = false;
    if (!output_.status.ok()) return EndSession(output_.status);
    std::vector<Payload> payloads;
    if (!output_.batches.empty()) payloads = std::move(output_.batches.front());
    Status status;
    {
      MutexLock lock(session_->mu);
      status = session_->output.Check(&payloads);
    }
    if (!status.ok()) {
      sessions_.Abort(session_->id);
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
    Answer(out);
  }

  void Submit(TimePoint now) {
    OnceCall& call = request_.call;
    const auto wait =
        std::chrono::milliseconds(WaitMs(request_, settings_.queue.default_timeout_ms));
    call.request.handle = request_.handle;
    call.request.request_id = RequestIdOf(head());
    call.request.protocol = "xsf";
    call.request.arrived = now;
    call.request.deadline = std::min(now + wait, deadline());
    call.request.origin = exchange()->caller().origin;
    PassHeaders(settings_.service, &call);
    call_id_ = env_.lane.service.Submit(std::move(call.request), std::make_unique<Sink>(this));
    env_.lane.FlushSoon();
  }

  void OnReply(Reply reply) {
    call_id_ = 0;
    Status status = std::move(reply.status);
    if (status.ok()) status = CheckOutput(request_.call.expect, &reply.payloads);
    if (head().fields.Has(kTimingKey)) trailers_.Add(kTimingKey, ServerTiming(reply.times));
    if (!status.ok()) return Refuse(status);
    XsfReply out;
    out.service_id = request_.call.service_id;
    out.output_status = static_cast<int>(DataStatus::kOnce);
    out.payloads = &reply.payloads;
    Answer(out);
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
    Answer(reply);
  }

  void Answer(XsfReply& reply) {
    reply.trace = &request_.trace;
    reply.handle = &request_.handle;
    reply.peer = &handles_.address();
    AddLoad(&env_, &trailers_);
    Send(SerialiseXsf(reply));
    Finish({}, trailers_);
  }

  static thread_local XsfCall* t_polling;

  GrpcServices& env_;
  const Settings& settings_;
  Sessions& sessions_;
  const HandleMaker& handles_;
  XsfRequest request_;
  Fields trailers_;                      // Of the answer.
  std::shared_ptr<XsfSession> session_;  // Of a session's operation.
  SessionOutput output_;
  CallId call_id_ = 0;  // Not answered yet.
  bool polling_ = false;
};

thread_local XsfCall* XsfCall::t_polling = nullptr;

}  // namespace

std::unique_ptr<Responder> MakeXsfCall(std::shared_ptr<Exchange> exchange, GrpcServices* env) {
  return std::make_unique<XsfCall>(std::move(exchange), env);
}

}  // namespace aiges
