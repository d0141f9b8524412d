// SPDX-License-Identifier: Apache-2.0
#include "loader/models/repository.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostName = 128;
constexpr size_t kMostModels = 100'000;
// What a folder without versions must have to be a model.
constexpr const char* kBegins[] = {"wrapper.py",   "libwrapper.so", "model.py",   "config.pbtxt",
                                   "predictor.py", "Model.py",      "model.toml", "main.py"};

bool IsVersion(const std::string& name, uint64_t* number) {
  return ReadWhole(name, number) && *number > 0 && std::to_string(*number) == name;
}

bool BeginsModel(const fs::path& folder) {
  std::error_code error;
  for (const char* file : kBegins) {
    if (fs::exists(folder / file, error)) return true;
  }
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path kind = entry.path().extension();
    if (kind == ".onnx" || kind == ".jar") return true;
  }
  return false;
}

FoundModel ReadModel(const fs::path& folder) {
  FoundModel model;
  model.name = folder.filename().string();
  model.folder = folder.string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    uint64_t number = 0;
    if (IsVersion(entry.path().filename().string(), &number) && entry.is_directory(error)) {
      model.versions.push_back({number, entry.path().string()});
    }
  }
  if (model.versions.empty() && BeginsModel(folder)) {
    model.versions.push_back({1, folder.string()});
  }
  std::sort(model.versions.begin(), model.versions.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return model;
}

}  // namespace

bool IsModelName(std::string_view name) {
  return !name.empty() && name.size() <= kMostName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

FoundModels FindModels(const std::vector<std::string>& repositories) {
  FoundModels out;
  std::map<std::string, FoundModel> found;
  for (const std::string& repository : repositories) {
    std::error_code error;
    fs::directory_iterator entries(fs::absolute(repository, error), error);
    if (error) {
      out.problems.push_back(StrCat("[models] repository: cannot read the folder ", repository,
                                    ": ", error.message()));
      continue;
    }
    for (const auto& entry : entries) {
      const std::string name = entry.path().filename().string();
      if (!entry.is_directory(error) || name.starts_with('.') || name == "__pycache__") continue;
      if (!IsModelName(name)) {
        out.problems.push_back(StrCat(entry.path().string(),
                                      ": expected letters, digits, \"_\", \"-\" and \".\" in the "
                                      "name of a model, left out"));
        continue;
      }
      FoundModel model = ReadModel(entry.path());
      if (model.versions.empty()) continue;
      const auto [at, fresh] = found.try_emplace(name, std::move(model));
      if (!fresh) {
        out.problems.push_back(StrCat(entry.path().string(), ": ", at->second.folder,
                                      " has that name, too, and is before it: left out"));
      }
      if (found.size() > kMostModels) {
        out.problems.push_back(StrCat("more than ", kMostModels, " models: the rest is left out"));
        break;
      }
    }
  }
  for (auto& [name, model] : found) out.models.push_back(std::move(model));
  return out;
}

FoundModel FindModel(const std::vector<std::string>& repositories, const std::string& name) {
  if (!IsModelName(name)) return {};
  for (const std::string& repository : repositories) {
    std::error_code error;
    const fs::path folder = fs::absolute(repository, error) / name;
    if (!fs::is_directory(folder, error)) continue;
    FoundModel model = ReadModel(folder);
    if (!model.versions.empty()) return model;
  }
  return {};
}

}  // namespace aiges
