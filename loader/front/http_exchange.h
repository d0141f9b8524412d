// SPDX-License-Identifier: Apache-2.0
// loader/front/http_exchange.h: an Exchange as a request and an answer of HTTP (http_types.h).
#pragma once

#include <memory>

#include "loader/front/exchange.h"
#include "loader/front/front_lane.h"

namespace aiges {

// Nothing where the head is already answered.
std::unique_ptr<Responder> MakeHttpExchange(std::shared_ptr<Exchange> exchange, FrontLane* lane);

// What the head says; without a body.
HttpRequest HttpRequestOf(const Exchange& exchange);
// The whole answer, which has no stream.
void Answer(Exchange* exchange, HttpResponse response);

}  // namespace aiges
