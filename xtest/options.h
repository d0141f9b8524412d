// SPDX-License-Identifier: Apache-2.0
// xtest/options.h: the command line. Flags win over the file; what a flag does not say is empty.
//
// Pure; nothing is read or printed here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/base/status.h"
#include "xtest/quantity.h"
#include "xtest/slo.h"

namespace aiges {

struct SearchOptions {
  double min = 10, max = 1e6;  // Calls per second.
  double seconds = 10;         // Of each rate that is tried.
};

struct Options {
  enum class Action { kRun, kCompare, kSearch, kHelp, kVersion };
  Action action = Action::kRun;
  std::string config = "xtest.toml";  // Empty: none, the command line says all (a URL).
  std::string compare_a, compare_b;   // kCompare.
  SearchOptions search;               // kSearch; its limits are in slo.

  // Instead of what the file says.
  std::optional<std::string> target, balance;
  std::optional<Protocol> protocol;
  std::optional<Rate> rate;
  std::optional<uint64_t> concurrency, threads, connections, count, seed;
  std::optional<double> duration_s, warmup_s;

  std::string out, json, html;  // Folder and files; empty: as in the file, none, in the run folder.
  std::string metrics;          // URL.
  std::string api_key;          // Empty: as the environment says.
  std::string ca, cert, key;    // The same.
  std::string method, path, body;    // Of a free request; body: a file.
  std::vector<std::string> headers;  // "Name: value".
  int pid = 0;                       // 0: found by the port.
  std::vector<SloTerm> slo;
  bool quiet = false;
  bool fail_on_worse = false;  // kCompare.
  bool no_results = false;
};

std::string Usage();
Status ParseOptions(int argc, const char* const* argv, Options* out);

}  // namespace aiges
