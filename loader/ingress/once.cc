#include "loader/ingress/once.h"

#include <algorithm>
#include <charconv>

#include "loader/api/codes.h"

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
  char text[48];
  const double ms = static_cast<double>(std::max<int64_t>(d.count(), 0)) * 1e-6;
  const auto end = std::to_chars(text, text + sizeof text, ms, std::chars_format::fixed, 3);
  if (!out->empty()) *out += ", ";
  *out += name;
  *out += ";dur=";
  out->append(text, end.ptr);
}

const char* TypeName(DataType type) {
  static constexpr const char* kNames[] = {"text", "audio", "image", "video", "other"};
  return static_cast<size_t>(type) < 5 ? kNames[static_cast<size_t>(type)] : "unknown";
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

// Whether the client expects this output; then it gets the attributes the client asked for.
Status ApplyExpect(const std::vector<Expected>& expect, Payload* p) {
  if (expect.empty()) return Status::Ok();
  const auto found = std::find_if(expect.begin(), expect.end(),
                                  [&](const Expected& e) { return e.name == p->key; });
  if (found == expect.end()) {
    return Status::Error(
        StatusKind::kInternal,
        StrCat("wrapper output data invalid(key or type): the engine returned \"", p->key,
               "\", which the request does not expect"),
        kCodeInvalidOutput);
  }
  if (found->type && *found->type != p->type) {
    return Status::Error(
        StatusKind::kInternal,
        StrCat("wrapper output data invalid(key or type): \"", p->key, "\" is ",
               TypeName(p->type), ", the request expects ", TypeName(*found->type)),
        kCodeInvalidOutput);
  }
  for (const auto& [key, value] : found->attributes) Overlay(&p->desc, key, value);
  return Status::Ok();
}

}  // namespace

DataStatus StreamStatus(const Payload& payload, DataStatus without) {
  const std::string* text = Find(payload.desc, "status");
  if (text == nullptr || text->size() != 1 || *text < "0" || *text > "3") return without;
  return static_cast<DataStatus>(text->front() - '0');
}

Status StreamOutput::Check(std::vector<Payload>* outputs) {
  for (Payload& p : *outputs) {
    const Status status = ApplyExpect(expect_, &p);
    if (!status.ok()) return status;
    Overlay(&p.desc, "seq", std::to_string(++seq_[p.key]));
    Overlay(&p.desc, "status", std::to_string(static_cast<int>(p.status)));
  }
  return Status::Ok();
}

void PassHeaders(const ServiceSettings& settings, OnceCall* call) {
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

Status CheckSource(const OnceCall& call) {
  for (const Payload& p : call.request.payloads) {
    const std::string* source = Find(p.desc, "dataSrc");
    if (source == nullptr || source->empty() || *source == "client") continue;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("input invalid data: payload ", p.key, ": dataSrc \"", *source,
                                "\": only data sent with the request (\"client\") is taken"),
                         kCodeInvalidInput);
  }
  return Status::Ok();
}

Status CheckOutput(const std::vector<Expected>& expect, std::vector<Payload>* outputs) {
  if (outputs->empty()) {
    return Status::Error(StatusKind::kInternal,
                         "wrapper output data is nil: the engine returned no data",
                         kCodeInvalidOutput);
  }
  for (Payload& p : *outputs) {
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
