// loader/ingress/http_routes.h: what each HTTP path means.
//
//   POST /<version>/private/<serviceId>  JSON envelope (json_codec.h)
//   POST /v1/raw/<serviceId>             body = the payload, answer body = the first output
//     both with "Accept: text/event-stream": http_events.h
//   GET  /<version>/private/<serviceId>  with an upgrade to WebSocket: ws_session.h
//   GET  /healthz /readyz /metrics       pages.h
//   GET  / /status.json ..               status_page.h
//   GET  /openapi.json /docs ..          openapi.h, docs_page.h
//   the paths that the engine declares   as the JSON envelope (engine_schema.h)
//   POST, DELETE /v1/resources/<serviceId>  a resource of the engine (api/resources.h)
//   POST /admin/reload                   from this machine, or with [admin] token; browsers only
//                                        with it
//
// Handle belongs to the HTTP lane; answers may be given from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "loader/api/buffers.h"
#include "loader/api/resources.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/ingress/engine_schema.h"
#include "loader/ingress/http_types.h"
#include "loader/ingress/load_header.h"
#include "loader/ingress/once.h"
#include "loader/ingress/schema_check.h"

namespace aiges {

// What the routes ask of others. Thread-safe.
struct HttpActions {
  std::function<std::string()> metrics;  // The page, in Prometheus text format.
  std::function<HttpResponse(const HttpRequest&)> status;  // A path of status_page.h.
  std::function<void(std::function<void(Status)> done)> reload;
  // The text of wrapperSchema, "" where there is none; the same pointer while it is the same.
  std::function<std::shared_ptr<const std::string>()> schema;
};

class HttpRoutes {
 public:
  // Everything given must outlive the routes.
  HttpRoutes(const Settings& settings, Service* service, Sessions* sessions, Resources* resources,
             BufferPool* buffers, HttpActions actions);

  uint64_t Handle(HttpRequest request, HttpDone done);
  // Nothing when a WebSocket may be opened there. HTTP lane.
  std::optional<HttpResponse> RefuseUpgrade(const HttpRequest& request);

 private:
  // What the engine declares, and what follows from it; made when it has changed.
  struct Declared {
    std::shared_ptr<const std::string> text;
    EngineSchema schema;
    std::optional<SchemaCheck> check;  // Where [http] validate says so.
    std::string openapi;               // Made when it is first asked for.

    Declared(std::shared_ptr<const std::string> text, const Settings& settings);
  };
  Declared& Now();

  uint64_t Json(HttpRequest request, HttpDone done);
  uint64_t Raw(HttpRequest request, HttpDone done);
  Status ReadRaw(HttpRequest* request, OnceCall* call);
  // `raw`: of a raw call, what the engine declares.
  uint64_t Submit(OnceCall call, std::string sid, std::shared_ptr<const EngineSchema> raw,
                  const HttpRequest& request, HttpDone done);
  bool Page(const HttpRequest& request, HttpDone& done);
  void Reload(const HttpRequest& request, const HttpDone& done);
  void Resource(HttpRequest request, HttpDone done);

  const Settings& settings_;
  Service& service_;
  Sessions& sessions_;
  Resources& resources_;
  BufferPool& buffers_;
  HttpActions actions_;
  LoadHeader load_;
  std::shared_ptr<Declared> declared_;
};

}  // namespace aiges
