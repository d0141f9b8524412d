// SPDX-License-Identifier: Apache-2.0
// loader/main.cc: AIService: command line, configuration, exit codes. The rooms meet in host.cc.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/base/version.h"
#include "loader/config/flags.h"
#include "loader/config/parse.h"
#include "loader/configurator.h"
#include "loader/host.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadUsage = 2;
// What a loader has at least, its libraries' own included.
constexpr unsigned kDescriptors = 32;
constexpr unsigned kThreads = 16;

int Say(const Status& status, int exit_code) {
  std::fprintf(stderr, "AIService: %s\n", status.text.c_str());
  return exit_code;
}

int SayMistakes(const std::vector<std::string>& errors) {
  std::fprintf(stderr, "AIService: %zu mistake%s in the configuration:\n", errors.size(),
               errors.size() == 1 ? "" : "s");
  for (const std::string& e : errors) std::fprintf(stderr, "  %s\n", e.c_str());
  return kBadUsage;
}

int RunHost(Configurator& configurator, const Flags& flags, const WaitedSignals& signals) {
  Host host(&configurator);
  if (flags.action != Flags::Action::kCheck) {
    const Status status = host.Serve(signals);
    return status.ok() ? kOk : Say(status, kFailed);
  }
  signals.Release();  // It serves nobody: a signal just ends it.
  const Status status = host.Check();
  if (!status.ok()) return Say(status, kFailed);
  std::printf("AIService: configuration and plugin are in order\n");
  return kOk;
}

// What makes a folder one to serve: a configuration, or something that may be an engine.
bool IsProject() {
  std::error_code error;
  if (fs::exists("aiges.toml", error) || fs::exists("libwrapper.so", error)) return true;
  for (fs::directory_iterator at(".", error), end; !error && at != end; at.increment(error)) {
    const fs::path ending = at->path().extension();
    if (ending == ".py" || ending == ".onnx" || ending == ".pbtxt") return true;
  }
  return false;
}

// No flag at all: serves what is here. Nothing is written for that.
void ServeHere(Flags* flags) {
  std::error_code error;
  flags->action = Flags::Action::kServe;
  flags->mode = 0;
  flags->service = "svcName";
  if (fs::exists(flags->config, error)) return;
  flags->config = "/dev/null";
  flags->default_config = "[svcName]\n";
}

int Run(Flags flags) {
  if (!flags.service_given && flags.mode != 1) flags.service = FindService(flags);
  const WaitedSignals signals{SIGTERM, SIGINT, SIGHUP, SIGCHLD};
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // A log that may not grow costs lines, not the service.
  RaiseDescriptorLimit();
  const Status room = CheckResources(kDescriptors, kThreads);
  if (!room.ok()) return Say(room, kFailed);
  InitLog(LogLevel::kWarn, "");  // Until the configuration says how.
  int result = kOk;
  {
    Configurator configurator(flags);
    const ParseResult parsed = configurator.Start();
    if (!parsed.errors.empty()) {
      result = SayMistakes(parsed.errors);
    } else if (flags.action == Flags::Action::kShowConfig) {
      std::fputs(ShowConfig(parsed.settings).c_str(), stdout);
    } else {
      InitLog(parsed.settings.log.level, parsed.settings.log.file, parsed.settings.log.format);
      std::string ignored;
      for (const std::string& k : parsed.ignored) ignored += StrCat(ignored.empty() ? "" : ", ", k);
      if (!ignored.empty()) LogWarn("config", "no effect in this version: ", ignored);
      result = RunHost(configurator, flags, signals);
    }
  }
  if (!FlushLog()) ::_exit(result);
  return result;
}

}  // namespace
}  // namespace aiges

int main(int argc, char** argv) {
  aiges::OpenStandardDescriptors();
  aiges::ExplainLackOfThreads();
  aiges::Flags flags;
  const aiges::Status status = aiges::ParseFlags(argc, argv, &flags);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.text.c_str());
    return aiges::kBadUsage;
  }
  switch (flags.action) {
    case aiges::Flags::Action::kUsage:
      if (argc <= 1 && aiges::IsProject()) {
        aiges::ServeHere(&flags);
        return aiges::Run(std::move(flags));
      }
      std::fputs(aiges::Usage().c_str(), stdout);
      return aiges::kOk;
    case aiges::Flags::Action::kVersion:
      std::printf("AIService %s\n", aiges::kHostVersion);
      return aiges::kOk;
    case aiges::Flags::Action::kInit: {
      const aiges::Status written = aiges::WriteDefaultConfig("aiges.toml");
      if (!written.ok()) return aiges::Say(written, aiges::kFailed);
      std::printf("AIService: wrote aiges.toml\n");
      return aiges::kOk;
    }
    default:
      return aiges::Run(std::move(flags));
  }
}
