// SPDX-License-Identifier: Apache-2.0
#include "loader/config/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

namespace aiges {
namespace {

struct Parsed {
  Flags flags;
  bool help = false, version = false, init = false, check = false, show = false;
  bool mnist = false;
  std::string ignored;
};

std::unique_ptr<CLI::App> MakeApp(Parsed* p) {
  auto app = std::make_unique<CLI::App>(
      "AIService: serves the model in wrapper.py or libwrapper.so over gRPC and HTTP.\n"
      "Without arguments it serves what is in this folder.\n"
      "Typical: AIService -m=0 -c=aiges.toml -s=svcName",
      "AIService");
  app->set_help_flag();
  app->add_flag("--h,--help", p->help, "print this text");
  app->add_option("--m", p->flags.mode,
                  "where the configuration is: 0 (default) or 2 = local file, 1 = config centre")
      ->type_name("MODE");
  app->add_option("--c", p->flags.config,
                  "configuration file (default aiges.toml); /dev/null: none")
      ->type_name("FILE");
  app->add_option("--dc", p->flags.default_config, "TOML text for keys that the file lacks")
      ->type_name("TOML");
  app->add_option("--oc", p->flags.override_config, "TOML text for keys that go before the file's")
      ->type_name("TOML");
  app->add_option("--s", p->flags.service,
                  "service name = the section of the file with its addresses (default svcName, or "
                  "the only one)")
      ->type_name("NAME");
  app->add_option("--p", p->flags.project, "project in the config centre (default AIpaas)")
      ->type_name("NAME");
  app->add_option("--g", p->flags.group, "group in the config centre (default hu)")
      ->type_name("NAME");
  app->add_option("--u", p->flags.companion,
                  "config centre and discovery: http://consul:8500, or file:/folder "
                  "(default http://127.0.0.1:8500; with -m=1 or finder = 1)")
      ->type_name("URL");
  app->add_option("--cache", p->flags.cache,
                  "folder for the config centre's files, one per loader (default .aiges)")
      ->type_name("FOLDER");
  app->add_flag("--init", p->init, "write a commented aiges.toml here, unless there is one; exit");
  app->add_flag("--check", p->check, "check configuration and plugin without serving; exit");
  app->add_flag("--show-config", p->show,
                "print the configuration in force and where each value is from; exit");
  app->add_flag("--v,--version", p->version, "print the version; exit");
  app->footer(
      "Exit code: 0 stopped as asked, or -check found nothing; 1 a port, the engine or another\n"
      "part could not be started; 2 wrong flags or configuration.");
  app->add_flag("--mnist", p->mnist, "")->group("");
  app->add_option("--plugin", p->ignored, "")->group("");
  app->add_option("--polaris-prefix", p->ignored, "")->group("");
  return app;
}

}  // namespace

std::string Usage() {
  Parsed p;
  std::string text = MakeApp(&p)->help();
  // The flags are shown as people type them, with one dash.
  for (size_t at = 0; (at = text.find("--", at)) != std::string::npos; ++at) text.erase(at, 1);
  return text;
}

Status ParseFlags(int argc, char** argv, Flags* out) {
  Parsed p;
  if (argc <= 1) {
    out->action = Flags::Action::kUsage;
    return Status::Ok();
  }
  std::vector<std::string> args;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    // A lone negative number is a value (-m -1), everything else with one dash is a flag.
    if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-' && !std::isdigit(arg[1])) {
      arg.insert(0, 1, '-');
    }
    args.push_back(std::move(arg));
  }
  std::reverse(args.begin(), args.end());  // CLI11's vector form takes them from the back.
  auto app = MakeApp(&p);
  try {
    app->parse(std::move(args));
  } catch (const CLI::ParseError& e) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("AIService: ", e.what(), "\nRun 'AIService -h' for the flags."));
  }
  *out = std::move(p.flags);
  if (p.help) out->action = Flags::Action::kUsage;
  if (p.version) out->action = Flags::Action::kVersion;
  if (p.init) out->action = Flags::Action::kInit;
  if (p.check) out->action = Flags::Action::kCheck;
  if (p.show) out->action = Flags::Action::kShowConfig;
  if (p.mnist) {
    return Status::Error(StatusKind::kUnimplemented,
                         "AIService: -mnist is gone; `make demo` shows a served model instead");
  }
  const bool needs_mode = out->action == Flags::Action::kServe ||
                          out->action == Flags::Action::kCheck ||
                          out->action == Flags::Action::kShowConfig;
  if (!needs_mode) return Status::Ok();
  if (out->mode == -1) out->mode = 0;
  if (out->mode < 0 || out->mode > 2) {
    return Status::Error(
        StatusKind::kInvalid,
        StrCat("AIService: -m: expected 0 (local file), 1 (config centre) or 2, got ", out->mode,
               ". Typical: AIService -m=0 -c=aiges.toml -s=svcName"));
  }
  out->service_given = !out->service.empty();
  if (!out->service_given) out->service = "svcName";
  if (out->config.empty()) out->config = "aiges.toml";
  return Status::Ok();
}

}  // namespace aiges
