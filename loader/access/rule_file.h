// SPDX-License-Identifier: Apache-2.0
// loader/access/rule_file.h: a file that [access] names, as it is in force.
//
// It is read again when it has changed; one that cannot be used changes nothing, and is said in the
// log. Load and Look belong to one thread at a time; Now is for any.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "loader/base/file_mark.h"
#include "loader/base/log.h"
#include "loader/base/mutex.h"
#include "loader/base/rule_lines.h"
#include "loader/base/status.h"

namespace aiges {

// Table: immutable, with a size(). One that has read further files says in Changed() whether they
// are others by now.
template <class Table>
class RuleFile {
 public:
  using Parse = Status (*)(std::string_view text, std::shared_ptr<const Table>* out);

  // `key`: of [access]. `what`: what it has, for the log ("keys"). An empty path: no file is named.
  RuleFile(std::string key, std::string path, std::string what, Parse parse)
      : key_(std::move(key)), path_(std::move(path)), what_(std::move(what)), parse_(parse) {}

  bool on() const { return !path_.empty(); }
  // At the start: what cannot be used is a mistake.
  Status Load() {
    if (!on()) return Status::Ok();
    mark_ = MarkOf(path_);
    std::string text;
    std::shared_ptr<const Table> table;
    Status status = ReadRuleFile(path_, &text);
    if (status.ok()) status = parse_(text, &table);
    if (!status.ok()) {
      status.text = StrCat("[access] ", key_, " ", path_, ": ", status.text);
      return status;
    }
    LogInfo("access", table->size(), " ", what_, " of ", path_, " are in force");
    MutexLock lock(mu_);
    table_ = std::move(table);
    return status;
  }
  // Later: whether it has changed, and what came of it.
  void Look() {
    if (!on()) return;
    // What was refused may have been so for a file that it names: that one may be there by now.
    if (refused_.empty() && MarkOf(path_) == mark_ && !OthersChanged()) return;
    const Status status = Load();
    if (status.ok()) {
      refused_.clear();
    } else if (status.text != refused_) {
      LogError("access", status.text, "; the ", what_, " of before stay in force");
      refused_ = status.text;
    }
  }
  // Null where no file is named.
  std::shared_ptr<const Table> Now() const {
    MutexLock lock(mu_);
    return table_;
  }

 private:
  bool OthersChanged() const {
    if constexpr (requires(const Table& t) { t.Changed(); }) {
      const std::shared_ptr<const Table> table = Now();
      return table != nullptr && table->Changed();
    }
    return false;
  }

  const std::string key_, path_, what_;
  const Parse parse_;
  FileMark mark_;
  std::string refused_;
  mutable Mutex mu_;
  std::shared_ptr<const Table> table_ GUARDED_BY(mu_);
};

}  // namespace aiges
