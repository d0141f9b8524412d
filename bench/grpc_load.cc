// SPDX-License-Identifier: Apache-2.0
// Closed loop over gRPC: one completion queue, one thread, generic stubs, the request built once;
// with Plan::check_all one for each call.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/connect.h"
#include "bench/load.h"
#include "loader.pb.h"
#include "xsf.pb.h"

namespace bench {
namespace {

constexpr const char* kMethod = "/utils.XsfCall/call";
constexpr const char* kEchoMethod = "/bench.Echo/Call";  // Of bench/servicer.
constexpr const char* kKey = "data";
constexpr int kMaxMessage = 64 << 20;

// What a call sends and expects back; with its number, so that no two calls have the same.
std::string BuildPayload(const Plan& plan, uint64_t number) {
  std::string data(static_cast<size_t>(plan.bytes), 'x');
  for (size_t i = 0; i < data.size() && i < sizeof number; ++i) {
    data[i] = static_cast<char>(number >> (8 * i));
  }
  return data;
}

// A google.protobuf.BytesValue.
std::string BytesValue(const std::string& data) {
  std::string out = "\x0a";
  size_t length = data.size();
  for (; length > 127; length >>= 7) out.push_back(static_cast<char>(length | 0x80));
  out.push_back(static_cast<char>(length));
  return out + data;
}

grpc::ByteBuffer BuildRequest(const Plan& plan, const std::string& data) {
  if (plan.protocol == "grpc") {
    const grpc::Slice value(BytesValue(data));
    return {&value, 1};
  }
  protocol::LoaderInput input;
  input.set_serviceid(plan.service);
  input.set_state(protocol::LoaderInput::ONCE);
  input.add_expect()->set_name(kKey);
  auto* payload = input.add_pl();
  payload->mutable_meta()->set_name(kKey);
  (*payload->mutable_meta()->mutable_attribute())["status"] = "3";
  payload->set_data(data);
  utils::ReqData request;
  request.set_op("AIIn");
  request.mutable_s();
  (*request.mutable_param())["SeqNo"] = "1";
  (*request.mutable_param())["waitTime"] = "10000";
  request.add_data()->set_data(input.SerializeAsString());
  const grpc::Slice bytes(request.SerializeAsString());
  return {&bytes, 1};
}

struct Verdict {
  int code = 0;       // Of the answer, where it could be read.
  std::string fault;  // What is wrong with it; empty when it is the echo that was asked for.
};

Verdict Judge(const grpc::ByteBuffer& message, const std::string& want) {
  grpc::Slice whole;
  utils::ResData reply;
  protocol::LoaderOutput output;
  if (!message.DumpToSingleSlice(&whole).ok() ||
      !reply.ParseFromArray(whole.begin(), static_cast<int>(whole.size())) ||
      (reply.data_size() > 0 && !output.ParseFromString(reply.data(0).data()))) {
    return {0, "expected a ResData with a LoaderOutput, got " + std::to_string(whole.size()) +
                   " bytes that are none"};
  }
  if (reply.code() != 0 || output.code() != 0) {
    return {reply.code() != 0 ? reply.code() : output.code(),
            "expected code 0, got " + std::to_string(reply.code()) + " " + reply.error_info() +
                " / " + std::to_string(output.code()) + " " + output.err()};
  }
  if (output.pl_size() != 1 || output.pl(0).data() != want) {
    return {0, "expected one payload, the " + std::to_string(want.size()) +
                   " bytes that were sent, got " + std::to_string(output.pl_size()) + " with " +
                   std::to_string(output.pl_size() > 0 ? output.pl(0).data().size() : 0) +
                   " bytes"};
  }
  return {};
}

Verdict JudgeEcho(const grpc::ByteBuffer& message, const std::string& want) {
  grpc::Slice whole;
  const std::string value = BytesValue(want);
  if (message.DumpToSingleSlice(&whole).ok() &&
      std::string(reinterpret_cast<const char*>(whole.begin()), whole.size()) == value) {
    return {};
  }
  return {0, "expected the " + std::to_string(value.size()) + " bytes that were sent, got " +
                 std::to_string(whole.size()) + " other ones"};
}

struct Call {
  grpc::GenericStub* stub = nullptr;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  std::string data;
  grpc::ByteBuffer reply;
  grpc::Status status;
  Clock::time_point sent;
};

class Loop {
 public:
  Loop(const Plan& plan, Recorder* recorder) : plan_(plan), recorder_(recorder) {
    const std::string data = BuildPayload(plan, 0);
    request_ = BuildRequest(plan, data);
    for (Call& call : calls_) call.data = data;
    for (int i = 0; i < plan.channels; ++i) stubs_.emplace_back(Connect());
    for (size_t i = 0; i < calls_.size(); ++i) calls_[i].stub = &stubs_[i % stubs_.size()];
  }

