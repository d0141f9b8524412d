// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_json.h"

#include <fcntl.h>

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>

#include "loader/base/fd.h"
#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/inputs.h"

namespace aiges {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN; a figure that is none becomes 0 on the way out.
double Finite(double value) { return std::isfinite(value) ? value : 0; }

Json From(const Histogram& h) {
  Json out = {{"count", h.count()},
              {"min_ns", h.min()},
              {"max_ns", h.max()},
              {"mean_ns", Finite(h.mean())},
              {"deviation_ns", Finite(h.deviation())}};
  for (const auto& [name, p] :
       {std::pair{"p50_ns", 50.0}, std::pair{"p90_ns", 90.0}, std::pair{"p95_ns", 95.0},
        std::pair{"p99_ns", 99.0}, std::pair{"p99.9_ns", 99.9}}) {
    out[name] = h.Percentile(p);
  }
  Json buckets = Json::array();  // [upper, count, upper, count, ..]
  for (const Histogram::Bucket& b : h.Buckets()) {
    buckets.push_back(b.upper);
    buckets.push_back(b.count);
  }
  out["buckets"] = std::move(buckets);
  return out;
}

Json From(const Step& s) {
  Json out = {{"rate", Finite(s.rate)},
              {"seconds", Finite(s.seconds)},
              {"sent", s.sent},
              {"done", s.done},
              {"failed", s.failed},
              {"unanswered", s.unanswered},
              {"throughput", Finite(Throughput(s))},
              {"error_share", Finite(ErrorShare(s))},
              {"bytes_out", s.bytes_out},
              {"bytes_in", s.bytes_in},
              {"items", s.items},
              {"client_cpu", Finite(s.client_cpu)},
              {"peak_in_flight", s.peak_in_flight}};
  out["latency"] = From(s.latency.last);
  out["no_answer"] = NoAnswer(s);
  // The same as "latency" when all were answered.
  if (NoAnswer(s) != 0) out["answered"] = From(AnsweredLatency(s));
  out["first_result"] = From(s.latency.first);
  out["client_lag"] = From(s.lag);
  out["client_limit"] = ClientLimit(s);
  out["stages"] = {{"calls", s.stages.calls},
                   {"queue_ms", Finite(s.stages.queue_ms)},
                   {"channel_ms", Finite(s.stages.channel_ms)},
                   {"engine_ms", Finite(s.stages.engine_ms)},
                   {"total_ms", Finite(s.stages.total_ms)}};
  out["codes"] = Json::object();
  for (const auto& [code, c] : s.codes) {
    out["codes"][std::to_string(code)] = {
        {"calls", c.calls}, {"text", c.text}, {"handle", c.handle}, {"latency", From(c.latency)}};
  }
  out["hosts"] = Json::object();
  for (const auto& [name, h] : s.hosts) {
    out["hosts"][name] = {{"calls", h.calls}, {"failed", h.failed}, {"latency", From(h.latency)}};
  }
  out["timeline"] = Json::array();
  for (const Second& t : s.timeline) {
    out["timeline"].push_back(
        {{"sent", t.sent}, {"done", t.done}, {"failed", t.failed}, {"latency", From(t.latency)}});
  }
  return out;
}

// Walks a JSON value and remembers the first thing that is not as expected, with its path.
class Reader {
 public:
  Reader(const Json* json, std::string path, std::string* wrong)
      : json_(json), path_(std::move(path)), wrong_(wrong) {}

  const Json* json() const { return json_; }
  bool ok() const { return wrong_->empty(); }

  void Say(const std::string& expected, const std::string& key = "") const {
    if (wrong_->empty())
      *wrong_ = StrCat(path_, key.empty() ? "" : ".", key, ": expected ", expected);
  }

  // Absent keys leave *out as it is: a later xtest may write less.
  void Get(const char* key, uint64_t* out) const {
    if (const Json* j = Find(key)) {
      j->is_number_unsigned() ? void(*out = j->get<uint64_t>()) : Say("a whole number", key);
    }
  }
  void Get(const char* key, double* out) const {
    if (const Json* j = Find(key)) {
      j->is_number() ? void(*out = j->get<double>()) : Say("a number", key);
    }
  }
  void Get(const char* key, std::string* out) const {
    if (const Json* j = Find(key)) {
      j->is_string() ? void(*out = j->get<std::string>()) : Say("text", key);
    }
  }
  void Get(const char* key, bool* out) const {
    if (const Json* j = Find(key)) {
      j->is_boolean() ? void(*out = j->get<bool>()) : Say("true or false", key);
    }
  }

