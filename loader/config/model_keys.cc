// SPDX-License-Identifier: Apache-2.0
#include "loader/config/model_keys.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/config/engine_keys.h"
#include "loader/config/pbtxt.h"
#include "loader/config/toml_file.h"
#include "loader/config/toml_guard.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMostWeight = 1000;
constexpr unsigned kMostVersions = 1000;

bool IsVersion(const std::string& text) {
  uint64_t number = 0;
  return ReadWhole(text, &number) && number > 0 && std::to_string(number) == text;
}

// versions = 2: the two latest; "all"; ["1", "3"]: these.
void ReadVersions(KeyReader* keys, ModelSettings* model) {
  std::vector<std::string> said;
  int64_t latest = 0;
  TomlFile& file = keys->file();
  if (file.IsInteger("", "versions")) {
    if (file.Int("", "versions", 1, kMostVersions, &latest)) {
      model->version_policy = "latest";
      model->latest = static_cast<unsigned>(latest);
    }
    return;
  }
  if (!file.Strings("", "versions", &said)) return;
  if (said == std::vector<std::string>{"all"}) {
    model->version_policy = "all";
    return;
  }
  if (said.empty() || !std::all_of(said.begin(), said.end(), IsVersion)) {
    file.AddError("", "versions",
                  "expected the number of latest versions, \"all\", or a list of versions as "
                  "[\"1\", \"3\"]");
    return;
  }
  model->version_policy = "specific";
  model->versions = std::move(said);
}

// What the model says over what all have.
void Overlay(Pairs over, Pairs* all) {
  for (auto& [key, value] : over) {
    const auto found = std::find_if(all->begin(), all->end(),
                                    [&key = key](const auto& entry) { return entry.first == key; });
    if (found == all->end()) {
      all->emplace_back(std::move(key), std::move(value));
    } else {
      found->second = std::move(value);
    }
  }
}

std::string FileText(const std::string& path, std::vector<std::string>* errors) {
  std::error_code error;
  if (!fs::exists(path, error)) return "";
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kMostConfigBytes) {
    errors->push_back(StrCat(path, ": expected a file of at most ", kMostConfigBytes, " bytes"));
    return "";
  }
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

void ReadCatalogue(KeyReader* keys, Settings* settings) {
  CatalogueSettings& c = settings->catalogue;
  keys->Texts("models", "repository", &c.repositories);
  keys->Text("models", "default", &c.default_model);
  keys->Text("models", "resources", &c.resources);
  keys->Texts("models", "load", &c.load);
  keys->Texts("models", "pinned", &c.pinned);
  keys->Int("models", "max_loaded", 0, 100'000, &c.max_loaded);
  keys->Int("models", "memory_mb", 0, 1 << 30, &c.memory_mb);
  keys->Int("models", "idle_unload_s", 0, 31'536'000, &c.idle_unload_s);
  keys->Bool("models", "on_demand", &c.on_demand);
  keys->Bool("models", "control", &c.control);
  keys->Bool("models", "watch", &c.watch);
  std::erase(c.repositories, "");
  settings->model_tables = keys->file().Tables("model");
  if (!c.on() && !settings->model_tables.empty()) {
    keys->file().AddError("model", settings->model_tables.begin()->first,
                          "expected [models] repository beside it, which says where models are");
  }
}

Settings ModelSettingsOf(const Settings& base, const std::string& name, const std::string& folder,
                         std::vector<std::string>* errors) {
  Settings s = base;
  s.effective.clear();
  const std::string path = folder + "/model.toml";
  const auto table = base.model_tables.find(name);
  TomlFile file(path, FileText(path, errors), "",
                table == base.model_tables.end() ? "" : table->second,
                StrCat(base.config_path, " [model.", name, "]"));
  KeyReader keys(&file, &s.effective);
  ReadPbtxt(folder + "/config.pbtxt", &s, errors);
  if (file.errors().empty()) {
    int64_t weight = 1;
    if (file.Int("", "weight", 1, kMostWeight, &weight)) {
      s.model.weight = static_cast<double>(weight);
    }
    file.Bool("", "internal", &s.model.internal);
    ReadVersions(&keys, &s.model);
    ReadEngineKeys(&keys, "", &s, errors);
    Overlay(file.Flatten("wrapper"), &s.engine);
    file.RefuseUnread({"weight", "versions", "internal", "contract", "app"},
                      {"instances", "sandbox", "wrapper", "batch", "queue", "http"});
  }
  errors->insert(errors->end(), file.errors().begin(), file.errors().end());
  return s;
}

}  // namespace aiges
