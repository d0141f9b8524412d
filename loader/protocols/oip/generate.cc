// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/generate.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "loader/base/strings.h"
#include "loader/front/json_string.h"
#include "loader/protocols/oip/json_tensor.h"
#include "loader/protocols/oip/rest_codec.h"

namespace aiges::oip {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

uint64_t LeavesOf(const element& value) {
  array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return 1;
  return list.size();
}

// The shape that has so many elements: the last open dimension takes what the others leave.
Shape ShapeFor(const TensorSpec& spec, uint64_t count) {
  Shape shape = spec.shape;
  uint64_t rest = count;
  int64_t* open = nullptr;
  for (int64_t& dimension : shape) {
    if (dimension > 0) rest /= static_cast<uint64_t>(dimension);
    if (dimension != -1) continue;
    dimension = 1;
    open = &dimension;
  }
  if (open != nullptr) *open = static_cast<int64_t>(rest);
  return shape;
}

bool IsField(const std::vector<EngineSchema::Field>& fields, std::string_view key) {
  return std::any_of(fields.begin(), fields.end(),
                     [key](const EngineSchema::Field& field) { return field.key == key; });
}

// Reads one object; `depth` 1 is that of "parameters".
class GenerateReader {
 public:
  GenerateReader(const ModelCard& card, const std::vector<EngineSchema::Field>& fields,
                 const Memory& memory, InferRequest* out)
      : card_(card), fields_(fields), memory_(memory), out_(*out) {}

  Status Read(const element& value, int depth) {
    object entries;
    if (value.get_object().get(entries) != simdjson::SUCCESS || entries.size() > kMostParams) {
      return Invalid(StrCat(depth == 0 ? "the request" : "'parameters'",
                            ": expected a JSON object of at most ", kMostParams, " entries"));
    }
    for (const auto& [key, entry] : entries) {
      Status status;
      std::string_view id;
      if (depth == 0 && key == "parameters" && entry.is_object()) {
        status = Read(entry, 1);
      } else if (depth == 0 && key == "id" && card_.Input("id") == nullptr) {
        if (entry.get_string().get(id) != simdjson::SUCCESS) {
          return Invalid("expected 'id' to be a string");
        }
        out_.id = id;
      } else {
        status = ReadEntry(key, entry);
      }
      if (!status.ok()) return status;
    }
    return Status::Ok();
  }

 private:
  Status ReadEntry(std::string_view key, const element& entry) {
    const TensorSpec* spec = card_.Input(key);
    const bool plain =
        !card_.has_tensors() && (IsField(fields_, key) || (fields_.empty() && entry.is_string()));
    if (spec == nullptr && !plain) {
      ParamValue param;
      if (!ReadParam(entry, &param)) {
        return Invalid(StrCat("parameter '", key,
                              "' has invalid type. It should be either 'int', 'bool', or "
                              "'string'."));
      }
      out_.params.emplace_back(key, std::move(param));
      return Status::Ok();
    }
    for (const Tensor& other : out_.inputs) {
      if (other.name == key) return Invalid(StrCat("input '", key, "' already exists in request"));
    }
    Tensor& input = out_.inputs.emplace_back();
    input.name = key;
    input.has_data = true;
    input.shape = {1};
    if (spec != nullptr) {
      input.datatype = DatatypeOf(spec->datatype).value_or(Datatype::kBytes);
      input.shape = ShapeFor(*spec, LeavesOf(entry));
    }
    return ReadJsonData(entry, memory_, &input);
  }

