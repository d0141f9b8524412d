// loader/ingress/http_routes.h: what each HTTP path means.
//
//   POST /<version>/private/<serviceId>  JSON envelope (json_codec.h)
//   POST /v1/raw/<serviceId>             body = the payload, answer body = the first output
//   GET  /healthz /readyz /metrics /     pages.h
//
// Handle belongs to the HTTP lane; answers may be given from any thread.
#pragma once

#include <functional>
#include <string>

#include "loader/api/buffers.h"
#include "loader/api/service.h"
#include "loader/api/settings.h"
#include "loader/ingress/http_types.h"
#include "loader/ingress/once.h"

namespace aiges {

// Makes the text of a page at the moment it is asked for. Thread-safe.
struct PageSources {
  std::function<std::string()> metrics;  // Prometheus text format.
  std::function<std::string()> status;   // HTML.
};

class HttpRoutes {
 public:
  // Everything given must outlive the routes.
  HttpRoutes(const Settings& settings, Service* service, BufferPool* buffers, PageSources pages);

  uint64_t Handle(HttpRequest request, HttpDone done);

 private:
  uint64_t Json(HttpRequest request, HttpDone done);
  uint64_t Raw(HttpRequest request, HttpDone done);
  uint64_t Submit(OnceCall call, std::string sid, bool raw, const HttpRequest& request,
                  HttpDone done);
  bool Page(const HttpRequest& request, HttpDone& done);

  const Settings& settings_;
  Service& service_;
  BufferPool& buffers_;
  PageSources pages_;
};

}  // namespace aiges
