// SPDX-License-Identifier: Apache-2.0
// xtest/asio_loop.h: the event loop of the clients that speak HTTP and WebSocket, and the places
// they connect to. Belongs to one client thread.
#pragma once

#include <algorithm>
#include <boost/asio.hpp>
#include <string>
#include <utility>
#include <vector>

#include "loader/base/clock.h"
#include "loader/base/strings.h"

namespace aiges {

class AsioLoop {
 public:
  boost::asio::io_context& context() { return context_; }

  // As Client::Poll.
  bool Poll(TimePoint until) {
    constexpr int kMost = 16;  // Handlers; a call takes three.
    int n = 0;
    while (n < kMost && context_.poll_one() > 0) ++n;
    if (n > 0) return true;
    if (until == TimePoint::min()) return false;
    // The system's own waits count in milliseconds, its timers do not.
    if (until != TimePoint::max() && timer_.expiry() != until) {
      timer_.expires_at(until);
      timer_.async_wait([](boost::system::error_code) {});
    }
    context_.run_one();
    return until == TimePoint::max() || std::chrono::steady_clock::now() < until;
  }

 private:
  boost::asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  boost::asio::steady_timer timer_{context_};
};

// host:port, looked up once.
struct Place {
  std::string name;
  std::vector<boost::asio::ip::tcp::endpoint> endpoints;
  std::string problem;  // Why there are none.
};

// Without port and brackets.
inline std::string HostOf(const std::string& name) {
  std::string host = name.substr(0, name.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host;
}

inline std::vector<Place> FindPlaces(AsioLoop* loop, const std::vector<std::string>& hosts) {
  std::vector<Place> places;
  boost::asio::ip::tcp::resolver resolver(loop->context());
  for (const std::string& name : hosts) {
    Place& place = places.emplace_back();
    place.name = name;
    const size_t colon = name.rfind(':');
    boost::system::error_code error;
    const auto found =
        resolver.resolve(HostOf(name), colon == name.npos ? "80" : name.substr(colon + 1), error);
    if (error) place.problem = error.message();
    for (const auto& entry : found) place.endpoints.push_back(entry.endpoint());
  }
  return places;
}

}  // namespace aiges
