// SPDX-License-Identifier: Apache-2.0
// loader/routes/http_owner.h: an owner that answers whole requests of HTTP.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "loader/api/codes.h"
#include "loader/front/http_exchange.h"
#include "loader/front/request_id.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/http_answer.h"
#include "loader/protocols/ws_session.h"
#include "loader/routes/access.h"
#include "loader/routes/cors.h"
#include "loader/routes/login_page.h"
#include "loader/routes/route_table.h"

namespace aiges {

// An exchange of HTTP as a whole request, or as a WebSocket where it asks for one.
inline std::unique_ptr<Responder> BeginHttp(std::shared_ptr<Exchange> exchange, FrontLane* lane) {
  if (!exchange->head().websocket) return MakeHttpExchange(std::move(exchange), lane);
  BeginWsSession(exchange, lane);
  return nullptr;
}

class HttpOwner final : public RouteOwner {
 public:
  // The lane outlives it. `route`: in which form errors are. `page`: see is_page.
  HttpOwner(std::string name, Need need, FrontLane* lane, HttpHandler answer,
            CallRoute route = CallRoute::kEnvelope, bool page = false)
      : RouteOwner(std::move(name), need),
        lane_(*lane),
        answer_(std::move(answer)),
        route_(route),
        page_(page) {}

  void Refuse(Exchange* exchange, const Status& why) override {
    const HttpRequest request = HttpRequestOf(*exchange);
    HttpResponse r = Refusal(why, "", route_);
    const bool form = page_ && HttpStatusOf(why) == 401 && WantsLoginPage(request);
    if (form) r = LoginPage(401, request.path, request.path, "");
    // A form is better than what browsers ask with.
    AddChallenges(exchange->head(), why, need() != Need::kCall && !form, &r);
    if (need() == Need::kCall) {
      Cors(lane_.settings.http).AddTo(Find(request.headers, "origin"), &r);
    }
    const std::string* id = Find(request.headers, kRequestIdField);
    if (id == nullptr || !IsRequestId(*id)) r.headers.emplace_back("X-Request-Id", RandomUuid());
    Answer(exchange, std::move(r));
  }
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    return BeginHttp(std::move(exchange), &lane_);
  }
  const HttpHandler* whole() const override { return &answer_; }
  bool is_page() const override { return page_; }

 private:
  FrontLane& lane_;
  const HttpHandler answer_;
  const CallRoute route_;
  const bool page_;
};

}  // namespace aiges
