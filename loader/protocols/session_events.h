// SPDX-License-Identifier: Apache-2.0
// loader/protocols/session_events.h: Server-Sent Events (WHATWG HTML, section 9.2): one request,
// whose payloads are the whole input of a session, and an answer that has what the engine gives.
//
// The response begins with the first output, so that an error before it is a plain HTTP error.
// What stands in the events is the protocol's: EventWords.
#pragma once

#include <memory>
#include <string>

#include "loader/api/session.h"
#include "loader/front/http_types.h"
#include "loader/protocols/once.h"

namespace aiges {

// One of them for each answer; lane or codec thread, never two calls at once.
class EventWords {
 public:
  virtual ~EventWords() = default;
  // Instead of events.
  virtual HttpResponse Refuse(const Status& status) = 0;
  // Appends the events of that output; `output.last`: and the end. Not ok: the session is ended,
  // and the client is told that.
  virtual Status Write(SessionOutput* output, std::string* out) = 0;
  // The end of events that failed.
  virtual std::string Fail(const Status& status) = 0;
};

// HTTP lane. Opens the session and answers through `done`. Returns its id, for abort, or 0.
// `limit`: the session is ended then.
SessionId StartSessionEvents(Sessions* sessions, Lane* lane, HttpWork* work, OnceCall call,
                             std::string sid, TimePoint limit, std::unique_ptr<EventWords> words,
                             HttpDone done);

}  // namespace aiges