  void Run() {
    for (Call& call : calls_) Start(&call);
    running_ = calls_.size();
    bool silent = false;
    while (running_ > 0) {
      void* tag = nullptr;
      bool ok = false;
      const auto until = std::chrono::system_clock::now() + kSilence;
      if (queue_.AsyncNext(&tag, &ok, until) == grpc::CompletionQueue::GOT_EVENT) {
        Finished(static_cast<Call*>(tag), ok && !silent);
      } else {
        // The calls have to end before they can be freed: cancelled ones do so at once.
        silent = true;
        for (Call& call : calls_) call.context->TryCancel();
      }
    }
    if (silent) throw std::runtime_error("no answer from " + plan_.address + " for too long");
  }

 private:
  // A channel of its own instead of a shared connection of the process.
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxMessage);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return bench::Connect(plan_.address, arguments);
  }

  void Start(Call* call) {
    call->context = std::make_unique<grpc::ClientContext>();
    call->reply.Clear();
    if (plan_.check_all) {
      call->data = BuildPayload(plan_, ++sent_);
      request_ = BuildRequest(plan_, call->data);
    }
    call->sent = Clock::now();
    call->reader = call->stub->PrepareUnaryCall(call->context.get(), method_, request_, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call);
  }

  void Finished(Call* call, bool ok) {
    const auto now = Clock::now();
    Verdict verdict;
    if (!ok || !call->status.ok()) {
      verdict.fault = "gRPC status " + std::to_string(call->status.error_code()) + ": " +
                      call->status.error_message();
    } else if (plan_.check && (plan_.check_all || IsSample(answers_))) {
      verdict = plan_.protocol == "grpc" ? JudgeEcho(call->reply, call->data)
                                         : Judge(call->reply, call->data);
    }
    ++answers_;
    if (verdict.fault.empty()) {
      recorder_->Add(call->sent, now);
    } else if (verdict.code != 0 && verdict.code == plan_.allowed_code) {
      recorder_->AddRefusal();
    } else {
      recorder_->AddError(verdict.fault);
    }
    // A server that refuses everything would be asked as fast as the machine can.
    const bool hopeless = recorder_->errors() > 1000;
    if (!ok || hopeless || recorder_->Over(now)) {
      --running_;
    } else {
      Start(call);
    }
  }

  const Plan& plan_;
  Recorder* recorder_;
  const std::string method_ = plan_.protocol == "grpc" ? kEchoMethod : kMethod;
  grpc::CompletionQueue queue_;
  grpc::ByteBuffer request_;
  std::vector<grpc::GenericStub> stubs_;
  std::vector<Call> calls_ = std::vector<Call>(static_cast<size_t>(plan_.in_flight));
  size_t running_ = 0;
  uint64_t answers_ = 0, sent_ = 0;
};

}  // namespace

void RunXsf(const Plan& plan, Recorder* recorder) { Loop(plan, recorder).Run(); }

}  // namespace bench
