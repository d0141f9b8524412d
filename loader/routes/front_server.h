// SPDX-License-Identifier: Apache-2.0
// loader/routes/front_server.h: the ports of the loader, and all that is served there.
//
// One lane (thread, Asio loop) serves all connections of all ports. Every port speaks everything:
// the first bytes of a connection tell which protocol it has (newcomer.h). HTTP/1.1 and HTTP/2 both
// become exchanges (loader/front); who answers what stands in one route table (route_table.h).
// Large requests and answers are parsed and encoded on codec threads.
// Threads: Start, Look, SetServing, StopAdmitting and Stop belong to main, SetServing to any
// thread; everything else happens on the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/routes/front_rooms.h"

namespace aiges {

class FrontServer {
 public:
  FrontServer(const FrontRooms& rooms, FrontActions actions);
  ~FrontServer();

  // Out: the ports in use, also where any free one was asked for. `http_port` is left alone where
  // HTTP has no port of its own, `admin_port` where there is no [admin] listen.
  Status Start(uint16_t* port, uint16_t* http_port, uint16_t* admin_port);
  // At files that are taken anew when they change: keys, certificates. Any thread, now and then.
  void Look();
  // [access] as it is to be: its files are read. Not ok: one cannot be used, and nothing changes.
  // Before UsePreparedAccess, by the same thread.
  Status PrepareAccess(const AccessSettings& settings);
  // What was prepared is not to be: its configuration was refused for another reason.
  void ForgetPreparedAccess();
  // From now on that is in force, for requests to come; nothing happens where none is prepared.
  void UsePreparedAccess(const std::string& audit_log);
  void SetServing(bool serving);  // What grpc.health.v1.Health answers.
  // From now on no new connections or requests; what is in hand goes on. Does not wait.
  void StopAdmitting();
  // The same; answers in progress are still written, until then.
  void Stop(TimePoint until);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiges
