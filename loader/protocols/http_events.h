// SPDX-License-Identifier: Apache-2.0
// loader/protocols/http_events.h: Server-Sent Events: one request, many answers.
//
// The request's payloads are the whole input of a session; each batch the engine gives is one event
// (WHATWG HTML, section 9.2): "id: <n>", "data: <envelope, or plain JSON>". The response begins
// with the first of them, so that an error before it is a plain HTTP error; a later one is an event
// "error". Envelopes say themselves which is the last; behind plain JSON comes an event "end".
#pragma once

#include <string>

#include "loader/api/session.h"
#include "loader/front/http_types.h"
#include "loader/protocols/http_answer.h"
#include "loader/protocols/once.h"

namespace aiges {

// HTTP lane. Opens the session and answers through `done`. Returns its id, for abort, or 0.
// `limit`: the session is ended then.
SessionId StartEvents(Sessions* sessions, Lane* lane, HttpWork* work, OnceCall call,
                      std::string sid, TimePoint limit, AnswerWish wish, HttpDone done);

}  // namespace aiges
