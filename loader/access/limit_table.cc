// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limit_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "loader/base/nearest.h"
#include "loader/base/numbers.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostName = 256, kMostMeter = 64;
constexpr uint64_t kMostUnits = 1'000'000'000'000'000;
constexpr uint64_t kLongestWindow = 366 * 86'400;
constexpr double kSecond = 1e9, kLongestBurst = 1e17;  // ns; three years.
constexpr std::string_view kUnlimited = "unlimited", kMeter = "meter:", kBurst = "burst=";

Status Expected(std::string_view what, std::string_view got) {
  return WrongRule(StrCat("expected ", what, ", got \"", VisibleRule(got), '"'));
}

// "100", "20k", "10MB", "1GiB"; the last two of bytes only.
bool ReadAmount(std::string_view text, bool bytes, uint64_t* out) {
  struct Suffix {
    std::string_view text;
    uint64_t times;
    bool bytes;
  };
  constexpr uint64_t kKilo = 1000, kKibi = 1024;
  static constexpr Suffix kSuffixes[] = {{"KiB", kKibi, true},
                                         {"MiB", kKibi * kKibi, true},
                                         {"GiB", kKibi * kKibi * kKibi, true},
                                         {"kB", kKilo, true},
                                         {"KB", kKilo, true},
                                         {"MB", kKilo * kKilo, true},
                                         {"GB", kKilo * kKilo * kKilo, true},
                                         {"k", kKilo, false},
                                         {"M", kKilo * kKilo, false},
                                         {"G", kKilo * kKilo * kKilo, false}};
  uint64_t times = 1, n = 0;
  for (const Suffix& s : kSuffixes) {
    if (!text.ends_with(s.text) || (s.bytes && !bytes)) continue;
    times = s.times;
    text.remove_suffix(s.text.size());
    break;
  }
  if (!ReadWhole(text, &n) || n == 0 || n > kMostUnits / times) return false;
  *out = n * times;
  return true;
}

// "1m", "30s", "h".
bool ReadWindow(std::string_view text, uint64_t* seconds) {
  uint64_t n = 1, unit = 0;
  if (text.empty()) return false;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86'400;
      break;
    default:
      return false;
  }
  text.remove_suffix(1);
  if (!text.empty() && !ReadWhole(text, &n)) return false;
  if (n == 0 || n > kLongestWindow / unit) return false;
  *seconds = n * unit;
  return true;
}

std::string WindowText(uint64_t seconds) {
  for (const auto& [unit, letter] :
       {std::pair<uint64_t, char>{86'400, 'd'}, {3600, 'h'}, {60, 'm'}}) {
    if (seconds % unit == 0) return StrCat(seconds / unit, letter);
  }
  return StrCat(seconds, 's');
}

// False: it is none.
bool ReadUnit(std::string_view text, LimitShown* out) {
  constexpr std::array<std::pair<std::string_view, LimitUnit>, 5> kOwn = {
      {{"calls", LimitUnit::kCalls},
       {"bytes", LimitUnit::kBytes},
       {"concurrent", LimitUnit::kConcurrent},
       {"sessions", LimitUnit::kSessions},
       {"seconds", LimitUnit::kSeconds}}};
  for (const auto& [name, unit] : kOwn) {
    if (text == name) {
      out->unit = unit;
      return true;
    }
  }
  out->unit = LimitUnit::kMeter;
  if (text.starts_with(kMeter)) text.remove_prefix(kMeter.size());
  out->meter = text;
  return !text.empty() && text.size() <= kMostMeter && text.find(',') == std::string_view::npos;
}

// As headers may have it: a part of a quoted text.
std::string HarmlessName(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c < ' ' || c > '~' || c == '"' || c == '\\') c = '_';
  }
  return out;
}

// Words have no spaces, names of certificates may.
std::string Spaced(std::string_view text) {
  constexpr std::string_view kSpace = "%20";
  std::string out(text);
  for (size_t at = 0; (at = out.find(kSpace, at)) != std::string::npos; ++at) {
    out.replace(at, kSpace.size(), " ");
  }
  return out;
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kMostName &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

}  // namespace

