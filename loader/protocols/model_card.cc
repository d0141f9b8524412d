// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/model_card.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/mutex.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr size_t kMostTensors = 1000;
constexpr size_t kMostDimensions = 32;
constexpr const char* kDatatypes[] = {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64",
                                      "INT8", "INT16", "INT32",  "INT64",  "FP16",
                                      "FP32", "FP64",  "BYTES",  "BF16"};

std::string TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool ReadTensor(const json& said, TensorSpec* out) {
  if (!said.is_object()) return false;
  out->name = TextOf(said, "name");
  out->datatype = TextOf(said, "datatype");
  const auto shape = said.find("shape");
  if (out->name.empty() || shape == said.end() || !shape->is_array() ||
      shape->size() > kMostDimensions) {
    return false;
  }
  for (const json& dimension : *shape) {
    if (!dimension.is_number_integer() || dimension.get<int64_t>() < -1) return false;
    out->shape.push_back(dimension.get<int64_t>());
  }
  const auto optional = said.find("optional");
  out->optional = optional != said.end() && *optional == true;
  if (const auto labels = said.find("labels"); labels != said.end() && labels->is_array()) {
    for (const json& label : *labels) {
      out->labels.push_back(label.is_string() ? label.get<std::string>() : std::string());
    }
  }
  return std::find(std::begin(kDatatypes), std::end(kDatatypes), out->datatype) !=
         std::end(kDatatypes);
}

void ReadTensors(const json& model, const char* key, std::vector<TensorSpec>* out,
                 std::vector<std::string>* problems) {
  const auto said = model.find(key);
  if (said == model.end()) return;
  if (!said->is_array() || said->size() > kMostTensors) {
    problems->push_back(StrCat("model.", key, ": expected a list of at most ", kMostTensors));
    return;
  }
  for (const json& entry : *said) {
    TensorSpec tensor;
    if (ReadTensor(entry, &tensor)) {
      out->push_back(std::move(tensor));
    } else {
      problems->push_back(
          StrCat("model.", key,
                 ": expected {\"name\", \"datatype\": \"FP32\", \"shape\": "
                 "[-1, 2]}, got ",
                 entry.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 200)));
    }
  }
}

const TensorSpec* FindIn(const std::vector<TensorSpec>& tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [name](const TensorSpec& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

}  // namespace

ModelCard::ModelCard(const std::string& schema) {
  if (schema.empty()) return;
  const json root = json::parse(schema, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return;  // EngineSchema says so.
  const auto model = root.find("model");
  if (model == root.end()) return;
  if (!model->is_object()) {
    problems_.emplace_back("model: expected an object");
    return;
  }
  platform_ = TextOf(*model, "platform");
  if (const auto most = model->find("max_batch_size");
      most != model->end() && most->is_number_integer() && most->get<int64_t>() >= 0) {
    max_batch_size_ = most->get<int64_t>();
  }
  const auto decoupled = model->find("decoupled");
  decoupled_ = decoupled != model->end() && *decoupled == true;
  ReadTensors(*model, "inputs", &inputs_, &problems_);
  ReadTensors(*model, "outputs", &outputs_, &problems_);
  if (const auto tasks = model->find("tasks"); tasks != model->end() && tasks->is_array()) {
    for (const json& task : *tasks) {
      if (task.is_string()) tasks_.push_back(task.get<std::string>());
    }
  }
  if (const auto config = model->find("config"); config != model->end() && config->is_object()) {
    config_ = config->dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

const TensorSpec* ModelCard::Input(std::string_view name) const { return FindIn(inputs_, name); }
const TensorSpec* ModelCard::Output(std::string_view name) const { return FindIn(outputs_, name); }

bool ModelCard::HasTask(std::string_view task) const {
  return std::find(tasks_.begin(), tasks_.end(), task) != tasks_.end();
}

std::shared_ptr<const ModelCard> CardOf(const std::shared_ptr<const std::string>& schema) {
  struct Entry {
    std::weak_ptr<const std::string> text;
    std::shared_ptr<const ModelCard> card;
  };
  static Mutex mu;
  static std::map<const std::string*, Entry>& cards = *new std::map<const std::string*, Entry>;
  {
    MutexLock lock(mu);
    const auto found = cards.find(schema.get());
    if (found != cards.end() && !found->second.text.expired()) return found->second.card;
  }
  auto card = std::make_shared<const ModelCard>(*schema);
  MutexLock lock(mu);
  std::erase_if(cards, [](const auto& entry) { return entry.second.text.expired(); });
  cards[schema.get()] = {schema, card};
  return card;
}

}  // namespace aiges
