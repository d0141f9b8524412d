// loader/ingress/http_server.h: HTTP/1.1 connections: bytes in, HttpRequest out, and back.
//
// One lane (thread, Asio loop) serves all connections: keep-alive, chunked and sized bodies,
// pipelined requests answered in order, streamed answers, time limits for reading and for idling.
// What a request means is the handler's business; a WebSocket is handed to ws_session.h.
// Threads: Start and Stop belong to main; everything else happens on the lane.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "loader/api/buffers.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/ingress/http_types.h"

namespace aiges {

// What requests mean. All are called on the lane.
struct HttpHooks {
  HttpHandler handle;
  // The client of an unanswered request, for which `handle` returned this id, has gone.
  std::function<void(uint64_t id)> abort;
  // Whether a WebSocket may be opened: nothing, or the answer that refuses it.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> refuse_upgrade;
};

class HttpServer {
 public:
  // Settings, buffers and sessions must outlive the server.
  HttpServer(const Settings& settings, BufferPool* buffers, Sessions* sessions, HttpHooks hooks);
  ~HttpServer();

  Status Start(uint16_t* port);
  // No new connections or requests; answers in progress are still written, until then.
  void Stop(TimePoint until);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiges
