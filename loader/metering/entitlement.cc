// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/entitlement.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/fd.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr int64_t kDay = 86'400;
constexpr int64_t kWritePause = 5;
constexpr size_t kMostFile = 64 * 1024;

std::optional<std::string> FileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || text.size() > kMostFile) return std::nullopt;
  return text;
}

std::string KeptPath(const Settings& settings) {
  const EntitlementSettings& e = settings.entitlement;
  if (!e.state.empty()) return e.state;
  return settings.metering.on() ? settings.metering.folder + "/entitlement.state"
                                : e.file + ".state";
}

Status Refusal(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), kCodeNotEntitled);
}

std::string DateOf(int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return text;
}

}  // namespace

Entitlement::Entitlement(const Settings& settings)
    : settings_(settings.entitlement), kept_path_(KeptPath(settings)) {}

std::unique_ptr<Entitlement> Entitlement::Open(const Settings& settings, int64_t now, bool keep,
                                               Status* status) {
  std::unique_ptr<Entitlement> made(new Entitlement(settings));
  made->keep_ = keep;
  EntitlementTerms terms;
  *status = made->Read(&terms);
  if (status->ok()) *status = made->ReadKept();
  if (!status->ok()) return nullptr;
  const unsigned count = settings.instances.count;
  if (terms.instances > 0 && count > terms.instances) {
    *status = Status::Error(StatusKind::kInvalid,
                            StrCat("[instances] count: expected at most ", terms.instances,
                                   ", as the entitlement ", terms.id, " allows, got ", count));
    return nullptr;
  }
  MutexLock lock(made->mu_);
  made->Use(std::move(terms), now);
  if (keep) *status = made->WriteKept(made->KeptText());
  if (!status->ok()) return nullptr;
  return made;
}

Status Entitlement::Read(EntitlementTerms* out) {
  mark_ = MarkOf(settings_.file);
  const std::optional<std::string> file = FileText(settings_.file);
  const std::optional<std::string> key = FileText(settings_.public_key);
  if (!file || !key) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("[entitlement] ", file ? "public_key" : "file",
                                ": expected a file that can be read, got ",
                                file ? settings_.public_key : settings_.file));
  }
  Status status = ReadEntitlement(*file, *key, out);
  if (!status.ok()) status.text = StrCat("[entitlement] file ", settings_.file, ": ", status.text);
  return status;
}

Status Entitlement::ReadKept() {
  const std::optional<std::string> text = FileText(kept_path_);
  if (!text || text->empty()) return Status::Ok();
  const json value = json::parse(*text, nullptr, false);
  const bool sound = value.is_object() && value.contains("latest") &&
                     value["latest"].is_number_integer() && value.contains("day") &&
                     value["day"].is_number_integer() && value.contains("calls") &&
                     value["calls"].is_number_unsigned();
  if (!sound) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("[entitlement] state: expected what a loader has kept in ",
                                kept_path_, ", got something else: remove it"));
  }
  MutexLock lock(mu_);
  latest_ = value["latest"].get<int64_t>();
  day_ = value["day"].get<int64_t>();
  calls_ = value["calls"].get<uint64_t>();
  return Status::Ok();
}

std::string Entitlement::KeptText() const {
  return json{{"latest", latest_}, {"day", day_}, {"calls", calls_}}.dump() + "\n";
}

