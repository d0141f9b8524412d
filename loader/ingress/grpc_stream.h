// loader/ingress/grpc_stream.h: /aiges.v1.Stream/Run on a lane: one call is one session.
//
// Flow control. The next message is read only while few writes wait for the engine, and output is
// polled for only when gRPC has taken the last message: a slow client, or a slow engine, stops the
// other side. What waited meanwhile leaves as one message.
#pragma once

#include <grpcpp/grpcpp.h>

#include "loader/api/buffers.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/ingress/grpc_lane.h"
#include "loader/ingress/handle.h"
#include "loader/ingress/load_header.h"
#include "stream.grpc.pb.h"

namespace aiges {

using StreamService = v1::Stream::WithRawMethod_Run<v1::Stream::Service>;

// What a call needs; all of it outlives the calls.
struct StreamContext {
  const Settings& settings;
  Sessions& sessions;
  BufferPool& buffers;
  StreamService& stream;
  HandleMaker& handles;
  LoadHeader& load;
  GrpcLane& lane;
};

// Lane thread, once: lets calls arrive, and goes on with that until the server shuts down.
void AcceptStreams(const StreamContext& context);

}  // namespace aiges
