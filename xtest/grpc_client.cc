// SPDX-License-Identifier: Apache-2.0
// Once calls over XSF, and the loop of all gRPC protocols: one completion queue per client thread,
// generic stubs, requests and answers as bytes.

#include <grpcpp/alarm.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "loader/base/strings.h"
#include "xtest/grpc_env.h"
#include "xtest/grpc_session.h"
#include "xtest/grpc_stream.h"
#include "xtest/metronome.h"

namespace aiges {
namespace {

constexpr int kMaxMessage = 512 << 20;
// Waits of gRPC end on whole milliseconds, at the next one: they take the longer part of a wait.
constexpr std::chrono::microseconds kLongWait{2500}, kRounding{1200};
constexpr std::chrono::seconds kLongestConnect{1};
// How soon a server that comes back is found.
constexpr int kFirstBackoffMs = 100, kLongestBackoffMs = 1000;

class GrpcOnce final : public GrpcEvent, public Expiring {
 public:
  GrpcOnce(GrpcEnv* env, Pool<GrpcOnce>* pool) : env_(*env), pool_(*pool) {}

  void Start(Call* call) {
    call_ = call;
    late_ = false;
    context_.emplace();
    env_.AddKey(&*context_);
    if (call->wants_timing) context_->AddMetadata(kTimingKey, "1");
    const bool free = env_.plan.protocol == Protocol::kGrpc;
    if (free) {
      for (const auto& [name, value] : env_.plan.free.fields) {
        context_->AddMetadata(Lowered(name), value);
      }
    }
    const grpc::ByteBuffer request = free ? FreeMessage() : env_.requests.Once(*call);
    call->bytes_out = request.Length();
    reader_ = env_.Stub(call->host)
                  ->PrepareUnaryCall(&*context_, free ? env_.plan.free.path : kXsfMethod, request,
                                     &env_.queue);
    reader_->StartCall();
    reader_->Finish(&reply_, &status_, this);
    env_.deadlines.Add(call->sent, this, ++number_);
  }

  bool Waits(uint64_t number) const override { return call_ != nullptr && number == number_; }
  void Expire() override {
    late_ = true;
    context_->TryCancel();
  }
  void Cancel() {
    if (call_ == nullptr) return;
    call_->given_up = true;
    context_->TryCancel();
  }

  void Next(bool) override {
    Call* call = std::exchange(call_, nullptr);
    call->last = std::chrono::steady_clock::now();
    if (status_.ok()) {
      Read(call);
    } else if (late_) {
      FailLate(env_, call);
    } else if (env_.plan.protocol == Protocol::kGrpc) {
      FailFree(status_, call);
    } else {
      FailWith(status_, env_, call);
    }
    if (call->wants_timing) ReadTiming(*context_, call);
    reader_.reset();
    context_.reset();
    reply_.Clear();
    pool_.Give(this);
    env_.ended(call);
  }

 private:
  void Read(Call* call) {
    call->given_up = false;  // The answer was faster.
    call->first = call->last;
    call->bytes_in = reply_.Length();
    if (env_.plan.protocol == Protocol::kGrpc) return ReadFree(call);
    XsfAnswer answer;
    if (!ReadResData(reply_, XsfWants::kOutcome, &answer,
                     env_.plan.keep_results ? &call->results : nullptr)) {
      return call->Fail(StrCat("expected a ResData with a LoaderOutput, got ", call->bytes_in,
                               " bytes that are none; is this an AIService?"));
    }
    call->items = answer.items;
    if (answer.code != 0) call->Fail(std::move(answer.text), answer.code);
  }

  grpc::ByteBuffer FreeMessage() const {
    const grpc::Slice slice(env_.plan.free.body->data(), env_.plan.free.body->size(),
                            grpc::Slice::STATIC_SLICE);
    return grpc::ByteBuffer(&slice, 1);
  }
  void ReadFree(Call* call) {
    call->items = 1;
    if (!env_.plan.keep_results) return;
    ResultItem& item = call->results.emplace_back(ResultItem{"result", DataType::kOther, ""});
    std::vector<grpc::Slice> slices;
    if (!reply_.Dump(&slices).ok()) return;
    for (const grpc::Slice& s : slices) {
      item.data.append(reinterpret_cast<const char*>(s.begin()), s.size());
    }
  }

  GrpcEnv& env_;
  Pool<GrpcOnce>& pool_;
  Call* call_ = nullptr;
  uint64_t number_ = 0;
  bool late_ = false;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  grpc::ByteBuffer reply_;
  grpc::Status status_;
};

class GrpcClient : public Client {
 public:
  GrpcClient(const Plan& plan, Ended ended) : env_(plan, std::move(ended)) {
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    for (const std::string& host : plan.hosts) {
      auto& stubs = env_.hosts.emplace_back();
      for (unsigned i = 0; i < std::max(1u, plan.connections); ++i) {
        channels.push_back(Connect(host));
        stubs.emplace_back(channels.back());
      }
    }
    WaitConnected(channels);
  }

  ~GrpcClient() override {
    metronome_.reset();
    Cancel();
    env_.queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (env_.queue.Next(&tag, &ok)) {
      // A call that ends here may go on with another operation, which the queue no longer takes.
    }
  }

