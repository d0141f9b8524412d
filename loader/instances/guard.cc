// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/base/strings.h"
#include "loader/channel/guard.h"

extern char** environ;

namespace aiges {
namespace {

constexpr int kEndMs = 1000;

// Of no other loader, of no earlier one either.
std::string Name() {
  std::random_device random;
  return StrCat(::getpid(), '-', random(), random(), '-');
}

}  // namespace

Guard::Guard() : name_(Name()) {}

Guard::~Guard() {
  if (!socket_.valid()) return;
  Flush();
  ::shutdown(socket_.get(), SHUT_WR);
  pollfd end{socket_.get(), POLLIN, 0};
  ::poll(&end, 1, kEndMs);
}

std::string Guard::Mark(std::string* token) {
  *token = StrCat(name_, ++last_, kTokenEnd);
  const char* const outer = std::getenv(kOwnerVariable);  // We are in a worker of another loader.
  return StrCat(kOwnerVariable, '=', outer == nullptr ? "" : outer, *token);
}

bool Guard::Start(const std::string& binary) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  Fd ours(pair[0]), theirs(pair[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), 0);
  for (const int fd : {1, 2}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::string name = binary, argument = kGuardArgument;
  char* argv[] = {name.data(), argument.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, binary.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return false;
  }
  socket_ = std::move(ours);
  unsent_.clear();
  for (const auto& [worker, token] : workers_) unsent_ += StrCat('+', worker, ' ', token, '\n');
  return true;
}

void Guard::Watch(const std::string& binary, pid_t worker, const std::string& token) {
  Flush();  // Sees whether it is still there.
  workers_[worker] = token;
  if (socket_.valid()) {
    unsent_ += StrCat('+', worker, ' ', token, '\n');
  } else if (!Start(binary) && !std::exchange(told_, true)) {
    LogWarn("instances", "cannot start the guard, programs that the plugin starts may outlive it: ",
            ErrnoAdvice(errno));
  }
  Flush();
}

void Guard::End(pid_t worker) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  unsent_ += StrCat('-', worker, ' ', found->second, '\n');
  workers_.erase(found);
  Flush();
}

void Guard::Flush() {
  if (!socket_.valid()) return;
  char nothing = 0;
  if (::recv(socket_.get(), &nothing, 1, MSG_DONTWAIT) == 0) return socket_.Reset();  // It is gone.
  while (!unsent_.empty()) {
    const ssize_t n =
        ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) return;
    unsent_.erase(0, static_cast<size_t>(n));
  }
}

}  // namespace aiges
