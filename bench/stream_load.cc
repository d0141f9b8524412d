// SPDX-License-Identifier: Apache-2.0
// Streams over gRPC: one completion queue, one thread. "stream": in_flight calls that each receive
// items without an end, counted one by one. "first": a closed loop of calls that receive one item
// each; their latency is from the call's start to that item.

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/connect.h"
#include "bench/load.h"
#include "loader.pb.h"

namespace bench {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr int kPayloadTag = (5 << 3) | 2;  // LoaderOutput.pl
constexpr int kCodeTag = 2 << 3;           // LoaderOutput.code

std::string BuildRequest(const Plan& plan, bool first) {
  protocol::LoaderInput input;
  input.set_serviceid(plan.service);
  input.set_state(protocol::LoaderInput::ONCE);
  (*input.mutable_params())["n"] = first ? "1" : "1000000000";
  auto* payload = input.add_pl();
  payload->mutable_meta()->set_name("data");
  payload->set_data("x");
  return input.SerializeAsString();
}

// How many payloads a LoaderOutput has, without reading them. -1: an error, or no LoaderOutput.
int CountItems(const grpc::ByteBuffer& message) {
  grpc::Slice whole;
  if (!message.DumpToSingleSlice(&whole).ok()) return -1;
  CodedInputStream in(whole.begin(), static_cast<int>(whole.size()));
  int items = 0;
  for (uint32_t tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
    uint32_t length = 0;
    if (tag == kCodeTag) return -1;
    if ((tag & 7) == 2) {
      if (!in.ReadVarint32(&length) || !in.Skip(static_cast<int>(length))) return -1;
      items += tag == kPayloadTag ? 1 : 0;
    } else if (!in.ReadVarint32(&length)) {
      return -1;
    }
  }
  return items;
}

class StreamLoop {
 public:
  StreamLoop(const Plan& plan, Recorder* recorder)
      : plan_(plan), recorder_(*recorder), first_(plan.protocol == "first") {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = std::make_unique<grpc::GenericStub>(Connect(plan.address, arguments));
    const grpc::Slice bytes(BuildRequest(plan, first_));
    request_ = grpc::ByteBuffer(&bytes, 1);
  }

  void Run() {
    for (int i = 0; i < plan_.in_flight; ++i) Start();
    while (running_ > 0) {
      void* tag = nullptr;
      bool ok = false;
      const auto until = std::chrono::system_clock::now() + kSilence;
      if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) {
        throw std::runtime_error("no item from " + plan_.address + " for too long");
      }
      Next(static_cast<Call*>(tag), ok);
    }
  }

 private:
  struct Call {
    enum class Step { kStart, kWrite, kRead, kFinish } step = Step::kStart;
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
    grpc::ByteBuffer reply;
    grpc::Status status;
    Clock::time_point sent;
    bool counted = false;
  };

  void Start() {
    ++running_;
    auto* call = new Call;
    call->sent = Clock::now();
    const std::string method = plan_.check ? "/aiges.v1.Stream/Run"
                               : first_    ? "/limit/First"
                                        : "/limit/Run/" + std::to_string(plan_.bytes_per_message);
    call->stream = stub_->PrepareCall(&call->context, method, &queue_);
    call->stream->StartCall(call);
  }

  void Next(Call* call, bool ok) {
    const auto now = Clock::now();
    switch (call->step) {
      case Call::Step::kStart:
        call->step = Call::Step::kWrite;
        return call->stream->WriteLast(request_, {}, call);
      case Call::Step::kWrite:
        call->step = Call::Step::kRead;
        return call->stream->Read(&call->reply, call);
      case Call::Step::kRead:
        if (!ok) {
          call->step = Call::Step::kFinish;
          return call->stream->Finish(&call->status, call);
        }
        Count(call, now);
        if (!first_ && recorder_.Over(now)) call->context.TryCancel();
        return call->stream->Read(&call->reply, call);
      case Call::Step::kFinish:
        --running_;
        if (!call->status.ok() && !recorder_.Over(now)) {
          recorder_.AddError(call->status.error_message());
        } else if (first_ && !recorder_.Over(now)) {
          Start();
        }
        delete call;
    }
  }

  void Count(Call* call, Clock::time_point now) {
    const int items = plan_.check ? CountItems(call->reply) : plan_.items_per_message;
    if (items < 0) return recorder_.AddError("expected a LoaderOutput with items");
    if (first_) {
      if (items > 0 && !call->counted) recorder_.Add(call->sent, now);
      call->counted = call->counted || items > 0;
      return;
    }
    recorder_.AddMessage(now, call->reply.Length());
    for (int i = 0; i < items; ++i) recorder_.Add(now, now);
  }

  const Plan& plan_;
  Recorder& recorder_;
  const bool first_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ByteBuffer request_;
  int running_ = 0;
};

}  // namespace

void RunStream(const Plan& plan, Recorder* recorder) { StreamLoop(plan, recorder).Run(); }

}  // namespace bench
