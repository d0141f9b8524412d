// SPDX-License-Identifier: Apache-2.0
#include "xtest/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <memory>

namespace aiges {
namespace {

// As typed; made into values after CLI11 is done, so that every error reads the same.
struct Typed {
  Options options;
  bool help = false, version = false, file_given = false;
  CLI::App* compare = nullptr;
  CLI::App* search = nullptr;
  std::string url, target, balance, protocol, rate, concurrency, threads, connections, count, seed;
  std::string duration, warmup, slo, pid, p99, errors, min, max, seconds;
};

// Of a run that only a URL describes.
constexpr double kUrlSeconds = 10;
constexpr uint64_t kUrlConcurrency = 10;

constexpr const char* kFooter =
    "Exit code: 0 done, 1 an SLO is missed (or no rate keeps it, or compare --fail-on-worse found\n"
    "a figure WORSE), 2 xtest could not run or could not write, 3 no call had a good answer\n"
    "(or no server was there at all).\n"
    "\n"
    "Examples:\n"
    "  xtest                                   run what xtest.toml says\n"
    "  xtest --rate=5000 --duration=30s        open loop: calls are sent when planned\n"
    "  xtest --rate=100:5000:100 --duration=5s a sweep, 5 s of each rate\n"
    "  xtest http://127.0.0.1:1888/healthz     GET it for 10 s, 10 at a time, without xtest.toml\n"
    "  xtest http://127.0.0.1:9000/predict --body=ask.json \\\n"
    "        --header=\"Content-Type: application/json\"     any request\n"
    "  xtest --slo=p99=50ms,errors=0.1%        exit code 1 when the SLO is missed\n"
    "  xtest search --p99=50ms                 the highest rate with a p99 of at most 50 ms\n"
    "  xtest compare a.json b.json             what changed from a to b (--json wrote them)";

void AddRunFlags(CLI::App* app, Typed* t) {
  Options& o = t->options;
  const auto text = [app](const char* name, std::string& to, const char* help, const char* type) {
    return app->add_option(name, to, help)->type_name(type);
  };
  app->add_option("url", t->url,
                  "one address, instead of a file: http://host:port/path, https://.., or "
                  "grpc://host:port/package.Service/Method; ends after 10 s unless told")
      ->type_name("URL");
  text("--f", o.config, "the file that says what to send (default xtest.toml)", "FILE");
  text("--target", t->target,
       "host:port*weight,..; svc@host:port;..; file:peers.toml?tag=..; or "
       "consul://svc?tag=..&dc=..&agent=http://host:8500&ca=..&cert=..&key=..",
       "WHERE");
  text("--balance", t->balance, "least (fewest calls in hand, default) or round_robin", "HOW");
  text("--protocol", t->protocol,
       "xsf (gRPC, default), stream, json, raw, ws or sse; http or grpc: any request", "NAME");
  text("--path", o.path,
       "with http: path and query (default /); with grpc: /package.Service/Method", "PATH");
  text("--method", o.method, "with http: default GET, or POST with a body", "NAME");
  app->add_option("--header", o.headers, "with http and grpc: \"Name: value\"; may be repeated")
      ->type_name("LINE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  text("--body", o.body, "with http and grpc: the file that is sent, as it is", "FILE");
  text("--rate", t->rate, "open loop, calls per second: 5000, from:to:by, or poisson:5000", "RATE");
  text("--concurrency", t->concurrency,
       "closed loop: calls in flight (multiThr); open loop: at most so many", "N");
  text("--threads", t->threads, "client threads (default 1)", "N");
  text("--connections", t->connections, "gRPC connections per thread and host (default 1)", "N");
  text("--count", t->count, "calls (loopCnt); 0: until the time is up", "N");
  text("--duration", t->duration, "time, of each rate in a sweep: 30s, 2m", "TIME");
  text("--warmup", t->warmup, "time at the start that is not counted: 2s", "TIME");
  text("--seed", t->seed, "of the order of shuffled inputs (file_sorted = 0)", "N");
  text("--out", o.out, "run folder (default ./log/run-<time>; a used one gets a number)", "FOLDER");
  text("--json", o.json, "also write the result here, for compare and other programs", "FILE");
  text("--html", o.html, "write the report here (default report.html in the run folder)", "FILE");
  text("--slo", t->slo,
       "limits like p99=50ms,errors=0.1%: p50 p90 p95 p99 p99.9 max mean, first_p99 .., errors",
       "LIMITS");
  text(
      "--metrics", o.metrics,
      "/metrics of the loaders, read before and after (default: known by HTTP or from a registry); "
      "off",
      "URL,..");
  text("--api-key", o.api_key, "of every request (default AIGES_API_KEY)", "KEY");
  text("--ca", o.ca, "TLS: who has signed the servers' certificates, or system (default AIGES_CA)",
       "FILE");
  text("--cert", o.cert, "TLS: the certificate of this client (default AIGES_CERT)", "FILE");
  text("--key", o.key, "TLS: its key (default AIGES_KEY)", "FILE");
  text("--pid", t->pid, "server process to watch (default: who listens on the port here)", "PID");
  app->add_flag("--no-results", o.no_results, "do not keep results ([downstream] output)");
  app->add_flag("--quiet", o.quiet, "only the final table");
}

std::unique_ptr<CLI::App> MakeApp(Typed* t) {
  auto app = std::make_unique<CLI::App>(
      "xtest: sends load to AIService and measures it truthfully.\n"
      "Typical: xtest -f xtest.toml",
      "xtest");
  app->set_help_flag();
  app->add_flag("--h,--help", t->help, "print this text; exit");
  app->add_flag("--v,--version", t->version, "print the version; exit");
  AddRunFlags(app.get(), t);
  app->require_subcommand(0, 1);
  t->compare = app->add_subcommand("compare", "two results of --json: medians, ratio, confidence");
  t->compare->set_help_flag();
  t->compare->fallthrough();
  t->compare->add_option("before", t->options.compare_a, "FILE of the first run")
      ->type_name("A.json");
  t->compare->add_flag("--fail-on-worse", t->options.fail_on_worse,
                       "exit code 1 when a figure is WORSE, 2 when the runs are too short to say");
  t->compare->add_option("after", t->options.compare_b, "FILE of the second")->type_name("B.json");
  t->search =
      app->add_subcommand("search", "the highest rate that keeps --p99, --errors and --slo");
  t->search->set_help_flag();
  t->search->fallthrough();
  t->search->add_option("--p99", t->p99, "99 of 100 calls take at most this: 50ms")
      ->type_name("TIME");
  t->search->add_option("--errors", t->errors, "share of failed calls (default 0.1%)")
      ->type_name("SHARE");
  t->search->add_option("--min", t->min, "lowest rate to try (default 10)")->type_name("RATE");
  t->search->add_option("--max", t->max, "highest rate to try (default 1000000)")
      ->type_name("RATE");
  t->search->add_option("--seconds", t->seconds, "time for each rate (default 10)")
      ->type_name("TIME");
  app->footer(kFooter);
  return app;
}

Status WithName(const char* flag, Status status) {
  if (status.ok()) return status;
  return Status::Error(
      status.kind, StrCat("xtest: --", flag, ": ", status.text, "\nRun 'xtest -h' for the flags."));
}

Status Whole(const char* flag, const std::string& text, uint64_t min, uint64_t max,
             std::optional<uint64_t>* out) {
  if (text.empty()) return Status::Ok();
  uint64_t value = 0;
  if (!ParseWhole(text, &value) || value < min || value > max) {
    return WithName(
        flag, Status::Error(StatusKind::kInvalid, StrCat("expected a whole number from ", min,
                                                         " to ", max, ", got \"", text, "\"")));
  }
  *out = value;
  return Status::Ok();
}

// `to` is optional<double> or double.
template <class To>
Status Time(const char* flag, const std::string& text, bool zero, To* to) {
  if (text.empty()) return Status::Ok();
  double seconds = 0;
  Status status = ParseDuration(text, 1, &seconds);
  if (status.ok() && !zero && seconds <= 0) {
    status = Status::Error(StatusKind::kInvalid, "expected a time above 0");
  }
  if (status.ok()) *to = seconds;
  return WithName(flag, std::move(status));
}

Status TakeNumbers(const Typed& t, Options* o) {
  std::optional<uint64_t> pid;
  const Status results[] = {
      Whole("concurrency", t.concurrency, 1, 1'000'000, &o->concurrency),
      Whole("threads", t.threads, 1, 1024, &o->threads),
      Whole("connections", t.connections, 1, 10'000, &o->connections),
      Whole("count", t.count, 0, UINT64_MAX, &o->count),
      Whole("seed", t.seed, 0, UINT64_MAX, &o->seed),
      Whole("pid", t.pid, 1, 1u << 30, &pid),
      Time("duration", t.duration, false, &o->duration_s),
      Time("warmup", t.warmup, true, &o->warmup_s),
      Time("seconds", t.seconds, false, &o->search.seconds),
  };
  for (const Status& status : results) {
    if (!status.ok()) return status;
  }
  if (pid) o->pid = static_cast<int>(*pid);
  return Status::Ok();
}

// What an address says: protocol, target and path. Flags win.
Status TakeUrl(const Typed& t, Options* o) {
  if (t.url.empty()) return Status::Ok();
  const size_t colon = t.url.find("://");
  const std::string scheme = t.url.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string rest = colon == std::string::npos ? "" : t.url.substr(colon + 3);
  const size_t slash = rest.find('/');
  std::string host = rest.substr(0, slash);
  const bool grpc = scheme == "grpc";
  if ((scheme != "http" && scheme != "https" && !grpc) || host.empty()) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("xtest: expected http://host:port/path, https://.. or grpc://.., "
                                "search or compare, got \"",
                                t.url, "\"\nRun 'xtest -h' for the flags."));
  }
  const size_t name = host.front() == '[' ? host.find(']') : 0;
  if (!grpc && host.find(':', name) == std::string::npos)
    host += scheme == "https" ? ":443" : ":80";
  if (!o->target) o->target = host;
  if (!o->protocol) o->protocol = grpc ? Protocol::kGrpc : Protocol::kHttp;
  if (o->path.empty() && slash != std::string::npos) o->path = rest.substr(slash);
  if (scheme == "https" && o->ca.empty()) o->ca = TlsFiles::kSystem;
  if (t.file_given) return Status::Ok();
  o->config.clear();
  if (!o->count && !o->duration_s) o->duration_s = kUrlSeconds;
  if (!o->count) o->count = 0;
  if (!o->concurrency && !o->rate) o->concurrency = kUrlConcurrency;
  return Status::Ok();
}

Status TakeTexts(const Typed& t, Options* o) {
  if (!t.target.empty()) o->target = t.target;
  if (!t.balance.empty()) {
    if (t.balance != "least" && t.balance != "round_robin") {
      return WithName("balance", Status::Error(StatusKind::kInvalid,
                                               StrCat("expected least or round_robin, got \"",
                                                      t.balance, "\"")));
    }
    o->balance = t.balance;
  }
  if (!t.protocol.empty()) {
    Protocol protocol{};
    if (Status s = ParseProtocol(t.protocol, &protocol); !s.ok()) return WithName("protocol", s);
    o->protocol = protocol;
  }
  if (!t.rate.empty()) {
    Rate rate;
    if (Status s = ParseRate(t.rate, &rate); !s.ok()) return WithName("rate", s);
    o->rate = std::move(rate);
  }
  if (!t.slo.empty()) return WithName("slo", ParseSlo(t.slo, &o->slo));
  return Status::Ok();
}

Status TakeSearch(const Typed& t, Options* o) {
  const auto term = [o](const char* flag, const std::string& text) {
    std::vector<SloTerm> terms;
    Status status = ParseSlo(StrCat(flag, "=", text), &terms);
    o->slo.insert(o->slo.end(), terms.begin(), terms.end());
    return WithName(flag, std::move(status));
  };
  if (!t.p99.empty()) {
    if (Status s = term("p99", t.p99); !s.ok()) return s;
  }
  if (o->slo.empty()) {
    return Status::Error(StatusKind::kInvalid,
                         "xtest search: expected a limit to keep, like --p99=50ms or --slo=..");
  }
  // A refused call is quick: without a limit on errors a search would end at the highest rate.
  const bool errors = std::any_of(o->slo.begin(), o->slo.end(),
                                  [](const SloTerm& s) { return s.name == "errors"; });
  if (!t.errors.empty() || !errors) {
    if (Status s = term("errors", t.errors.empty() ? "0.1%" : t.errors); !s.ok()) return s;
  }
  for (const auto& [flag, text, to] :
       {std::tuple{"min", &t.min, &o->search.min}, std::tuple{"max", &t.max, &o->search.max}}) {
    if (!text->empty() && (!ParseNumber(*text, to) || *to <= 0)) {
      return WithName(flag,
                      Status::Error(StatusKind::kInvalid,
                                    StrCat("expected calls per second, got \"", *text, "\"")));
    }
  }
  if (o->search.min > o->search.max) {
    return WithName("min",
                    Status::Error(StatusKind::kInvalid,
                                  StrCat("expected at most --max = ", ShownNumber(o->search.max, 2),
                                         ", got ", ShownNumber(o->search.min, 2))));
  }
  if (o->rate) {
    return WithName("rate", Status::Error(StatusKind::kInvalid,
                                          "search chooses the rates itself; use --min and --max"));
  }
  return Status::Ok();
}

}  // namespace

std::string Usage() {
  Typed t;
  auto app = MakeApp(&t);
  std::string text = app->help();
  // CLI11 shows of subcommands only the names.
  for (CLI::App* sub : {t.search, t.compare}) text += StrCat("\n", sub->help());
  // The flags are shown as people type them, with one dash; "--------" is not among them.
  for (size_t at = 0; (at = text.find("--", at)) != std::string::npos; ++at) text.erase(at, 1);
  return text;
}

Status ParseOptions(int argc, const char* const* argv, Options* out) {
  Typed t;
  auto app = MakeApp(&t);
  std::vector<std::string> args;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    // Go style: one dash before a long name. A negative number is a value.
    if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-' &&
        !std::isdigit(static_cast<unsigned char>(arg[1]))) {
      arg.insert(0, 1, '-');
    }
    args.push_back(std::move(arg));
  }
  std::reverse(args.begin(), args.end());  // CLI11's vector form takes them from the back.
  try {
    app->parse(std::move(args));
  } catch (const CLI::ParseError& e) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("xtest: ", e.what(), "\nRun 'xtest -h' for the flags."));
  }
  Options& o = t.options;
  if (t.help || t.version) {
    o.action = t.help ? Options::Action::kHelp : Options::Action::kVersion;
    *out = std::move(o);
    return Status::Ok();
  }
  if (t.compare->parsed()) {
    if (o.compare_a.empty() || o.compare_b.empty()) {
      return Status::Error(StatusKind::kInvalid,
                           "xtest compare: expected two files that --json wrote, like "
                           "'xtest compare a.json b.json'");
    }
    o.action = Options::Action::kCompare;
  }
  if (Status s = TakeNumbers(t, &o); !s.ok()) return s;
  if (Status s = TakeTexts(t, &o); !s.ok()) return s;
  t.file_given = app->get_option("--f")->count() > 0;
  if (Status s = TakeUrl(t, &o); !s.ok()) return s;
  if (t.search->parsed()) {
    o.action = Options::Action::kSearch;
    if (Status s = TakeSearch(t, &o); !s.ok()) return s;
  }
  *out = std::move(o);
  return Status::Ok();
}

}  // namespace aiges
