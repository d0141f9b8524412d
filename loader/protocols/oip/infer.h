// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/infer.h: an inference request and its response, as REST and gRPC both mean
// them.
//
// The codecs make a request of bytes and bytes of a response; the rules between (infer_call.h) know
// no wire. Tensors share their data with the message that they came in. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "loader/base/bytes.h"
#include "loader/base/status.h"
#include "loader/protocols/oip/datatype.h"

namespace aiges::oip {

// Parts of one message: each costs memory many times its size on the wire.
inline constexpr size_t kMostTensors = 4096;
inline constexpr size_t kMostParams = 4096;

using ParamValue = std::variant<bool, int64_t, uint64_t, double, std::string>;
using Params = std::vector<std::pair<std::string, ParamValue>>;

inline const ParamValue* FindParam(const Params& params, std::string_view name) {
  for (const auto& [key, value] : params) {
    if (key == name) return &value;
  }
  return nullptr;
}

struct Tensor {
  std::string name;
  Datatype datatype = Datatype::kBytes;
  Shape shape;
  Params params;
  Bytes data;
  bool has_data = false;  // Of an input: data came with the message.
};

struct RequestedOutput {
  std::string name;
  Params params;
};

struct InferRequest {
  std::string model, version, id;
  Params params;
  std::vector<Tensor> inputs;
  std::vector<RequestedOutput> outputs;  // Empty: all.
};

struct InferResponse {
  std::string model, version, id;
  Params params;
  std::vector<Tensor> outputs;  // Without data: they are in shared memory of the client's.
};

inline Status Invalid(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text));
}

// A scalar parameter as text, and as JSON.
std::string TextOf(const ParamValue& value);
void AppendJson(std::string* out, const ParamValue& value);
void AppendJson(std::string* out, const Params& params);  // An object.

}  // namespace aiges::oip
