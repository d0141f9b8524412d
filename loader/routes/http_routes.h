// SPDX-License-Identifier: Apache-2.0
// loader/routes/http_routes.h: what the paths of HTTP mean that are the loader's own.
//
//   POST /<version>/private/<serviceId>  JSON envelope (json_codec.h, json_answer.h)
//   POST /v1/raw/<serviceId>             body = the payload, answer body = the output
//   POST /v1/json/<serviceId>            plain JSON (plain_json.h)
//     all: multipart/form-data (http_call.h); "Accept: text/event-stream": http_events.h
//   GET  /<version>/private/<serviceId>  with an upgrade to WebSocket: ws_session.h
//   the paths that the engine declares   as the JSON envelope (engine_routes.h)
//   POST, GET /predict                   of a typed model: whatever comes (predict_call.h)
//     OPTIONS of these: what browsers ask before a page of another origin calls
//   /v1/chat/completions and the others of OpenAI's API: openai_routes.h
//   pages: page_routes.h; reload and resources: admin_routes.h; login_routes.h
//
// All of them are claimed in the route table. Handle belongs to the lane, which large bodies leave
// to be parsed; answers may be given from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "loader/front/front_lane.h"
#include "loader/protocols/http_call.h"
#include "loader/protocols/load_header.h"
#include "loader/routes/admin_routes.h"
#include "loader/routes/cors.h"
#include "loader/routes/engine_routes.h"
#include "loader/routes/front_rooms.h"
#include "loader/routes/http_owner.h"
#include "loader/routes/login_routes.h"
#include "loader/routes/openai_routes.h"
#include "loader/routes/page_routes.h"
#include "loader/routes/route_table.h"

namespace aiges {

class HttpRoutes {
 public:
  // Everything given must outlive the routes.
  HttpRoutes(const FrontRooms& rooms, const FrontActions* actions, FrontLane* lane,
             RouteTable* table, Access* access);

  // In the table: not ok where another has one of the paths.
  Status Claim();
  // At what the engine declares: its paths are claimed, or given back. Before each search.
  void Look() { engine_.Now(); }
  // See OpenAiRoutes.
  void ServeVerbs(HttpHandler verbs) { openai_.ServeVerbs(std::move(verbs)); }
  // A whole request: its path's owner answers, or nobody, with 404.
  uint64_t Handle(HttpRequest request, HttpDone done);
  // A call at a path that a model of several declares. False: it does not. Lane.
  bool AnswerDeclared(const ModelRef& model, const std::string& path, HttpRequest* request,
                      HttpDone* done, uint64_t* id);
  // Nothing when a WebSocket may be opened there. Lane.
  std::optional<HttpResponse> RefuseUpgrade(const HttpRequest& request);

 private:
  std::shared_ptr<HttpOwner> CallOwner(std::string name, CallRoute route);
  void AnswerPage(const HttpRequest& request, const HttpDone& done);
  void AnswerResource(HttpRequest request, const HttpDone& done);
  void NoPath(const HttpRequest& request, const HttpDone& done) const;
  uint64_t AnswerCall(CallRoute route, HttpRequest request, HttpDone done);
  // Whom a call is for, and what that declares.
  struct Target {
    ModelRef model;  // Nothing: the default one.
    std::shared_ptr<Declared> declared;
  };

  Status FindService(const HttpRequest& request, ModelRef* model) const;
  uint64_t Call(HttpRequest request, ModelRef model, CallRoute route, HttpDone done);
  HttpCall Read(HttpRequest* request, CallRoute route, const Declared& declared) const;
  uint64_t Begin(HttpCall http_call, const Target& target, std::string sid, CallRoute route,
                 const HttpRequest& request, HttpDone done);

  const FrontRooms rooms_;
  const Settings& settings_;
  FrontLane& lane_;
  RouteTable& table_;
  const Cors cors_;
  LoadHeader load_;
  const std::shared_ptr<HttpOwner> envelope_, declared_, raw_, plain_, predict_, resources_;
  EngineRoutes engine_;
  OpenAiRoutes openai_;
  PageRoutes pages_;
  AdminRoutes admin_;
  LoginRoutes login_;
};

}  // namespace aiges
