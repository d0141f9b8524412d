// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/infer_call.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/mutex.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/front/json_string.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/oip/classify.h"
#include "loader/protocols/oip/infer_check.h"

namespace aiges::oip {
namespace {

constexpr const char* kOipParam = ":oip";
constexpr const char* kParameters = ":parameters";
constexpr const char* kError = ":error";
constexpr const char* kRegion = "shared_memory_region";
// What calls of HTTP get that say nothing.
constexpr std::chrono::seconds kUsual{120};
constexpr std::chrono::hours kLongest{24};

// Between the client and the loader only.
bool IsOfProtocol(std::string_view name) {
  return name == "binary_data_output" || name == "triton_enable_empty_final_response";
}

bool Natural(const Params& params, std::string_view name, uint64_t* out) {
  const ParamValue* value = FindParam(params, name);
  if (value == nullptr) return true;
  if (const auto* number = std::get_if<uint64_t>(value)) {
    *out = *number;
    return true;
  }
  const auto* number = std::get_if<int64_t>(value);
  if (number == nullptr || *number < 0) return false;
  *out = static_cast<uint64_t>(*number);
  return true;
}

// Where in the client's memory a tensor lies.
struct Place {
  std::string region;
  uint64_t offset = 0, size = 0;
};

Status PlaceOf(const Params& params, const std::string& tensor, Place* out) {
  const auto* region = std::get_if<std::string>(FindParam(params, kRegion));
  if (region == nullptr) {
    return Invalid(StrCat(tensor, ": expected 'shared_memory_region' to be a string"));
  }
  out->region = *region;
  if (!Natural(params, "shared_memory_offset", &out->offset) ||
      !Natural(params, "shared_memory_byte_size", &out->size) ||
      FindParam(params, "shared_memory_byte_size") == nullptr) {
    return Invalid(StrCat(tensor,
                          ": expected 'shared_memory_byte_size' and 'shared_memory_offset' to be "
                          "numbers from 0 on"));
  }
  return Status::Ok();
}

Status ReadShared(const ClientShm& shm, const Memory& memory, Tensor* input) {
  Place place;
  Status status = PlaceOf(input->params, input->name, &place);
  if (status.ok()) status = shm.Check(place.region, place.offset, place.size);
  if (!status.ok()) return status;
  std::optional<Buffer> buffer = memory.Take(place.size);
  if (!buffer) return memory.NoRoom();
  status = shm.Read(place.region, place.offset, buffer->data, place.size);
  input->data = std::move(*buffer).Freeze();
  return status;
}

// All that the client said but its data. "checked": the inputs are those that the model declares;
// nothing is known of one that was never loaded, so that it must look itself.
std::string OipParam(const InferRequest& request, bool checked) {
  std::string out = checked ? "{\"checked\":true,\"id\":" : "{\"id\":";
  AppendJsonString(&out, request.id);
  out += ",\"parameters\":";
  Params params;
  for (const auto& param : request.params) {
    if (!IsOfProtocol(param.first)) params.push_back(param);
  }
  AppendJson(&out, params);
  out += ",\"outputs\":[";
  for (const RequestedOutput& output : request.outputs) {
    if (&output != request.outputs.data()) out += ',';
    out += "{\"name\":";
    AppendJsonString(&out, output.name);
    out += ",\"parameters\":";
    AppendJson(&out, output.params);
    out += '}';
  }
  return out + "]}";
}

// BYTES [1] for an engine without tensors: the bytes, of the type that it declares.
bool MakePlain(const Tensor& input, const std::vector<EngineSchema::Field>& fields,
               Payload* payload) {
  if (input.datatype != Datatype::kBytes || input.shape != Shape{1}) return false;
  std::string_view rest = input.data.view();
  const std::optional<std::string_view> element = TakeElement(&rest);
  if (!element) return false;
  payload->data = Bytes(*element, input.data.owner());
  payload->type = IsUtf8(*element) ? DataType::kText : DataType::kOther;
  for (const EngineSchema::Field& field : fields) {
    if (field.key == input.name) payload->type = field.type;
  }
  return true;
}

Payload MakePayload(Tensor input, bool plain, const std::vector<EngineSchema::Field>& fields) {
  Payload payload;
  payload.type = DataType::kOther;
  if (!plain || !MakePlain(input, fields, &payload)) {
    payload.desc.reserve(2);
    payload.desc.emplace_back("datatype", NameOf(input.datatype));
    payload.desc.emplace_back("shape", WriteShape(input.shape));
    payload.data = std::move(input.data);
  }
  payload.key = std::move(input.name);
  return payload;
}

Status BadOutput(const std::string& name, const std::string& why) {
  return Status::Error(StatusKind::kInternal, StrCat("output '", name, "': ", why));
}

Status ReadOutput(Payload payload, Tensor* out) {
  out->name = IsUtf8(payload.key) ? std::move(payload.key) : VisibleUtf8(payload.key);
  const std::string* datatype = Find(payload.desc, "datatype");
  if (datatype == nullptr) {
    out->datatype = Datatype::kBytes;
    out->shape = {1};
    if (payload.data.size() > std::numeric_limits<uint32_t>::max()) {
      return BadOutput(out->name, "expected less than 4 GiB");
    }
    std::string element;
    element.reserve(payload.data.size() + sizeof(uint32_t));
    AppendElement(&element, payload.data.view());
    out->data = Bytes::Own(std::move(element));
    return Status::Ok();
  }
  const std::optional<Datatype> known = DatatypeOf(*datatype);
  if (!known) {
    return BadOutput(out->name, StrCat("expected a datatype of OIP, got ", *datatype));
  }
  out->datatype = *known;
  const std::string* shape = Find(payload.desc, "shape");
  const std::optional<Shape> read = ReadShape(shape == nullptr ? "" : *shape);
  const std::optional<uint64_t> count = read ? CountOf(*read) : std::nullopt;
  if (!count) {
    return BadOutput(out->name, StrCat("expected a shape as \"1,64\", got \"", *shape, '"'));
  }
  out->shape = *read;
  out->data = std::move(payload.data);
  if (out->datatype == Datatype::kBytes) {
    if (AreElements(out->data.view(), *count)) return Status::Ok();
    return BadOutput(out->name, StrCat("expected ", *count, " elements of BYTES for the shape ",
                                       ShapeText(out->shape), ", got other data"));
  }
  const uint64_t bytes = *count * SizeOf(out->datatype);
  if (bytes == out->data.size()) return Status::Ok();
  return BadOutput(out->name, StrCat("expected ", bytes, " bytes of ", *datatype, ' ',
                                     ShapeText(out->shape), ", got ", out->data.size()));
}

Status ReadParameters(std::string_view text, Params* out) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() > kMostParams) {
    return Status::Error(StatusKind::kInternal, ":parameters: expected a JSON object");
  }
  for (const auto& [name, value] : json.items()) {
    if (value.is_boolean()) {
      out->emplace_back(name, value.get<bool>());
    } else if (value.is_number_unsigned() &&
               value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      out->emplace_back(name, value.get<uint64_t>());
    } else if (value.is_number_integer()) {
      out->emplace_back(name, value.get<int64_t>());
    } else if (value.is_number_float()) {
      out->emplace_back(name, value.get<double>());
    } else if (value.is_string()) {
      out->emplace_back(name, value.get<std::string>());
    } else {
      return Status::Error(StatusKind::kInternal, StrCat(":parameters: expected ", name,
                                                         " to be a bool, a number or a string"));
    }
  }
  return Status::Ok();
}

