// SPDX-License-Identifier: Apache-2.0
// loader/protocols/stream_call.h: /aiges.v1.Stream/Run, a call of gRPC that is one session.
//
// Flow control. Messages are taken only while few writes wait for the engine, and output is polled
// for only when the client has taken most of the last: a slow client, or a slow engine, stops the
// other side. What waited meanwhile leaves as one message. A client that neither says nor takes
// anything for [limits] stream_idle_ms, while it could, has its session ended.
#pragma once

#include <memory>

#include "loader/protocols/grpc_env.h"

namespace aiges {

std::unique_ptr<Responder> MakeStreamCall(std::shared_ptr<Exchange> exchange, GrpcServices* env);

}  // namespace aiges
