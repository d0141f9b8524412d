// SPDX-License-Identifier: Apache-2.0
// loader/front/http_exchange.h: an Exchange as a request and an answer of HTTP (http_types.h).
#pragma once

#include <memory>
#include <string_view>

#include "loader/front/exchange.h"
#include "loader/front/front_lane.h"
#include "loader/front/http_head.h"

namespace aiges {

// How what the exchange refuses by itself is worded: a body that is too long, or comes too slowly.
// `code` 0: the same as `status`.
using HttpRefusal = HttpResponse (*)(int status, std::string_view text, int code);

// Nothing where the head is already answered.
std::unique_ptr<Responder> MakeHttpExchange(std::shared_ptr<Exchange> exchange, FrontLane* lane,
                                            HttpRefusal refuse = ConnectionError);

// What the head says; without a body.
HttpRequest HttpRequestOf(const Exchange& exchange);
// The whole answer, which has no stream.
void Answer(Exchange* exchange, HttpResponse response);

}  // namespace aiges
