// loader/ingress/grpc_xsf.h: /utils.XsfCall/call on a lane.
#pragma once

#include <grpcpp/grpcpp.h>

#include "loader/api/buffers.h"
#include "loader/api/resources.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/ingress/grpc_lane.h"
#include "loader/ingress/handle.h"
#include "loader/ingress/load_header.h"
#include "loader/ingress/xsf_session.h"
#include "xsf.grpc.pb.h"

namespace aiges {

using XsfService = utils::XsfCall::WithRawMethod_call<utils::XsfCall::Service>;

// What a call needs; all of it outlives the calls.
struct XsfContext {
  const Settings& settings;
  Service& service;
  Sessions& sessions;
  Resources& resources;
  BufferPool& buffers;
  XsfService& xsf;
  HandleMaker& handles;
  XsfSessionTable& table;
  LoadHeader& load;
  GrpcLane& lane;
};

// Lane thread, once: lets calls arrive, and goes on with that until the server shuts down.
void AcceptXsfCalls(const XsfContext& context);

}  // namespace aiges
