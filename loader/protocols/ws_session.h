// SPDX-License-Identifier: Apache-2.0
// loader/protocols/ws_session.h: one WebSocket, one session of the engine.
//
// Each text frame from the client is a JSON envelope (json_codec.h): the first one opens the
// session, all are input. Each frame to the client is one, too; the socket is closed (1000) after
// the last. Flow control: the next frame is read only while few writes wait for the engine, and
// output is polled for only when the last frame has been written. Large frames are parsed and made
// on codec threads. A frame counts as input while it comes and is parsed, as output until it is
// out. Belongs to the lane from its start; keeps itself alive until the socket is closed.
#pragma once

#include <memory>

#include "loader/front/exchange.h"
#include "loader/front/front_lane.h"

namespace aiges {

// Lane. Of an exchange whose head says `websocket`: becomes its WebSocket, or refuses.
void BeginWsSession(const std::shared_ptr<Exchange>& exchange, FrontLane* lane);

}  // namespace aiges
