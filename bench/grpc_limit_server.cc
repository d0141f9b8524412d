// SPDX-License-Identifier: Apache-2.0
// bench/grpc_limit_server.cc: the limit: a bare gRPC server in C++ that answers every unary call
// with the bytes it got, and streams messages of <n> bytes without an end (/limit/Run/<n>).
// Asynchronous generic service, one completion queue, one thread, no
// protobuf. Whatever a host does on top of gRPC can only be slower than this.
//
//   grpc_limit_server [--listen 127.0.0.1:0]
//
// Port 0: any free one. Prints the port on stdout; ends with SIGTERM.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kMaxMessage = 64 << 20;  // As in the loader.
constexpr const char* kStreamPath = "/limit/Run/";
constexpr int kWaiting = 128;  // Calls that can be accepted in one turn of the queue.

// One call, and the wait for it. Owns itself, from the constructor to the last event.
class Call {
 public:
  Call(grpc::AsyncGenericService* service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue), stream_(&context_) {
    service_->RequestCall(&context_, &stream_, queue_, queue_, this);
  }

  void Next(bool ok) {
    if (step_ == Step::kWait && ok) {
      new Call(service_, queue_);
      step_ = Step::kRead;
      stream_.Read(&message_, this);
    } else if (step_ == Step::kRead && ok && context_.method().rfind(kStreamPath, 0) == 0) {
      step_ = Step::kStream;
      const int length = std::atoi(context_.method().c_str() + std::strlen(kStreamPath));
      const grpc::Slice item(std::string(static_cast<size_t>(std::clamp(length, 1, 1 << 20)), 'x'));
      message_ = grpc::ByteBuffer(&item, 1);
      Next(true);
    } else if (step_ == Step::kStream && ok) {
      stream_.Write(message_, this);
    } else if (step_ == Step::kStream) {
      step_ = Step::kAnswer;
      stream_.Finish(grpc::Status::CANCELLED, this);
    } else if (step_ == Step::kRead && ok) {
      step_ = Step::kAnswer;
      stream_.WriteAndFinish(message_, grpc::WriteOptions(), grpc::Status::OK, this);
    } else {
      delete this;
    }
  }

 private:
  enum class Step { kWait, kRead, kStream, kAnswer };

  grpc::AsyncGenericService* service_;
  grpc::ServerCompletionQueue* queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer message_;
  Step step_ = Step::kWait;
};

}  // namespace

int main(int argc, char** argv) {
  std::string address = "127.0.0.1:0";
  if (argc == 3 && std::string(argv[1]) == "--listen") {
    address = argv[2];
  } else if (argc != 1) {
    std::fputs("usage: grpc_limit_server [--listen HOST:PORT]\n", stderr);
    return 2;
  }
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // Or two servers share a port.
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.RegisterAsyncGenericService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr,
                 "grpc_limit_server: cannot listen on %s; give --listen a HOST:PORT of this "
                 "machine that is free, port 0 for any\n",
                 address.c_str());
    return 1;
  }
  std::printf("%d\n", port);
  std::fflush(stdout);
  for (int i = 0; i < kWaiting; ++i) new Call(&service, queue.get());
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Call*>(tag)->Next(ok);
}
