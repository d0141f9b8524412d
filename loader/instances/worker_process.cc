// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "loader/base/landlock.h"
#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/base/strings.h"
#include "loader/channel/frame.h"
#include "loader/instances/confine.h"

extern char** environ;

namespace aiges {
namespace {

Status SystemError(std::string_view what, int error) {
  return Status::Error(StatusKind::kInternal, StrCat("worker: ", what, ": ", ErrnoAdvice(error)));
}

// What the loader alone must know; user code has no business with the registry.
constexpr std::string_view kSecrets[] = {
    "CONSUL_HTTP_TOKEN=", "CONSUL_HTTP_TOKEN_FILE=", "CONSUL_HTTP_AUTH="};

// The loader's environment as far as the plan lets it pass, the plan's own entries in place of
// equal names. Out: the names that were held back as they look like secrets.
std::vector<std::string> MergedEnvironment(const SpawnPlan& plan, const std::string& mark,
                                           std::vector<std::string>* held_back) {
  std::vector<std::string> out = plan.environment;
  out.push_back(mark);
  const size_t own = out.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const std::string_view with_sign = text.substr(0, name.size() + 1);
    const bool replaced =
        std::any_of(out.begin(), out.begin() + static_cast<ptrdiff_t>(own),
                    [&](const std::string& e) { return e.starts_with(with_sign); });
    if (replaced ||
        std::find(std::begin(kSecrets), std::end(kSecrets), with_sign) != std::end(kSecrets)) {
      continue;
    }
    if (PassesEnvironment(name, plan.passes)) {
      out.emplace_back(text);
    } else if (LooksSecret(name)) {
      held_back->emplace_back(name);
    }
  }
  return out;
}

struct ChildFiles {
  int channel, requests, results, output;
};

int SpawnChild(const SpawnPlan& plan, const std::vector<std::string>& environment,
               const ChildFiles& files, pid_t* pid) {
  // The sources are first moved out of the way of the targets 0..5, which dup2 in order would
  // overwrite; posix_spawn's child has no close-on-exec on dup2 targets.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, files.output, 1);
  posix_spawn_file_actions_adddup2(&actions, files.output, 2);
  posix_spawn_file_actions_adddup2(&actions, files.channel, kChannelFd);
  posix_spawn_file_actions_adddup2(&actions, files.requests, kRequestMemoryFd);
  posix_spawn_file_actions_adddup2(&actions, files.results, kResultMemoryFd);
  if (!plan.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, plan.folder.c_str());
  }
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
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<char*> env;
  for (const std::string& e : environment) env.push_back(const_cast<char*>(e.c_str()));
  env.push_back(nullptr);
  // As worker/main.cc reads it.
  std::vector<std::string> arguments{plan.binary, std::to_string(plan.instance),
                                     std::to_string(::getpid()), plan.confinement.Text(),
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

constexpr unsigned kExiting = 0x4;  // PF_EXITING of the kernel.

// Takes the end of a child, if it is dead. Until then its number is its own: a number is as good as
// a handle.
bool TakeEnd(pid_t pid, siginfo_t* end, int more = 0) {
  end->si_pid = 0;
  return ::waitid(P_PID, static_cast<id_t>(pid), end, WEXITED | WNOHANG | more) == 0 &&
         end->si_pid != 0;
}

std::string SignalText(int signal) {
  return StrCat("killed by signal ", signal, " (", ::strsignal(signal), ")");
}

std::string ExitText(int status) {
  constexpr int kOutOfMemory = 86;  // WExitOutOfMemory of include/aiges/wrapper.h.
  const char* what = status == kOutOfMemory ? " (the engine's memory is used up)" : "";
  return StrCat("exit status ", status, what);
}

}  // namespace

class WorkerProcess : public Process {
 public:
  explicit WorkerProcess(WorkerProcesses* owner) : owner_(*owner) {}
  ~WorkerProcess() override {
    if (pid_ > 0 && !reaped_) {
      Kill();
      owner_.dying_.push_back(pid_);
    }
    owner_.cgroups_.Remove(cgroup_);
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const override { return pid_; }
  int channel() const override { return channel_.get(); }
  int output() const override { return output_.get(); }
  int handle() const override { return handle_.get(); }
  const std::shared_ptr<ArenaMapping>& results() const override { return results_; }

  void Kill() override;
  std::string Reap() override;
  std::string Dying() const override;

  // `plan` is as it is to be, but for the control group.
  Status Start(SpawnPlan plan, const std::vector<std::string>& environment);

 private:
  WorkerProcesses& owner_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  Fd channel_, output_, handle_;
  std::shared_ptr<ArenaMapping> results_;
  std::string cgroup_;  // Folder of its control group; empty: it has none.
};

Status WorkerProcess::Start(SpawnPlan plan, const std::vector<std::string>& environment) {
  const Status grouped = owner_.cgroups_.Make(plan.cgroup, &cgroup_);
  if (!grouped.ok()) return grouped;
  plan.confinement.cgroup = cgroup_;
  int pair[2], output[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return SystemError("socketpair", errno);
  }
  channel_ = Fd(pair[0]);
  const Fd child_channel = MovedUp(Fd(pair[1]));
  for (int fd : pair) {
    const int bytes = 1 << 20;  // The kernel caps it at its own limit.
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  if (::pipe2(output, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  output_ = Fd(output[0]);
  const Fd child_output = MovedUp(Fd(output[1]));
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);

  Status status;
  const auto results = Arena::Create("aiges-results", plan.result_memory_bytes, &status);
  if (results == nullptr) return status;
  results_ = ArenaMapping::Map(results->fd(), ArenaMapping::Access::kReader, true, &status);
  if (results_ == nullptr) return status;
  const Fd requests = MovedUp(plan.request_memory->OpenReadOnly());
  const Fd result_fd = MovedUp(Fd(::fcntl(results->fd(), F_DUPFD_CLOEXEC, 0)));
  if (!requests.valid() || !result_fd.valid()) return SystemError("shared memory", errno);
  const ChildFiles files{child_channel.get(), requests.get(), result_fd.get(), child_output.get()};
  const int error = SpawnChild(plan, environment, files, &pid_);
  if (error != 0) {
    pid_ = -1;
    return SystemError(StrCat("start ", plan.binary), error);
  }
  handle_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!handle_.valid()) return SystemError("pidfd_open", errno);
  return Status::Ok();
}

void WorkerProcess::Kill() {
  if (pid_ <= 0 || reaped_) return;
  ::kill(pid_, SIGKILL);
  ::kill(-pid_, SIGKILL);  // Its group: helpers that the plugin started, unless they have left it.
}

std::string WorkerProcess::Reap() {
  siginfo_t end;
  if (reaped_ || !TakeEnd(pid_, &end, WNOWAIT)) return "";
  ::kill(-pid_, SIGKILL);  // Before it is reaped: until then nobody else can have its number.
  TakeEnd(pid_, &end);
  reaped_ = true;
  owner_.OnReaped(pid_);
  return end.si_code == CLD_EXITED ? ExitText(end.si_status) : SignalText(end.si_status);
}

// The wait status is in /proc/<pid>/stat as soon as the kernel begins to end the process. proc(5):
// the last field is exit_code, 0 while it runs; field 9, the seventh behind the name, has the flag
// PF_EXITING then.
std::string WorkerProcess::Dying() const {
  if (pid_ <= 0 || reaped_) return "";
  std::ifstream file(StrCat("/proc/", pid_, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = text.rfind(')'), last = text.find_last_of(' ');
  unsigned flags = 0;
  if (name_end == std::string::npos ||
      std::sscanf(text.c_str() + name_end + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1) {
    return "";
  }
  const int status = std::atoi(text.c_str() + last);
  if (WIFSIGNALED(status)) return SignalText(WTERMSIG(status));
  return (flags & kExiting) != 0 ? ExitText(WEXITSTATUS(status)) : "";
}

std::unique_ptr<Process> WorkerProcesses::Spawn(const SpawnPlan& plan, Status* status) {
  if (!plan.wrong.empty()) {
    *status = Status::Error(StatusKind::kInvalid, plan.wrong);
    return nullptr;
  }
  auto worker = std::make_unique<WorkerProcess>(this);
  std::string token;
  const std::string mark = guard_.Mark(&token);
  std::vector<std::string> held_back;
  const std::vector<std::string> environment = MergedEnvironment(plan, mark, &held_back);
  Tell(plan, held_back);
  *status = worker->Start(plan, environment);
  if (worker->pid() > 0) {
    living_.insert(worker->pid());
    guard_.Watch(plan.binary, worker->pid(), token);
  }
  if (!status->ok()) return nullptr;
  return worker;
}

// What is not as a user may think, once each.
void WorkerProcesses::Tell(const SpawnPlan& plan, const std::vector<std::string>& held_back) {
  if (const std::string names = Join(held_back, ", "); !names.empty() && told_names_ != names) {
    told_names_ = names;
    LogInfo("instances",
            "workers do not get these variables, whose names look like secrets: ", names,
            " ([sandbox] environment = [\"plain\", \"", held_back.front(), "\"] lets one pass)");
  }
  if (!plan.confinement.strict || std::exchange(told_landlock_, true)) return;
  if (const std::string missing = MissingOfLandlock(LandlockAbi()); !missing.empty()) {
    LogWarn("instances", "[sandbox] strict: ", missing);
  }
}

void WorkerProcesses::OnReaped(pid_t pid) {
  living_.erase(pid);
  guard_.End(pid);
}

void WorkerProcesses::Tidy() {
  std::erase_if(dying_, [this](pid_t pid) {
    siginfo_t end;
    if (!TakeEnd(pid, &end)) return false;
    OnReaped(pid);
    return true;
  });
  // What has started the guard; and as PID 1 of a container we are the parent of all orphans.
  siginfo_t end{};
  while (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid != 0 &&
         living_.count(end.si_pid) == 0) {
    TakeEnd(end.si_pid, &end);
    end.si_pid = 0;
  }
  guard_.Flush();
  cgroups_.Tidy();
}

}  // namespace aiges
