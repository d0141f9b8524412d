// SPDX-License-Identifier: Apache-2.0
// loader/outbound/http_loop.h: many HTTP requests and timers on one thread, with libcurl.
//
// Send, After and Cancel belong to the loop's thread, where all callbacks come; Post brings one
// there from any other thread. Nothing of it blocks. The destructor drops what is in progress,
// without calling back, and joins the thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "loader/base/strings.h"

namespace aiges {

struct HttpLoopOptions {
  std::string thread = "outbound";           // Its name, at most 15 bytes.
  Pairs headers;                             // With every request.
  std::string ca_file, cert_file, key_file;  // PEM; empty: the system's CAs, no client certificate.
};

struct HttpAsk {
  std::string method = "GET";
  std::string url;
  std::string body;
  std::chrono::milliseconds limit{5000};
  size_t most_bytes = 64u << 20;  // Of the answer's body; more ends the request with an error.
};

struct HttpGot {
  int status = 0;  // 0: no answer; `error` says why.
  std::string error;
  std::string body;
  Pairs headers;  // Lower-case names.

  bool ok() const { return status >= 200 && status < 300; }
  // For a log: the error, or the status and the begin of the body.
  std::string Problem() const;
};

class HttpLoop {
 public:
  explicit HttpLoop(HttpLoopOptions options);
  ~HttpLoop();

  void Post(std::function<void()> work);
  void Send(HttpAsk ask, std::function<void(HttpGot)> done);
  void After(std::chrono::milliseconds pause, std::function<void()> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiges
