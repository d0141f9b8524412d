// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/rest.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "inference.pb.h"
#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"
#include "loader/front/json_string.h"
#include "loader/protocols/admin_rights.h"
#include "loader/protocols/oip/message_json.h"
#include "loader/protocols/oip/rest_codec.h"
#include "loader/protocols/oip/rest_infer.h"

namespace aiges::oip {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Bodies that say something to the server: short ones.
constexpr size_t kMostText = 64 * 1024;

HttpResponse Say(const ordered_json& value, int status = 200) {
  return HttpResponse::Text(status, "application/json",
                            value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}
HttpResponse NotFound() { return RestError(404, "Not Found"); }
HttpResponse WrongMethod(const char* allowed) {
  HttpResponse r = RestError(405, "Method Not Allowed");
  r.headers.emplace_back("Allow", allowed);
  return r;
}

// The body as an object; an empty one is an empty object. Not ok: it is none.
Status ReadBody(const HttpRequest& request, size_t most, json* out) {
  *out = json::object();
  if (request.body.empty()) return Status::Ok();
  if (request.body.size() > most) {
    return Invalid(StrCat("expected a body of at most ", most, " bytes"));
  }
  *out = json::parse(request.body.view(), nullptr, /*allow_exceptions=*/false);
  return out->is_object() ? Status::Ok() : Invalid("expected the body to be a JSON object");
}

Status TextIn(const json& body, const char* key, std::string* out) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_string()) {
    return Invalid(StrCat("expected '", key, "' to be a string"));
  }
  *out = found->get<std::string>();
  return Status::Ok();
}
Status NumberIn(const json& body, const char* key, bool needed, uint64_t* out) {
  const auto found = body.find(key);
  if (found == body.end() && !needed) return Status::Ok();
  if (found == body.end() || !found->is_number_unsigned()) {
    return Invalid(StrCat("expected '", key, "' to be a number from 0 on"));
  }
  *out = found->get<uint64_t>();
  return Status::Ok();
}

// Where no keys decide either, what makes workers run the client's own code or settings is for
// administrators: `own`.
Status CheckAdmin(const HttpRequest& request, const Settings& settings, bool own = false) {
  return MayChange(AdminAsk::Of(request), settings.service.admin_token,
                   own ? AdminFrom::kThisMachine : AdminFrom::kAnywhere,
                   own ? "a load with files or a configuration" : request.path);
}

Status ReadWish(const json& body, LoadWish* wish) {
  const auto parameters = body.find("parameters");
  if (parameters == body.end()) return Status::Ok();
  if (!parameters->is_object()) return Invalid("expected 'parameters' to be an object");
  constexpr std::string_view kFile = "file:";
  for (const auto& [key, value] : parameters->items()) {
    if (!value.is_string()) {
      return Invalid(StrCat("load parameter '", key, "': expected a string"));
    }
    const std::string text = value.get<std::string>();
    if (key == "config") {
      wish->config = text;
    } else if (key.starts_with(kFile)) {
      const std::optional<std::string> bytes = DecodeBase64(text);
      if (!bytes) return Invalid(StrCat("load parameter '", key, "': expected base64"));
      wish->files.emplace_back(key.substr(kFile.size()), *bytes);
    } else {
      return Invalid(StrCat("unrecognized load parameter '", key, "'."));
    }
  }
  return Status::Ok();
}

}  // namespace

