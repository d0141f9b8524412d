// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/rest_codec.h"

#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/front/json_string.h"
#include "loader/protocols/oip/json_tensor.h"

namespace aiges::oip {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr const char* kOctets = "application/octet-stream";
constexpr const char* kWrongParam =
    "' has invalid type. It should be either 'int', 'bool', or 'string'.";

bool Text(const element& value, std::string* out) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return false;
  *out = text;
  return true;
}

// Reads one body. Each method is not ok with the place that is wrong.
class RestReader {
 public:
  RestReader(const Bytes& body, size_t json_length, const Memory& memory, InferRequest* out,
             RestForm* form)
      : body_(body), at_(json_length), memory_(memory), out_(*out), form_(*form) {}

  Status Read(const element& root) {
    object fields;
    if (root.get_object().get(fields) != simdjson::SUCCESS) {
      return Invalid("expected the request to be a JSON object");
    }
    std::optional<element> inputs;
    for (const auto& [key, value] : fields) {
      Status status;
      if (key == "id") {
        if (!Text(value, &out_.id)) status = Invalid("expected 'id' to be a string");
      } else if (key == "parameters") {
        status = ReadParams(value, "parameters", &out_.params);
      } else if (key == "inputs") {
        inputs = value;
      } else if (key == "outputs") {
        status = ReadOutputs(value);
      }
      if (!status.ok()) return status;
    }
    if (const ParamValue* all = FindParam(out_.params, "binary_data_output")) {
      const auto* binary = std::get_if<bool>(all);
      form_.binary = binary != nullptr && *binary;
    }
    if (!inputs) {
      return Invalid(
          "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'");
    }
    return ReadInputs(*inputs);
  }

 private:
  static Status ReadParams(const element& value, const std::string& where, Params* out) {
    object fields;
    if (value.is_null()) return Status::Ok();
    if (value.get_object().get(fields) != simdjson::SUCCESS || fields.size() > kMostParams) {
      return Invalid(StrCat(where, ": expected an object of at most ", kMostParams, " entries"));
    }
    out->reserve(fields.size());
    for (const auto& [key, entry] : fields) {
      ParamValue param;
      if (!ReadParam(entry, &param)) {
        return Invalid(StrCat("parameter '", key, kWrongParam));
      }
      out->emplace_back(key, std::move(param));
    }
    return Status::Ok();
  }

  static Status List(const element& value, const char* what, array* out) {
    if (value.get_array().get(*out) == simdjson::SUCCESS && out->size() <= kMostTensors) {
      return Status::Ok();
    }
    return Invalid(StrCat("expected '", what, "' to be a list of at most ", kMostTensors));
  }

  Status ReadInputs(const element& value) {
    array list;
    Status status = List(value, "inputs", &list);
    if (!status.ok()) return status;
    out_.inputs.reserve(list.size());
    for (const element& entry : list) {
      status = ReadInput(entry, &out_.inputs.emplace_back());
      if (!status.ok()) return status;
    }
    if (at_ == body_.size()) return status;
    return Invalid(StrCat("unexpected additional input data for model '", out_.model, "'"));
  }

  Status ReadInput(const element& entry, Tensor* input) {
    object fields;
    std::optional<element> data;
    bool has_type = false, has_shape = false;
    if (entry.get_object().get(fields) != simdjson::SUCCESS) {
      return Invalid("expected each of 'inputs' to be an object");
    }
    for (const auto& [key, value] : fields) {
      Status status;
      if (key == "name") {
        if (!Text(value, &input->name)) status = Invalid("input: expected 'name' to be a string");
      } else if (key == "datatype") {
        status = ReadDatatype(value, input);
        has_type = true;
      } else if (key == "shape") {
        status = ReadShapeOf(value, input);
        has_shape = true;
      } else if (key == "parameters") {
        status = ReadParams(value, "an input", &input->params);
      } else if (key == "data") {
        data = value;
      }
      if (!status.ok()) return status;
    }
    if (input->name.empty() || !has_type || !has_shape) {
      return Invalid(StrCat("input '", input->name, "': expected 'name', 'datatype' and 'shape'"));
    }
    return ReadData(data, input);
  }

  Status ReadData(const std::optional<element>& data, Tensor* input) {
    const ParamValue* size = FindParam(input->params, "binary_data_size");
    const bool shared = FindParam(input->params, "shared_memory_region") != nullptr;
    const int ways = (data ? 1 : 0) + (size != nullptr ? 1 : 0) + (shared ? 1 : 0);
    if (ways != 1) {
      return Invalid(
          StrCat("Input must set only one of the following fields: 'data', 'binary_data_size' in "
                 "'parameters', 'shared_memory_region' in 'parameters'. But ",
                 ways == 0 ? "no field is set" : "more than one field is set"));
    }
    if (shared) return Status::Ok();
    input->has_data = true;
    if (data && !data->is_array()) {
      return Invalid(StrCat("input '", input->name, "': expected 'data' to be a list"));
    }
    if (data) return ReadJsonData(*data, memory_, input);
    const auto* bytes = std::get_if<int64_t>(size);
    if (bytes == nullptr || *bytes < 0) {
      return Invalid(
          StrCat("input '", input->name, "': expected binary_data_size to be a number from 0 on"));
    }
    // What is missing shows in the check of sizes.
    const auto length = std::min(static_cast<uint64_t>(*bytes), uint64_t{body_.size() - at_});
    input->data = Bytes(body_.view().substr(at_, length), body_.owner());
    at_ += length;
    return Status::Ok();
  }

