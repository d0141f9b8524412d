#include "loader/ingress/grpc_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "loader/ingress/grpc_lane.h"
#include "loader/ingress/grpc_standard.h"
#include "loader/ingress/grpc_stream.h"
#include "loader/ingress/grpc_xsf.h"
#include "loader/ingress/handle.h"

namespace aiges {

struct GrpcServer::Impl {
  Impl(const Settings& s, Service* sv, Sessions* ss, Resources* r, BufferPool* b)
      : settings(s), service(*sv), sessions(*ss), resources(*r), buffers(*b), load(sv) {}

  const Settings& settings;
  Service& service;
  Sessions& sessions;
  Resources& resources;
  BufferPool& buffers;
  LoadHeader load;
  XsfService xsf;
  XsfSessionTable table;
  StreamService stream;
  grpc::AsyncGenericService generic;
  std::unique_ptr<HandleMaker> handles;
  std::vector<std::unique_ptr<GrpcLane>> lanes;
  std::vector<std::unique_ptr<XsfContext>> contexts;  // One for each lane.
  std::vector<std::unique_ptr<StreamContext>> stream_contexts;
  std::unique_ptr<StandardServices> standard;         // On the first lane.
  std::unique_ptr<grpc::Server> server;

  void StartLanes() {
    standard = std::make_unique<StandardServices>(&generic, lanes[0].get());
    for (auto& lane : lanes) {
      contexts.push_back(std::make_unique<XsfContext>(
          XsfContext{settings, service, sessions, resources, buffers, xsf, *handles, table,
                     load, *lane}));
      stream_contexts.push_back(std::make_unique<StreamContext>(
          StreamContext{settings, sessions, buffers, stream, *handles, load, *lane}));
      lane->Start(
          [this, context = contexts.back().get(), streams = stream_contexts.back().get()] {
            AcceptXsfCalls(*context);
            AcceptStreams(*streams);
            if (&context->lane == lanes[0].get()) standard->AcceptCalls();
          },
          [this] { service.Flush(); });
    }
  }
};

GrpcServer::GrpcServer(const Settings& settings, Service* service, Sessions* sessions,
                       Resources* resources, BufferPool* buffers)
    : impl_(std::make_unique<Impl>(settings, service, sessions, resources, buffers)) {}

GrpcServer::~GrpcServer() = default;

Status GrpcServer::Start(uint16_t* port) {
  const ServiceSettings& s = impl_->settings.service;
  grpc::ServerBuilder builder;
  const std::string host = s.host.empty() ? "0.0.0.0" : s.host;
  const std::string address = StrCat(host, ":", s.grpc_port);
  int bound = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &bound);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, s.reuseport ? 1 : 0);
  // Clients may ping as often as they like, to notice a host that is gone.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // And we ping them: a client whose host is gone must not keep its session's licence.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(impl_->settings.limits.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(&impl_->xsf);
  builder.RegisterService(&impl_->stream);
  builder.RegisterAsyncGenericService(&impl_->generic);
  const unsigned lanes = std::max(1u, std::thread::hardware_concurrency() / 4);
  for (unsigned i = 0; i < lanes; ++i) {
    impl_->lanes.push_back(std::make_unique<GrpcLane>(builder.AddCompletionQueue()));
  }
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr || bound == 0) {
    impl_->server = nullptr;
    for (auto& lane : impl_->lanes) lane->queue()->Shutdown();
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot listen on ", address, " for gRPC ([", s.name,
                                "] host, port): is the port in use, the address this machine's?"));
  }
  *port = static_cast<uint16_t>(bound);
  impl_->handles = std::make_unique<HandleMaker>(s.host, *port);
  impl_->StartLanes();
  return Status::Ok();
}

void GrpcServer::SetServing(bool serving) {
  impl_->lanes[0]->Post([this, serving] { impl_->standard->SetServing(serving); });
}

void GrpcServer::Stop(TimePoint until) {
  if (impl_->server == nullptr) return;
  impl_->lanes[0]->Post([this] { impl_->standard->CancelCalls(); });
  const auto left = until - std::chrono::steady_clock::now();
  impl_->server->Shutdown(std::chrono::system_clock::now() +
                          std::max<Duration>(left, std::chrono::milliseconds(1)));
  for (auto& lane : impl_->lanes) lane->Stop();
  impl_->server = nullptr;
}

}  // namespace aiges