// What the client asks to be done with it.
Status Deliver(const RequestedOutput& wanted, const Wish& wish, const ClientShm& shm,
               Tensor* output) {
  const ParamValue* classes = FindParam(wanted.params, "classification");
  const bool shared = FindParam(wanted.params, kRegion) != nullptr;
  if (classes != nullptr) {
    uint64_t count = 0;
    if (!Natural(wanted.params, "classification", &count) || count == 0) {
      return Invalid("invalid value for 'classification': expected a number above 0");
    }
    if (shared) return Invalid("shared memory can't be used with 'classification'");
    const TensorSpec* spec = wish.card->Output(output->name);
    static const std::vector<std::string> kNone;
    return Classify(count, wish.card->max_batch_size() > 0, spec == nullptr ? kNone : spec->labels,
                    output);
  }
  if (!shared) return Status::Ok();
  Place place;
  Status status = PlaceOf(wanted.params, output->name, &place);
  if (status.ok() && output->data.size() > place.size) {
    status =
        Invalid(StrCat("shared memory size specified with the request for output '", output->name,
                       "' should be at least ", output->data.size(), " bytes to hold the results"));
  }
  if (status.ok()) status = shm.Write(place.region, place.offset, output->data.view());
  output->data = {};
  output->has_data = false;
  return status;
}

}  // namespace

