// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul_query.h: a blocking query of Consul (its HTTP API, "Blocking Queries"),
// asked again and again: the index of the last answer goes with the next question, and one that
// goes back starts again. Belongs to the HttpLoop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "loader/base/clock.h"
#include "loader/outbound/http_loop.h"
#include "loader/registry/consul_api.h"

namespace aiges {

class ConsulQuery {
 public:
  // What to do with an answer. `news`: its index is not that of the last one. False: it makes no
  // sense.
  using Take = std::function<bool(const HttpGot& got, bool news)>;

  // `url` has a query already. `what`: for people, in the words of ConsulHealth.
  ConsulQuery(std::string url, const char* what, HttpLoop* loop, ConsulHealth* health)
      : url_(std::move(url)), what_(what), loop_(*loop), health_(*health) {}

  // Once. All of it outlives the loop's last letter.
  void Start(Take take);

 private:
  void Ask();
  void OnAnswer(const HttpGot& got);

  const std::string url_;
  const char* const what_;
  HttpLoop& loop_;
  ConsulHealth& health_;
  Pauses pauses_;
  Take take_;
  uint64_t index_ = 0;
  TimePoint asked_{};
};

}  // namespace aiges
