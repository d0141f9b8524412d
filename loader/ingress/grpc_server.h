// loader/ingress/grpc_server.h: the gRPC front: /utils.XsfCall/call, health and reflection.
//
// One completion queue and thread (a lane) per four cores: on two cores a second one was measured
// slower. Requests arrive as raw bytes and leave as raw slices (xsf_codec.h); large ones are
// received into memory that the workers can read.
// Threads: Start, SetServing and Stop belong to main; the lanes are its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "loader/api/buffers.h"
#include "loader/api/resources.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"

namespace aiges {

class GrpcServer {
 public:
  // The service and the buffers must outlive the server.
  GrpcServer(const Settings& settings, Service* service, Sessions* sessions, Resources* resources,
             BufferPool* buffers);
  ~GrpcServer();

  // Out: the port in use, also when any free one was asked for.
  Status Start(uint16_t* port);
  void SetServing(bool serving);  // What grpc.health.v1.Health answers.
  // No new calls; those in progress have until then to be answered.
  void Stop(TimePoint until);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiges
