// SPDX-License-Identifier: Apache-2.0
#include "xtest/outputs.h"

#include <ctime>
#include <map>
#include <utility>

#include "loader/base/strings.h"
#include "xtest/plot_png.h"
#include "xtest/report_html.h"
#include "xtest/report_json.h"

namespace aiges {
namespace {

int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Outputs::Outputs(const Options& options, const Settings& settings)
    : options_(options),
      settings_(settings),
      session_(settings.plan.mode != Mode::kOnce),
      unix_minus_steady_ns_(UnixNow() - ToNanos(std::chrono::steady_clock::now())),
      started_unix_ns_(UnixNow()) {}

Status Outputs::Open() {
  Status status = RunFolder::Make(options_.out, std::time(nullptr), &folder_);
  if (!status.ok()) return status;
  const ReportSettings& report = settings_.report;
  if (report.perf) {
    OutFile file;
    status = file.Make(folder_.In("perfReqRecord.csv"));
    if (!status.ok()) return status;
    records_.emplace(std::move(file), session_);
  }
  if (!settings_.plan.keep_results) return Status::Ok();
  return Results::Open(report.output, folder_.Place(report.output_path), &results_);
}

int64_t Outputs::UnixNanos(TimePoint at) const {
  return at == TimePoint{} ? 0 : ToNanos(at) + unix_minus_steady_ns_;
}

void Outputs::OnCall(const Call& call) {
  if (records_) {
    CallRecord record;
    record.sid = call.id();
    record.code = call.code;
    record.error = call.text;
    record.begin = UnixNanos(call.planned);
    record.end = UnixNanos(call.last);
    if (session_) {
      record.first_request = UnixNanos(call.sent);
      record.first_result = UnixNanos(call.first);
      record.last_request = UnixNanos(call.last_packet);
      record.last_result = UnixNanos(call.last);
    }
    records_->Push(std::move(record));
  }
  if (results_ == nullptr || call.code != 0) return;
  // The parts of a stream are one result.
  std::map<std::string, OutputItem> streams;
  unsigned index = 0;
  for (const ResultItem& item : call.results) {
    const auto [found, fresh] = streams.try_emplace(item.name);
    OutputItem& out = found->second;
    if (fresh) {
      out.sid = call.id();
      out.name = item.name;
      out.type = item.type;
      out.index = index++;
    }
    out.data += item.data;
  }
  for (auto& [name, item] : streams) results_->Write(std::move(item));
}

std::vector<std::string> Outputs::Finish(RunResult* result) {
  std::vector<std::string> problems;
  const auto tell = [&problems](const Status& status) {
    if (!status.ok()) problems.push_back(status.text);
  };
  if (results_ != nullptr) {
    tell(results_->Stop());
    if (results_->waited_ms() > 0) {
      result->notes.push_back(StrCat("writing results held the load up for ", results_->waited_ms(),
                                     " ms: the disk is slower than the service"));
    }
  }
  if (records_) {
    tell(records_->Stop());
    if (records_->dropped() > 0) {
      result->notes.push_back(StrCat(records_->dropped(),
                                     " records are missing in perfReqRecord.csv: the disk is "
                                     "slower than the service"));
    }
  }
  const ReportSettings& report = settings_.report;
  tell(WriteFile(folder_.In("errDist"), ErrDistText(*result)));
  if (report.perf) {
    tell(WriteFile(folder_.In("perf.txt"), PerfText(*result, records_ ? &*records_ : nullptr)));
  }
  if (!result->resources.empty()) {
    tell(WriteFile(folder_.In("resource.csv"), ResourceCsv(result->resources, started_unix_ns_)));
    if (report.plot) {
      tell(WriteFile(folder_.Place(report.plot_file), ResourcePng(result->resources)));
    }
  }
  // A file that the user has named and that is there already stays; he is told the other name.
  const auto named = [&](const std::string& wanted, const std::string& text) {
    const std::string path = FreeName(wanted);
    if (path != wanted) {
      result->notes.push_back(StrCat(wanted, " is there already; written to ", path));
    }
    tell(WriteFile(path, text));
  };
  if (!options_.html.empty()) named(options_.html, ReportHtml(*result, options_.slo));
  tell(WriteFile(folder_.In("report.html"), ReportHtml(*result, options_.slo)));
  tell(WriteFile(folder_.In("result.json"), ToJson(*result)));
  if (!options_.json.empty()) named(options_.json, ToJson(*result));
  return problems;
}

}  // namespace aiges
