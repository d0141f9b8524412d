// SPDX-License-Identifier: Apache-2.0
// loader/api/settings.h: the configuration as the rooms see it. Made once by config/, then
// immutable.
//
// Durations are milliseconds as in the file; 0 means "no limit" where a comment says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/access_settings.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {

// Where to listen: a host and a port, or a socket in the file system.
struct ListenAddress {
  std::string host;
  uint16_t port = 0;
  std::string path;
};

struct ServiceSettings {
  std::string name;  // -s
  std::string host;  // Bind address; empty: every interface.
  uint16_t grpc_port = 0;
  bool reuseport = false;
  std::string http_host;
  uint16_t http_port = 1888;
  std::string http_path;  // A socket in the file system instead of the two.
  bool http_on = true;
  std::vector<ListenAddress> also;     // [http] also_listen: further ports, like the others.
  std::optional<ListenAddress> admin;  // [admin] listen: pages and admin are there alone.
  std::string admin_token;             // For /admin from other hosts; empty: loopback only.
  bool admin_open = false;             // Pages under /-/ are for other hosts without the token.
  // What stdout says when calls are served, instead of "AIService listening .." and "AIService
  // ready ..", and at the end; empty: the loader's own lines, and none.
  std::string listening_line, stopped_line;
  std::vector<std::string> header_pass;  // Request headers copied into params; "sid" always is.
};

// PEM files. All ports speak TLS where there is a certificate.
struct TlsSettings {
  std::string cert, key;
  std::string
      client_ca;  // Who must have signed the certificates of clients; empty: none is wanted.
  std::string min_version = "1.2";
  std::vector<std::string> plain;  // Ports and addresses that take plain text, too.

  bool on() const { return !cert.empty(); }
};

// [sandbox]: what a worker gives up before it opens the engine. docs/sandbox.md.
struct SandboxSettings {
  bool no_new_privs = true;  // Programs with setuid do not become another user.
  bool core = false;         // Core files, with what is in memory.
  uint64_t open_files = 0;   // Limits of the system. 0: as those of the loader.
  uint64_t file_mb = 0;
  uint64_t processes = 0;  // Of the user, as the system counts them.
  // Of the loader's variables: names, patterns, "plain" (what does not look like a secret), "*".
  std::vector<std::string> environment = {"plain"};
  std::string user;     // Name or number, with ":group". Empty: aiges-worker where root has one.
  bool network = true;  // false: no sockets but those in the file system.
  bool strict = false;  // Files and system calls, too.
  std::vector<std::string> read, write;  // Folders, where strict.
  std::vector<std::string> hidden;       // The loader's own files, where strict.
  std::string cgroup;                    // Folder of cgroup v2 for a group each, or "own".
  uint64_t memory_mb = 0;                // Bounds there. 0: none.
  uint64_t cpu_percent = 0;
  uint64_t pids = 0;
};

struct InstanceSettings {
  unsigned count = 1;
  unsigned threads = 1;       // That a worker starts with.
  unsigned most_threads = 1;  // It adds some up to so many, while calls wait behind running ones.
  bool threads_said = false;  // Else the engine may ask for another number.
  std::string library;        // libwrapper.so; empty: searched (aiges.toml).
  std::string contract;       // How the user's code is written; empty: by what lies there.
  std::string app;            // "module:name", of contracts that name it so.
  std::string python = "python3";
  std::vector<std::string> pythonpath;
  std::string java;  // JAVA_HOME of engines in Java; empty: that of the environment.
  std::vector<std::string> java_options;
  uint64_t java_heap_mb = 0;  // 0: as the JVM chooses.
  uint64_t start_timeout_ms = 300'000;
  uint64_t exec_timeout_ms = 0;     // Upper bound on any call's deadline. 0: the client's alone.
  uint64_t hang_kill_ms = 300'000;  // 0: never.
  uint64_t drain_ms = 30'000;
  uint64_t lame_duck_ms = 500;
  uint64_t max_requests = 0;  // A worker is replaced after so many calls and sessions. 0: never.
  uint64_t max_rss_mb = 0;    // A worker larger than this is replaced. 0: never.
  bool watch = false;         // Reload when wrapper.py or aiges.toml changes.
  bool idempotent = false;    // Calls of a dead worker may run once more.
  std::string config_folder;  // Where the centre's files are (AIGES_CONFIG_DIR of a worker).
  std::string worker_binary;  // Beside AIService unless set by a test.
  int numa_node = -1;         // AIGES_ENV_NUMA: whose memory, where numa does not say more.
  // Of several entries instance i has number i modulo their count. Empty: as the loader.
  std::vector<std::string> gpus;  // "0,1", "GPU-..", "MIG-..", "none", "per_instance".
  std::vector<std::string> numa;  // "auto", or a node.
  std::vector<std::string> cpus;  // "0-3,8"
  SandboxSettings sandbox;
  std::string
      folder;         // Where a worker runs, and where its Python looks first; empty: the loader's.
  Pairs environment;  // Added to that of a worker.
};

