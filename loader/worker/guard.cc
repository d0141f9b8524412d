// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "loader/base/fd.h"
#include "loader/base/strings.h"
#include "loader/channel/guard.h"

namespace aiges {
namespace {

// Of ending one family: a process that the kernel cannot end (it hangs in a driver) is left alone
// then, one that forks all the time has lost the race by then.
constexpr int kRounds = 200;
constexpr useconds_t kBetweenRounds = 10'000;

using Workers = std::map<pid_t, std::string>;  // Alive, as far as the loader has said; token.

struct Seen {
  pid_t parent = 0, group = 0;
  bool marked = false;
};

std::string ReadFile(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char bytes[4096];
  for (ssize_t n; fd.valid() && (n = ::read(fd.get(), bytes, sizeof bytes)) > 0;) {
    text.append(bytes, static_cast<size_t>(n));
  }
  return text;
}

// False: dead, or gone meanwhile. proc(5): "pid (name) state ppid pgrp ..".
bool Look(pid_t pid, const std::set<std::string>& tokens, Seen* seen) {
  const std::string stat = ReadFile(StrCat("/proc/", pid, "/stat"));
  const size_t name_end = stat.rfind(')');  // The name may have brackets and blanks in it.
  if (name_end == std::string::npos) return false;
  char state = 0;
  int parent = 0, group = 0;
  if (std::sscanf(stat.c_str() + name_end + 1, " %c %d %d", &state, &parent, &group) != 3 ||
      state == 'Z' || state == 'X') {
    return false;
  }
  seen->parent = parent;
  seen->group = group;
  // Empty where it may not be read: then it is nothing that we could end.
  const std::string environment = ReadFile(StrCat("/proc/", pid, "/environ"));
  for (const std::string& token : tokens) {
    seen->marked = seen->marked || environment.find(token) != std::string::npos;
  }
  return true;
}

// What carries one of the tokens, is in the group of one of these workers, or descends from such.
std::set<pid_t> Family(const std::set<std::string>& tokens, const std::set<pid_t>& groups) {
  std::map<pid_t, Seen> all;
  DIR* const folder = ::opendir("/proc");
  if (folder == nullptr) return {};
  while (const dirent* entry = ::readdir(folder)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
    const pid_t pid = std::atoi(entry->d_name);
    Seen seen;
    if (pid != ::getpid() && Look(pid, tokens, &seen)) all[pid] = seen;
  }
  ::closedir(folder);
  std::set<pid_t> family;
  for (const auto& [pid, seen] : all) {
    if (seen.marked || groups.count(seen.group) > 0) family.insert(pid);
  }
  for (bool more = true; std::exchange(more, false);) {
    for (const auto& [pid, seen] : all) {
      if (family.count(seen.parent) > 0) more = family.insert(pid).second || more;
    }
  }
  return family;
}

void End(const std::set<std::string>& tokens, const std::set<pid_t>& groups) {
  for (int round = 0; round < kRounds; ++round) {
    const std::set<pid_t> family = Family(tokens, groups);
    if (family.empty()) return;
    for (const pid_t pid : family) ::kill(pid, SIGKILL);
    ::usleep(kBetweenRounds);
  }
}

void Obey(std::string_view line, Workers* workers) {
  const size_t blank = line.find(' ');
  if (line.size() < 2 || blank == std::string_view::npos) return;
  const pid_t pid = std::atoi(std::string(line.substr(1, blank - 1)).c_str());
  const std::string token(line.substr(blank + 1));
  if (line[0] == '+') {
    (*workers)[pid] = token;
  } else {
    workers->erase(pid);
    End({token}, {});  // The loader has ended the group itself, while the number was the worker's.
  }
}

void Follow(Workers* workers) {
  std::string input;
  for (;;) {
    char bytes[4096];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    input.append(bytes, static_cast<size_t>(n));
    for (size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) {
      Obey(std::string_view(input).substr(0, end), workers);
    }
  }
}

}  // namespace

void RunGuard() {
  if (::fork() != 0) ::_exit(0);  // Nobody's child: who counts the loader's sees its workers.
  ::setsid();
  (void)!::chdir("/");  // It must not hold a folder that is to go.
  ::prctl(PR_SET_NAME, "aiges-guard");
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(ignored, SIG_IGN);
  Workers workers;
  Follow(&workers);
  std::set<std::string> tokens;
  std::set<pid_t> groups;
  for (const auto& [pid, token] : workers) {
    tokens.insert(token);
    groups.insert(pid);
  }
  if (!tokens.empty()) End(tokens, groups);
  ::_exit(0);
}

}  // namespace aiges