  // Calls each(name, reader) for the members of an object or a list.
  template <class Each>
  void ForAll(const char* key, bool list, Each&& each) const {
    const Json* j = Find(key);
    if (j == nullptr) return;
    if (list ? !j->is_array() : !j->is_object()) return Say(list ? "a list" : "an object", key);
    size_t i = 0;
    for (const auto& [name, value] : j->items()) {
      if (!ok()) return;
      each(name,
           Reader(&value, StrCat(path_, ".", key, "[", list ? std::to_string(i++) : name, "]"),
                  wrong_));
    }
  }
  Reader In(const char* key) const {
    static const Json kNone = Json::object();
    const Json* j = Find(key);
    return Reader(j == nullptr ? &kNone : j, StrCat(path_, ".", key), wrong_);
  }

  void Get(const char* key, Histogram* out) const;

 private:
  const Json* Find(const char* key) const {
    if (!json_->is_object()) {
      Say("an object");
      return nullptr;
    }
    const auto at = json_->find(key);
    return at == json_->end() ? nullptr : &*at;
  }

  const Json* json_;
  std::string path_;
  std::string* wrong_;
};

void Reader::Get(const char* key, Histogram* out) const {
  const Reader in = In(key);
  uint64_t count = 0, min = 0, max = 0;
  in.Get("count", &count);
  in.Get("min_ns", &min);
  in.Get("max_ns", &max);
  std::vector<uint64_t> numbers;
  in.ForAll("buckets", true, [&](const std::string&, const Reader& r) {
    if (!r.json()->is_number_unsigned()) return r.Say("a whole number");
    numbers.push_back(r.json()->get<uint64_t>());
  });
  if (!ok() || numbers.empty()) return;
  // The ends are put back exactly: min and max are in the first and the last bucket.
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < numbers.size(); i += 2) {
    uint64_t value = numbers[i], n = numbers[i + 1];
    if (i > 0 && value <= numbers[i - 2]) return in.Say("rising values", "buckets");
    sum += n;
    if (i == 0 && n > 0 && min <= value) {
      out->Add(min, 1);
      --n;
    }
    const bool last = i + 2 >= numbers.size();
    if (last && max <= value) value = max;
    out->Add(value, n);
  }
  if (numbers.size() % 2 != 0 || sum != count) in.Say(StrCat(count, " values in all"), "buckets");
}

void Read(const Reader& in, Step* s) {
  in.Get("rate", &s->rate);
  in.Get("seconds", &s->seconds);
  in.Get("sent", &s->sent);
  in.Get("done", &s->done);
  in.Get("failed", &s->failed);
  in.Get("unanswered", &s->unanswered);
  in.Get("bytes_out", &s->bytes_out);
  in.Get("bytes_in", &s->bytes_in);
  in.Get("items", &s->items);
  in.Get("client_cpu", &s->client_cpu);
  in.Get("peak_in_flight", &s->peak_in_flight);
  in.Get("latency", &s->latency.last);
  in.Get("first_result", &s->latency.first);
  in.Get("client_lag", &s->lag);
  const Reader stages = in.In("stages");
  stages.Get("calls", &s->stages.calls);
  stages.Get("queue_ms", &s->stages.queue_ms);
  stages.Get("channel_ms", &s->stages.channel_ms);
  stages.Get("engine_ms", &s->stages.engine_ms);
  stages.Get("total_ms", &s->stages.total_ms);
  in.ForAll("codes", false, [&](const std::string& name, const Reader& r) {
    char* end = nullptr;
    const long code = std::strtol(name.c_str(), &end, 10);
    if (name.empty() || *end != '\0') return r.Say("a code that is a number");
    CodeCount& c = s->codes[static_cast<int>(code)];
    r.Get("calls", &c.calls);
    r.Get("text", &c.text);
    r.Get("handle", &c.handle);
    r.Get("latency", &c.latency);
  });
  in.ForAll("hosts", false, [&](const std::string& name, const Reader& r) {
    HostResult& h = s->hosts[name];
    r.Get("calls", &h.calls);
    r.Get("failed", &h.failed);
    r.Get("latency", &h.latency);
  });
  in.ForAll("timeline", true, [&](const std::string&, const Reader& r) {
    Second& t = s->timeline.emplace_back();
    r.Get("sent", &t.sent);
    r.Get("done", &t.done);
    r.Get("failed", &t.failed);
    r.Get("latency", &t.latency);
  });
}

