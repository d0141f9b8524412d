#include "loader/ingress/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/prctl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/ingress/handle.h"
#include "loader/ingress/xsf_codec.h"
#include "xsf.grpc.pb.h"

namespace aiges {
namespace {

using RawXsf = utils::XsfCall::WithRawMethod_call<utils::XsfCall::Service>;

// Calls that may arrive at once before the lane has looked at the first.
constexpr int kPosted = 128;
constexpr int kStatusEnd = 2;

// The message in one piece. Large: in memory that the workers can read; small: in place.
Bytes Contiguous(const grpc::ByteBuffer& message, BufferPool* buffers) {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return {};
  if (slices.size() == 1 && slices[0].size() < kSharedThreshold) {
    auto slice = std::make_shared<const grpc::Slice>(std::move(slices[0]));
    return {std::string_view(reinterpret_cast<const char*>(slice->begin()), slice->size()), slice};
  }
  Buffer buffer = buffers->Allocate(message.Length());
  char* at = buffer.data;
  for (const grpc::Slice& s : slices) {
    std::memcpy(at, s.begin(), s.size());
    at += s.size();
  }
  return std::move(buffer).Freeze();
}

grpc::ByteBuffer ToByteBuffer(const std::vector<Bytes>& pieces) {
  std::vector<grpc::Slice> slices;
  slices.reserve(pieces.size());
  for (const Bytes& piece : pieces) {
    auto* owner = new Bytes(piece);
    slices.emplace_back(
        const_cast<char*>(owner->data()), owner->size(),
        [](void* bytes) { delete static_cast<Bytes*>(bytes); }, owner);
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

// waitTime in ms: absent -> the default, not a number -> 0 (frozen behaviour).
int64_t WaitMs(const XsfRequest& request, uint64_t absent) {
  const std::string* text = Find(request.param, "waitTime");
  if (text == nullptr) return static_cast<int64_t>(absent);
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (error != std::errc() || end != text->data() + text->size()) return 0;
  return std::clamp<int64_t>(ms, 0, 86'400'000);
}

}  // namespace

struct GrpcServer::Impl {
  Impl(const Settings& s, Service* sv, BufferPool* b) : settings(s), service(*sv), buffers(*b) {}

  const Settings& settings;
  Service& service;
  BufferPool& buffers;
  RawXsf xsf;
  std::unique_ptr<HandleMaker> handles;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  std::vector<std::thread> lanes;
  std::unique_ptr<grpc::Server> server;

  void Run(grpc::ServerCompletionQueue* queue);
};

namespace {

// One call on its way. Gets three events from its lane: arrived, done (told of the end or of the
// client's cancellation), finished (the answer is out); deletes itself after the last.
class XsfServerCall {
 public:
  struct Context {
    const Settings& settings;
    Service& service;
    BufferPool& buffers;
    RawXsf& xsf;
    HandleMaker& handles;
    grpc::ServerCompletionQueue* queue;
  };
  // A tag for the completion queue: which call, which event.
  struct Tag {
    XsfServerCall* call;
    void (XsfServerCall::*on_event)(bool ok);
  };

  explicit XsfServerCall(const Context& env) : env_(env), responder_(&context_) {
    context_.AsyncNotifyWhenDone(&done_);
    env_.xsf.Requestcall(&context_, &message_, &responder_, env_.queue, env_.queue, &arrived_);
  }

 private:
  class Sink : public ReplySink {
   public:
    Sink(XsfServerCall* call) : call_(call) {}
    void Done(Reply reply) override { call_->OnReply(std::move(reply)); }

   private:
    XsfServerCall* call_;
  };

  void OnArrived(bool ok) {
    if (!ok) {  // Shutting down: this one was never used, its done event does not come either.
      delete this;
      return;
    }
    new XsfServerCall(env_);
    events_left_ = 2;
    Serve();
  }

  void OnDone(bool) {
    if (context_.IsCancelled() && call_id_ != 0) env_.service.Abort(call_id_);
    Leave();
  }
  void OnFinished(bool) { Leave(); }
  void Leave() {
    if (--events_left_ == 0) delete this;
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
    if (const std::optional<Status> status = OtherOperation()) {
      return status->ok() ? Refuse(*status, 0) : Refuse(*status);
    }
    Submit(now);
  }

  // Everything but a new once call: what to answer, ok for an empty success.
  std::optional<Status> OtherOperation() const {
    const std::string& op = request_.op;
    if (op == "AIHotword" || op == "AIDetect" || op == "AILoad" || op == "AIUnLoad" ||
        op == "AILBType") {
      return Status::Ok();
    }
    if (op != "AIIn" && op != "AIOut" && op != "AIExcp") {
      return Status::Error(StatusKind::kUnimplemented,
                           StrCat("invalid service operation: \"", op, "\""), kCodeInvalidOp);
    }
    const std::string* seq = Find(request_.param, "SeqNo");
    if (op != "AIIn" || seq == nullptr || *seq != "1") {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("service instance invalid: no session has the handle ",
                                  request_.handle),
                           kCodeInvalidHandle);
    }
    if (request_.state != SessionState::kOnce) {
      return Status::Error(StatusKind::kInvalid,
                           "invalid session mode: this version serves once calls (state ONCE)",
                           kCodeInvalidMode);
    }
    if (request_.meta_missing) {
      return Status::Error(StatusKind::kInvalid, "input invalid data: a payload has no meta",
                           kCodeInvalidInput);
    }
    const Status input = CheckInput(request_.call);
    return input.ok() ? std::nullopt : std::optional(input);
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
  }

  // Any thread, after which only the lane touches this call.
  void OnReply(Reply reply) {
    Status status = std::move(reply.status);
    if (status.ok()) status = CheckOutput(request_.call.expect, &reply.payloads);
    context_.AddTrailingMetadata("server-timing", ServerTiming(reply.times));
    if (!status.ok()) return Refuse(status);
    XsfReply out;
    out.service_id = request_.call.service_id;
    out.output_status = static_cast<int>(DataStatus::kOnce);
    out.payloads = &reply.payloads;
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
    responder_.Finish(ToByteBuffer(SerialiseXsf(reply)), grpc::Status::OK, &finished_);
  }

  const Context env_;
  grpc::ServerContext context_;
  grpc::ByteBuffer message_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_;
  XsfRequest request_;
  CallId call_id_ = 0;  // Lane.
  int events_left_ = 0;  // Lane.
  Tag arrived_{this, &XsfServerCall::OnArrived};
  Tag done_{this, &XsfServerCall::OnDone};
  Tag finished_{this, &XsfServerCall::OnFinished};
};

}  // namespace

void GrpcServer::Impl::Run(grpc::ServerCompletionQueue* queue) {
  ::prctl(PR_SET_NAME, "grpc-lane");
  const XsfServerCall::Context env{settings, service, buffers, xsf, *handles, queue};
  for (int i = 0; i < kPosted; ++i) new XsfServerCall(env);
  void* raw = nullptr;
  bool ok = false;
  bool unsent = false;
  for (;;) {
    // Take everything that is there, then let what was gathered go to the workers, then wait.
    const auto next = unsent ? queue->AsyncNext(&raw, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC))
                             : queue->AsyncNext(&raw, &ok, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    if (next == grpc::CompletionQueue::TIMEOUT) {
      service.Flush();
      unsent = false;
      continue;
    }
    auto* tag = static_cast<XsfServerCall::Tag*>(raw);
    (tag->call->*tag->on_event)(ok);
    unsent = true;
  }
}

GrpcServer::GrpcServer(const Settings& settings, Service* service, BufferPool* buffers)
    : impl_(std::make_unique<Impl>(settings, service, buffers)) {}

GrpcServer::~GrpcServer() = default;

Status GrpcServer::Start(uint16_t* port) {
  const ServiceSettings& s = impl_->settings.service;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  const std::string host = s.host.empty() ? "0.0.0.0" : s.host;
  const std::string address = StrCat(host, ":", s.grpc_port);
  int bound = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &bound);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, s.reuseport ? 1 : 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(impl_->settings.limits.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 1);
  builder.RegisterService(&impl_->xsf);
  const unsigned lanes = std::max(1u, std::thread::hardware_concurrency() / 4);
  for (unsigned i = 0; i < lanes; ++i) impl_->queues.push_back(builder.AddCompletionQueue());
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr || bound == 0) {
    impl_->server = nullptr;
    for (auto& queue : impl_->queues) queue->Shutdown();
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot listen on ", address, " for gRPC ([", s.name,
                                "] host, port): is the port in use, the address this machine's?"));
  }
  *port = static_cast<uint16_t>(bound);
  SetServing(false);
  impl_->handles = std::make_unique<HandleMaker>(s.host, *port);
  for (auto& queue : impl_->queues) {
    impl_->lanes.emplace_back([this, q = queue.get()] { impl_->Run(q); });
  }
  return Status::Ok();
}

void GrpcServer::SetServing(bool serving) {
  if (auto* health = impl_->server->GetHealthCheckService()) {
    health->SetServingStatus(serving);
    health->SetServingStatus("utils.XsfCall", serving);
  }
}

void GrpcServer::Stop(TimePoint until) {
  if (impl_->server == nullptr) return;
  const auto left = until - std::chrono::steady_clock::now();
  impl_->server->Shutdown(std::chrono::system_clock::now() +
                          std::max<Duration>(left, std::chrono::milliseconds(1)));
  for (auto& queue : impl_->queues) queue->Shutdown();
  for (std::thread& lane : impl_->lanes) lane.join();
  impl_->server = nullptr;
}

}  // namespace aiges
