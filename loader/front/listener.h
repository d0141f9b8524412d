// SPDX-License-Identifier: Apache-2.0
// loader/front/listener.h: a port: takes connections, as many as there is room for.
//
// Where [limits] max_connections are open, the one that has rested longest gives way; where none
// may, the client is told so. Where the system has no more descriptors, clients are told with one
// that is kept for that. Belongs to the lane.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>

#include "loader/base/fd.h"
#include "loader/base/status.h"
#include "loader/front/front_lane.h"
#include "loader/front/newcomer.h"

namespace aiges {

class Listener {
 public:
  // Lane and transports outlive the listener. `admin`: what comes in here is for pages and admin.
  Listener(FrontLane* lane, Transports* transports, const PortRules& rules, bool admin);

  // Not ok: why not, in the system's words. port 0: any free one.
  Status Open(const std::string& host, uint16_t port, bool reuseport);
  // A socket in the file system, for its owner and group. One that nobody listens to any more is
  // taken over; Close removes it.
  Status OpenUnix(const std::string& path);
  uint16_t port() const { return port_; }
  void Accept();  // From now on. Lane, or before it runs.
  void Close();

 private:
  using Protocol = boost::asio::generic::stream_protocol;

  void Admit(Protocol::socket socket, const Protocol::endpoint& from);
  bool MakeRoom();
  void OnAcceptFailed(const boost::system::error_code& ec);
  void TurnAway();

  FrontLane& lane_;
  Transports& transports_;
  const PortRules rules_;
  const bool admin_;
  boost::asio::basic_socket_acceptor<Protocol> acceptor_;
  boost::asio::steady_timer retry_;
  Protocol::endpoint from_;  // Who comes next.
  uint16_t port_ = 0;
  std::string path_;  // Of our socket in the file system.
  uint64_t inode_ = 0;
  Fd spare_;          // For clients that come when there are no descriptors left.
  TimePoint said_{};  // When that was last in the log.
};

// The connections that the system has descriptors for, beside those of workers and files. Warns
// where that is less than the configuration.
void LowerToDescriptors(const Settings& settings, Account* connections);

}  // namespace aiges