uint64_t RestApi::Handle(HttpRequest request, HttpDone done) {
  // Views of it, and the request is moved on.
  const auto path = std::make_shared<const std::string>(request.path);
  Segments at;
  std::string_view rest(*path);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t slash = std::min(rest.find('/'), rest.size());
    at.push_back(rest.substr(0, slash));
    rest.remove_prefix(slash);
  }
  if (!at.empty() && at.back().empty()) at.pop_back();  // A slash at the end.
  const bool get = request.method == "GET" || request.method == "HEAD";
  const std::string_view room = at.size() > 1 ? at[1] : std::string_view();
  if (room == "models" && at.size() > 2 && at[2] != "stats") {
    return Model(at, std::move(request), std::move(done));
  }
  if (room == "repository") {
    Repository(at, request, std::move(done));
  } else if (room == "systemsharedmemory" || room == "cudasharedmemory") {
    done(Shm(at, request, room.starts_with('c')));
  } else if (room == "trace" && at.size() == 3 && at[2] == "setting") {
    done(Trace("", request));
  } else if (room == "logging" && at.size() == 2) {
    done(Log(request));
  } else if (room == "health" && at.size() == 3 && (at[2] == "live" || at[2] == "ready")) {
    if (!get) return done(WrongMethod("GET")), 0;
    const bool fine = at[2] == "live" || server_.Ready();
    ordered_json body;
    body[std::string(at[2])] = fine;
    done(Say(body, fine ? 200 : 503));
  } else if (at.size() == 1) {
    if (!get) return done(WrongMethod("GET")), 0;
    inference::ServerMetadataResponse metadata;
    server_.Metadata(&metadata);
    done(Say(JsonOf(metadata)));
  } else if (room == "models" && at.size() == 3) {
    if (!get) return done(WrongMethod("GET")), 0;
    done(ShowModel("", "", "stats"));
  } else if (room == "models" && at.size() == 2) {
    if (!get) return done(WrongMethod("GET")), 0;
    ordered_json names = ordered_json::array();
    for (const ModelRef& model : server_.models().List()) {
      const std::string name = VisibleUtf8(model->name());
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    done(Say({{"models", names}}));
  } else {
    done(NotFound());
  }
  return 0;
}

// /v2/models/{m}[/versions/{v}][/{what}]
uint64_t RestApi::Model(const Segments& at, HttpRequest request, HttpDone done) {
  const std::string name(at[2]);
  std::string version;
  size_t next = 3;
  if (at.size() > 4 && at[3] == "versions") {
    version = at[4];
    uint64_t number = 0;
    if (!ReadWhole(version, &number)) return done(NotFound()), 0;
    next = 5;
  }
  const std::string what(next < at.size() ? at[next] : std::string_view());
  if (what == "trace" && next == 3 && at.size() == 5 && at[4] == "setting") {
    return done(Trace(name, request)), 0;
  }
  if (at.size() > next + 1) return done(NotFound()), 0;
  const bool infers = what == "infer" || what == "generate" || what == "generate_stream";
  if (infers && request.method != "POST") return done(WrongMethod("POST")), 0;
  if (infers) {
    const InferVerb verb = what == "infer"      ? InferVerb::kInfer
                           : what == "generate" ? InferVerb::kGenerate
                                                : InferVerb::kGenerateStream;
    return StartRestInfer(&lane_, &server_, {name, version, verb}, std::move(request),
                          std::move(done));
  }
  if (!what.empty() && what != "ready" && what != "config" && what != "stats") {
    return done(NotFound()), 0;
  }
  if (request.method != "GET" && request.method != "HEAD") return done(WrongMethod("GET")), 0;
  done(ShowModel(name, version, what));
  return 0;
}

HttpResponse RestApi::ShowModel(const std::string& name, const std::string& version,
                                std::string_view what) const {
  Status status;
  if (what == "ready") {
    bool ready = false;
    status = server_.ModelReady(name, version, &ready);
    if (!status.ok()) return RestError(status);
    ordered_json body = {{"name", VisibleUtf8(name)}, {"ready", ready}};
    if (!ready) body["error"] = "Model version not ready";
    return Say(body, ready ? 200 : 503);
  }
  if (what == "config") {
    inference::ModelConfig config;
    status = server_.Config(name, version, &config);
    return status.ok() ? Say(JsonOf(config)) : RestError(status);
  }
  if (what == "stats") {
    inference::ModelStatisticsResponse statistics;
    status = server_.Statistics(name, version, &statistics);
    return status.ok() ? Say(JsonOf(statistics)) : RestError(status);
  }
  inference::ModelMetadataResponse metadata;
  status = server_.Metadata(name, version, &metadata);
  return status.ok() ? Say(JsonOf(metadata)) : RestError(status);
}

