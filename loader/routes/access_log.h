// SPDX-License-Identifier: Apache-2.0
// loader/routes/access_log.h: a line of the log for each call, of any protocol ([log] access).
//
//   HTTP/1.1 POST /v1/raw/svcName 200 3.21 ms, 5 > 12 bytes
//   gRPC /utils.XsfCall/call 0 1.05 ms, 61 > 80 bytes by alice, trace
//   4bf92f3577b34da6a3ce929d0e0e4736
//
// The number is the status of HTTP or of gRPC, the time that from the head of the request to the
// end of the answer, the bytes those of the bodies. The query is left out: keys may stand in it.
// Belongs to the lane.
#pragma once

#include <functional>
#include <memory>

#include "loader/front/exchange.h"

namespace aiges {

// Begins the exchange by `begin`, and logs it when it is answered or over. What `begin` is given is
// another Exchange, which leads to this one.
std::unique_ptr<Responder> BeginLogged(
    std::shared_ptr<Exchange> exchange,
    const std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>)>& begin);

}  // namespace aiges
