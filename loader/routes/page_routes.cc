// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/page_routes.h"

#include <string>
#include <string_view>
#include <utility>

#include "loader/api/codes.h"
#include "loader/pages/client_module.h"
#include "loader/pages/docs_page.h"
#include "loader/pages/openapi.h"
#include "loader/pages/status_page.h"
#include "loader/protocols/http_answer.h"

namespace aiges {
namespace {

constexpr std::string_view kOwn = "/-/";
constexpr const char* kText = "text/plain; charset=utf-8";

}  // namespace

std::vector<RouteTable::Pattern> PageRoutes::Patterns(Need need) const {
  std::vector<RouteTable::Pattern> patterns;
  const auto add = [&patterns](Hold hold, std::initializer_list<const char*> paths) {
    for (const char* path : paths) patterns.emplace_back(path, hold);
  };
  // What operators' tools look for everywhere: an engine takes it only where it is let.
  const Hold probe = settings_.http.app_paths ? Hold::kYields : Hold::kFirm;
  switch (need) {
    case Need::kNothing:
      add(probe, {"/healthz", "/readyz"});
      add(Hold::kOwn, {"/-/healthz", "/-/readyz", "/-/client.js", "/-/client.d.ts"});
      break;
    case Need::kKey:
      add(probe, {"/metrics"});
      add(Hold::kYields, {"/ui/{file..}"});
      add(Hold::kOwn, {"/-/metrics", "/-/ui/{file..}"});
      if (!settings_.http.docs) break;
      add(Hold::kYields, {"/openapi.json", "/docs", "/docs/", "/swagger", "/swagger/{file..}"});
      add(Hold::kOwn, {"/-/openapi.json", "/-/docs"});
      break;
    case Need::kAdmin:
      add(Hold::kYields, {"/", "/status.json", "/admin/reload"});
      add(Hold::kOwn, {"/-/{page..}"});
      break;
    case Need::kCall:
      break;
  }
  return patterns;
}

std::optional<HttpResponse> PageRoutes::Answer(HttpRequest request) {
  std::string& path = request.path;
  const bool own = path.starts_with(kOwn);
  if (own) path.erase(0, kOwn.size() - 1);
  if (path == "/status") path = "/";
  const bool docs = settings_.http.docs && (path == "/openapi.json" || IsDocsPath(path));
  const bool probe = path == "/healthz" || path == "/readyz" || path == "/metrics";
  const bool module = own && IsClientModule(path);
  if (!docs && !probe && !module && !IsStatusPath(path)) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected GET");
    r.headers.emplace_back("Allow", "GET, HEAD");
    return r;
  }
  HttpResponse r = Page(request);
  for (auto& [name, value] : r.headers) {
    if (own && name == "Location") value.insert(0, kOwn.substr(0, kOwn.size() - 1));
  }
  return r;
}

HttpResponse PageRoutes::Page(const HttpRequest& request) {
  const std::string& path = request.path;
  if (path == "/healthz") return HttpResponse::Text(200, kText, "ok\n");
  if (path == "/readyz") {
    const bool ready = service_.Ready();
    return HttpResponse::Text(ready ? 200 : 503, kText,
                              ready ? "ready\n" : "not ready: no instance serves, or draining\n");
  }
  if (path == "/metrics") {
    const std::string* accept = Find(request.headers, "accept");
    const MetricFormat format = MetricFormatFor(accept == nullptr ? "" : *accept);
    HttpResponse r = HttpResponse::Text(200, MetricContentType(format), actions_.metrics(format));
    r.headers.emplace_back("Vary", "Accept");
    return r;
  }
  if (path == "/openapi.json") return OpenApi(request);
  if (IsClientModule(path)) {
    HttpResponse r = ClientModule(path);
    cors_.AddTo(Find(request.headers, "origin"), &r);  // Pages of other origins import it.
    return r;
  }
  return IsDocsPath(path) ? DocsAnswer(request) : actions_.status(request);
}

HttpResponse PageRoutes::OpenApi(const HttpRequest& request) {
  Declared& now = *engine_.Now();
  const std::shared_ptr<const std::string> doors = actions_.doors();
  if (now.openapi.empty() || doors != described_) {
    now.openapi = OpenApiDocument(now.schema, settings_.service.name,
                                  doors == nullptr ? std::string() : *doors);
    described_ = doors;
  }
  HttpResponse r = HttpResponse::Text(200, kJsonType, now.openapi);
  cors_.AddTo(Find(request.headers, "origin"), &r);
  r.headers.emplace_back("Cache-Control", "no-cache");
  return r;
}

}  // namespace aiges