  static Status ReadDatatype(const element& value, Tensor* input) {
    std::string name;
    const bool text = Text(value, &name);
    const std::optional<Datatype> type = DatatypeOf(name);
    if (!text || !type) return Invalid(StrCat("invalid datatype for input ", input->name));
    input->datatype = *type;
    return Status::Ok();
  }

  static Status ReadShapeOf(const element& value, Tensor* input) {
    array list;
    bool fine = value.get_array().get(list) == simdjson::SUCCESS && list.size() <= kMostDimensions;
    if (fine) {
      for (const element& entry : list) {
        int64_t dimension = 0;
        fine = fine && entry.get_int64().get(dimension) == simdjson::SUCCESS && dimension >= 0;
        input->shape.push_back(dimension);
      }
    }
    if (fine) return Status::Ok();
    return Invalid(StrCat("input '", input->name, "': expected 'shape' to be a list of at most ",
                          kMostDimensions, " sizes, got ", CutUtf8(simdjson::minify(value), 100)));
  }

  Status ReadOutputs(const element& value) {
    array list;
    Status status = List(value, "outputs", &list);
    if (!status.ok()) return status;
    for (const element& entry : list) {
      RequestedOutput& output = out_.outputs.emplace_back();
      object fields;
      if (entry.get_object().get(fields) != simdjson::SUCCESS) {
        return Invalid("expected each of 'outputs' to be an object");
      }
      for (const auto& [key, field] : fields) {
        if (key == "name" && !Text(field, &output.name)) {
          return Invalid("output: expected 'name' to be a string");
        }
        if (key != "parameters") continue;
        status = ReadParams(field, "an output", &output.params);
        if (!status.ok()) return status;
      }
      if (output.name.empty()) return Invalid("output: expected a 'name'");
      form_.listed.push_back(output.name);
      const ParamValue* wanted = FindParam(output.params, "binary_data");
      const bool* binary = wanted == nullptr ? nullptr : std::get_if<bool>(wanted);
      if (wanted != nullptr && binary == nullptr) {
        return Invalid(StrCat("output '", output.name, "': expected 'binary_data' to be a bool"));
      }
      if (binary != nullptr && *binary) form_.listed_binary.push_back(output.name);
    }
    return Status::Ok();
  }

  const Bytes& body_;
  size_t at_;  // What of the body was taken.
  const Memory& memory_;
  InferRequest& out_;
  RestForm& form_;
};

// The body is the data of the one input.
Status ParseRaw(const Bytes& body, const ModelCard& card, InferRequest* out, RestForm* form) {
  form->binary = true;
  if (card.inputs().size() != 1) {
    return Invalid(
        StrCat("[request id: <id_unknown>] Raw request must only have 1 input (found 1) "
               "to be deduced but got ",
               card.inputs().size(), " inputs in '", out->model, "' model configuration"));
  }
  const TensorSpec& spec = card.inputs().front();
  Tensor& input = out->inputs.emplace_back();
  input.name = spec.name;
  input.datatype = DatatypeOf(spec.datatype).value_or(Datatype::kBytes);
  input.shape = spec.shape;
  input.has_data = true;
  if (card.max_batch_size() > 0 && !input.shape.empty()) input.shape.front() = 1;
  if (input.datatype == Datatype::kBytes) {
    for (int64_t& dimension : input.shape) {
      if (dimension == -1) dimension = 1;
    }
    if (CountOf(input.shape) != 1) {
      return Invalid(StrCat("[request id: <id_unknown>] For BYTE datatype raw input '", spec.name,
                            "', the model must have input shape [1]"));
    }
    std::string element;
    AppendElement(&element, body.view());
    input.data = Bytes::Own(std::move(element));
    return Status::Ok();
  }
  uint64_t known = SizeOf(input.datatype);
  int64_t* open = nullptr;
  for (int64_t& dimension : input.shape) {
    if (dimension != -1) {
      known *= static_cast<uint64_t>(dimension);
    } else if (open == nullptr) {
      open = &dimension;
    } else {
      return Invalid("raw request: expected at most one dimension of any size");
    }
  }
  if (open != nullptr) *open = known == 0 ? 0 : static_cast<int64_t>(body.size() / known);
  input.data = body;
  return Status::Ok();
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool RestForm::IsBinary(const std::string& output) const {
  return Has(listed, output) ? Has(listed_binary, output) : binary;
}

bool ReadParam(const element& value, ParamValue* out) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING:
      *out = std::string(value.get_string().value_unsafe());
      return true;
    case simdjson::dom::element_type::BOOL:
      *out = value.get_bool().value_unsafe();
      return true;
    case simdjson::dom::element_type::INT64:
      *out = value.get_int64().value_unsafe();
      return true;
    case simdjson::dom::element_type::UINT64:
      *out = value.get_uint64().value_unsafe();
      return true;
    case simdjson::dom::element_type::DOUBLE:
      *out = value.get_double().value_unsafe();
      return true;
    default:
      return false;
  }
}

