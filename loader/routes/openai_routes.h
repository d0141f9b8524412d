// SPDX-License-Identifier: Apache-2.0
// loader/routes/openai_routes.h: the paths of OpenAI's API, onto models that declare a task.
//
//   POST /v1/chat/completions, /v1/completions, /v1/embeddings   JSON (openai_request.h)
//   POST /v1/audio/transcriptions                                multipart/form-data
//   GET  /v1/models, /v1/models/{model}                          openai_models.h
//     OPTIONS of these: what browsers ask before a page of another origin calls
// All of them yield to paths that the engine answers itself. Every error is in OpenAI's form, also
// of keys and of what the connection refuses. Belongs to the lane, which large bodies leave to be
// parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/front/front_lane.h"
#include "loader/protocols/openai/openai_request.h"
#include "loader/routes/cors.h"
#include "loader/routes/front_rooms.h"
#include "loader/routes/route_table.h"

namespace aiges {

class OpenAiRoutes {
 public:
  // Everything given must outlive the routes.
  OpenAiRoutes(const FrontRooms& rooms, FrontLane* lane);

  // In the table: not ok where another has one of the paths.
  Status Claim(RouteTable* table);
  bool Owns(const RouteOwner* owner) const;
  // Who answers /v1/models/{model}:predict and :explain; nobody: they are names of models.
  void ServeVerbs(HttpHandler verbs) { verbs_ = std::move(verbs); }

 private:
  uint64_t Answer(const OpenAiTask& task, HttpRequest request, HttpDone done);
  uint64_t AnswerModels(HttpRequest request, const HttpDone& done);
  HttpResponse Models(const HttpRequest& request) const;
  uint64_t Begin(const OpenAiTask& task, OpenAiCall asked, const HttpRequest& request,
                 HttpDone done);

  const FrontRooms rooms_;
  FrontLane& lane_;
  const Cors cors_;
  const int64_t since_;  // When the loader began, in seconds since 1970.
  HttpHandler verbs_;
  std::vector<std::shared_ptr<RouteOwner>> owners_;
};

}  // namespace aiges
