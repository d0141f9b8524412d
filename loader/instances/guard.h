// SPDX-License-Identifier: Apache-2.0
// loader/instances/guard.h: the loader's side of its guard (channel/guard.h).
//
// The guard is started with the first worker, and again when it is gone. Never waits but in the
// destructor. Hub thread, or before it starts and after it has ended. A guard that cannot be
// started is said in the log, once: workers serve without, their helpers may outlive them.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "loader/base/fd.h"

namespace aiges {

class Guard {
 public:
  Guard();
  ~Guard();  // Lets it end what is left; waits for that, a second at most.
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // The entry of a new worker's environment. Out: its token.
  std::string Mark(std::string* token);
  // A worker of that program has started with that token. May leave a child that is to be reaped:
  // what started the guard.
  void Watch(const std::string& binary, pid_t worker, const std::string& token);
  // It is dead: what it has started is to end.
  void End(pid_t worker);
  // Goes on with what could not be said at once.
  void Flush();

 private:
  bool Start(const std::string& binary);

  const std::string name_;  // The beginning of all tokens of this loader.
  unsigned last_ = 0;
  Fd socket_;
  std::string unsent_;
  std::map<pid_t, std::string> workers_;  // Alive; their tokens.
  bool told_ = false;
};

}  // namespace aiges
