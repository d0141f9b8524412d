// SPDX-License-Identifier: Apache-2.0
// One stream of gRPC after the other: each sends one request and counts what comes back until the
// server ends it. Any service will do; the messages are not read.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "bench/connect.h"
#include "bench/load.h"

namespace bench {
namespace {

grpc::ByteBuffer ReadRequest(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

class CountLoop {
 public:
  CountLoop(const Plan& plan, Recorder* recorder)
      : plan_(plan), recorder_(*recorder), request_(ReadRequest(plan.request)) {
    grpc::ChannelArguments arguments;
    stub_ = std::make_unique<grpc::GenericStub>(Connect(plan.address, arguments));
  }

  void Run() {
    while (!recorder_.Over(Clock::now())) OneStream();
  }

 private:
  void OneStream() {
    grpc::ClientContext context;
    auto stream = stub_->PrepareCall(&context, plan_.method, &queue_);
    stream->StartCall(this);
    Next();
    stream->WriteLast(request_, {}, this);
    Next();
    int messages = 0;
    grpc::ByteBuffer reply;
    for (stream->Read(&reply, this); Next(); stream->Read(&reply, this)) {
      const auto now = Clock::now();
      recorder_.AddMessage(now, reply.Length());
      recorder_.Add(now, now);
      ++messages;
    }
    grpc::Status status;
    stream->Finish(&status, this);
    Next();
    if (!status.ok()) recorder_.AddError(status.error_message());
    if (messages != plan_.items_per_message) {
      recorder_.AddError("expected " + std::to_string(plan_.items_per_message) +
                         " messages in a stream, got " + std::to_string(messages));
    }
  }

  // Waits for the one operation that is under way.
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    const auto until = std::chrono::system_clock::now() + kSilence;
    if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) {
      throw std::runtime_error("no message from " + plan_.address + " for too long");
    }
    return ok;
  }

  const Plan& plan_;
  Recorder& recorder_;
  const grpc::ByteBuffer request_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

}  // namespace

void RunCount(const Plan& plan, Recorder* recorder) { CountLoop(plan, recorder).Run(); }

}  // namespace bench
