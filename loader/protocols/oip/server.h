// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/server.h: what OIP asks a server beside inference: metadata, configuration,
// statistics, the repository, shared memory of clients, settings of trace and log.
//
// gRPC sends the messages as they are, REST as JSON (message_json.h): one truth for both. Settings
// of trace are kept and told, and nothing is traced; log_verbose_level and the rest map to the
// level of the log. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/models.h"
#include "loader/api/settings.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"
#include "loader/protocols/oip/client_shm.h"
#include "loader/protocols/oip/infer.h"

namespace inference {
class ModelConfig;
class ModelMetadataResponse;
class ModelStatisticsResponse;
class RepositoryIndexResponse;
class ServerMetadataResponse;
}  // namespace inference

namespace aiges::oip {

class Server {
 public:
  // Both outlive it.
  Server(const Settings& settings, Models* models)
      : settings_(settings), models_(*models), shm_(settings.oip.client_shm) {}

  const Settings& settings() const { return settings_; }
  Models& models() { return models_; }
  ClientShm& shm() { return shm_; }

  bool Ready() const { return models_.Ready(); }
  // Not ok: there is none of that name.
  Status ModelReady(const std::string& name, const std::string& version, bool* ready) const;

  void Metadata(inference::ServerMetadataResponse* out) const;
  Status Metadata(const std::string& name, const std::string& version,
                  inference::ModelMetadataResponse* out) const;
  Status Config(const std::string& name, const std::string& version,
                inference::ModelConfig* out) const;
  // A call of more than one item of a batch has succeeded.
  void CountItems(const Model& model, uint64_t items);
  // Empty name: of all.
  Status Statistics(const std::string& name, const std::string& version,
                    inference::ModelStatisticsResponse* out) const;
  Status Index(const std::string& repository, bool ready_only,
               inference::RepositoryIndexResponse* out) const;
  // By what its folder is called; `done` from any thread, when it serves or has failed.
  void Load(const std::string& name, const LoadWish& wish, std::function<void(Status)> done);
  void Unload(const std::string& name, std::function<void(Status)> done);

  // Values by name. What is given is laid over what there is; no value: back to the default, or, of
  // a model, to that of the server. Not ok: nothing has changed.
  using Traces = std::map<std::string, std::vector<std::string>>;
  Status Trace(const std::string& model, const Traces& changed, Traces* now);
  using Logs = std::map<std::string, ParamValue>;  // bool, uint64_t or text.
  Status Log(const Logs& changed, Logs* now);

 private:
  void AddStatistics(const Model& model, const std::string& name,
                     inference::ModelStatisticsResponse* out) const;

  const Settings& settings_;
  Models& models_;
  ClientShm shm_;
  mutable Mutex mu_;
  // Items beyond the first of each call, by name and version.
  std::map<std::pair<std::string, std::string>, uint64_t> more_items_ GUARDED_BY(mu_);
  std::map<std::string, Traces> traces_ GUARDED_BY(mu_);  // By model; "" is the server.
  Logs logs_ GUARDED_BY(mu_);
};

}  // namespace aiges::oip