HttpResponse RestApi::Index(const Segments& at, const HttpRequest& request) const {
  json body;
  Status status = ReadBody(request, kMostText, &body);
  bool ready = false;
  if (const auto found = body.is_object() ? body.find("ready") : body.end();
      status.ok() && found != body.end()) {
    if (!found->is_boolean()) return RestError(400, "expected 'ready' to be a bool");
    ready = found->get<bool>();
  }
  inference::RepositoryIndexResponse index;
  if (status.ok()) status = server_.Index(at.size() == 4 ? std::string(at[2]) : "", ready, &index);
  if (!status.ok()) return RestError(status);
  ordered_json list = ordered_json::array();
  for (const auto& model : index.models()) {
    ordered_json entry = {{"name", model.name()}};  // And no more where it was never loaded.
    if (!model.state().empty()) {
      entry["version"] = model.version();
      entry["state"] = model.state();
    }
    if (!model.reason().empty()) entry["reason"] = model.reason();

    list.push_back(std::move(entry));
  }
  return Say(list);
}

// /v2/repository[/{r}]/index, /v2/repository[/{r}]/models/{m}/load
void RestApi::Repository(const Segments& at, const HttpRequest& request, HttpDone done) {
  const bool index = at.size() > 2 && at.size() < 5 && at.back() == "index";
  const size_t models = at.size() == 6 ? 3 : 2;
  const bool change = (at.size() == 5 || at.size() == 6) && at[models] == "models" &&
                      (at.back() == "load" || at.back() == "unload");
  if (!index && !change) return done(NotFound());
  if (request.method != "POST") return done(WrongMethod("POST"));
  if (index) return done(Index(at, request));
  json body;
  LoadWish wish;
  const bool load = at.back() == "load";
  Status status = CheckAdmin(request, server_.settings());
  if (status.ok()) status = ReadBody(request, request.body.size(), &body);
  if (status.ok() && at.size() == 6) {
    status =
        Status::Error(StatusKind::kUnsupported, "'repository_name' specification is not supported");
  }
  if (status.ok() && load) status = ReadWish(body, &wish);
  if (status.ok() && wish.own()) status = CheckAdmin(request, server_.settings(), /*own=*/true);
  if (!status.ok()) return done(RestError(status));
  const std::string name(at[models + 1]);
  const auto answer = [name, load, done = std::move(done)](const Status& result) {
    if (!result.ok()) return done(RestError(result));
    done(Say({{"name", VisibleUtf8(name)}, {load ? "load" : "unload", true}}));
  };
  if (load) return server_.Load(name, wish, answer);
  server_.Unload(name, answer);
}

// /v2/{kind}sharedmemory[/region/{r}]/{verb}
HttpResponse RestApi::Shm(const Segments& at, const HttpRequest& request, bool cuda) {
  const bool named = at.size() == 5 && at[2] == "region";
  if (!named && at.size() != 3) return NotFound();
  const std::string name(named ? at[3] : std::string_view());
  const std::string_view verb = at.back();
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (verb == "status") {
    if (!get) return WrongMethod("GET");
    std::vector<ClientShm::Region> regions;
    ordered_json list = ordered_json::array();
    if (cuda) return Say(list);
    const Status status = server_.shm().List(name, &regions);
    if (!status.ok()) return RestError(status);
    for (const ClientShm::Region& region : regions) {
      list.push_back({{"name", VisibleUtf8(region.name)},
                      {"key", VisibleUtf8(region.key)},
                      {"offset", region.offset},
                      {"byte_size", region.byte_size}});
    }
    return Say(list);
  }
  const bool registers = verb == "register" && named;
  if (!registers && verb != "unregister") return NotFound();
  if (request.method != "POST") return WrongMethod("POST");
  Status status = CheckAdmin(request, server_.settings());
  if (status.ok() && cuda && registers) {
    status = Status::Error(StatusKind::kUnsupported, "CUDA shared memory is not supported");
  } else if (status.ok() && registers) {
    json body;
    ClientShm::Region region{name, {}, 0, 0};
    status = ReadBody(request, kMostText, &body);
    if (status.ok()) status = TextIn(body, "key", &region.key);
    if (status.ok()) status = NumberIn(body, "offset", false, &region.offset);
    if (status.ok()) status = NumberIn(body, "byte_size", true, &region.byte_size);
    if (status.ok()) status = server_.shm().Register(std::move(region));
  } else if (status.ok() && !cuda) {
    status = server_.shm().Unregister(name);
  }
  return status.ok() ? HttpResponse::Text(200, "application/json", "") : RestError(status);
}

