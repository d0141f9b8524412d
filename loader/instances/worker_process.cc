#include "loader/instances/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "loader/base/strings.h"
#include "loader/channel/frame.h"

extern char** environ;

namespace aiges {
namespace {

Status SystemError(std::string_view what, int error) {
  return Status::Error(StatusKind::kInternal, StrCat("worker: ", what, ": ", ErrnoText(error)));
}

// The loader's environment with the plan's entries in place of equal names.
std::vector<std::string> MergedEnvironment(const std::vector<std::string>& extra) {
  std::vector<std::string> out = extra;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const std::string& e : extra) replaced = replaced || e.compare(0, name.size(), name) == 0;
    if (!replaced) out.emplace_back(text);
  }
  return out;
}

int SpawnChild(const SpawnPlan& plan, int channel, int request_fd, int result_fd, int output,
               pid_t* pid) {
  // The sources are first moved out of the way of the targets 0..5, which dup2 in order would
  // overwrite; posix_spawn's child has no close-on-exec on dup2 targets.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawn_file_actions_adddup2(&actions, channel, kChannelFd);
  posix_spawn_file_actions_adddup2(&actions, request_fd, kRequestMemoryFd);
  posix_spawn_file_actions_adddup2(&actions, result_fd, kResultMemoryFd);
  // Nothing else of ours, in particular no client's socket: gRPC's are not all close-on-exec.
  posix_spawn_file_actions_addclosefrom_np(&actions, kResultMemoryFd + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);  // The loader blocks SIGTERM; workers do not.
  posix_spawnattr_setsigdefault(&attributes, &all);
  // Own process group: Ctrl-C in the terminal reaches the loader only, which then drains.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);

  const std::vector<std::string> environment = MergedEnvironment(plan.environment);
  std::vector<char*> env;
  for (const std::string& e : environment) env.push_back(const_cast<char*>(e.c_str()));
  env.push_back(nullptr);
  // As worker/main.cc reads it.
  std::vector<std::string> arguments{plan.binary, std::to_string(plan.instance),
                                     std::to_string(::getpid()), std::to_string(plan.numa_node),
                                     plan.library};
  arguments.insert(arguments.end(), plan.folders.begin(), plan.folders.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int error =
      ::posix_spawn(pid, plan.binary.c_str(), &actions, &attributes, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

// A descriptor number above the child's fixed ones.
Fd MovedUp(Fd fd) {
  if (fd.get() > kResultMemoryFd) return fd;
  return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kResultMemoryFd + 1));
}

}  // namespace

std::unique_ptr<WorkerProcess> WorkerProcess::Spawn(const SpawnPlan& plan, Status* status) {
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess);
  int pair[2], output[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    *status = SystemError("socketpair", errno);
    return nullptr;
  }
  worker->channel_ = Fd(pair[0]);
  const Fd child_channel = MovedUp(Fd(pair[1]));
  for (int fd : pair) {
    const int bytes = 1 << 20;  // The kernel caps it at its own limit.
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  if (::pipe2(output, O_CLOEXEC) != 0) {
    *status = SystemError("pipe", errno);
    return nullptr;
  }
  worker->output_ = Fd(output[0]);
  const Fd child_output = MovedUp(Fd(output[1]));
  ::fcntl(worker->output_.get(), F_SETFL, O_NONBLOCK);

  const auto results = Arena::Create("aiges-results", plan.result_memory_bytes, status);
  if (results == nullptr) return nullptr;
  worker->results_ =
      ArenaMapping::Map(results->fd(), ArenaMapping::Access::kReader, true, status);
  if (worker->results_ == nullptr) return nullptr;
  const Fd requests = MovedUp(plan.request_memory->OpenReadOnly());
  const Fd result_fd = MovedUp(Fd(::fcntl(results->fd(), F_DUPFD_CLOEXEC, 0)));
  if (!requests.valid() || !result_fd.valid()) {
    *status = SystemError("shared memory", errno);
    return nullptr;
  }
  const int error = SpawnChild(plan, child_channel.get(), requests.get(), result_fd.get(),
                               child_output.get(), &worker->pid_);
  if (error != 0) {
    worker->pid_ = -1;
    *status = SystemError(StrCat("start ", plan.binary), error);
    return nullptr;
  }
  worker->pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, worker->pid_, 0)));
  if (!worker->pidfd_.valid()) {
    *status = SystemError("pidfd_open", errno);
    return nullptr;
  }
  return worker;
}

WorkerProcess::~WorkerProcess() {
  if (pid_ > 0 && !reaped_) {
    Kill();
    ::waitpid(pid_, nullptr, 0);
  }
}

void WorkerProcess::Kill() {
  // The group: helpers that the plugin started go with it.
  if (pid_ > 0 && !reaped_) ::kill(-pid_, SIGKILL);
}

std::string WorkerProcess::Reap() {
  int wait_status = 0;
  if (reaped_ || ::waitpid(pid_, &wait_status, WNOHANG) != pid_) return "";
  reaped_ = true;
  ::kill(-pid_, SIGKILL);  // What the plugin left behind in its group.
  if (WIFEXITED(wait_status)) return StrCat("exit status ", WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return StrCat("killed by signal ", signal, " (", ::strsignal(signal), ")");
}

}  // namespace aiges
