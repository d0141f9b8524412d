// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/once.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/base/keyed_hash.h"
#include "loader/front/json_string.h"

namespace aiges {
namespace {

void Overlay(Pairs* pairs, const std::string& key, const std::string& value) {
  for (auto& [k, v] : *pairs) {
    if (k == key) {
      v = value;
      return;
    }
  }
  pairs->emplace_back(key, value);
}

void AppendMs(std::string* out, const char* name, std::chrono::nanoseconds d) {
  const int64_t us = (std::max<int64_t>(d.count(), 0) + 500) / 1000;
  const int64_t rest = us % 1000;
  if (!out->empty()) *out += ", ";
  StrAppend(out, name, ";dur=", us / 1000, rest < 10 ? ".00" : rest < 100 ? ".0" : ".", rest);
}

const char* TypeName(DataType type) {
  static constexpr const char* kNames[] = {"text", "audio", "image", "video", "other"};
  return static_cast<size_t>(type) < 5 ? kNames[static_cast<size_t>(type)] : "unknown";
}

// Fewer than that are compared one by one: quicker than a table.
constexpr size_t kFew = 16;

void JoinTexts(std::vector<Payload>* texts) {
  size_t size = 0;
  for (const Payload& p : *texts) size += p.data.size();
  std::string joined;
  joined.reserve(size);
  Payload& first = texts->front();
  for (const Payload& p : *texts) {
    joined.append(p.data.view());
    if (&p == &first) continue;
    for (const auto& [key, value] : p.desc) Overlay(&first.desc, key, value);
  }
  first.data = Bytes::Own(std::move(joined));
  texts->resize(1);
}

// "1,2": what is no number is left out.
std::vector<unsigned> ReadIds(const std::string& text) {
  std::vector<unsigned> ids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    unsigned id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error == std::errc()) ids.push_back(id);
    at = std::find(next, end, ',');
    if (at < end) ++at;
  }
  return ids;
}

// Engines see keys, parameters and attributes as C strings, which a NUL would cut short.
Status CheckText(std::string_view what, const std::string& name, std::string_view text) {
  const size_t at = text.find('\0');
  if (at == std::string_view::npos) return Status::Ok();
  return Status::Error(
      StatusKind::kInvalid,
      StrCat("input invalid data: ", what, name, ": expected text without NUL bytes, got one at ",
             at, "; only the data of a payload may have them"),
      kCodeInvalidInput);
}

Status CheckTexts(std::string_view what, const Pairs& pairs) {
  for (const auto& [key, value] : pairs) {
    Status status = CheckText(what, key, key);
    if (status.ok()) status = CheckText(what, key, value);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// Whether the client expects this output; then it gets the attributes the client asked for.
Status ApplyExpect(const std::vector<Expected>& expect, Payload* p) {
  if (expect.empty()) return Status::Ok();
  const auto found = std::find_if(expect.begin(), expect.end(),
                                  [&](const Expected& e) { return e.name == p->key; });
  if (found == expect.end()) {
    return Status::Error(StatusKind::kInternal,
                         StrCat("wrapper output data invalid(key or type): the engine returned \"",
                                p->key, "\", which the request does not expect"),
                         kCodeInvalidOutput);
  }
  if (found->type && *found->type != p->type) {
    return Status::Error(
        StatusKind::kInternal,
        StrCat("wrapper output data invalid(key or type): \"", p->key, "\" is ", TypeName(p->type),
               ", the request expects ", TypeName(*found->type)),
        kCodeInvalidOutput);
  }
  for (const auto& [key, value] : found->attributes) Overlay(&p->desc, key, value);
  return Status::Ok();
}

// Of few pairs, without a copy of anything.
bool HasTwice(const Pairs& pairs) {
  for (size_t i = 1; i < pairs.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (pairs[j].first == pairs[i].first) return true;
    }
  }
  return false;
}

}  // namespace

DataStatus StreamStatus(const Payload& payload, DataStatus without) {
  const std::string* text = Find(payload.desc, "status");
  if (text == nullptr || text->size() != 1 || *text < "0" || *text > "3") return without;
  return static_cast<DataStatus>(text->front() - '0');
}