Status ParseRest(const Bytes& body, std::optional<uint64_t> header_length, const ModelCard& card,
                 const Memory& memory, InferRequest* out, RestForm* form) {
  if (header_length == 0) return ParseRaw(body, card, out, form);
  const uint64_t length = header_length.value_or(body.size());
  if (length > body.size()) {
    return Invalid(
        StrCat("inference header size should be in range (0, ", body.size(), "), got: ", length));
  }
  const std::string_view json = body.view().substr(0, length);
  simdjson::dom::parser parser;
  element root;
  std::string quoted;
  auto error = parser.parse(json.data(), json.size()).get(root);
  if (error != simdjson::SUCCESS) quoted = QuoteBareNumbers(json);
  if (!quoted.empty()) error = parser.parse(quoted).get(root);
  if (error != simdjson::SUCCESS) {
    return Invalid(
        StrCat("failed to parse the request JSON buffer: ", simdjson::error_message(error)));
  }
  return RestReader(body, length, memory, out, form).Read(root);
}

size_t BytesToRead(const HttpRequest& request) {
  const std::string* length = Find(request.headers, kHeaderLength);
  uint64_t json = 0;
  if (length == nullptr || !ReadWhole(*length, &json)) return request.body.size();
  return std::min<uint64_t>(json, request.body.size());
}

void AppendOrigin(std::string* json, const InferResponse& response) {
  if (!response.id.empty()) {
    *json += "\"id\":";
    AppendJsonString(json, response.id);
    *json += ',';
  }
  *json += "\"model_name\":";
  AppendJsonString(json, response.model);
  *json += ",\"model_version\":";
  AppendJsonString(json, response.version);
}

HttpResponse WriteRest(const InferResponse& response, const RestForm& form) {
  HttpResponse out;
  std::vector<Bytes> data;
  std::string json = "{";
  AppendOrigin(&json, response);
  if (!response.params.empty()) {
    json += ",\"parameters\":";
    AppendJson(&json, response.params);
  }
  json += ",\"outputs\":[";
  for (const Tensor& output : response.outputs) {
    if (&output != response.outputs.data()) json += ',';
    json += "{\"name\":";
    AppendJsonString(&json, output.name);
    StrAppend(&json, ",\"datatype\":\"", NameOf(output.datatype),
              "\",\"shape\":", ShapeText(output.shape));
    if (output.has_data && form.IsBinary(output.name)) {
      StrAppend(&json, ",\"parameters\":{\"binary_data_size\":", output.data.size(), '}');
      if (!output.data.empty()) data.push_back(output.data);
    } else if (output.has_data) {
      json += ",\"data\":";
      AppendJsonData(&json, output);
    }
    json += '}';
  }
  json += "]}";
  if (!data.empty()) {
    out.content_type = kOctets;
    out.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
  }
  out.body.push_back(Bytes::Own(std::move(json)));
  for (Bytes& piece : data) out.body.push_back(std::move(piece));
  return out;
}

size_t BytesToWrite(const InferResponse& response, const RestForm& form) {
  size_t bytes = 0;
  for (const Tensor& output : response.outputs) {
    if (!form.IsBinary(output.name)) bytes += output.data.size();
  }
  return bytes;
}

std::string RestErrorText(std::string_view text) {
  std::string json = "{\"error\":";
  AppendJsonString(&json, text);
  return json + "}";
}

int RestStatusOf(const Status& status) {
  switch (status.kind) {
    case StatusKind::kOverloaded:
      return status.code == kCodeLimited ? 429 : 503;
    case StatusKind::kExists:
    case StatusKind::kCancelled:
    case StatusKind::kUnknown:
      return 400;
    default:
      return HttpStatusOf(status);
  }
}

HttpResponse RestError(int http_status, std::string_view text) {
  HttpResponse r = HttpResponse::Text(http_status, "application/json", RestErrorText(text));
  if (http_status == 503) r.headers.emplace_back("Retry-After", "1");
  return r;
}

HttpResponse RestError(const Status& status) {
  return RestError(RestStatusOf(status), status.text);
}

}  // namespace aiges::oip
