// SPDX-License-Identifier: Apache-2.0
// loader/front/http_types.h: one HTTP exchange as values, between the connection and the routes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/bytes.h"
#include "loader/base/clock.h"
#include "loader/base/strings.h"
#include "loader/front/exchange.h"

namespace aiges {

// Where work for answers and requests is done: never on the thread that brings them, which may be
// the hub, and never on the lane when it is much.
class HttpWork {
 public:
  // More than this is not for the lane.
  static constexpr size_t kBig = 64 * 1024;

  virtual ~HttpWork() = default;
  // Any thread. Big work runs on a codec thread, else on the lane: at once, if that is the
  // caller's.
  virtual void Run(size_t bytes, std::function<void()> work) = 0;
  // Lane. A call has been submitted: what a turn of the lane has brought goes to the workers
  // together (Service::Flush).
  virtual void FlushSoon() = 0;
};

// The connection that a request came from.
class HttpCaller {
 public:
  virtual ~HttpCaller() = default;
  // Lane. The request, for which the handler returned 0, is this call now: `abort` ends it.
  virtual void Began(uint64_t request, uint64_t call) = 0;
};

struct HttpRequest {
  std::string id;               // What X-Request-Id says, or what was made for it (request_id.h).
  bool own_id = false;          // The client's.
  Caller asker;                 // Who asks.
  const void* owner = nullptr;  // Exchange::owner.
  std::string method;           // Upper case, as it came.
  std::string path;             // Percent-decoded, without the query.
  Pairs query;                  // Percent-decoded, in order.
  std::string content_type;
  Pairs headers;  // Lower-case names.
  Bytes body;
  TimePoint arrived;
  bool from_loopback = false;
  bool tls = false;          // Nobody in between has read it.
  HttpWork* work = nullptr;  // Outlives all calls.
  std::shared_ptr<HttpCaller> caller;
  uint64_t number = 0;  // Of this request among those of its caller.
};

// The rest of a body that comes bit by bit; what the client takes decides the pace.
// Both are called on the HTTP lane.
class HttpStream {
 public:
  // A piece, and whether it is the last one.
  using Take = std::function<void(std::string piece, bool last)>;

  virtual ~HttpStream() = default;
  // Calls `take` once, from any thread, when there is something. Not called again before that.
  virtual void Next(Take take) = 0;
  virtual void Abort() = 0;  // The client is gone.
  // A client that still has not taken by then what there is has lost its chance. Any thread.
  virtual TimePoint until() const { return TimePoint::max(); }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  Pairs headers;
  std::vector<Bytes> body;
  std::shared_ptr<HttpStream> stream;  // If set, `body` is only the begin.

  static HttpResponse Text(int status, std::string content_type, std::string body) {
    HttpResponse r;
    r.status = status;
    r.content_type = std::move(content_type);
    r.body.push_back(Bytes::Own(std::move(body)));
    return r;
  }
};

// Called once, from any thread.
using HttpDone = std::function<void(HttpResponse)>;
// Called on the HTTP lane. May call `done` at once or later. Returns an id for Abort, or 0; one
// that is known only later goes to HttpCaller::Began.
using HttpHandler = std::function<uint64_t(HttpRequest, HttpDone)>;

// "%41+b" -> "A b" when plus_is_space. Broken escapes stay as they are.
std::string PercentDecode(std::string_view text, bool plus_is_space);
// "a=1&b=2": what stands behind the '?' of a target, or in a form of that type. Decoded, in order.
Pairs ParseQuery(std::string_view text);
// "/path" of "/path?a=1", and of the absolute form "http://host/path".
std::string_view PathOf(std::string_view target);
// Splits "/path?a=1&b=2".
void SplitTarget(std::string_view target, HttpRequest* request);

}  // namespace aiges