Status FindTarget(const Models& models, const std::string& name, const std::string& version,
                  Target* out) {
  uint64_t number = 0;
  if (!version.empty() && !ReadWhole(version, &number)) {
    return Invalid(StrCat("failed to get model version from specified version string '", version,
                          "' (details: expected a number), version should be an integral value > "
                          "0"));
  }
  const Status found = models.Find(name, version, &out->model);
  if (!found.ok() || (!version.empty() && out->model->version() != version)) {
    ModelRef any;
    const bool known = models.Find(name, "", &any).ok();
    if (known && !version.empty()) {
      return Status::Error(StatusKind::kNotFound, StrCat("Request for unknown model: '", name,
                                                         "' version ", version, " is not found"));
    }
    if (found.kind == StatusKind::kNotFound) {
      return Status::Error(StatusKind::kNotFound,
                           StrCat("Request for unknown model: '", name, "' is not found"));
    }
    return found;
  }
  out->name = name.empty() ? out->model->name() : name;
  out->card = CardOf(out->model->Schema());
  return Status::Ok();
}

std::vector<EngineSchema::Field> InputFieldsOf(const std::shared_ptr<const std::string>& schema) {
  struct Entry {
    std::weak_ptr<const std::string> text;
    std::vector<EngineSchema::Field> fields;
  };
  static Mutex mu;
  static std::map<const std::string*, Entry>& known = *new std::map<const std::string*, Entry>;
  if (schema->empty()) return {};
  {
    const MutexLock lock(mu);
    const auto found = known.find(schema.get());
    if (found != known.end() && !found->second.text.expired()) return found->second.fields;
  }
  std::vector<EngineSchema::Field> fields = EngineSchema(*schema, "").inputs();
  const MutexLock lock(mu);
  std::erase_if(known, [](const auto& entry) { return entry.second.text.expired(); });
  known[schema.get()] = {schema, fields};
  return fields;
}

Status MakeCall(InferRequest* request, const Target& target, const ServiceSettings& settings,
                const ClientShm& shm, const Memory& memory, Asker asker, OnceCall* out) {
  if (Status may = CheckMayCall(asker.caller, target.model->name()); !may.ok()) return may;
  request->model = target.name;
  Status status = CheckParams(request->params);
  for (Tensor& input : request->inputs) {
    if (!status.ok()) return status;
    if (FindParam(input.params, kRegion) == nullptr) continue;
    if (input.has_data) {
      return Invalid(StrCat("input '", input.name, "': expected data or shared memory, got both"));
    }
    status = ReadShared(shm, memory, &input);
  }
  if (status.ok()) status = CheckRequest(*request, *target.card);
  if (!status.ok()) return status;
  if (request->inputs.empty()) return Invalid("expected at least one input, got none");
  Request& call = out->request;
  call.model = target.model;
  call.handle = asker.id;
  call.request_id = request->id;
  call.params.reserve(request->params.size() + 3);
  for (const auto& [name, value] : request->params) {
    if (name.starts_with(':') || IsOfProtocol(name)) continue;  // Names with it are the loader's.
    call.params.emplace_back(name, TextOf(value));
  }
  call.params.emplace_back(kOipParam, OipParam(*request, target.card->has_tensors()));
  call.origin = asker.caller.origin;
  out->headers = std::move(asker.headers);
  out->headers.emplace_back("sid", asker.id);
  const bool plain = !target.card->has_tensors();
  std::vector<EngineSchema::Field> fields;
  if (plain) fields = InputFieldsOf(target.model->Schema());
  call.payloads.reserve(request->inputs.size());
  for (Tensor& input : request->inputs) {
    call.payloads.push_back(MakePayload(std::move(input), plain, fields));
  }
  PassHeaders(settings, out);
  return CheckInput(*out);
}

