// SPDX-License-Identifier: Apache-2.0
// loader/protocols/xsf_call.h: /utils.XsfCall/call, a call of gRPC.
#pragma once

#include <memory>

#include "loader/protocols/grpc_env.h"

namespace aiges {

std::unique_ptr<Responder> MakeXsfCall(std::shared_ptr<Exchange> exchange, GrpcServices* env);

}  // namespace aiges
