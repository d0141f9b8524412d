// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/server.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>
#include <utility>

#include "inference.pb.h"
#include "loader/base/log.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/base/version.h"
#include "loader/front/json_string.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/oip/infer_call.h"

namespace aiges::oip {
namespace {

constexpr const char* kExtensions[] = {"classification",
                                       "sequence",
                                       "model_repository",
                                       "model_repository(unload_dependents)",
                                       "schedule_policy",
                                       "model_configuration",
                                       "system_shared_memory",
                                       "cuda_shared_memory",
                                       "binary_tensor_data",
                                       "parameters",
                                       "statistics",
                                       "trace",
                                       "logging"};

constexpr std::string_view kLoadFailed = "load failed";

const Server::Traces& TraceDefaults() {
  static const Server::Traces defaults = {{"trace_file", {""}},     {"trace_level", {"OFF"}},
                                          {"trace_rate", {"1000"}}, {"trace_count", {"-1"}},
                                          {"log_frequency", {"0"}}, {"trace_mode", {"triton"}}};
  return defaults;
}

const Server::Logs& LogDefaults() {
  static const Server::Logs defaults = {{"log_file", std::string()},
                                        {"log_info", true},
                                        {"log_warning", true},
                                        {"log_error", true},
                                        {"log_verbose_level", uint64_t{0}},
                                        {"log_format", std::string("default")}};
  return defaults;
}

// The level that these say together.
LogLevel LevelOf(const Server::Logs& logs) {
  const auto on = [&logs](const char* name) { return std::get<bool>(logs.at(name)); };
  if (std::get<uint64_t>(logs.at("log_verbose_level")) > 0) return LogLevel::kDebug;
  if (on("log_info")) return LogLevel::kInfo;
  if (on("log_warning")) return LogLevel::kWarn;
  return on("log_error") ? LogLevel::kError : LogLevel::kOff;
}

// proto3 takes no other text.
std::string Utf8(std::string_view text) { return VisibleUtf8(text); }

void AddTensors(
    const std::vector<TensorSpec>& specs,
    google::protobuf::RepeatedPtrField<inference::ModelMetadataResponse::TensorMetadata>* out) {
  for (const TensorSpec& spec : specs) {
    auto* tensor = out->Add();
    tensor->set_name(Utf8(spec.name));
    tensor->set_datatype(spec.datatype);
    for (const int64_t dimension : spec.shape) tensor->add_shape(dimension);
  }
}

// Dimensions without that of the batch.
template <class T>
void AddDims(const TensorSpec& spec, bool batched, T* out) {
  const std::optional<Datatype> type = DatatypeOf(spec.datatype);
  inference::DataType number = inference::TYPE_INVALID;
  if (type && inference::DataType_Parse(ConfigNameOf(*type), &number)) out->set_data_type(number);
  out->set_name(Utf8(spec.name));
  const size_t first = batched && !spec.shape.empty() ? 1 : 0;
  for (size_t i = first; i < spec.shape.size(); ++i) out->add_dims(spec.shape[i]);
}

// What the card says, where the model's own configuration does not.
void CompleteConfig(const ModelCard& card, const std::string& name, inference::ModelConfig* out) {
  out->set_name(Utf8(name));
  const bool batched = card.max_batch_size() > 0;
  if (out->max_batch_size() == 0) {
    out->set_max_batch_size(
        static_cast<int32_t>(std::min<int64_t>(card.max_batch_size(), 1 << 30)));
  }
  if (out->platform().empty() && out->backend().empty()) out->set_platform(Utf8(card.platform()));
  if (out->input().empty()) {
    for (const TensorSpec& spec : card.inputs()) {
      auto* input = out->add_input();
      AddDims(spec, batched, input);
      input->set_optional(spec.optional);
    }
  }
  if (out->output().empty()) {
    for (const TensorSpec& spec : card.outputs()) AddDims(spec, batched, out->add_output());
  }
  if (card.decoupled()) out->mutable_model_transaction_policy()->set_decoupled(true);
  if (out->version_policy().policy_choice_case() ==
      inference::ModelVersionPolicy::POLICY_CHOICE_NOT_SET) {
    out->mutable_version_policy()->mutable_latest()->set_num_versions(1);
  }
}

// A configuration in JSON as the text of a config.pbtxt, never an empty one.
Status ToPbtxt(const std::string& name, const std::string& json, std::string* text) {
  inference::ModelConfig config;
  const auto read = google::protobuf::util::JsonStringToMessage(json, &config);
  if (!read.ok()) {
    return Invalid(StrCat("failed to load '", name,
                          "', expected the JSON of a model configuration: ", read.ToString()));
  }
  if (config.name().empty()) config.set_name(name);
  google::protobuf::TextFormat::PrintToString(config, text);
  return Status::Ok();
}

void SetDuration(uint64_t count, std::chrono::nanoseconds time, inference::StatisticDuration* out) {
  out->set_count(count);
  out->set_ns(static_cast<uint64_t>(std::max<int64_t>(time.count(), 0)));
}

const char* IndexState(ModelState state) {
  switch (state) {
    case ModelState::kReady:
      return "READY";
    case ModelState::kLoading:
      return "LOADING";
    case ModelState::kUnloading:
      return "UNLOADING";
    case ModelState::kUnloaded:
    case ModelState::kFailed:
      return "UNAVAILABLE";
  }
  return "UNKNOWN";
}

// A name that a path could be made of is not looked for.
Status CheckName(const std::string& name) {
  const bool blank = std::all_of(name.begin(), name.end(), [](char c) { return c == ' '; });
  if (!blank && name != ".." && name != "." && name.find('/') == std::string::npos) {
    return Status::Ok();
  }
  return Invalid(StrCat("expected the name of a model, got '", name, "'"));
}

}  // namespace

Status Server::ModelReady(const std::string& name, const std::string& version, bool* ready) const {
  Target target;
  const Status status = FindTarget(models_, name, version, &target);
  *ready = status.ok() && target.model->Ready();
  return status;
}

void Server::Metadata(inference::ServerMetadataResponse* out) const {
  out->set_name(Utf8(settings_.oip.server_name));
  out->set_version(kHostVersion);
  for (const char* extension : kExtensions) out->add_extensions(extension);
}

Status Server::Metadata(const std::string& name, const std::string& version,
                        inference::ModelMetadataResponse* out) const {
  Target target;
  const Status status = FindTarget(models_, name, version, &target);
  if (!status.ok()) return status;
  out->set_name(Utf8(target.name));
  if (!version.empty() || !models_.several()) {
    out->add_versions(target.model->version());
  } else {
    for (const ModelRef& model : models_.List()) {
      if (model->name() == target.model->name() && model->Ready()) {
        out->add_versions(model->version());
      }
    }
  }
  out->set_platform(Utf8(target.card->platform()));
  AddTensors(target.card->inputs(), out->mutable_inputs());
  AddTensors(target.card->outputs(), out->mutable_outputs());
  return Status::Ok();
}

Status Server::Config(const std::string& name, const std::string& version,
                      inference::ModelConfig* out) const {
  Target target;
  const Status status = FindTarget(models_, name, version, &target);
  if (!status.ok()) return status;
  if (!target.card->config().empty()) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    const auto read =
        google::protobuf::util::JsonStringToMessage(target.card->config(), out, options);
    if (!read.ok()) {
      return Status::Error(StatusKind::kInternal, StrCat("the configuration of model '", name,
                                                         "' is none: ", read.ToString()));
    }
  }
  CompleteConfig(*target.card, target.name, out);
  return Status::Ok();
}