  void Start(Call* call) override {
    if (env_.plan.protocol == Protocol::kStream) {
      streams_.Start(call);
    } else if (env_.plan.mode == Mode::kOnce) {
      onces_.Start(call);
    } else {
      sessions_.Start(call);
    }
  }

  bool Poll(TimePoint until) override {
    const TimePoint now = std::chrono::steady_clock::now();
    if (env_.pauses.Run(now) || env_.deadlines.Run(now)) return true;
    until = std::min({until, env_.pauses.next(), env_.deadlines.next()});
    if (until <= now) return Take(gpr_inf_past(GPR_CLOCK_MONOTONIC));
    if (until == TimePoint::max()) return Take(gpr_inf_future(GPR_CLOCK_MONOTONIC));
    if (until - now > kLongWait) return Take(System(until - kRounding));
    metronome_->Ring(until);
    return Take(System(until + kRounding));
  }

  void Cancel() override {
    onces_.Cancel();
    sessions_.Cancel();
    streams_.Cancel();
  }

 private:
  // gRPC's monotonic clock is the one of steady_clock.
  static gpr_timespec System(TimePoint at) {
    const int64_t ns = ToNanos(at);
    return {ns / 1'000'000'000, static_cast<int32_t>(ns % 1'000'000'000), GPR_CLOCK_MONOTONIC};
  }

  bool Take(gpr_timespec until) {
    void* tag = nullptr;
    bool ok = false;
    if (env_.queue.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) return false;
    if (tag == &bell_) {
      ringing_.store(false);
      return false;
    }
    static_cast<GrpcEvent*>(tag)->Next(ok);
    return true;
  }

  // On the metronome's thread: an event on the queue. Of one alarm there can be only one.
  void Wake() {
    if (!ringing_.exchange(true)) {
      bell_.Set(&env_.queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), &bell_);
    }
  }

  // A channel of its own instead of a shared connection of the process.
  std::shared_ptr<grpc::ChannelCredentials> Credentials() const {
    const TlsFiles& tls = env_.plan.tls;
    if (!tls.on()) return grpc::InsecureChannelCredentials();
    grpc::SslCredentialsOptions options;
    if (tls.ca != TlsFiles::kSystem) options.pem_root_certs = TextOf(tls.ca);
    if (!tls.cert.empty()) {
      options.pem_cert_chain = TextOf(tls.cert);
      options.pem_private_key = TextOf(tls.key);
    }
    return grpc::SslCredentials(options);
  }

  // Of a file that was looked at before.
  static std::string TextOf(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  std::shared_ptr<grpc::Channel> Connect(const std::string& host) const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxMessage);
    arguments.SetMaxSendMessageSize(kMaxMessage);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // A retry would hide a failure.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
    return grpc::CreateCustomChannel(host, Credentials(), arguments);
  }

  // So that the first calls do not stand in line for a connection. One that cannot be made, or not
  // soon, is the business of the calls.
  static void WaitConnected(const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
    const auto until = std::chrono::system_clock::now() + kLongestConnect;
    for (const auto& channel : channels) channel->GetState(true);
    for (const auto& channel : channels) {
      auto state = channel->GetState(true);
      while ((state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) &&
             channel->WaitForStateChange(state, until)) {
        state = channel->GetState(true);
      }
    }
  }

  GrpcEnv env_;
  Pool<GrpcOnce> onces_{&env_};
  Pool<GrpcSession> sessions_{&env_};
  Pool<GrpcStream> streams_{&env_};
  grpc::Alarm bell_;
  std::atomic<bool> ringing_{false};
  std::optional<Metronome> metronome_{std::in_place, [this] { Wake(); }};
};

const char* StatusName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  return code >= 0 && static_cast<size_t>(code) < std::size(kNames) ? kNames[code] : "?";
}

}  // namespace

void FailWith(const grpc::Status& status, const GrpcEnv& env, Call* call) {
  call->Fail(StrCat("no answer from ", env.plan.hosts[call->host], ": gRPC ",
                    StatusName(status.error_code()), ": ", status.error_message()));
}

void FailFree(const grpc::Status& status, Call* call) {
  call->Fail(StrCat("gRPC ", StatusName(status.error_code()), ": ", status.error_message()),
             status.error_code());
}

void FailLate(const GrpcEnv& env, Call* call) {
  call->Fail(StrCat("no answer from ", env.plan.hosts[call->host], " within ",
                    env.plan.timeout_ms + env.plan.time_loss_ms,
                    " ms (svcMode.timeout + timeLoss)"));
}

void TakeOutput(const XsfAnswer& answer, TimePoint now, Call* call) {
  if (answer.items == 0) return;
  if (call->items == 0) call->first = now;
  call->items += answer.items;
  call->last = now;
}

void ReadTiming(const grpc::ClientContext& context, Call* call) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(kTimingKey);
  if (found == trailers.end()) return;
  call->stages = ParseServerTiming({found->second.data(), found->second.size()});
}

std::unique_ptr<Client> MakeGrpcClient(const Plan& plan, Ended ended) {
  return std::make_unique<GrpcClient>(plan, std::move(ended));
}

}  // namespace aiges
