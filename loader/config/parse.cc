// SPDX-License-Identifier: Apache-2.0
#include "loader/config/parse.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "loader/config/access_keys.h"
#include "loader/config/default_toml.h"  // Made by CMake from the aiges.toml in the repository.
#include "loader/config/engine_keys.h"
#include "loader/config/key_reader.h"
#include "loader/config/listen_keys.h"
#include "loader/config/metering_keys.h"
#include "loader/config/model_keys.h"
#include "loader/config/otlp_keys.h"
#include "loader/config/registry_keys.h"
#include "loader/config/toml_file.h"
#include "loader/config/toml_guard.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (path == "/dev/null") return "";                          // Of who says everything by -dc.
  if (!fs::is_regular_file(path, error)) return std::nullopt;  // A pipe might never end.
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text;
  for (char piece[1 << 16]; text.size() <= kMostConfigBytes;) {  // More is refused unparsed.
    in.read(piece, sizeof piece);
    text.append(piece, static_cast<size_t>(in.gcount()));
    if (!in) break;
  }
  return text;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, separator);) {
    if (!item.empty()) out.push_back(item);
  }
  return out;
}

// One reading pass: asks the file for each key, checks it, and notes what is in force.
class Reader {
 public:
  Reader(TomlFile* file, const Flags& flags, Settings* settings)
      : file_(*file), flags_(flags), s_(*settings), keys_(file, &settings->effective) {}

  void ReadAll() {
    Service();
    Aiges();
    ReadCatalogue(&keys_, &s_);
    Bounds();
    if (s_.catalogue.on() && !s_.instances.library.empty()) {
      file_.AddError("instances", "library",
                     "expected none beside [models] repository, where each model has its own "
                     "([model.<name>.instances])");
    }
    ReadRegistry(&keys_, flags_, &s_.registry);
    ReadOtlp(&keys_, &s_.otlp);
    LogSection();
    HideOwnFiles();
  }

 private:
  // Of no use to an engine, and with all that it would need to speak for the loader.
  void HideOwnFiles() {
    std::vector<std::string> files = {
        s_.config_path,     s_.access.keys_file,  s_.access.hmac.file, s_.access.audit_log,
        s_.tls.key,         s_.registry.key_file, s_.log.file,         s_.otlp.key_file,
        s_.metering.folder, s_.entitlement.state};
    const std::vector<std::string> secrets = FilesOfSecrets(s_.access);
    files.insert(files.end(), secrets.begin(), secrets.end());
    for (const std::string& file : files) {
      std::error_code error;
      if (file.empty()) continue;
      s_.instances.sandbox.hidden.push_back(fs::absolute(file, error).string());
    }
  }

  void Service() {
    const std::string& name = s_.service.name;
    if (!file_.HasSection(name)) {
      file_.AddError(name, "",
                     StrCat("section missing: -s=", name, " names the section with the ",
                            "service's addresses (host, port)"));
    }
    keys_.Text(name, "host", &s_.service.host);
    keys_.Int(name, "port", 0, 65535, &s_.service.grpc_port);
    int64_t reuse = 0;
    file_.Int(name, "reuseport", 0, 1, &reuse);
    s_.service.reuseport = reuse != 0;
    int64_t megabytes = 0;
    if (file_.Int(name, "maxreceive", 1, 2000, &megabytes)) {
      s_.limits.max_message_bytes = static_cast<uint64_t>(megabytes) << 20;
    }
    HttpListen(name);
  }