void Server::CountItems(const Model& model, uint64_t items) {
  const MutexLock lock(mu_);
  more_items_[{model.name(), model.version()}] += items - 1;
}

void Server::AddStatistics(const Model& model, const std::string& name,
                           inference::ModelStatisticsResponse* out) const {
  const ModelFigures f = model.Figures();
  auto* stats = out->add_model_stats();
  stats->set_name(Utf8(name));
  stats->set_version(model.version());
  stats->set_last_inference(f.last_unix_ms);
  {
    const MutexLock lock(mu_);
    const auto more = more_items_.find({model.name(), model.version()});
    stats->set_inference_count(f.succeeded + (more == more_items_.end() ? 0 : more->second));
  }
  uint64_t runs = 0;
  for (const auto& [size, count] : f.batches) {
    runs += count;
    auto* batch = stats->add_batch_stats();
    batch->set_batch_size(size);
    SetDuration(count, {}, batch->mutable_compute_input());
    SetDuration(count, {}, batch->mutable_compute_infer());
    SetDuration(count, {}, batch->mutable_compute_output());
  }
  stats->set_execution_count(f.batches.empty() ? f.succeeded : runs);
  auto* all = stats->mutable_inference_stats();
  SetDuration(f.succeeded, f.succeeded_time, all->mutable_success());
  SetDuration(f.failed, f.failed_time, all->mutable_fail());
  SetDuration(f.succeeded, f.queue, all->mutable_queue());
  SetDuration(f.succeeded, f.channel, all->mutable_compute_input());
  SetDuration(f.succeeded, f.engine, all->mutable_compute_infer());
  SetDuration(f.succeeded, {}, all->mutable_compute_output());
  SetDuration(0, {}, all->mutable_cache_hit());
  SetDuration(0, {}, all->mutable_cache_miss());
}

Status Server::Statistics(const std::string& name, const std::string& version,
                          inference::ModelStatisticsResponse* out) const {
  if (!name.empty()) {
    Target target;
    const Status status = FindTarget(models_, name, version, &target);
    if (!status.ok()) {
      return Status::Error(status.kind, StrCat("requested model '", name, "' is not available"));
    }
    AddStatistics(*target.model, target.name, out);
    return status;
  }
  for (const ModelRef& model : models_.List()) {
    if (model->Report().state == ModelState::kUnloaded) continue;
    AddStatistics(*model, model->name(), out);
  }
  return Status::Ok();
}

