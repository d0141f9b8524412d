// SPDX-License-Identifier: Apache-2.0
#include "loader/config/pbtxt.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "inference.pb.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = 1 << 20;
constexpr int kMostDepth = 64;
constexpr unsigned kMostInstances = 1024;
constexpr unsigned kMostBatch = 1024;
constexpr uint64_t kMostDelayUs = 1'000'000;

class Problems final : public google::protobuf::io::ErrorCollector {
 public:
  Problems(const std::string& path, std::vector<std::string>* errors)
      : path_(path), errors_(*errors) {}
  void AddError(int line, int column, const std::string& message) override {
    errors_.push_back(StrCat(path_, ":", line + 1, ":", column + 1, ": ", message));
  }
  void AddWarning(int, int, const std::string&) override {}

 private:
  const std::string& path_;
  std::vector<std::string>& errors_;
};

void ReadVersions(const inference::ModelVersionPolicy& policy, ModelSettings* model) {
  if (policy.has_all()) {
    model->version_policy = "all";
  } else if (policy.has_specific()) {
    model->version_policy = "specific";
    for (const int64_t version : policy.specific().versions()) {
      model->versions.push_back(std::to_string(version));
    }
  } else if (policy.has_latest() && policy.latest().num_versions() > 0) {
    model->latest = policy.latest().num_versions();
  }
}

// An environment that lies unpacked in a folder: its interpreter is the worker's. Of anything else
// the contract says that it cannot be had.
void UseEnvironment(const inference::ModelConfig& config, const std::string& folder,
                    InstanceSettings* instances) {
  constexpr std::string_view kModel = "$$TRITON_MODEL_DIRECTORY";
  const auto found = config.parameters().find("EXECUTION_ENV_PATH");
  if (found == config.parameters().end()) return;
  std::string path = found->second.string_value();
  if (const size_t at = path.find(kModel); at != std::string::npos) {
    path.replace(at, kModel.size(), folder);
  }
  std::error_code error;
  const std::string program = path + "/bin/python";
  if (fs::exists(program, error)) instances->python = program;
}

}  // namespace

void ReadPbtxt(const std::string& path, Settings* settings, std::vector<std::string>* errors) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;
  if (fs::file_size(path, error) > kMostBytes) {
    errors->push_back(StrCat(path, ": expected at most ", kMostBytes, " bytes"));
    return;
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  inference::ModelConfig config;
  Problems problems(path, errors);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&problems);
  parser.AllowUnknownField(true);  // The contract knows all of them.
  parser.SetRecursionLimit(kMostDepth);
  if (!parser.ParseFromString(text, &config)) return;
  unsigned count = 0;
  for (const inference::ModelInstanceGroup& group : config.instance_group()) {
    count += static_cast<unsigned>(std::clamp(group.count(), 1, int{kMostInstances}));
  }
  InstanceSettings& i = settings->instances;
  i.count = std::clamp(count, 1u, kMostInstances);
  // A model of Triton's is asked by one thread at a time; an ensemble only waits for others.
  settings->model.described = !config.has_ensemble_scheduling();
  UseEnvironment(config, fs::path(path).parent_path().string(), &i);
  const auto most = static_cast<unsigned>(std::max(config.max_batch_size(), 0));
  if (config.has_dynamic_batching() && most > 1) {
    settings->batch.max_size = std::min(most, kMostBatch);
    settings->batch.max_delay_us =
        std::min(config.dynamic_batching().max_queue_delay_microseconds(), kMostDelayUs);
  }
  ReadVersions(config.version_policy(), &settings->model);
}

std::string FindPbtxt(const std::string& folder) {
  std::error_code error;
  const fs::path here = fs::absolute(folder, error);
  for (const fs::path& place : {here, here.parent_path()}) {
    uint64_t version = 0;
    if (place != here && !ReadWhole(here.filename().string(), &version)) break;
    if (fs::is_regular_file(place / "config.pbtxt", error)) return place / "config.pbtxt";
  }
  return "";
}

}  // namespace aiges