  void HttpListen(const std::string& name) {
    // Both places are in use in the field: the old sample has it in the service section, the old
    // code read [wrapper].
    std::string section = "wrapper";
    std::string listen = StrCat(s_.service.host, ":", s_.service.http_port);
    const bool beside = file_.String(name, "http_listen", &listen);
    if (!file_.String(section, "http_listen", &listen) && beside) section = name;
    const std::optional<ListenAddress> address = ParseListenAddress(listen);
    if (listen == "off") {
      s_.service.http_on = false;
    } else if (!address) {
      file_.AddError(section, "http_listen",
                     StrCat("expected ", kAddressForms, " or \"off\", got \"", listen, "\""));
    } else {
      s_.service.http_host = address->host;
      s_.service.http_port = address->port;
      s_.service.http_path = address->path;
    }
    keys_.Note(section, "http_listen", StrCat("\"", listen, "\""));
  }

  void Aiges() {
    std::string names;
    keys_.Text("aiges", "headerPass", &names);
    s_.service.header_pass = Split(names, ';');
    if (auto extra = ReadFile("headerPass.wrapper")) {
      for (const std::string& line : Split(*extra, '\n')) s_.service.header_pass.push_back(line);
    }
    bool async = false;
    keys_.Bool("aiges", "asyncMode", &async);
    if (s_.effective.back().origin != "default") s_.sessions.async_mode = async;
    keys_.Bool("aiges", "realTimeRlt", &s_.sessions.real_time_results);
    bool any = false;
    file_.Bool("aiges", "sessMode", &any);  // WebSocket and POST are always there together.
    keys_.Int("ws", "readTimeout", 1, 86'400, &s_.sessions.ws_read_timeout_s);
    keys_.Int("ws", "sessionTimeout", 1, 86'400, &s_.sessions.ws_session_timeout_s);
    EngineConfig();
  }

  void EngineConfig() {
    std::string user_file;
    if (file_.String("aiges", "usrCfg", &user_file) && !user_file.empty()) {
      const fs::path beside = fs::path(s_.config_path).parent_path() / user_file;
      if (flags_.mode == 1) user_file = beside.string();  // It is in the centre, too.
      const std::optional<std::string> text = ReadFile(user_file);
      if (!text) {
        file_.AddError("aiges", "usrCfg", StrCat("cannot read the file ", user_file));
        return;
      }
      TomlFile user(user_file, *text, "");
      s_.engine = user.FlattenAll();
      for (const std::string& e : user.errors()) user_errors.push_back(e);
    } else {
      s_.engine = file_.Flatten("wrapper");
    }
    bool strict = false;
    keys_.Bool("compat", "strict_upstream", &strict);
    if (strict) s_.engine.emplace_back("strict_upstream", "true");
    for (const auto& [key, value] : s_.engine) {
      if (key != "http_listen") keys_.Note("wrapper", key, StrCat("\"", value, "\""));
    }
  }

  void Bounds() {
    // able=0 and other routers crashed the old loader on the first request: they never meant
    // "no limit", so max always holds.
    keys_.Int("fc", "max", 1, 1'000'000, &s_.licences);
    keys_.Int("fc", "ttl", 1, 86'400'000, &s_.sessions.ttl_ms);
    for (const char* key : {"able", "router", "best", "roll", "report", "strategy", "wave"}) {
      std::string unused;
      file_.String("fc", key, &unused);
    }
    ReadEngineKeys(&keys_, "aiges", &s_, &user_errors);
    keys_.Bool("http", "docs", &s_.http.docs);
    keys_.Bool("http", "app_paths", &s_.http.app_paths);
    Origins();
    keys_.Text("oip", "server_name", &s_.oip.server_name);
    keys_.Bool("oip", "client_shm", &s_.oip.client_shm);
    ReadAccess(&keys_, &s_.access);
    keys_.Text("admin", "token", &s_.service.admin_token);
    ReadAlsoListen(&keys_, &s_.service.also);
    ReadAdminListen(&keys_, &s_.service.admin);
    ReadTls(&keys_, &s_.tls);
    ReadMetering(&keys_, &s_.metering);
    ReadEntitlementKeys(&keys_, &s_.entitlement);
    keys_.Bool("admin", "open", &s_.service.admin_open);
    // A frame of the channel holds a message and what goes with it (kMaxFrame).
    keys_.Int("limits", "max_message_bytes", 1024, int64_t{2000} << 20,
              &s_.limits.max_message_bytes);
    keys_.Int("limits", "max_resources", 0, 1'000'000, &s_.limits.max_resources);
    keys_.Int("limits", "max_resource_bytes", 0, int64_t{1} << 40, &s_.limits.max_resource_bytes);
    keys_.Int("limits", "max_connections", 1, 1'000'000, &s_.limits.max_connections);
    keys_.Int("limits", "read_timeout_ms", 10, 86'400'000, &s_.limits.read_timeout_ms);
    keys_.Int("limits", "idle_timeout_ms", 10, 86'400'000, &s_.limits.idle_timeout_ms);
    keys_.Int("limits", "max_input_bytes", 0, int64_t{1} << 40, &s_.limits.max_input_bytes);
    keys_.Int("limits", "max_output_bytes", 0, int64_t{1} << 40, &s_.limits.max_output_bytes);
    keys_.Int("limits", "max_connection_age_s", 0, 31'536'000, &s_.limits.max_connection_age_s);
    keys_.Int("limits", "stream_idle_ms", 0, 86'400'000, &s_.limits.stream_idle_ms);
  }

  // As browsers write them, so that they are compared as text.
  void Origins() {
    file_.Strings("http", "cors_origins", &s_.http.cors_origins);
    std::string listed;
    for (std::string& origin : s_.http.cors_origins) {
      listed += StrCat(listed.empty() ? "" : ", ", "\"", origin, "\"");
      if (origin == "*") continue;
      const size_t scheme = origin.find("://");
      const bool sound = scheme != std::string::npos && scheme > 0 && scheme + 3 < origin.size() &&
                         origin.find_first_of("/?#@* ", scheme + 3) == std::string::npos;
      if (!sound) {
        file_.AddError("http", "cors_origins",
                       StrCat("expected \"*\" or origins as \"https://app.example:8443\", got \"",
                              origin, "\""));
      }
      origin = Lowered(origin);
    }
    keys_.Note("http", "cors_origins", StrCat("[", listed, "]"));
  }

  void LogSection() {
    std::string level = "info";
    keys_.Text("log", "level", &level);
    static const std::pair<const char*, LogLevel> kLevels[] = {
        {"debug", LogLevel::kDebug},  {"info", LogLevel::kInfo},   {"warn", LogLevel::kWarn},
        {"warning", LogLevel::kWarn}, {"error", LogLevel::kError}, {"fatal", LogLevel::kError},
        {"off", LogLevel::kOff},      {"none", LogLevel::kOff}};
    const auto* found = std::find_if(std::begin(kLevels), std::end(kLevels),
                                     [&](const auto& entry) { return level == entry.first; });
    if (found == std::end(kLevels)) {
      file_.AddError("log", "level",
                     StrCat("expected debug, info, warn, error or off, got \"", level, "\""));
    } else {
      s_.log.level = found->second;
    }
    keys_.Text("log", "file", &s_.log.file);
    std::string format = "text";
    keys_.Word("log", "format", {"text", "json"}, &format);
    s_.log.format = format == "json" ? LogFormat::kJson : LogFormat::kText;
    keys_.Bool("log", "access", &s_.log.access);
    keys_.Text("log", "listening_line", &s_.service.listening_line);
    keys_.Text("log", "stopped_line", &s_.service.stopped_line);
  }

  TomlFile& file_;
  const Flags& flags_;
  Settings& s_;
  KeyReader keys_;

 public:
  std::vector<std::string> user_errors;
};

std::string ExecutableDir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

// In the current folder, or where images have it.
std::string FoundConfig(const std::string& name) {
  std::error_code error;
  const std::string in_conf = (fs::path(ExecutableDir()).parent_path() / "conf" / name).string();
  return !fs::exists(name, error) && fs::exists(in_conf, error) ? in_conf : name;
}

}  // namespace

Status WriteDefaultConfig(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error)) {
    return Status::Error(StatusKind::kInvalid, StrCat(path, " exists already, left as it is"));
  }
  std::ofstream out(path, std::ios::binary);
  out << kDefaultToml;
  out.close();
  if (!out) return Status::Error(StatusKind::kInternal, StrCat("cannot write ", path));
  return Status::Ok();
}

ParseResult LoadSettings(const Flags& flags) {
  ParseResult result;
  std::string path = FoundConfig(flags.config);
  std::error_code error;
  if (!fs::exists(path, error) && flags.mode == 0 && path == "aiges.toml") {
    const Status written = WriteDefaultConfig(path);
    if (!written.ok()) result.errors.push_back(written.text);
  }
  const std::optional<std::string> text = ReadFile(path);
  if (!text) {
    result.errors.push_back(
        StrCat("-c: cannot read ", path, ": expected a TOML file (AIService -init writes one)"));
    return result;
  }
  TomlFile file(path, *text, flags.default_config, flags.override_config);
  result.settings.config_path = path;
  result.settings.service.name = flags.service;
  result.settings.instances.worker_binary = ExecutableDir() + "/aiges-worker";
  if (flags.mode == 1) {
    result.settings.instances.config_folder = fs::path(path).parent_path().string();
  }
  Reader reader(&file, flags, &result.settings);
  const bool sound = file.errors().empty();  // After a syntax error nothing else is certain.
  if (sound) reader.ReadAll();
  if (file.errors().empty() || (sound && file.HasSection(flags.service))) {
    result.ignored = file.Unread(flags.service);
  }
  result.errors.insert(result.errors.end(), file.errors().begin(), file.errors().end());
  result.errors.insert(result.errors.end(), reader.user_errors.begin(), reader.user_errors.end());
  return result;
}