Status Server::Index(const std::string& repository, bool ready_only,
                     inference::RepositoryIndexResponse* out) const {
  if (!repository.empty()) {
    return Status::Error(StatusKind::kUnsupported,
                         "'repository_name' specification is not supported");
  }
  std::set<std::string> bare;
  for (const ModelRef& model : models_.List()) {
    const ModelReport report = model->Report();
    if (ready_only && report.state != ModelState::kReady) continue;
    const bool never = report.state == ModelState::kUnloaded && report.reason.empty();
    if (never && !bare.insert(report.name).second) continue;
    auto* entry = out->add_models();
    entry->set_name(Utf8(report.name));
    if (never) continue;
    entry->set_version(report.version);
    entry->set_state(IndexState(report.state));
    entry->set_reason(Utf8(report.reason));
  }
  return Status::Ok();
}

void Server::Load(const std::string& name, const LoadWish& wish, std::function<void(Status)> done) {
  const Status named = CheckName(name);
  if (!named.ok()) return done(named);
  if (!wish.files.empty() && wish.config.empty()) {
    return done(Invalid("failed to load '" + name +
                        "', override model config must be provided with files"));
  }
  LoadWish own = wish;
  if (!wish.config.empty()) {
    const Status read = ToPbtxt(name, wish.config, &own.config);
    if (!read.ok()) return done(read);
  }
  models_.Load(name, std::move(own), [name, done = std::move(done)](Status status) {
    if (status.kind == StatusKind::kNotFound) {
      status = Status::Error(
          StatusKind::kInternal,
          StrCat("failed to load '", name, "', failed to poll from model repository"));
    } else if (!status.ok() && status.kind != StatusKind::kUnsupported) {
      status =
          Status::Error(status.kind == StatusKind::kInternal ? StatusKind::kInvalid : status.kind,
                        status.text.starts_with(kLoadFailed)
                            ? ErrorText(status)
                            : StrCat(kLoadFailed, " for model '", name, "': ", ErrorText(status)));
    }
    done(std::move(status));
  });
}

void Server::Unload(const std::string& name, std::function<void(Status)> done) {
  const Status named = CheckName(name);
  if (!named.ok()) return done(named);
  models_.Unload(name, [done = std::move(done)](Status status) {
    if (status.kind == StatusKind::kNotFound) status = Status::Ok();
    done(std::move(status));
  });
}

Status Server::Trace(const std::string& model, const Traces& changed, Traces* now) {
  if (!model.empty()) {
    Target target;
    const Status status = FindTarget(models_, model, "", &target);
    if (!status.ok()) return status;
  }
  for (const auto& [name, values] : changed) {
    if (TraceDefaults().count(name) == 0) {
      return Invalid(StrCat("unknown trace setting '", name, "'"));
    }
    if (name == "trace_file" || name == "trace_mode") {
      return Status::Error(StatusKind::kUnsupported,
                           StrCat(name == "trace_file" ? "trace file location" : "trace mode",
                                  " can not be updated through network protocol"));
    }
    for (const std::string& value : values) {
      int64_t number = 0;
      const bool level = value == "OFF" || value == "TIMESTAMPS" || value == "TENSORS";
      const bool fine = name == "trace_level" ? level
                                              : values.size() == 1 && ReadWhole(value, &number) &&
                                                    number >= (name == "trace_count" ? -1 : 0);
      if (!fine) return Invalid(StrCat("invalid value for trace setting '", name, "': ", value));
    }
  }
  constexpr size_t kMostModels = 1024;
  const MutexLock lock(mu_);
  if (traces_.size() > kMostModels && traces_.count(model) == 0) {
    return Status::Error(StatusKind::kOverloaded, "too many models have trace settings");
  }
  Traces& own = traces_[model];
  for (const auto& [name, values] : changed) {
    own.erase(name);
    if (!values.empty()) own[name] = values;
  }
  *now = own;
  if (!model.empty()) now->insert(traces_[""].begin(), traces_[""].end());
  now->insert(TraceDefaults().begin(), TraceDefaults().end());
  return Status::Ok();
}

Status Server::Log(const Logs& changed, Logs* now) {
  const MutexLock lock(mu_);
  if (logs_.empty()) logs_ = LogDefaults();
  for (const auto& [name, value] : changed) {
    const auto known = LogDefaults().find(name);
    if (known == LogDefaults().end()) return Invalid(StrCat("unknown log setting '", name, "'"));
    if (name == "log_file") {
      return Status::Error(StatusKind::kUnsupported,
                           "log file location can not be updated through network protocol");
    }
    const auto* text = std::get_if<std::string>(&value);
    const bool form =
        name != "log_format" || (text != nullptr && (*text == "default" || *text == "ISO8601"));
    if (known->second.index() != value.index() || !form) {
      return Invalid(StrCat("invalid value for log setting '", name, "': ", TextOf(value)));
    }
  }
  for (const auto& [name, value] : changed) logs_[name] = value;
  if (!changed.empty()) SetLogLevel(LevelOf(logs_));
  *now = logs_;
  return Status::Ok();
}

}  // namespace aiges::oip