TimePoint DeadlineOf(const Params& params, TimePoint arrived, TimePoint clients) {
  uint64_t us = 0;
  if (Natural(params, "timeout", &us) && us > 0) {
    const std::chrono::microseconds longest(kLongest);
    const auto wait = std::min(us, static_cast<uint64_t>(longest.count()));
    return std::min(clients, arrived + std::chrono::microseconds(wait));
  }
  return clients != TimePoint::max() ? clients : arrived + kUsual;
}

Wish::Wish(const InferRequest& request, const Target& target)
    : model(target.name),
      version(target.model->version()),
      id(request.id),
      outputs(request.outputs),
      card(target.card) {
  if (card->max_batch_size() == 0 || request.inputs.empty()) return;
  const Shape& shape = request.inputs.front().shape;
  if (shape.empty() || shape.front() < 2) return;
  counted = target.model;
  items = static_cast<uint64_t>(shape.front());
}

Status MakeResponse(std::vector<Payload> payloads, const Wish& wish, const ClientShm& shm,
                    InferResponse* out) {
  out->model = wish.model;
  out->version = wish.version;
  out->id = wish.id;
  out->outputs.reserve(payloads.size());
  for (Payload& payload : payloads) {
    if (payload.key == kParameters) {
      const Status status = ReadParameters(payload.data.view(), &out->params);
      if (!status.ok()) return status;
      continue;
    }
    const RequestedOutput* wanted = nullptr;
    for (const RequestedOutput& output : wish.outputs) {
      if (output.name == payload.key) wanted = &output;
    }
    if (wanted == nullptr && !wish.outputs.empty()) continue;
    Tensor& output = out->outputs.emplace_back();
    output.has_data = true;
    Status status = ReadOutput(std::move(payload), &output);
    if (status.ok() && wanted != nullptr) status = Deliver(*wanted, wish, shm, &output);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

bool IsResponse(const std::vector<Payload>& batch) {
  return std::any_of(batch.begin(), batch.end(), [](const Payload& payload) {
    return !payload.data.empty() || Find(payload.desc, "datatype") != nullptr;
  });
}

bool IsError(const std::vector<Payload>& batch, Status* error) {
  constexpr StatusKind kKinds[] = {StatusKind::kUnknown,      StatusKind::kInternal,
                                   StatusKind::kNotFound,     StatusKind::kInvalid,
                                   StatusKind::kDisconnected, StatusKind::kUnsupported,
                                   StatusKind::kExists,       StatusKind::kCancelled};
  for (const Payload& payload : batch) {
    if (payload.key != kError || payload.data.empty()) continue;
    const auto json = nlohmann::json::parse(payload.data.view(), nullptr, false);
    const bool object = json.is_object();
    const bool told = object && json.contains("message") && json["message"].is_string();
    const bool coded = object && json.contains("code") && json["code"].is_number_unsigned() &&
                       json["code"].get<uint64_t>() < std::size(kKinds);
    *error = Status::Error(coded ? kKinds[json["code"].get<uint64_t>()] : StatusKind::kInternal,
                           told ? json["message"].get<std::string>() : "unknown error");
    return true;
  }
  return false;
}

std::string ErrorText(const Status& status) {
  // Clients look for these words where a model is not loaded.
  if (status.kind == StatusKind::kNotFound && status.code == kCodeCrash) {
    return StrCat("Request for unknown model: ", status.text);
  }
  // The number of the engine's error, which XSF clients take out of the text.
  const size_t at = status.text.rfind(";code=");
  if (at == std::string::npos) return status.text;
  const bool number =
      std::all_of(status.text.begin() + static_cast<std::ptrdiff_t>(at) + 6, status.text.end(),
                  [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
  return number ? status.text.substr(0, at) : status.text;
}

}  // namespace aiges::oip