namespace {

// Settings that are asked for by GET, and changed by what an administrator POSTs. False: neither.
bool ReadChange(const HttpRequest& request, const Settings& settings, json* body, Status* status) {
  if (request.method != "POST") return request.method == "GET" || request.method == "HEAD";
  *status = CheckAdmin(request, settings);
  if (status->ok()) *status = ReadBody(request, kMostText, body);
  return true;
}

}  // namespace

HttpResponse RestApi::Trace(const std::string& model, const HttpRequest& request) {
  json body = json::object();
  Server::Traces changed, now;
  Status status;
  if (!ReadChange(request, server_.settings(), &body, &status)) return WrongMethod("GET, POST");
  for (const auto& [key, value] : body.items()) {
    std::vector<std::string>& values = changed[key];
    const json list = value.is_array() ? value : json::array({value});
    for (const json& entry : list) {
      if (entry.is_string()) values.push_back(entry.get<std::string>());
      if (entry.is_number()) values.push_back(entry.dump());
    }
  }
  if (status.ok()) status = server_.Trace(model, changed, &now);
  if (!status.ok()) return RestError(status);
  ordered_json out = ordered_json::object();
  for (const auto& [name, values] : now) {
    if (name == "trace_level") {
      out[name] = values;
    } else {
      out[name] = values.empty() ? std::string() : values.front();
    }
  }
  return Say(out);
}

HttpResponse RestApi::Log(const HttpRequest& request) {
  json body = json::object();
  Server::Logs changed, now;
  Status status;
  if (!ReadChange(request, server_.settings(), &body, &status)) return WrongMethod("GET, POST");
  for (const auto& [key, value] : body.items()) {
    if (value.is_boolean()) {
      changed[key] = value.get<bool>();
    } else if (value.is_number_unsigned()) {
      changed[key] = value.get<uint64_t>();
    } else {
      changed[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  if (status.ok()) status = server_.Log(changed, &now);
  if (!status.ok()) return RestError(status);
  ordered_json out = ordered_json::object();
  for (const auto& [name, value] : now) {
    std::visit([&out, &name = name](const auto& v) { out[name] = v; }, value);
  }
  return Say(out);
}

uint64_t RestApi::HandleVerb(HttpRequest request, HttpDone done) {
  constexpr std::string_view kModels = "/v1/models/";
  const size_t colon = request.path.rfind(':');
  const std::string verb =
      colon == std::string::npos ? std::string() : request.path.substr(colon + 1);
  if ((verb != "predict" && verb != "explain") || !request.path.starts_with(kModels)) {
    return done(NotFound()), 0;
  }
  if (request.method != "POST") return done(WrongMethod("POST")), 0;
  const std::string name = request.path.substr(kModels.size(), colon - kModels.size());
  return StartRestInfer(&lane_, &server_,
                        {name, "", verb == "predict" ? InferVerb::kPredict : InferVerb::kExplain},
                        std::move(request), std::move(done));
}

}  // namespace aiges::oip
