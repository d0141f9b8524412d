// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/rest_codec.h: requests and responses of OIP as bodies of HTTP: JSON, and
// the binary tensor data extension.
//
// A binary body is JSON, of as many bytes as the field Inference-Header-Content-Length says, and
// the data of the tensors that have "binary_data_size", in their order. Length 0: the body is the
// data of the model's one input. Tensors point into the body.
// Pure functions; any thread.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/front/http_types.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/oip/counted.h"
#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

inline constexpr const char* kHeaderLength = "inference-header-content-length";

// Which outputs go as binary data.
struct RestForm {
  bool binary = false;  // Those that the request does not list.
  std::vector<std::string> listed, listed_binary;

  bool IsBinary(const std::string& output) const;
};

// `header_length`: of the JSON; nothing: all of it. The card is for requests without JSON.
Status ParseRest(const Bytes& body, std::optional<uint64_t> header_length, const ModelCard& card,
                 const Memory& memory, InferRequest* out, RestForm* form);

// How much of it ParseRest looks at one by one.
size_t BytesToRead(const HttpRequest& request);

// What every answer begins with: "id":.., "model_name":.., "model_version":..
void AppendOrigin(std::string* json, const InferResponse& response);
HttpResponse WriteRest(const InferResponse& response, const RestForm& form);
// Bytes of data that WriteRest makes text of.
size_t BytesToWrite(const InferResponse& response, const RestForm& form);

// {"error": text}.
HttpResponse RestError(const Status& status);
HttpResponse RestError(int http_status, std::string_view text);
std::string RestErrorText(std::string_view text);
int RestStatusOf(const Status& status);

// A scalar of JSON as a parameter. False: it is none.
bool ReadParam(const simdjson::dom::element& value, ParamValue* out);

}  // namespace aiges::oip