Json From(const RunResult& result) {
  Json out = {
      {"xtest_result", kJsonVersion},      {"started", result.started}, {"config", result.config},
      {"protocol", result.protocol},       {"mode", result.mode},       {"arrival", result.arrival},
      {"interrupted", result.interrupted}, {"notes", result.notes}};
  out["steps"] = Json::array();
  for (const Step& step : result.steps) out["steps"].push_back(From(step));
  out["resources"] = Json::array();
  for (const ResourceSample& r : result.resources) {
    out["resources"].push_back({{"at_s", Finite(r.at_s)},
                                {"cpu_percent", Finite(r.cpu_percent)},
                                {"rss_mb", Finite(r.rss_mb)},
                                {"memory_percent", Finite(r.memory_percent)},
                                {"gpu_mb", Finite(r.gpu_mb)}});
  }
  const ServerFigures& f = result.server;
  out["server"] = {{"known", f.known},
                   {"problem", f.problem},
                   {"requests", Finite(f.requests)},
                   {"sessions", Finite(f.sessions)},
                   {"failed", Finite(f.failed)},
                   {"queue_ms", Finite(f.queue_ms)},
                   {"channel_ms", Finite(f.channel_ms)},
                   {"engine_ms", Finite(f.engine_ms)},
                   {"total_ms", Finite(f.total_ms)}};
  return out;
}

void Read(const Reader& in, RunResult* out) {
  in.Get("started", &out->started);
  in.Get("config", &out->config);
  in.Get("protocol", &out->protocol);
  in.Get("mode", &out->mode);
  in.Get("arrival", &out->arrival);
  in.Get("interrupted", &out->interrupted);
  in.ForAll("notes", true, [&](const std::string&, const Reader& r) {
    r.json()->is_string() ? out->notes.push_back(r.json()->get<std::string>()) : r.Say("text");
  });
  in.ForAll("steps", true,
            [&](const std::string&, const Reader& r) { Read(r, &out->steps.emplace_back()); });
  in.ForAll("resources", true, [&](const std::string&, const Reader& r) {
    ResourceSample& s = out->resources.emplace_back();
    r.Get("at_s", &s.at_s);
    r.Get("cpu_percent", &s.cpu_percent);
    r.Get("rss_mb", &s.rss_mb);
    r.Get("memory_percent", &s.memory_percent);
    r.Get("gpu_mb", &s.gpu_mb);
  });
  const Reader server = in.In("server");
  server.Get("known", &out->server.known);
  server.Get("problem", &out->server.problem);
  server.Get("requests", &out->server.requests);
  server.Get("sessions", &out->server.sessions);
  server.Get("failed", &out->server.failed);
  server.Get("queue_ms", &out->server.queue_ms);
  server.Get("channel_ms", &out->server.channel_ms);
  server.Get("engine_ms", &out->server.engine_ms);
  server.Get("total_ms", &out->server.total_ms);
}

}  // namespace

std::string ToJson(const RunResult& result) {
  // Texts come from the network: bytes that are no UTF-8 are replaced, not thrown at us.
  return From(result).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status FromJson(const std::string& name, const std::string& text, RunResult* out) {
  const auto wrong = [&name](const std::string& why) {
    return Status::Error(StatusKind::kInvalid, StrCat(name, ": ", why));
  };
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded())
    return wrong("expected JSON that xtest --json wrote, got something else");
  const auto version = json.is_object() ? json.find("xtest_result") : json.end();
  if (!json.is_object() || version == json.end()) {
    return wrong("expected a result of xtest --json, got other JSON (no key xtest_result)");
  }
  if (*version != kJsonVersion) {
    return wrong(StrCat("expected version ", kJsonVersion, " of xtest_result, got ",
                        version->dump(), "; make it again with this xtest"));
  }
  RunResult result;
  std::string problem;
  Read(Reader(&json, "result", &problem), &result);
  if (!problem.empty()) return wrong(problem);
  *out = std::move(result);
  return Status::Ok();
}

Status ReadJsonFile(const std::string& path, RunResult* out) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot open ", path, ": ", ErrnoText(error)));
  }
  std::string text;
  if (Status status = ReadWhole(fd.get(), path, &text); !status.ok()) return status;
  return FromJson(path, text, out);
}

}  // namespace aiges