Status ReadLimit(std::string_view text, Limit* out) {
  const size_t equals = text.find('=');
  const std::string_view unit = text.substr(0, equals);
  LimitShown& shown = out->shown;
  if (equals == std::string_view::npos || !ReadUnit(unit, &shown)) {
    return Expected("a limit as calls=100/1m, concurrent=8 or unlimited", text);
  }
  if (shown.unit == LimitUnit::kMeter && !unit.starts_with(kMeter)) {
    const std::string meant =
        Nearest(unit, {"calls", "bytes", "concurrent", "sessions", "seconds"});
    if (!meant.empty()) {
      return Expected(StrCat(meant, "=, or meter:", VisibleRule(unit), "= for what engines count"),
                      text);
    }
  }
  out->text = text;
  std::string_view rest = text.substr(equals + 1);
  const bool by_time = shown.unit != LimitUnit::kConcurrent && shown.unit != LimitUnit::kSessions;
  const bool bytes = shown.unit == LimitUnit::kBytes;
  shown.units = HarmlessName(shown.unit == LimitUnit::kMeter ? shown.meter : unit);
  shown.name = shown.units;
  if (!by_time) {
    if (ReadAmount(rest, false, &shown.quota)) return Status::Ok();
    return Expected(StrCat("a number at one time, as ", unit, "=8"), text);
  }
  const size_t comma = rest.find(',');
  const std::string_view rate = rest.substr(0, comma);
  const size_t slash = rate.find('/');
  if (slash == std::string_view::npos || !ReadAmount(rate.substr(0, slash), bytes, &shown.quota) ||
      !ReadWindow(rate.substr(slash + 1), &shown.window_s)) {
    return Expected(StrCat("a number and its time of s, m, h or d, as ", unit, "=100/1m"), text);
  }
  out->burst = shown.quota;
  if (comma != std::string_view::npos) {
    std::string_view burst = rest.substr(comma + 1);
    const bool named = burst.starts_with(kBurst);
    if (named) burst.remove_prefix(kBurst.size());
    if (!named || !ReadAmount(burst, bytes, &out->burst)) {
      return Expected(StrCat(",burst=<number> behind ", unit, "=", rate), text);
    }
  }
  StrAppend(&shown.name, '-', WindowText(shown.window_s));
  out->unit_ns = static_cast<double>(shown.window_s) * kSecond / static_cast<double>(shown.quota);
  const double burst_ns = static_cast<double>(out->burst) * out->unit_ns;
  if (burst_ns > kLongestBurst) {
    return Expected("a burst that has come back after at most three years", text);
  }
  out->burst_ns = static_cast<int64_t>(std::max(burst_ns, 1.0));
  return Status::Ok();
}

Status LimitTable::Add(const std::vector<std::string_view>& words) {
  if (words.size() < 3) {
    return WrongRule(StrCat("expected who, a model and limits, got ", words.size(), " words"));
  }
  if (!IsWord(words[0])) return Expected("an id of 256 bytes at most, - or *", words[0]);
  if (!IsWord(words[1])) return Expected("a model's name of 256 bytes at most, or *", words[1]);
  if (words.size() - 2 > kMostLimits) {
    return WrongRule(StrCat("expected at most ", kMostLimits, " limits, got ", words.size() - 2));
  }
  auto line = std::make_shared<LimitLine>();
  line->who = Spaced(words[0]);
  line->model = Spaced(words[1]);
  const bool free = words.size() == 3 && words[2] == kUnlimited;
  for (size_t i = 2; i < words.size() && !free; ++i) {
    Limit limit;
    if (Status status = ReadLimit(words[i], &limit); !status.ok()) return status;
    if (line->model != kAnyone) limit.shown.name.insert(0, "model-");
    const auto& same = limit.shown.name;
    const auto known = std::find_if(line->limits.begin(), line->limits.end(),
                                    [&](const Limit& l) { return l.shown.name == same; });
    if (known != line->limits.end()) {
      return WrongRule(StrCat("expected each limit once, got \"", VisibleRule(known->text),
                              "\" and \"", VisibleRule(words[i]), '"'));
    }
    line->limits.push_back(std::move(limit));
  }
  if (line->who != kAnyone) named_.insert(line->who);
  ByWho& lines = by_model_[line->model];
  const auto [found, is_new] = lines.try_emplace(line->who, std::move(line));
  if (!is_new) {
    return WrongRule(StrCat("expected one line of each who and model, got one of \"",
                            VisibleRule(words[0]), "\" and \"", VisibleRule(words[1]), "\" again"));
  }
  ++lines_;
  return Status::Ok();
}

Status LimitTable::Parse(std::string_view text, std::shared_ptr<const LimitTable>* out) {
  auto table = std::make_shared<LimitTable>();
  Status status = EachRule(text, kMostLines, [&](const auto& words) { return table->Add(words); });
  if (status.ok()) *out = std::move(table);
  return status;
}

LimitLineRef LimitTable::Find(std::string_view model, std::string_view who) const {
  const auto lines = by_model_.find(model);
  if (lines == by_model_.end()) return nullptr;
  auto line = lines->second.find(who);
  if (line == lines->second.end()) line = lines->second.find(kAnyone);
  return line == lines->second.end() ? nullptr : line->second;
}

}  // namespace aiges
