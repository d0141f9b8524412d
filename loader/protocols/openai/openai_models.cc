// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/openai/openai_models.h"

#include <memory>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/json_string.h"
#include "loader/protocols/model_card.h"

namespace aiges {
namespace {

constexpr size_t kMostNamed = 20;

struct Entry {
  std::string name;
  bool ready = false;
};

// One for each name: its versions follow each other in the list.
std::vector<Entry> Entries(const Models& models) {
  std::vector<Entry> entries;
  for (const ModelRef& model : models.List()) {
    if (entries.empty() || entries.back().name != model->name()) {
      entries.push_back({model->name(), false});
    }
    entries.back().ready = entries.back().ready || model->Ready();
  }
  return entries;
}

void AppendModel(std::string* out, const std::string& name, bool ready, int64_t created) {
  std::string quoted;
  AppendJsonString(&quoted, name);
  StrAppend(out, "{\"id\":", quoted, ",\"object\":\"model\",\"created\":", created,
            ",\"owned_by\":\"aiges\",\"name\":", quoted, ",\"ready\":", ready ? "true" : "false",
            '}');
}

}  // namespace

std::string WriteModelList(const Models& models, int64_t created) {
  std::string data, names;
  for (const Entry& entry : Entries(models)) {
    if (!data.empty()) data += ',';
    if (!names.empty()) names += ',';
    AppendModel(&data, entry.name, entry.ready, created);
    AppendJsonString(&names, entry.name);
  }
  return StrCat(R"({"object":"list","data":[)", data, R"(],"models":[)", names, "]}");
}

std::string WriteModel(const std::string& name, bool ready, int64_t created) {
  std::string out;
  AppendModel(&out, name, ready, created);
  return out;
}

Status CheckTask(const Models& models, const Model& model, const char* task) {
  const std::shared_ptr<const std::string> schema = model.Schema();
  if (CardOf(schema)->HasTask(task)) return Status::Ok();
  if (schema->empty() && !model.Ready()) {
    // Nobody has asked its engine yet: in a catalogue the call loads it.
    if (models.several()) return Status::Ok();
    return Status::Error(StatusKind::kDisconnected,
                         StrCat("the model ", model.name(), " is not ready: its engine starts"));
  }
  std::string others;
  size_t named = 0;
  for (const ModelRef& other : models.List()) {
    if (!CardOf(other->Schema())->HasTask(task)) continue;
    if (++named > kMostNamed) {
      others += ", ..";
      break;
    }
    StrAppend(&others, others.empty() ? "" : ", ", other->name());
  }
  return Status::Error(StatusKind::kNotFound,
                       StrCat("the model ", model.name(), " does not declare the task ", task, "; ",
                              others.empty() ? "no model of this loader that is loaded does"
                                             : StrCat("there are ", others)),
                       kCodeInvalidOutput);
}

}  // namespace aiges