  const ModelCard& card_;
  const std::vector<EngineSchema::Field>& fields_;
  const Memory& memory_;
  InferRequest& out_;
};

Status ParseJson(std::string_view body, simdjson::dom::parser* parser, element* out) {
  const auto error = parser->parse(body.data(), body.size()).get(*out);
  if (error == simdjson::SUCCESS) return Status::Ok();
  return Invalid(
      StrCat("failed to parse the request JSON buffer: ", simdjson::error_message(error)));
}

// ---- KServe v1 ----

// The lengths of nested lists, by their first elements.
Shape NestedShape(element value) {
  Shape shape;
  array list;
  while (shape.size() < kMostDimensions && value.get_array().get(list) == simdjson::SUCCESS) {
    shape.push_back(static_cast<int64_t>(list.size()));
    if (list.size() == 0) break;
    value = *list.begin();
  }
  return shape;
}

Status AddInput(const TensorSpec& spec, const element& value, const Memory& memory,
                InferRequest* out) {
  Tensor& input = out->inputs.emplace_back();
  input.name = spec.name;
  input.datatype = DatatypeOf(spec.datatype).value_or(Datatype::kBytes);
  input.shape = NestedShape(value);
  input.has_data = true;
  return ReadJsonData(value, memory, &input);
}

// {"a": [..], "b": [..]}, by name.
Status AddColumns(const object& columns, const ModelCard& card, const Memory& memory,
                  InferRequest* out) {
  for (const auto& [key, value] : columns) {
    const TensorSpec* spec = card.Input(key);
    if (spec == nullptr) {
      return Invalid(StrCat("unexpected inference input '", key, "' for model '", out->model, "'"));
    }
    const Status status = AddInput(*spec, value, memory, out);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// [{"a": .., "b": ..}, ..]: each input is the list of its values.
Status AddRows(const array& rows, const ModelCard& card, const Memory& memory, InferRequest* out) {
  std::string text = "{";
  for (const TensorSpec& spec : card.inputs()) {
    std::string column;
    for (const element& row : rows) {
      element value;
      if (row.at_key(spec.name).get(value) != simdjson::SUCCESS) {
        if (spec.optional && column.empty()) break;
        return Invalid(StrCat("instances: expected each to have '", spec.name, "'"));
      }
      StrAppend(&column, column.empty() ? "" : ",", std::string(simdjson::minify(value)));
    }
    if (column.empty()) continue;
    if (text.size() > 1) text += ',';
    AppendJsonString(&text, spec.name);
    StrAppend(&text, ":[", column, ']');
  }
  text += '}';
  simdjson::dom::parser parser;
  element root;
  const Status status = ParseJson(text, &parser, &root);
  return status.ok() ? AddColumns(root.get_object().value_unsafe(), card, memory, out) : status;
}

// A tensor as nested lists.
void AppendNested(std::string* out, const Tensor& tensor) {
  std::string flat;
  AppendJsonData(&flat, tensor);
  if (tensor.shape.size() < 2 || CountOf(tensor.shape).value_or(0) == 0) {
    *out += flat;
    return;
  }
  simdjson::dom::parser parser;
  array values;
  if (parser.parse(flat).get_array().get(values) != simdjson::SUCCESS) {  // NaN: without nesting.
    *out += flat;
    return;
  }
  std::vector<int64_t> left(tensor.shape.size(), 0);  // In each open list.
  size_t depth = 0;
  for (const element& value : values) {
    while (depth < tensor.shape.size()) {
      *out += '[';
      left[depth] = tensor.shape[depth];
      ++depth;
    }
    *out += simdjson::minify(value);
    while (depth > 0 && --left[depth - 1] == 0) {
      *out += ']';
      --depth;
    }
    if (depth > 0) *out += ',';
  }
}

// The value of an output. What an engine without tensors has made is JSON, or a text.
void AppendValue(std::string* out, const Tensor& output, bool tensors) {
  if (tensors) return AppendNested(out, output);
  std::string_view rest = output.data.view();
  const std::string_view text = TakeElement(&rest).value_or("");
  simdjson::dom::parser parser;
  element value;
  if (output.datatype != Datatype::kBytes || output.shape != Shape{1}) {
    AppendNested(out, output);
  } else if (parser.parse(text.data(), text.size()).get(value) == simdjson::SUCCESS) {
    *out += simdjson::minify(value);
  } else {
    *out += '[';
    AppendJsonString(out, text);
    *out += ']';
  }
}

}  // namespace

Status ParseGenerate(std::string_view body, const ModelCard& card,
                     const std::vector<EngineSchema::Field>& fields, const Memory& memory,
                     InferRequest* out) {
  simdjson::dom::parser parser;
  element root;
  const Status status = ParseJson(body, &parser, &root);
  return status.ok() ? GenerateReader(card, fields, memory, out).Read(root, 0) : status;
}

std::string WriteGenerate(const InferResponse& response) {
  std::string json = "{";
  AppendOrigin(&json, response);
  for (const auto& [name, value] : response.params) {
    json += ',';
    AppendJsonString(&json, name);
    json += ':';
    AppendJson(&json, value);
  }
  for (const Tensor& output : response.outputs) {
    json += ',';
    AppendJsonString(&json, output.name);
    json += ':';
    AppendJsonData(&json, output, /*scalar=*/true);
  }
  return json + "}";
}

Status ParsePredict(std::string_view body, const ModelCard& card,
                    const std::vector<EngineSchema::Field>& fields, const Memory& memory,
                    InferRequest* out) {
  simdjson::dom::parser parser;
  element root, given;
  const Status status = ParseJson(body, &parser, &root);
  if (!status.ok()) return status;
  const bool has_instances = root.at_key("instances").get(given) == simdjson::SUCCESS;
  if (!has_instances && root.at_key("inputs").get(given) != simdjson::SUCCESS) {
    return Invalid("expected \"instances\" or \"inputs\" in the request");
  }
  array list;
  object columns;
  const bool is_list = given.get_array().get(list) == simdjson::SUCCESS;
  if (has_instances && !is_list) return Invalid("expected \"instances\" to be a list");
  if (!card.has_tensors()) {
    Tensor& input = out->inputs.emplace_back();
    input.name = fields.empty() ? "instances" : fields.front().key;
    input.shape = {1};
    input.has_data = true;
    std::string element_bytes;
    AppendElement(&element_bytes, std::string(simdjson::minify(root)));
    input.data = Bytes::Own(std::move(element_bytes));
    return Status::Ok();
  }
  if (is_list && list.size() > 0 && (*list.begin()).is_object()) {
    return AddRows(list, card, memory, out);
  }
  if (given.get_object().get(columns) == simdjson::SUCCESS) {
    return AddColumns(columns, card, memory, out);
  }
  if (card.inputs().size() != 1) {
    return Invalid(StrCat("expected instances of the ", card.inputs().size(),
                          " inputs by name, got values without names"));
  }
  return AddInput(card.inputs().front(), given, memory, out);
}

std::string WritePredict(const InferResponse& response, const ModelCard& card,
                         std::string_view key) {
  std::string value;
  const bool tensors = card.has_tensors();
  if (response.outputs.size() == 1) {
    AppendValue(&value, response.outputs.front(), tensors);
    // The engine has said all of it.
    if (!tensors && value.starts_with('{') &&
        value.find(StrCat('"', key, '"')) != std::string::npos) {
      return value;
    }
  } else {
    value += '{';
    for (const Tensor& output : response.outputs) {
      if (value.size() > 1) value += ',';
      AppendJsonString(&value, output.name);
      value += ':';
      AppendValue(&value, output, tensors);
    }
    value += '}';
  }
  return StrCat("{\"", key, "\":", value, '}');
}

}  // namespace aiges::oip