Status Entitlement::WriteKept(const std::string& text) const {
  const std::string made = kept_path_ + ".tmp";
  const Fd fd(::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  const bool written =
      fd.valid() &&
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fdatasync(fd.get()) == 0 && ::rename(made.c_str(), kept_path_.c_str()) == 0;
  if (written) return Status::Ok();
  return Status::Error(StatusKind::kInvalid,
                       StrCat("[entitlement] state: expected a file that can be written, got ",
                              kept_path_, ": ", ErrnoText(errno)));
}

Status Entitlement::Verdict(int64_t now) const {
  if (now + kTolerance < latest_) {
    return Refusal(StrCat("the clock was set back: it says ", DateOf(now),
                          ", and this service has ", "seen ", DateOf(latest_), "; set it right"));
  }
  if (now < terms_.not_before) {
    return Refusal(StrCat("the entitlement ", terms_.id, " begins at ", DateOf(terms_.not_before)));
  }
  if (now >= terms_.end()) {
    return Refusal(StrCat("the entitlement ", terms_.id, " ended at ", DateOf(terms_.expires),
                          terms_.grace_days > 0
                              ? StrCat(", and its ", terms_.grace_days, " days of grace are over")
                              : ""));
  }
  return Status::Ok();
}

void Entitlement::Use(EntitlementTerms terms, int64_t now) {
  terms_ = std::move(terms);
  warned_days_ = INT64_MAX;
  verdict_ = Verdict(now);
  latest_ = std::max(latest_, now);
  if (now / kDay > day_) {
    day_ = now / kDay;
    calls_ = 0;
  }
  LogInfo("entitlement", terms_.id, " of ", terms_.customer, ", until ", DateOf(terms_.expires));
  Warn(now);
}

void Entitlement::Warn(int64_t now) {
  const int64_t left = terms_.expires - now;
  const int64_t step = left <= 0           ? 0
                       : left <= kDay      ? 1
                       : left <= 7 * kDay  ? 7
                       : left <= 30 * kDay ? 30
                                           : INT64_MAX;
  if (step >= warned_days_) return;
  warned_days_ = step;
  if (step == 0) {
    LogError("entitlement", terms_.id, " has ended; calls are taken until ", DateOf(terms_.end()));
  } else {
    LogWarn("entitlement", terms_.id, " ends at ", DateOf(terms_.expires), ", in less than ", step,
            step == 1 ? " day" : " days");
  }
}

Status Entitlement::Admit(const Asking& asking, std::unique_ptr<Allowance>*) {
  MutexLock lock(mu_);
  Status status = verdict_;
  if (status.ok() && !terms_.Allows(asking.model)) {
    status = Refusal(StrCat("the entitlement ", terms_.id, " is not for the model ", asking.model));
  }
  if (status.ok() && terms_.calls > 0 && calls_ >= terms_.calls) {
    status = Refusal(StrCat("the entitlement ", terms_.id, " is for ", terms_.calls,
                            " calls a day (UTC), and today has had them"));
  }
  ++(status.ok() ? calls_ : refused_);
  return status;
}

bool Entitlement::Look(int64_t now) {
  bool changed = false;
  if (MarkOf(settings_.file) != mark_) {
    EntitlementTerms fresh;
    const Status status = Read(&fresh);
    MutexLock lock(mu_);
    problem_ = status.text;
    if (status.ok()) {
      Use(std::move(fresh), now);
      changed = true;
    } else {
      LogError("entitlement", "what has changed is not used: ", status.text);
    }
  }
  std::string kept;
  {
    MutexLock lock(mu_);
    const bool was = verdict_.ok();
    verdict_ = Verdict(now);
    if (was && !verdict_.ok()) LogError("entitlement", "no call is taken: ", verdict_.text);
    if (!was && verdict_.ok()) LogInfo("entitlement", "calls are taken again");
    latest_ = std::max(latest_, now);
    if (now / kDay > day_) {
      day_ = now / kDay;
      calls_ = 0;
    }
    Warn(now);
    if (keep_ && now >= written_ + kWritePause) {
      written_ = now;
      kept = KeptText();
    }
  }
  if (!kept.empty()) Keep(kept);
  return changed;
}

void Entitlement::Save() {
  std::string kept;
  {
    MutexLock lock(mu_);
    kept = KeptText();
  }
  Keep(kept);
}

void Entitlement::Keep(const std::string& text) const {
  if (const Status status = WriteKept(text); !status.ok()) LogError("entitlement", status.text);
}

Status Entitlement::Admission() const {
  MutexLock lock(mu_);
  return verdict_;
}

EntitlementTerms Entitlement::terms() const {
  MutexLock lock(mu_);
  return terms_;
}

EntitlementReport Entitlement::Report(int64_t now) const {
  MutexLock lock(mu_);
  EntitlementReport r;
  r.on = true;
  r.id = terms_.id;
  r.customer = terms_.customer;
  r.not_before = terms_.not_before;
  r.expires = terms_.expires;
  r.end = terms_.end();
  r.left_s = terms_.expires - now;
  r.models = terms_.models;
  r.instances = terms_.instances;
  r.calls = terms_.calls;
  r.concurrency = terms_.concurrency;
  r.calls_today = calls_;
  r.refused = refused_;
  r.refusal = verdict_.text;
  r.problem = problem_;
  return r;
}

}  // namespace aiges