// [models]: many models in one loader.
struct CatalogueSettings {
  std::vector<std::string> repositories;  // Folders with <name>/<version>/; empty: one model.
  std::string default_model;              // Of calls that name none; empty: there is none.
  std::string resources = "/resources";   // Data of models: AIGES_RESOURCES, and wrapperInit's.
  std::vector<std::string> load = {"*"};  // At the start; "*": all.
  std::vector<std::string> pinned;        // Never leave to make room. Loaded at the start.
  unsigned max_loaded = 0;                // Versions loaded at a time. 0: no bound.
  uint64_t memory_mb = 0;                 // Of all workers together. 0: no bound.
  uint64_t idle_unload_s = 0;  // A model without calls for so long is unloaded. 0: never.
  bool on_demand = true;       // A call loads its model.
  bool control = true;         // Clients may load and unload (/v2/repository).
  bool watch = false;          // The folders are looked at for what has changed.

  bool on() const { return !repositories.empty(); }
};

// [model.<name>], model.toml, config.pbtxt: what is a model's own.
struct ModelSettings {
  bool described = false;                 // config.pbtxt says how many threads a worker has.
  bool internal = false;                  // For calls from other models only.
  double weight = 1;                      // Its share of [fc] max beside others.
  std::string version_policy = "latest";  // "latest", "all" or "specific".
  unsigned latest = 1;                    // Of "latest": how many.
  std::vector<std::string> versions;      // Of "specific".
};

struct SessionSettings {
  uint64_t ttl_ms = 15'000;             // [fc] ttl: an XSF session nobody asks about ends.
  uint64_t ws_read_timeout_s = 15;      // [ws] readTimeout: no frame from the client for so long.
  uint64_t ws_session_timeout_s = 180;  // [ws] sessionTimeout: of a whole WebSocket session.
  // [aiges] asyncMode: results come by callback (true), by wrapperRead (false), or, unset, in
  // whichever of the two ways the engine uses.
  std::optional<bool> async_mode;
  bool real_time_results = true;  // [aiges] realTimeRlt: wrapperRead after every write.
};

struct BatchSettings {
  unsigned max_size = 1;      // [batch] max_size: calls that may run as one. 1: no batching.
  uint64_t max_delay_us = 0;  // [batch] max_delay_us: how long a call may wait for company.
  bool size_said = false, delay_said = false;  // Else the engine may ask for others.
};

struct QueueSettings {
  uint64_t max_requests = 1024;
  uint64_t max_bytes = 256ull << 20;
  uint64_t default_timeout_ms = 500;
};

struct HttpSettings {
  bool validate = false;   // [http] validate: refuse what the engine's schema does not allow.
  bool docs = true;        // [http] docs: /openapi.json and /docs are there.
  bool app_paths = false;  // [http] app_paths: the engine may have any path but those under /-/.
  std::vector<std::string> cors_origins = {"*"};  // Of pages that may call. "*": any.
  unsigned app_concurrency =
      100;  // [http] app_concurrency: door calls that may lie in an instance.
};

// [otlp] and OTEL_*: traces, told to a collector of OpenTelemetry (docs/tracing.md).
struct OtlpSettings {
  std::string endpoint;    // The URL that spans are posted to; empty: none are.
  bool propagate = false;  // Traces of clients are passed on, without spans of our own.
  bool protobuf = true;    // Else JSON.
  Pairs headers;
  std::string service_name;  // Empty: -s.
  Pairs resource;            // Further attributes of this loader.
  bool parent_based = true;  // A trace that has come with a call decides for it.
  double ratio = 1;          // Of the others, how many are sampled.
  uint64_t timeout_ms = 10'000, delay_ms = 5000, max_queue = 2048, max_batch = 512;
  std::string ca_file, cert_file, key_file;  // PEM, for https.

