// SPDX-License-Identifier: Apache-2.0
#include "xtest/settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>

#include "loader/base/fd.h"
#include "xtest/free_request.h"
#include "xtest/inputs.h"
#include "xtest/tls_files.h"
#include "xtest/toml_reader.h"

namespace aiges {
namespace {

constexpr const char* kMode = "svcMode";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> Parts(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    if (std::string_view part = Trim(text.substr(0, end)); !part.empty()) out.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Reads one file; everything it finds wrong goes to the reader's errors.
class Loader {
 public:
  Loader(TomlReader* toml, const Options& options, int stdin_fd, Settings* out)
      : toml_(toml), options_(options), stdin_(stdin_fd), out_(out), plan_(out->plan) {}

  void Load() {
    ReadMode();
    ReadNumbers();
    ReadLoad();
    ReadRate();
    ReadBalance();
    ReadReport();
    ReadTargets();
    plan_.headers = toml_->Flatten("header");
    ApiKey();
    Tls();
    plan_.params = toml_->Flatten("parameter");
    ReadOrder();
    if (Status free = ReadFreeRequest(options_, &plan_); !free.ok()) {
      toml_->AddError("", "", free.text);
    }
    if (!IsFree(plan_.protocol)) ReadData();
    CheckEnd();
    for (const char* section : {"log", "trace"}) {
      if (toml_->Skip(section)) {
        toml_->AddNotice(section, "", "not used: xtest writes its files into the run folder");
      }
    }
    toml_->NoticeUnread();
  }

 private:
  template <class T>
  bool Number(const char* key, int64_t min, int64_t max, T* to) {
    int64_t value = 0;
    if (!toml_->Int(kMode, key, min, max, &value)) return false;
    *to = static_cast<T>(value);
    return true;
  }

  void ReadMode() {
    int64_t mode = 0;
    if (toml_->Int(kMode, "sessMode", 0, 3, &mode)) plan_.mode = static_cast<Mode>(mode);
    std::string text;
    if (toml_->Text(kMode, "protocol", &text)) {
      Status status = ParseProtocol(text, &plan_.protocol);
      if (!status.ok()) toml_->AddError(kMode, "protocol", status.text);
    }
    if (options_.protocol) plan_.protocol = *options_.protocol;
    toml_->Text(kMode, "service", &plan_.service);
    toml_->Text(kMode, "svcId", &plan_.service_id);
    if (toml_->Text(kMode, "sub", &plan_.sub)) {
      if (plan_.sub.empty()) toml_->AddError(kMode, "sub", "expected 1 to 3 letters, got \"\"");
      if (plan_.sub.size() > 3) {
        toml_->AddNotice(kMode, "sub", StrCat("only \"", plan_.sub.substr(0, 3), "\" is used"));
        plan_.sub.resize(3);
      }
    }
  }

  void ReadNumbers() {
    constexpr int64_t kDay = 86'400'000;
    Number("timeout", 1, kDay, &plan_.timeout_ms);
    Number("timeLoss", 0, kDay, &plan_.time_loss_ms);
    Number("linearMs", 0, kDay, &plan_.linear_ms);
    Number("multiThr", 1, 1'000'000, &plan_.in_flight);
    plan_.calls = 10'000;
    Number("loopCnt", 0, INT64_MAX, &plan_.calls);
    Number("threads", 1, 1024, &plan_.threads);
    Number("connections", 1, 10'000, &plan_.connections);
    if (options_.threads) plan_.threads = static_cast<unsigned>(*options_.threads);
    if (options_.connections) plan_.connections = static_cast<unsigned>(*options_.connections);
    if (options_.concurrency) plan_.in_flight = static_cast<unsigned>(*options_.concurrency);
  }

  // A time in seconds, as a number or as "30s".
  bool Seconds(const char* key, double* out) {
    std::string text;
    if (!toml_->Text(kMode, key, &text)) return false;
    Status status = ParseDuration(text, 1, out);
    if (!status.ok()) toml_->AddError(kMode, key, status.text);
    return status.ok();
  }

  void ReadLoad() {
    double duration = 0;
    if (options_.action == Options::Action::kSearch) {
      duration = options_.search.seconds;
      plan_.calls = 0;
    } else {
      const bool in_file = Seconds("duration", &duration);
      if (options_.duration_s) duration = *options_.duration_s;
      if ((options_.duration_s || (in_file && !toml_->Has(kMode, "loopCnt"))) && duration > 0) {
        // Who asks for a time means it: the count that every old file has does not end it sooner.
        if (toml_->Has(kMode, "loopCnt") && !options_.count) {
          toml_->AddNotice(kMode, "loopCnt", "not used: -duration is given");
        }
        plan_.calls = 0;
      }
      if (options_.count) plan_.calls = *options_.count;
    }
    plan_.seconds = duration;
    Seconds("warmup", &plan_.warmup_s);
    if (options_.warmup_s) plan_.warmup_s = *options_.warmup_s;
  }

  void ReadRate() {
    std::string text;
    Rate rate;
    if (toml_->Text(kMode, "rate", &text) && text != "0") {
      Status status = ParseRate(text, &rate);
      if (!status.ok()) toml_->AddError(kMode, "rate", status.text);
    }
    std::string arrival;
    if (toml_->Text(kMode, "arrival", &arrival)) {
      if (arrival == "poisson") {
        rate.arrival = Arrival::kPoisson;
      } else if (arrival == "closed") {
        rate.steps.clear();
      } else if (arrival != "constant") {
        toml_->AddError(kMode, "arrival",
                        StrCat("expected constant, poisson or closed, got \"", arrival, "\""));
      }
    }
    if (options_.rate) rate = *options_.rate;
    if (rate.steps.empty() && options_.action != Options::Action::kSearch) return;
    plan_.arrival = rate.arrival;
    plan_.rates = rate.steps;
    // A bound on calls in flight hides what a slow server does to callers, and every old file has
    // one: in open loop only the command line sets it.
    if (!options_.concurrency) {
      plan_.in_flight = 0;
      if (toml_->Has(kMode, "multiThr")) {
        toml_->AddNotice(kMode, "multiThr",
                         "not used: with a rate, calls are sent when planned (-concurrency bounds "
                         "the calls in flight)");
      }
    }
    if (plan_.linear_ms > 0) {
      toml_->AddNotice(kMode, "linearMs", "not used: a rate does not ramp");
      plan_.linear_ms = 0;
    }
  }

  void ReadBalance() {
    std::string text = options_.balance.value_or("");
    std::string in_file;
    if (toml_->Text(kMode, "balance", &in_file)) {
      if (in_file != "least" && in_file != "round_robin") {
        toml_->AddError(kMode, "balance",
                        StrCat("expected least or round_robin, got \"", in_file, "\""));
      }
      if (text.empty()) text = in_file;
    }
    plan_.round_robin = text == "round_robin";
  }

  void ReadReport() {
    ReportSettings& r = out_->report;
    toml_->Bool(kMode, "perfOn", &r.perf);
    int64_t number = 0, level = 0;
    if (toml_->Int(kMode, "perfLevel", INT64_MIN, INT64_MAX, &number)) {
      if (number >= 0 && number <= 2) {
        level = number;
      } else {
        toml_->AddNotice(kMode, "perfLevel",
                         StrCat("expected 0, 1 or 2, got ", number, "; 0 is used"));
      }
      if (level != 0) {
        toml_->AddNotice(kMode, "perfLevel",
                         plan_.mode == Mode::kOnce
                             ? "not used: only sessions have a first and a last result"
                             : "not used: perf.txt has the total, the first and the last result");
      }
    }
    toml_->Bool(kMode, "plot", &r.plot);
    toml_->Text(kMode, "plot_file", &r.plot_file);
    toml_->Bool(kMode, "gpuMon", &r.gpu);
    toml_->Bool(kMode, "prometheus_switch", &r.prometheus);
    Number("prometheus_port", 0, 65535, &r.prometheus_port);
    if (r.prometheus && r.prometheus_port == 0) {
      toml_->AddError(kMode, "prometheus_port",
                      "expected a port from 1 to 65535 with prometheus_switch = true");
    }
    if (toml_->Int("downstream", "output", -1, 2, &number)) r.output = static_cast<Output>(number);
    toml_->Text("downstream", "outputDst", &r.output_path);
    if (options_.no_results) r.output = Output::kNone;
    plan_.keep_results = r.output != Output::kNone;
    if (plan_.keep_results && r.output != Output::kTerminal && r.output_path.empty()) {
      toml_->AddError("downstream", "outputDst", "expected a file or folder, got \"\"");
    }
  }

  void ApiKey() {
    const char* own = std::getenv("AIGES_API_KEY");
    plan_.api_key = !options_.api_key.empty() ? options_.api_key : own != nullptr ? own : "";
    const bool sound = std::all_of(plan_.api_key.begin(), plan_.api_key.end(),
                                   [](char c) { return c > 0x20 && c < 0x7f; });
    if (!sound) toml_->AddError("--api-key", "", "expected visible ASCII");
  }

  void Tls() {
    const auto said = [](const std::string& flag, const char* variable) {
      const char* own = std::getenv(variable);
      return !flag.empty() ? flag : std::string(own != nullptr ? own : "");
    };
    plan_.tls = {said(options_.ca, "AIGES_CA"), said(options_.cert, "AIGES_CERT"),
                 said(options_.key, "AIGES_KEY")};
    if (Status files = CheckTlsFiles(plan_.tls); !files.ok()) toml_->AddError("", "", files.text);
  }

  void ReadTargets() {
    std::string text;
    const bool in_file = toml_->Text("xtest", "taddrs", &text);
    const bool flag = options_.target.has_value();
    if (flag) text = *options_.target;
    if (!flag && !in_file) {
      toml_->AddError(
          "xtest", "taddrs",
          "expected addresses like \"svc@ip:port;ip:port\", got nothing; add it or give -target");
      return;
    }
    Status status = ParseTargets(text, plan_.service, &out_->targets);
    if (!status.ok()) toml_->AddError("xtest", flag ? "taddrs (-target)" : "taddrs", status.text);
    if (!out_->targets.notice.empty()) toml_->AddNotice("xtest", "taddrs", out_->targets.notice);
    plan_.hosts = out_->targets.hosts;
    plan_.weights = out_->targets.weights;
  }

  void ReadOrder() {
    int64_t sorted = 0;
    if (toml_->Int(kMode, "file_sorted", INT64_MIN, INT64_MAX, &sorted)) {
      if (sorted < 0 || sorted > 2) {
        toml_->AddNotice(kMode, "file_sorted",
                         StrCat("expected 0 (shuffled), 1 or 2, got ", sorted, "; 0 is used"));
        sorted = 0;
      }
      order_.sorted = static_cast<InputOrder::Sorted>(sorted);
    }
    toml_->Text(kMode, "file_name_seq", &order_.cut_at);
    order_.seed = options_.seed.value_or(std::random_device{}());
  }

  bool ReadType(const std::string& section, DataType* type) {
    constexpr std::pair<const char*, DataType> kTypes[] = {{"text", DataType::kText},
                                                           {"audio", DataType::kAudio},
                                                           {"image", DataType::kImage},
                                                           {"video", DataType::kVideo}};
    std::string text;
    const bool given = toml_->Text(section, "type", &text);
    for (const auto& [name, value] : kTypes) {
      if (text != name) continue;
      *type = value;
      return true;
    }
    if (given || !toml_->Has(section, "type")) {
      toml_->AddError(section, "type",
                      StrCat("expected audio, text, image or video, got ",
                             given ? StrCat("\"", text, "\"") : std::string("nothing")));
    }
    return false;
  }

  void ReadName(const std::string& section, std::string* name) {
    if (toml_->Text(section, "name", name)) return;
    *name = section;
    toml_->AddNotice(section, "name", StrCat("is missing; \"", section, "\" is used"));
  }

  Pairs ReadDescribe(const std::string& section) {
    std::string text;
    toml_->Text(section, "describe", &text);
    Pairs out;
    for (const std::string& part : Parts(text)) {
      const size_t equals = part.find('=');
      if (equals == std::string::npos || equals == 0) {
        toml_->AddNotice(section, "describe",
                         StrCat("expected \"key=value;key=value\"; \"", part, "\" is ignored"));
        continue;
      }
      out.emplace_back(Trim(part.substr(0, equals)), Trim(part.substr(equals + 1)));
    }
    return out;
  }

  void ReadData() {
    std::string payload, expect;
    const bool has_payload = toml_->Text("data", "payload", &payload);
    toml_->Text("data", "expect", &expect);
    bool terminal = false;
    if (toml_->Bool(kMode, "inputCmd", &terminal) && terminal && plan_.mode != Mode::kOnce) {
      toml_->AddNotice(kMode, "inputCmd",
                       "not used: only sessMode = 0 reads its text from the terminal");
      terminal = false;
    }
    const std::vector<std::string> sections = Parts(payload);
    if (terminal) {
      ReadTerminal(sections);
    } else if (!has_payload || sections.empty()) {
      toml_->AddError("data", "payload",
                      "expected names of sections like \"dataKey1;dataKey2\", got nothing");
    } else {
      for (const std::string& section : sections) ReadStream(section);
      NoticeUnusedLines();
    }
    const std::vector<std::string> wanted = Parts(expect);
    if (wanted.empty()) {
      toml_->AddError("data", "expect", "expected names of sections like \"expect1\", got nothing");
    }
    for (const std::string& section : wanted) {
      if (!Exists("expect", section)) continue;
      Expected e;
      ReadName(section, &e.name);
      ReadType(section, &e.type);
      e.describe = ReadDescribe(section);
      plan_.expect.push_back(std::move(e));
    }
  }

  bool Exists(const char* key, const std::string& section) {
    if (toml_->HasSection(section)) return true;
    toml_->AddError("data", key, StrCat("expected a section [", section, "], there is none"));
    return false;
  }

  // inputCmd: one text, in place of the streams of the file.
  void ReadTerminal(const std::vector<std::string>& sections) {
    InputStream stream;
    stream.name = "input";
    for (const std::string& section : sections) {
      if (!toml_->HasSection(section)) continue;
      if (&section == &sections.front()) {
        ReadName(section, &stream.name);
        stream.describe = ReadDescribe(section);
      }
      toml_->Skip(section);
    }
    std::string text;
    Status status = ReadWhole(stdin_, "standard input", &text);
    if (status.ok() && text.empty()) {
      status = Status::Error(StatusKind::kInvalid, "expected text on standard input, got nothing");
    }
    if (!status.ok()) toml_->AddError(kMode, "inputCmd", status.text);
    stream.data.push_back(std::make_shared<const std::string>(std::move(text)));
    stream.files.push_back("standard input");
    plan_.inputs.push_back(std::move(stream));
  }

  void ReadStream(const std::string& section) {
    if (!Exists("payload", section)) return;
    InputStream stream;
    ReadName(section, &stream.name);
    ReadType(section, &stream.type);
    stream.describe = ReadDescribe(section);
    ReadSlices(section, &stream);
    std::string source;
    const bool given = toml_->Text(section, "inputSrc", &source) && !source.empty();
    if (!given && (!toml_->Has(section, "inputSrc") || source.empty())) {
      toml_->AddError(section, "inputSrc", "expected a file or folder, got nothing");
    }
    if (given) {
      InputData data;
      Status status = ReadInputs(source, order_, &data);
      if (!status.ok()) toml_->AddError(section, "inputSrc", status.text);
      for (const std::string& notice : data.notices) toml_->AddNotice(section, "inputSrc", notice);
      stream.data = std::move(data.data);
      stream.files = std::move(data.files);
    }
    for (const InputStream& other : plan_.inputs) {
      if (other.name == stream.name) {
        toml_->AddError(
            section, "name",
            StrCat("expected a name of its own, got \"", stream.name, "\" a second time"));
      }
    }
    plan_.inputs.push_back(std::move(stream));
  }

  void ReadSlices(const std::string& section, InputStream* stream) {
    const bool session = plan_.mode != Mode::kOnce;
    bool slice = false;
    int64_t size = 0, interval = 0;
    const bool switched = toml_->Switch(section, "sliceOn", &slice);
    if (toml_->Int(section, "sliceSize", 0, INT64_MAX, &size)) {
      stream->slice_bytes = static_cast<size_t>(size);
    }
    if (slice && size == 0 && plan_.mode == Mode::kSession) {
      toml_->AddError(section, "sliceSize",
                      "expected bytes per packet above 0 with sliceOn, got 0 or nothing");
    }
    if (switched && !slice && size > 0 && plan_.mode == Mode::kSession) {
      toml_->AddNotice(section, "sliceOn",
                       StrCat("false is not used: as ever, sessMode = 1 slices by "
                              "sliceSize = ",
                              size, " (0: all at once)"));
    }
    const bool paced = toml_->Int(section, "interval", 0, 86'400'000, &interval);
    stream->interval_ms = static_cast<uint64_t>(interval);
    NoticeUnusedSlices(section, slice, size, interval);
    if (session && !paced && !toml_->Has(section, "interval")) {
      toml_->AddNotice(section, "interval",
                       "is missing; packets follow each other without a pause");
    }
  }

  // Only sessMode = 1 slices, and once there is nothing to pace.
  void NoticeUnusedSlices(const std::string& section, bool slice, int64_t size, int64_t interval) {
    if (plan_.mode == Mode::kSession) return;
    const char* const sends[] = {"each input whole", "", "a packet for each line",
                                 "a packet for each file"};
    std::string keys;
    const auto add = [&keys](const char* key) { keys += StrCat(keys.empty() ? "" : ", ", key); };
    if (slice) add("sliceOn");
    if (size > 0) add("sliceSize");
    if (interval > 0 && plan_.mode == Mode::kOnce) add("interval");
    if (keys.empty()) return;
    const auto mode = static_cast<int>(plan_.mode);
    toml_->AddNotice(section, keys, StrCat("not used: sessMode = ", mode, " sends ", sends[mode]));
  }

  // sessMode = 2 sends the first file of the first stream.
  void NoticeUnusedLines() {
    if (plan_.mode != Mode::kLines || plan_.inputs.empty()) return;
    const InputStream& first = plan_.inputs.front();
    if (plan_.inputs.size() > 1) {
      toml_->AddNotice("data", "payload",
                       StrCat("only the first stream, \"", first.name,
                              "\", is sent: sessMode = 2 sends the lines of one"));
    }
    if (first.files.size() > 1) {
      toml_->AddNotice(
          "data", "payload",
          StrCat("of \"", first.name, "\" only ", first.files.front(), " of ", first.files.size(),
                 " files is sent: sessMode = 2 sends the lines of one"));
    }
  }

  void CheckEnd() {
    if (plan_.calls != 0 || plan_.seconds != 0) return;
    toml_->AddError(kMode, "loopCnt",
                    "expected an end of the run, got 0 calls and no duration; give "
                    "loopCnt or duration");
  }

  TomlReader* const toml_;
  const Options& options_;
  const int stdin_;
  Settings* const out_;
  Plan& plan_;
  InputOrder order_;
};

}  // namespace

Status ParseSettings(const std::string& file, const std::string& text, const Options& options,
                     int stdin_fd, Settings* out) {
  TomlReader toml(file, text);
  // After a syntax error nothing of the file is there: more lines would only confuse.
  Settings settings;
  if (toml.errors().empty()) Loader(&toml, options, stdin_fd, &settings).Load();
  if (!toml.errors().empty()) {
    std::string all;
    for (const std::string& line : toml.errors()) all += StrCat(all.empty() ? "" : "\n", line);
    return Status::Error(StatusKind::kInvalid, std::move(all));
  }
  settings.notices = toml.notices();
  *out = std::move(settings);
  return Status::Ok();
}

Status LoadSettings(const Options& options, Settings* out) {
  if (options.config.empty()) {
    return ParseSettings("the command line", "", options, STDIN_FILENO, out);
  }
  Fd fd(::open(options.config.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  // What the command line says is enough for a free request.
  const bool needed =
      !options.protocol || !IsFree(*options.protocol) || options.config != "xtest.toml";
  if (!fd.valid() && errno == ENOENT && !needed) {
    return ParseSettings("the command line", "", options, STDIN_FILENO, out);
  }
  if (!fd.valid()) {
    const int error = errno;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot open ", options.config, ": ", ErrnoText(error),
                                "; expected the file that says what to send (xtest -f FILE)"));
  }
  if (Status status = ReadWhole(fd.get(), options.config, &text); !status.ok()) return status;
  return ParseSettings(options.config, text, options, STDIN_FILENO, out);
}

}  // namespace aiges
