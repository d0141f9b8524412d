// loader/ingress/http_server.h: HTTP/1.1 connections: bytes in, HttpRequest out, and back.
//
// One lane (thread, Asio loop) serves all connections: keep-alive, chunked and sized bodies,
// pipelined requests answered in order, time limits for reading and for idling. What a request
// means is the handler's business.
// Threads: Start and Stop belong to main; everything else happens on the lane.
#pragma once

#include <cstdint>
#include <memory>

#include "loader/api/buffers.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/ingress/http_types.h"

namespace aiges {

class HttpServer {
 public:
  // `abort` is called on the lane with the handler's id when the client of an unanswered request
  // has gone. Settings and buffers must outlive the server.
  HttpServer(const Settings& settings, BufferPool* buffers, HttpHandler handler,
             std::function<void(uint64_t)> abort);
  ~HttpServer();

  Status Start(uint16_t* port);
  // No new connections or requests; answers in progress are still written, until then.
  void Stop(TimePoint until);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiges
