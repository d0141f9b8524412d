#include "loader/ingress/http_routes.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/ingress/docs_page.h"
#include "loader/ingress/handle.h"
#include "loader/ingress/http_events.h"
#include "loader/ingress/json_codec.h"
#include "loader/ingress/openapi.h"
#include "loader/ingress/status_page.h"

namespace aiges {
namespace {

constexpr int64_t kDefaultWaitMs = 120'000;  // Frozen: what the old HTTP layer passed as waitTime.
constexpr const char* kJson = "application/json";

HttpResponse Refusal(int http_status, int code, const std::string& sid, std::string_view text) {
  HttpResponse r = HttpResponse::Text(http_status, kJson, WriteErrorEnvelope(sid, code, text));
  if (http_status == 429 || http_status == 503) r.headers.emplace_back("Retry-After", "1");
  r.headers.emplace_back("Access-Control-Allow-Origin", "*");
  return r;
}

HttpResponse Refusal(const Status& status, const std::string& sid) {
  return Refusal(HttpStatusOf(status), CodeOf(status), sid, status.text);
}

// By what the engine says of this output, else by what it has declared of it.
const char* ContentTypeOf(const Payload& p, const EngineSchema& schema) {
  static const std::pair<const char*, const char*> kByEncoding[] = {
      {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"png", "image/png"}, {"bmp", "image/bmp"},
      {"wav", "audio/wav"},  {"mp3", "audio/mpeg"},  {"mp4", "video/mp4"}};
  if (const std::string* mime = Find(p.desc, "mime")) return mime->c_str();
  const std::string* encoding = Find(p.desc, "encoding");
  for (const EngineSchema::Field& output : schema.outputs()) {
    if (encoding == nullptr && output.key == p.key && output.type == p.type) {
      encoding = &output.encoding;
    }
  }
  for (const auto& [name, mime] : kByEncoding) {
    if (encoding != nullptr && *encoding == name) return mime;
  }
  if (p.type != DataType::kText) return "application/octet-stream";
  const std::string* format = Find(p.desc, "format");
  return format != nullptr && *format == "json" ? kJson : "text/plain; charset=utf-8";
}

// A header value must stay on its line.
bool FitsHeader(std::string_view text) {
  return text.find_first_of("\r\n") == std::string_view::npos;
}

// Answers one HTTP request with what the scheduler says.
class HttpSink : public ReplySink {
 public:
  // `raw`: what the engine declares, where the answer is to be the first output as it is.
  HttpSink(std::vector<Expected> expect, std::string sid, std::shared_ptr<const EngineSchema> raw,
           HttpDone done)
      : expect_(std::move(expect)),
        sid_(std::move(sid)),
        raw_(std::move(raw)),
        done_(std::move(done)) {}

  void Done(Reply reply) override {
    Status status = std::move(reply.status);
    if (status.ok()) status = CheckOutput(expect_, &reply.payloads);
    HttpResponse response = status.ok() ? Success(reply) : Refusal(status, sid_);
    response.headers.emplace_back("Server-Timing", ServerTiming(reply.times));
    done_(std::move(response));
  }

 private:
  HttpResponse Success(Reply& reply) {
    HttpResponse r;
    if (raw_ != nullptr) {
      Payload& first = reply.payloads.front();
      const char* type = ContentTypeOf(first, *raw_);
      r.content_type = FitsHeader(type) ? type : "application/octet-stream";
      if (FitsHeader(first.key)) r.headers.emplace_back("X-Output-Key", first.key);
      r.body.push_back(std::move(first.data));
    } else {
      r.body.push_back(Bytes::Own(WriteEnvelope(sid_, reply.payloads)));
    }
    r.headers.emplace_back("Access-Control-Allow-Origin", "*");
    return r;
  }

  std::vector<Expected> expect_;
  std::string sid_;
  std::shared_ptr<const EngineSchema> raw_;
  HttpDone done_;
};

bool WantsEvents(const HttpRequest& request) {
  const std::string* accept = Find(request.headers, "accept");
  return accept != nullptr && accept->find("text/event-stream") != std::string::npos;
}

std::optional<DataType> ParseType(const std::string& name) {
  const DataType type = DataTypeOf(name);
  if (name != NameOf(type)) return std::nullopt;
  return type;
}

DataType TypeOfContent(std::string_view content_type) {
  if (content_type.rfind("image/", 0) == 0) return DataType::kImage;
  if (content_type.rfind("audio/", 0) == 0) return DataType::kAudio;
  if (content_type.rfind("video/", 0) == 0) return DataType::kVideo;
  if (content_type.rfind("application/octet-stream", 0) == 0) return DataType::kOther;
  return DataType::kText;
}

// The last element of /<version>/private/<serviceId> or /v1/raw/<serviceId>, if the path is that.
std::optional<std::string> ServiceIdOf(const std::string& path, std::string_view kind) {
  const size_t first = path.find('/', 1);
  if (path.empty() || path[0] != '/' || first == std::string::npos) return std::nullopt;
  const size_t second = path.find('/', first + 1);
  if (second == std::string::npos) return std::nullopt;
  if (std::string_view(path).substr(first + 1, second - first - 1) != kind) return std::nullopt;
  return path.substr(second + 1);
}

// Every browser says with a POST where it comes from; curl does not. The page's own address is no
// proof: a name of somebody else may lead here (DNS rebinding).
bool FromBrowser(const HttpRequest& request) {
  const std::string* site = Find(request.headers, "sec-fetch-site");
  return Find(request.headers, "origin") != nullptr || (site != nullptr && *site != "none");
}

}  // namespace

HttpRoutes::HttpRoutes(const Settings& settings, Service* service, Sessions* sessions,
                       Resources* resources, BufferPool* buffers, HttpActions actions)
    : settings_(settings), service_(*service), sessions_(*sessions), resources_(*resources),
      buffers_(*buffers), actions_(std::move(actions)), load_(service) {}

HttpRoutes::Declared::Declared(std::shared_ptr<const std::string> said, const Settings& settings)
    : text(std::move(said)), schema(*text, settings.service.name) {
  for (const std::string& problem : schema.problems()) {
    LogWarn("ingress", "the schema of the engine: ", problem);
  }
  if (!settings.http.validate) return;
  check.emplace(schema);
  if (!check->problem().empty()) {
    LogWarn("ingress", "[http] validate has no effect: the schema of the engine cannot be used: ",
            check->problem());
  } else if (!schema.declared()) {
    LogWarn("ingress", "[http] validate has no effect: the engine declares no schema");
  }
}

HttpRoutes::Declared& HttpRoutes::Now() {
  std::shared_ptr<const std::string> text = actions_.schema();
  if (declared_ == nullptr || declared_->text != text) {
    declared_ = std::make_shared<Declared>(std::move(text), settings_);
  }
  return *declared_;
}

std::optional<HttpResponse> HttpRoutes::RefuseUpgrade(const HttpRequest& request) {
  const auto id = ServiceIdOf(request.path, "private");
  if ((id && *id == settings_.service.name) || Now().schema.HasRoute(request.path)) {
    return std::nullopt;
  }
  return Refusal(404, kCodeInvalidOp, "",
                 StrCat("no WebSocket at ", request.path, "; it is at /v1/private/",
                        settings_.service.name));
}

// Who may: this machine, unless a web page makes its browser ask, or who knows the token.
void HttpRoutes::Reload(const HttpRequest& request, const HttpDone& done) {
  const std::string& token = settings_.service.admin_token;
  const std::string* given = Find(request.headers, "authorization");
  const bool known = !token.empty() && given != nullptr && *given == "Bearer " + token;
  if (!known && (!request.from_loopback || !token.empty() || FromBrowser(request))) {
    return done(Refusal(403, kCodeInvalidOp, "",
                        !token.empty() ? "expected Authorization: Bearer <[admin] token>"
                        : request.from_loopback
                            ? "/admin is not for web pages; set [admin] token"
                            : "/admin is for this machine only; set [admin] token"));
  }
  if (request.method != "POST") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected POST");
    r.headers.emplace_back("Allow", "POST");
    return done(std::move(r));
  }
  actions_.reload([done](const Status& status) {
    if (!status.ok()) return done(Refusal(status, ""));
    done(HttpResponse::Text(200, kJson, "{\"reloaded\":true}"));
  });
}

// POST: the body becomes a resource (?key=..&patch_id=.., further attributes as desc.<name>).
// DELETE ?res_id=..
void HttpRoutes::Resource(HttpRequest request, HttpDone done) {
  if (request.method == "DELETE") {
    const std::string* number = Find(request.query, "res_id");
    const auto id = static_cast<unsigned>(std::atoi(number == nullptr ? "0" : number->c_str()));
    return resources_.Unload(id, [done](const Status& status) {
      done(status.ok() ? HttpResponse::Text(200, kJson, "{\"unloaded\":true}")
                       : Refusal(status, ""));
    });
  }
  if (request.method != "POST") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected POST or DELETE");
    r.headers.emplace_back("Allow", "POST, DELETE");
    return done(std::move(r));
  }
  Payload resource;
  resource.key = "resource";
  resource.data = std::move(request.body);
  for (const auto& [name, value] : request.query) {
    if (name == "key") resource.key = value;
    if (name == "patch_id") resource.desc.emplace_back(name, value);
    if (name.rfind("desc.", 0) == 0) resource.desc.emplace_back(name.substr(5), value);
  }
  resources_.Load(std::move(resource), [done](const Status& status, unsigned id) {
    done(status.ok() ? HttpResponse::Text(200, kJson, StrCat("{\"res_id\":", id, "}"))
                     : Refusal(status, ""));
  });
}

uint64_t HttpRoutes::Handle(HttpRequest request, HttpDone done) {
  if (Page(request, done)) return 0;
  if (request.path == "/admin/reload") {
    Reload(request, done);
    return 0;
  }
  auto json = ServiceIdOf(request.path, "private");
  const auto raw = ServiceIdOf(request.path, "raw");
  if (Now().schema.HasRoute(request.path)) json = settings_.service.name;
  if (ServiceIdOf(request.path, "resources") == settings_.service.name) {
    Resource(std::move(request), std::move(done));
    return 0;
  }
  if (!json && !raw) {
    done(Refusal(404, kCodeInvalidOp, "",
                 StrCat("no such path: ", request.path, "; POST /v1/private/", settings_.service.name,
                        " (JSON) or /v1/raw/", settings_.service.name)));
    return 0;
  }
  const std::string& id = json ? *json : *raw;
  if (id != settings_.service.name) {
    done(Refusal(404, kCodeInvalidOp, "",
                 StrCat("unknown serviceId \"", id, "\": this loader serves \"",
                        settings_.service.name, "\"")));
    return 0;
  }
  if (request.method != "POST") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected POST");
    r.headers.emplace_back("Allow", "POST");
    done(std::move(r));
    return 0;
  }
  HttpDone with_load = [this, done = std::move(done)](HttpResponse response) {
    response.headers.emplace_back(LoadHeader::kHeader,
                                  load_.Text(std::chrono::steady_clock::now()));
    done(std::move(response));
  };
  return json ? Json(std::move(request), std::move(with_load))
              : Raw(std::move(request), std::move(with_load));
}

bool HttpRoutes::Page(const HttpRequest& request, HttpDone& done) {
  const std::string& path = request.path;
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics" ||
                     IsStatusPath(path);
  const bool docs = path == "/openapi.json" || IsDocsPath(path);
  if (!known && !(docs && settings_.http.docs)) return false;
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected GET");
    r.headers.emplace_back("Allow", "GET, HEAD");
    done(std::move(r));
  } else if (path == "/healthz") {
    done(HttpResponse::Text(200, "text/plain; charset=utf-8", "ok\n"));
  } else if (path == "/readyz") {
    const bool ready = service_.Ready();
    done(HttpResponse::Text(ready ? 200 : 503, "text/plain; charset=utf-8",
                            ready ? "ready\n" : "not ready: no instance serves, or draining\n"));
  } else if (path == "/metrics") {
    done(HttpResponse::Text(200, "text/plain; version=0.0.4; charset=utf-8", actions_.metrics()));
  } else if (path == "/openapi.json") {
    Declared& now = Now();
    if (now.openapi.empty()) now.openapi = OpenApiDocument(now.schema, settings_.service.name);
    HttpResponse r = HttpResponse::Text(200, kJson, now.openapi);
    r.headers.emplace_back("Access-Control-Allow-Origin", "*");
    r.headers.emplace_back("Cache-Control", "no-cache");
    done(std::move(r));
  } else if (docs) {
    done(DocsAnswer(request));
  } else {
    done(actions_.status(request));
  }
  return true;
}

uint64_t HttpRoutes::Json(HttpRequest request, HttpDone done) {
  std::string sid = RandomUuid();
  // curl -d sends the form type without being asked; an explicit other type is a mistake.
  const std::string& type = request.content_type;
  if (!type.empty() && type.find("json") == std::string::npos &&
      type.rfind("text/plain", 0) != 0 && type.rfind("application/x-www-form", 0) != 0) {
    done(Refusal(415, kCodeBodyNotJson, sid,
                 StrCat("expected Content-Type application/json, got ", type)));
    return 0;
  }
  OnceCall call;
  Status status = ParseEnvelope(request.body, &buffers_, &call);
  const Declared& now = Now();
  if (status.ok() && now.check) status = now.check->Envelope(request.body.view());
  if (!status.ok()) {
    done(Refusal(status, sid));
    return 0;
  }
  std::erase_if(call.headers, [](const auto& header) { return header.first == "sid"; });
  call.headers.emplace_back("sid", sid);
  return Submit(std::move(call), std::move(sid), nullptr, request, std::move(done));
}

// The one payload of a raw call. What the query does not say: the key is that of the engine's first
// input, the type that of the Content-Type where it tells, else what is declared for the key.
Status HttpRoutes::ReadRaw(HttpRequest* request, OnceCall* call) {
  const EngineSchema& schema = Now().schema;
  Payload& p = call->request.payloads.emplace_back();
  p.key = schema.inputs().empty() ? "data" : schema.inputs().front().key;
  std::optional<DataType> type;
  p.data = std::move(request->body);
  p.desc.emplace_back("status", "3");
  for (const auto& [name, value] : request->query) {
    if (name == "key") {
      p.key = value;
    } else if (name == "type") {
      type = ParseType(value);
      if (!type) {
        return Status::Error(
            StatusKind::kInvalid,
            StrCat("type: expected text, audio, image, video or other, got ", value),
            kCodeConversion);
      }
    } else if (name.rfind("p.", 0) == 0) {
      call->request.params.emplace_back(name.substr(2), value);
    } else if (name.rfind("desc.", 0) == 0) {
      p.desc.emplace_back(name.substr(5), value);
    }
  }
  p.type = TypeOfContent(request->content_type);
  if (p.type == DataType::kText || p.type == DataType::kOther) {
    for (const EngineSchema::Field& input : schema.inputs()) {
      if (input.key == p.key) p.type = input.type;
    }
  }
  if (type) p.type = *type;
  return Status::Ok();
}

uint64_t HttpRoutes::Raw(HttpRequest request, HttpDone done) {
  std::string sid = RandomUuid();
  OnceCall call;
  Status status = ReadRaw(&request, &call);
  const Declared& now = Now();
  if (status.ok() && now.check) status = now.check->Raw(call);
  if (!status.ok()) {
    done(Refusal(status, sid));
    return 0;
  }
  call.headers = request.headers;
  call.headers.emplace_back("sid", sid);
  return Submit(std::move(call), std::move(sid), {declared_, &declared_->schema}, request,
                std::move(done));
}

uint64_t HttpRoutes::Submit(OnceCall call, std::string sid,
                            std::shared_ptr<const EngineSchema> raw, const HttpRequest& request,
                            HttpDone done) {
  Status status = CheckInput(call);
  int64_t wait_ms = kDefaultWaitMs;
  const std::string* wanted = Find(request.query, "timeout_ms");
  if (wanted != nullptr) {
    const char* end = wanted->data() + wanted->size();
    const auto parsed = std::from_chars(wanted->data(), end, wait_ms);
    if (parsed.ec != std::errc() || parsed.ptr != end || wait_ms < 1) {
      status = Status::Error(StatusKind::kInvalid,
                             StrCat("timeout_ms: expected a positive integer, got ", *wanted),
                             kCodeConversion);
    }
  }
  if (!status.ok()) {
    done(Refusal(status, sid));
    return 0;
  }
  call.request.handle = sid;
  call.request.arrived = request.arrived;
  call.request.deadline =
      request.arrived + std::chrono::milliseconds(std::min<int64_t>(wait_ms, 86'400'000));
  PassHeaders(settings_.service, &call);
  if (WantsEvents(request)) {
    const auto longest = std::chrono::seconds(settings_.sessions.ws_session_timeout_s);
    const TimePoint limit =
        wanted != nullptr ? call.request.deadline : request.arrived + longest;
    return StartEvents(
        &sessions_, std::move(call), std::move(sid), limit,
        [](const Status& why, const std::string& of) { return Refusal(why, of); },
        std::move(done));
  }
  auto sink = std::make_unique<HttpSink>(std::move(call.expect), std::move(sid), std::move(raw),
                                         std::move(done));
  const CallId id = service_.Submit(std::move(call.request), std::move(sink));
  service_.Flush();
  return id;
}

}  // namespace aiges
