// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/grpc_codec.h: ModelInferRequest and ModelInferResponse
// (proto/inference.proto)
// <-> values.
//
// Written by hand for the reason that proto_wire.h tells: tensors point into the received message,
// and leave in pieces of their own. Typed contents become raw data; where their bytes are the same
// (FP32, FP64) they are not copied either. Answers have raw contents always, as Triton's: its
// clients read no others. tests/loader/protocols/oip holds this against the generated classes.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/protocols/oip/counted.h"
#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

// kInvalid: no such message, or one that contradicts itself.
Status ParseGrpc(const Bytes& message, const Memory& memory, InferRequest* out);
// Whether that takes longer than a lane has: its numbers are to be read one by one.
bool IsLongToParse(std::string_view message);

std::vector<Bytes> WriteGrpc(const InferResponse& response);
// As the infer_response of a ModelStreamInferResponse; with the error, where there is one.
std::vector<Bytes> WriteGrpcStream(const InferResponse& response, std::string_view error);

}  // namespace aiges::oip
