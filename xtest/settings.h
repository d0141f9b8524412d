// SPDX-License-Identifier: Apache-2.0
// xtest/settings.h: xtest.toml and the command line, made into what the run and its reports need.
//
// LoadSettings reads the file and all inputs (and, for inputCmd, standard input). All mistakes are
// told at once, one line each; what was ignored or corrected is in notices, once each.
#pragma once

#include <string>
#include <vector>

#include "loader/base/status.h"
#include "xtest/options.h"
#include "xtest/plan.h"
#include "xtest/targets.h"

namespace aiges {

enum class Output { kNone = -1, kOneFile = 0, kFolder = 1, kTerminal = 2 };

struct ReportSettings {
  bool perf = false;  // perf.txt, perfReqRecord.csv.
  bool plot = true;
  std::string plot_file = "./log/line.png";
  bool prometheus = false;
  int prometheus_port = 0;
  bool gpu = true;
  Output output = Output::kOneFile;
  std::string output_path = "./log/result";
};

struct Settings {
  Plan plan;  // Its hosts are empty until ResolveTargets when targets name a Consul service.
  Targets targets;
  ReportSettings report;
  std::vector<std::string> http_hosts;  // Beside plan.hosts: their HTTP servers, empty: not known.
  std::vector<std::string> notices;
};

inline bool SpeaksHttp(Protocol protocol) {
  return protocol != Protocol::kXsf && protocol != Protocol::kStream && protocol != Protocol::kGrpc;
}

Status LoadSettings(const Options& options, Settings* out);

// The same of a text, `stdin_fd` being where inputCmd reads.
Status ParseSettings(const std::string& file, const std::string& text, const Options& options,
                     int stdin_fd, Settings* out);

}  // namespace aiges
