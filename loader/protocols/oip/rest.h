// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/rest.h: the paths of OIP over HTTP, with the extensions of Triton, and the
// verbs of KServe's first protocol.
//
//   GET  /v2, /v2/health/live, /v2/health/ready, /v2/models, /v2/models/stats
//   GET  /v2/models/{m}[/versions/{v}], .. /ready, /config, /stats
//   POST /v2/models/{m}[/versions/{v}]/infer, /generate, /generate_stream
//   POST /v2/repository[/{r}]/index, .. /models/{m}/load, /unload
//        /v2/systemsharedmemory.., /v2/cudasharedmemory.., /v2/trace/setting, /v2/logging
//   POST /v1/models/{m}:predict, :explain
// Every error is {"error": text}. Belongs to the lane, which large bodies leave to be parsed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loader/front/front_lane.h"
#include "loader/front/http_types.h"
#include "loader/protocols/oip/server.h"

namespace aiges::oip {

class RestApi {
 public:
  // Both outlive it.
  RestApi(FrontLane* lane, Server* server) : lane_(*lane), server_(*server) {}

  // HttpHandler: /v2 and what is below it.
  uint64_t Handle(HttpRequest request, HttpDone done);
  // HttpHandler: /v1/models/{m}:{verb}.
  uint64_t HandleVerb(HttpRequest request, HttpDone done);

 private:
  using Segments = std::vector<std::string_view>;

  uint64_t Model(const Segments& at, HttpRequest request, HttpDone done);
  HttpResponse ShowModel(const std::string& name, const std::string& version,
                         std::string_view what) const;
  void Repository(const Segments& at, const HttpRequest& request, HttpDone done);
  HttpResponse Index(const Segments& at, const HttpRequest& request) const;
  HttpResponse Shm(const Segments& at, const HttpRequest& request, bool cuda);
  HttpResponse Trace(const std::string& model, const HttpRequest& request);
  HttpResponse Log(const HttpRequest& request);

  FrontLane& lane_;
  Server& server_;
};

}  // namespace aiges::oip