void KeepLast(Pairs* pairs, Kept kept_at) {
  if (pairs->size() <= kFew && !HasTwice(*pairs)) return;
  std::unordered_map<std::string_view, size_t, KeyedHash> counts;  // Which one of each key.
  counts.reserve(pairs->size());
  std::vector<bool> gone(pairs->size());
  for (size_t i = 0; i < pairs->size(); ++i) {
    const auto [found, is_new] = counts.try_emplace((*pairs)[i].first, i);
    if (is_new) continue;
    if (kept_at == Kept::kFirst) {
      (*pairs)[found->second].second.swap((*pairs)[i].second);
      gone[i] = true;
    } else {
      gone[std::exchange(found->second, i)] = true;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < pairs->size(); ++i) {
    if (gone[i]) continue;
    if (kept != i) (*pairs)[kept] = std::move((*pairs)[i]);
    ++kept;
  }
  pairs->resize(kept);
}

OutputsByKey ByKey(std::vector<Payload> outputs) {
  OutputsByKey groups;
  if (outputs.size() == 1) {
    if (!IsUtf8(outputs.front().key)) outputs.front().key = VisibleUtf8(outputs.front().key);
    groups.push_back(std::move(outputs));
    return groups;
  }
  groups.reserve(outputs.size());
  std::unordered_map<std::string, size_t, KeyedHash> places;
  for (Payload& p : outputs) {
    if (!IsUtf8(p.key)) p.key = VisibleUtf8(p.key);
    const auto [found, is_new] = places.try_emplace(p.key, groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(std::move(p));
  }
  for (std::vector<Payload>& group : groups) {
    const bool texts = std::all_of(group.begin(), group.end(),
                                   [](const Payload& p) { return p.type == DataType::kText; });
    if (texts && group.size() > 1) JoinTexts(&group);
  }
  return groups;
}

Status StreamOutput::Check(std::vector<Payload>* outputs) {
  for (Payload& p : *outputs) {
    KeepLast(&p.desc);
    const Status status = ApplyExpect(expect_, &p);
    if (!status.ok()) return status;
    Overlay(&p.desc, "seq", std::to_string(++seq_[p.key]));
    Overlay(&p.desc, "status", std::to_string(static_cast<int>(p.status)));
  }
  return Status::Ok();
}

// Who calls, and of which trace it is a part.
static void TellOrigin(const Origin* origin, Pairs* params) {
  if (origin == nullptr) return;
  if (!origin->caller.empty()) params->emplace_back(kCallerParam, origin->caller);
  if (!origin->trace.valid()) return;
  Overlay(params, kTraceParam, TraceParentOf(origin));
  if (!origin->trace.state.empty()) Overlay(params, kTraceStateParam, origin->trace.state);
}

void PassHeaders(const ServiceSettings& settings, OnceCall* call) {
  std::erase_if(call->request.params,
                [](const auto& p) { return p.first == kCallerParam || p.first == kAcceptParam; });
  TellOrigin(call->request.origin.get(), &call->request.params);
  const auto pass = [call](const std::string& name) {
    Pairs& params = call->request.params;
    if (Find(params, name) != nullptr) return;
    const std::string* value = Find(call->headers, name);
    params.emplace_back(name, value == nullptr ? "" : *value);
  };
  for (const std::string& name : settings.header_pass) pass(name);
  pass("sid");
  if (const std::string* ids = Find(call->request.params, "psr_ids")) {
    call->request.psr_ids = ReadIds(*ids);
  }
}

Status CheckInput(const OnceCall& call) {
  if (call.request.payloads.empty()) {
    return Status::Error(StatusKind::kInvalid,
                         "input invalid data: expected at least one payload, got none",
                         kCodeInvalidInput);
  }
  return CheckSource(call);
}

Status CheckPayload(const Payload& payload) {
  Status status = CheckText("the key of payload ", payload.key, payload.key);
  if (status.ok()) status = CheckTexts("attribute ", payload.desc);
  if (!status.ok()) return status;
  const std::string* source = Find(payload.desc, "dataSrc");
  if (source == nullptr || source->empty() || *source == "client") return status;
  return Status::Error(StatusKind::kInvalid,
                       StrCat("input invalid data: payload ", payload.key, ": dataSrc \"", *source,
                              "\": only data sent with the request (\"client\") is taken"),
                       kCodeInvalidInput);
}

Status CheckSource(const OnceCall& call) {
  Status status = CheckTexts("parameter ", call.request.params);
  if (const std::string* ids = Find(call.request.params, "psr_ids")) {
    const auto commas = static_cast<size_t>(std::count(ids->begin(), ids->end(), ','));
    if (commas >= kMostPsrIds) {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("input invalid data: psr_ids: expected at most ", kMostPsrIds,
                                  " numbers, got ", commas + 1),
                           kCodeInvalidInput);
    }
  }
  for (const Payload& p : call.request.payloads) {
    if (!status.ok()) return status;
    status = CheckPayload(p);
  }
  return status;
}

Status CheckRoom(Account* output) {
  if (!output->Full()) return Status::Ok();
  return Status::Error(StatusKind::kOverloaded,
                       StrCat(output->Text(), ": clients do not take their answers"));
}

std::string TooManyParts(size_t most, std::string_view parts) {
  return StrCat("input invalid data: expected at most ", most, ' ', parts,
                " in one message, got more");
}

Status CheckOutput(const std::vector<Expected>& expect, std::vector<Payload>* outputs) {
  if (outputs->empty()) {
    return Status::Error(StatusKind::kInternal,
                         "wrapper output data is nil: the engine returned no data",
                         kCodeInvalidOutput);
  }
  for (Payload& p : *outputs) {
    KeepLast(&p.desc);
    const Status status = ApplyExpect(expect, &p);
    if (!status.ok()) return status;
    p.status = DataStatus::kOnce;  // A once reply is whole, whatever the engine wrote.
    Overlay(&p.desc, "seq", "0");
    Overlay(&p.desc, "status", "3");
  }
  return Status::Ok();
}

std::string ServerTiming(const StageTimes& times) {
  std::string out;
  out.reserve(96);
  AppendMs(&out, "queue", times.queue);
  AppendMs(&out, "channel", times.channel);
  AppendMs(&out, "engine", times.engine);
  AppendMs(&out, "total", times.queue + times.channel + times.engine);
  return out;
}

}  // namespace aiges
