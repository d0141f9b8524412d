// SPDX-License-Identifier: Apache-2.0
#include "xtest/json_request.h"

#include <openssl/evp.h>

#include <algorithm>

#include "loader/base/strings.h"

namespace aiges {
namespace {

std::string UrlText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back("0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4]);
      out.push_back("0123456789ABCDEF"[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

void AppendMember(std::string* out, std::string_view key, std::string_view value) {
  AppendJsonText(out, key);
  out->push_back(':');
  AppendJsonText(out, value);
}

void AppendMembers(std::string* out, const Pairs& pairs) {
  for (const auto& [key, value] : pairs) {
    if (out->back() != '{') out->push_back(',');
    AppendMember(out, key, value);
  }
}

// {"header":{..},"parameter":{..},"payload":{
std::string Envelope(const Plan& plan, int status, bool opens) {
  std::string out = "{\"header\":{";
  if (opens) AppendMembers(&out, plan.headers);
  if (!opens || Find(plan.headers, "status") == nullptr) {
    if (out.back() != '{') out.push_back(',');
    out += StrCat("\"status\":", status);
  }
  out += "},";
  if (opens) {
    out += "\"parameter\":{";
    AppendJsonText(&out, plan.service_id);
    out += ":{";
    AppendMembers(&out, plan.params);
    for (const Expected& e : plan.expect) {
      if (out.back() != '{') out.push_back(',');
      AppendJsonText(&out, e.name);
      out += ":{";
      AppendMembers(&out, e.describe);
      if (out.back() != '{') out.push_back(',');
      AppendMember(&out, "data_type", TypeWord(e.type));
      out.push_back('}');
    }
    out += "}},";
  }
  return out + "\"payload\":{";
}

std::string RawTarget(const Plan& plan) {
  std::string out = StrCat("/v1/raw/", UrlText(plan.service_id), "?timeout_ms=", plan.timeout_ms);
  if (!plan.inputs.empty()) {
    const InputStream& stream = plan.inputs.front();
    out += StrCat("&key=", UrlText(stream.name), "&type=", TypeWord(stream.type));
    for (const auto& [key, value] : stream.describe) {
      out += StrCat("&desc.", UrlText(key), '=', UrlText(value));
    }
  }
  for (const auto& [key, value] : plan.params) {
    out += StrCat("&p.", UrlText(key), '=', UrlText(value));
  }
  return out;
}

// Of any request: its line and head, as the command line says them.
std::string FreeHead(const Plan& plan) {
  std::string head = StrCat(plan.free.method, " ", plan.free.path, " HTTP/1.1\r\n");
  for (const auto& [name, value] : plan.free.fields) StrAppend(&head, name, ": ", value, "\r\n");
  if (!plan.api_key.empty()) StrAppend(&head, "X-Api-Key: ", plan.api_key, "\r\n");
  return head;
}

}  // namespace

const char* TypeWord(DataType type) {
  static constexpr const char* kWords[] = {"text", "audio", "image", "video", "other"};
  return kWords[std::min<size_t>(static_cast<size_t>(type), 4)];
}

void AppendJsonText(std::string* out, std::string_view text) {
  out->push_back('"');
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (u < 0x20) {
      out->append("\\u00");
      out->push_back("0123456789abcdef"[u >> 4]);
      out->push_back("0123456789abcdef"[u & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendBase64(std::string* out, std::string_view data) {
  const size_t at = out->size();
  out->resize(at + (data.size() + 2) / 3 * 4 + 1);  // OpenSSL ends it with a zero.
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out->data() + at),
                                reinterpret_cast<const unsigned char*>(data.data()),
                                static_cast<int>(data.size()));
  out->resize(at + static_cast<size_t>(n));
}

bool DecodeBase64(std::string_view text, std::string* out) {
  out->resize(text.size() / 4 * 3);
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out->data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) return false;
  // It takes the padding for zeros.
  const size_t padding = text.size() - (text.find_last_not_of('=') + 1);
  out->resize(static_cast<size_t>(n) - std::min<size_t>(padding, static_cast<size_t>(n)));
  return true;
}

JsonRequests::JsonRequests(const Plan& plan)
    : plan_(plan),
      first_(Envelope(plan, 0, true)),
      next_(Envelope(plan, 1, false)),
      last_(Envelope(plan, 2, false)),
      once_(Envelope(plan, 3, true)) {
  for (const InputStream& stream : plan.inputs) entries_.emplace_back(stream.data.size());
  if (IsFree(plan.protocol)) {
    line_ = FreeHead(plan);
    return;
  }
  const bool raw = plan.protocol == Protocol::kRaw;
  line_ = StrCat(
      "POST ",
      raw ? RawTarget(plan)
          : StrCat("/v1/private/", UrlText(plan.service_id), "?timeout_ms=", plan.timeout_ms),
      " HTTP/1.1\r\nContent-Type: ", raw ? "application/octet-stream" : "application/json", "\r\n");
  if (!plan.api_key.empty()) line_ += StrCat("X-Api-Key: ", plan.api_key, "\r\n");
  if (plan.protocol == Protocol::kEvents) line_ += "Accept: text/event-stream\r\n";
  if (!raw) return;
  for (const auto& [key, value] : plan.headers) {
    // What would end the line, or be said twice, is left out.
    if ((key + value).find_first_of("\r\n") != std::string::npos || key == "status") continue;
    line_ += StrCat(key, ": ", value, "\r\n");
  }
}

std::string JsonRequests::Entry(size_t stream, std::string_view data, int status,
                                uint64_t seq) const {
  const InputStream& input = plan_.inputs[stream];
  std::string out;
  out.reserve(data.size() * 4 / 3 + 128);
  AppendJsonText(&out, input.name);
  out += ":{";
  AppendMembers(&out, input.describe);
  if (out.back() != '{') out.push_back(',');
  out += StrCat("\"status\":", status, ",\"seq\":", seq, ",\"", TypeWord(input.type), "\":\"");
  AppendBase64(&out, data);
  return out + "\"}";
}

const std::string& JsonRequests::OnceEntry(size_t stream, size_t file) {
  std::string& entry = entries_[stream][file];
  if (entry.empty()) {
    entry = StrCat(stream > 0 ? "," : "", Entry(stream, *plan_.inputs[stream].data[file], 3, 0));
  }
  return entry;
}

void JsonRequests::Body(const Call& call, std::vector<std::string_view>* pieces) {
  if (IsFree(plan_.protocol)) {
    if (!plan_.free.body->empty()) pieces->push_back(*plan_.free.body);
    return;
  }
  if (plan_.protocol == Protocol::kRaw) {
    if (plan_.inputs.empty()) return;
    const auto& data = plan_.inputs.front().data;
    pieces->push_back(*data[call.index % data.size()]);
    return;
  }
  pieces->push_back(once_);
  for (size_t s = 0; s < entries_.size(); ++s) {
    pieces->push_back(OnceEntry(s, call.index % entries_[s].size()));
  }
  pieces->push_back("}}");
}

void JsonRequests::Http(const Call& call, const std::string& host, std::string* head,
                        std::vector<std::string_view>* pieces) {
  pieces->assign(1, {});
  Body(call, pieces);
  size_t length = 0;
  for (const std::string_view piece : *pieces) length += piece.size();
  *head = line_;
  head->append("Host: ").append(host).append("\r\nContent-Length: ");
  head->append(std::to_string(length)).append("\r\n\r\n");
  pieces->front() = *head;
}

std::string JsonRequests::Frame(const Packet& packet) {
  const bool end = std::all_of(packet.parts.begin(), packet.parts.end(),
                               [](const Packet::Part& p) { return p.status == 2; });
  std::string out = packet.sync_id == 1 ? first_ : end ? last_ : next_;
  for (const Packet::Part& p : packet.parts) {
    if (&p != packet.parts.data()) out.push_back(',');
    out += Entry(p.stream, p.data, p.status, p.seq);
  }
  return out + "}}";
}

std::string JsonRequests::OnceFrame(const Call& call) {
  std::string out = once_;
  for (size_t s = 0; s < entries_.size(); ++s) out += OnceEntry(s, call.index % entries_[s].size());
  return out + "}}";
}

}  // namespace aiges
