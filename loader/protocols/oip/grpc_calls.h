// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/grpc_calls.h: the methods of inference.GRPCInferenceService.
#pragma once

#include <memory>
#include <string_view>

#include "loader/protocols/grpc_env.h"
#include "loader/protocols/oip/server.h"

namespace aiges::oip {

inline constexpr std::string_view kGrpcService = "inference.GRPCInferenceService";

// Nothing, and *known is false: there is no such method. The caller's rank has been looked at.
std::unique_ptr<Responder> BeginGrpc(std::shared_ptr<Exchange> exchange, GrpcServices* env,
                                     Server* server, bool* known);

// grpc_infer.cc, grpc_stream.cc
std::unique_ptr<Responder> MakeInferCall(std::shared_ptr<Exchange> exchange, GrpcServices* env,
                                         Server* server);
std::unique_ptr<Responder> MakeStreamInferCall(std::shared_ptr<Exchange> exchange,
                                               GrpcServices* env, Server* server);

// What gRPC says of it.
GrpcStatus GrpcStatusOf(const Status& status);
// Who asks, for MakeCall: the key, and the fields of the head that the settings pass on.
struct Asker;
Asker AskerOf(const Exchange& exchange, const ServiceSettings& settings);

}  // namespace aiges::oip
