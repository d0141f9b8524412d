// loader/ingress/http_events.h: Server-Sent Events: one request, many answers.
//
// The request's payloads are the whole input of a session; each batch the engine gives is one event
// (WHATWG HTML, section 9.2): "id: <n>", "data: <envelope>". The response begins with the first of
// them, so that an error before it is a plain HTTP error; a later one is an event "error".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loader/api/session.h"
#include "loader/ingress/http_types.h"
#include "loader/ingress/once.h"

namespace aiges {

// Answers before the first event: (status, sid) -> response.
using HttpRefuse = std::function<HttpResponse(const Status&, const std::string&)>;

// HTTP lane. Opens the session and answers through `done`. Returns its id, for abort, or 0.
// `limit`: the session is ended then.
SessionId StartEvents(Sessions* sessions, OnceCall call, std::string sid, TimePoint limit,
                      HttpRefuse refuse, HttpDone done);

}  // namespace aiges