std::string FindService(const Flags& flags) {
  const std::optional<std::string> text = ReadFile(FoundConfig(flags.config));
  if (!text) return flags.service;
  TomlFile file(flags.config, *text, flags.default_config, flags.override_config);
  const std::vector<std::string> services = file.Services();
  return services.size() == 1 && !file.HasSection(flags.service) ? services.front() : flags.service;
}

RegistrySettings LoadRegistrySettings(const Flags& flags, std::vector<std::string>* errors) {
  TomlFile file("-dc", flags.default_config, "");
  Settings settings;
  KeyReader keys(&file, &settings.effective);
  ReadRegistry(&keys, flags, &settings.registry);
  errors->insert(errors->end(), file.errors().begin(), file.errors().end());
  return settings.registry;
}

namespace {

// By its name, also in [wrapper]: keys for other services stand there.
bool IsSecret(const std::string& name) {
  const std::string key = Lowered(name);
  for (const char* part : {"password", "passwd", "secret", "apikey", "api_key", "credential"}) {
    if (key.find(part) != std::string::npos) return true;
  }
  return key.ends_with("token");  // max_tokens is none.
}

}  // namespace

std::string ShowConfig(const Settings& settings) {
  // A section once, with all of its keys: TOML does not allow it twice.
  std::vector<std::pair<std::string, std::string>> sections;
  for (const EffectiveValue& v : settings.effective) {
    auto section = std::find_if(sections.begin(), sections.end(),
                                [&v](const auto& s) { return s.first == v.section; });
    if (section == sections.end()) {
      section = sections.emplace(sections.end(), v.section, StrCat("[", v.section, "]\n"));
    }
    const bool masked = IsSecret(v.key) && v.value != "\"\"";
    std::string line = StrCat(v.key, " = ", masked ? "\"***\"" : v.value);
    if (line.size() < 48) line.resize(48, ' ');
    section->second += StrCat(line, " # ", v.origin, "\n");
  }
  std::string out;
  for (const auto& [name, text] : sections) out += StrCat(out.empty() ? "" : "\n", text);
  return out;
}

}  // namespace aiges