  bool on() const { return propagate || !endpoint.empty(); }
};

// Usage records (docs/metering.md).
struct MeteringSettings {
  std::string folder;              // [metering] folder: where they lie; empty: there are none.
  std::string sink = "file";       // "file", "stdout" or a URL.
  std::string on_full = "refuse";  // "refuse" calls or "drop" records.
  uint64_t max_mb = 1024;          // Of records that the sink has not taken.
  uint64_t file_mb = 64;           // Of the sink "file": then a new one is begun.
  std::string token;               // Of a URL: sent as a Bearer.

  bool on() const { return !folder.empty(); }
};

// Who may use how much, signed (docs/metering.md).
struct EntitlementSettings {
  std::string file;        // [entitlement] file; empty: none is wanted.
  std::string public_key;  // PEM of who signs.
  std::string state;  // What must outlive a restart; empty: in [metering] folder, or beside file.

  bool on() const { return !file.empty(); }
};

// The Open Inference Protocol (docs/protocol_oip.md).
struct OipSettings {
  std::string server_name = "aiges";  // [oip] server_name: what clients see in the metadata.
  bool client_shm = false;            // [oip] client_shm: clients may name shared memory.
};

struct LimitSettings {
  uint64_t max_message_bytes = 64ull << 20;
  uint64_t max_connections = 4096;
  uint64_t max_resources = 64;               // Loaded at a time.
  uint64_t max_resource_bytes = 1ull << 30;  // Of all of them.
  uint64_t read_timeout_ms = 30'000;         // Head and body of one HTTP request.
  uint64_t idle_timeout_ms = 75'000;         // Keep-alive pause between HTTP requests.
  uint64_t max_connection_age_s = 0;         // Then clients are asked to connect again. 0: never.
  uint64_t stream_idle_ms = 300'000;         // A silent client of a native gRPC stream. 0: never.
  uint64_t max_input_bytes = 0;   // Of requests in hand. 0: eight times the largest message.
  uint64_t max_output_bytes = 0;  // Of answers not taken. 0: four times the largest message.

  uint64_t input_bytes() const { return Or(max_input_bytes, 8 * max_message_bytes); }
  uint64_t output_bytes() const { return Or(max_output_bytes, 4 * max_message_bytes); }

 private:
  static uint64_t Or(uint64_t given, uint64_t derived) {
    return given != 0 ? given : std::max<uint64_t>(derived, 64ull << 20);
  }
};

// Discovery and config centre. What is needed before there is a file comes from the command line
// and the environment.
struct RegistrySettings {
  std::string backend = "none";  // "none", "file" or "consul".
  std::string url;               // Of the Consul agent; the folder of "file".
  std::string project = "AIpaas", group = "hu", version = "1.0.0";
  std::string token;                         // ACL token.
  std::string ca_file, cert_file, key_file;  // PEM, for https.
  std::string address;                       // Where others reach this loader. Empty: found out.
  uint64_t weight = 1;
  std::vector<std::string> tags;  // Besides version and group.
  bool grpc_check = true;         // The agent calls the loader too; false: only the loader reports.
  uint64_t ttl_ms = 6000;         // The loader's word holds so long.
  uint64_t deregister_after_s = 600;  // Of silence.
  bool announce = false;              // Register.
  bool central = false;               // The configuration comes from there (-m=1).
};

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  std::string file;
  LogFormat format = LogFormat::kText;
  bool access = false;  // A line for each call.
};

// One line of -show-config.
struct EffectiveValue {
  std::string section, key, value, origin;
};

struct Settings {
  std::string config_path;
  ServiceSettings service;
  InstanceSettings instances;
  QueueSettings queue;
  SessionSettings sessions;
  BatchSettings batch;
  TlsSettings tls;
  HttpSettings http;
  AccessSettings access;
  MeteringSettings metering;
  EntitlementSettings entitlement;
  OipSettings oip;
  OtlpSettings otlp;
  LimitSettings limits;
  LogSettings log;
  RegistrySettings registry;
  CatalogueSettings catalogue;
  ModelSettings model;
  std::map<std::string, std::string> model_tables;  // [model.<name>] as TOML (model_keys.h).
  uint64_t licences = 1024;                         // [fc] max
  Pairs engine;  // What wrapperInit gets: [wrapper], or all of [aiges] usrCfg.
  std::vector<EffectiveValue> effective;
};

}  // namespace aiges
