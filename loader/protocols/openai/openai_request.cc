// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/openai/openai_request.h"

#include <charconv>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/front/json_string.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/json_body.h"
#include "loader/protocols/multipart.h"

namespace aiges {
namespace {

constexpr const char* kForm = "multipart/form-data";
constexpr const char* kFile = "file";

Status ReadText(simdjson::dom::object body, const char* key, std::string* out) {
  simdjson::dom::element value;
  if (body[key].get(value) != simdjson::SUCCESS || value.is_null()) return Status::Ok();
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return Conversion(key, StrCat("expected a string, got ", KindOf(value)));
  }
  *out = text;
  return Status::Ok();
}

Status ReadFlag(simdjson::dom::object body, const char* key, bool* out) {
  simdjson::dom::element value;
  if (body[key].get(value) != simdjson::SUCCESS || value.is_null()) return Status::Ok();
  if (value.get(*out) == simdjson::SUCCESS) return Status::Ok();
  return Conversion(key, StrCat("expected a boolean, got ", KindOf(value)));
}

Payload BodyPayload(Bytes data) {
  Payload p;
  p.key = kOpenAiKey;
  p.data = std::move(data);
  p.desc = {{"status", "3"}, {"format", "json"}};
  return p;
}

Status ReadJson(HttpRequest* request, OpenAiCall* out) {
  const Status status = ReadJsonObject(request->body, [out](simdjson::dom::object body) {
    Status read = CheckJsonKeys("the body", body);
    if (read.ok()) read = ReadText(body, "model", &out->model);
    return read.ok() ? ReadFlag(body, "stream", &out->stream) : read;
  });
  if (!status.ok()) return status;
  out->call.request.payloads.push_back(BodyPayload(std::move(request->body)));
  return Status::Ok();
}

// The members of the JSON that a form becomes, in order; each is JSON already.
class FormFields {
 public:
  Status Add(const std::string& name, std::string_view value) {
    if (name.ends_with("[]")) {  // As clients send lists: once for each item.
      Member& list = At(name.substr(0, name.size() - 2));
      if (!list.is_list && !list.json.empty()) return Twice(name);
      list.is_list = true;
      if (!list.json.empty()) list.json += ',';
      AppendJsonString(&list.json, value);
      return Status::Ok();
    }
    Member& field = At(name);
    if (field.is_list || !field.json.empty()) return Twice(name);
    return Convert(name, value, &field.json);
  }

  std::string Json() const {
    std::string out = "{";
    for (const Member& m : members_) {
      if (out.size() > 1) out += ',';
      AppendJsonString(&out, m.name);
      StrAppend(&out, ':', m.is_list ? "[" : "", m.json, m.is_list ? "]" : "");
    }
    return out + "}";
  }

 private:
  struct Member {
    std::string name, json;
    bool is_list = false;
  };

  Member& At(const std::string& name) {
    const auto [found, is_new] = places_.try_emplace(name, members_.size());
    if (is_new) members_.push_back({name, "", false});
    return members_[found->second];
  }

  static Status Twice(const std::string& name) {
    return Conversion(name, "expected the field once, got it again");
  }

  // A form knows text alone; these two are no text.
  static Status Convert(const std::string& name, std::string_view value, std::string* json) {
    if (name == "stream") {
      const std::string word = Lowered(value);
      if (word != "true" && word != "false") {
        return Conversion(name, StrCat("expected true or false, got ", BeginOf(value)));
      }
      *json = word;
    } else if (name == "temperature") {
      double number = 0;
      const char* const end = value.data() + value.size();
      const auto [at, error] = std::from_chars(value.data(), end, number);
      if (error != std::errc() || at != end || !std::isfinite(number)) {
        return Conversion(name, StrCat("expected a number, got ", BeginOf(value)));
      }
      char text[32];
      *json = std::string(text, std::to_chars(text, text + sizeof text, number).ptr);
    } else {
      AppendJsonString(json, value);
    }
    return Status::Ok();
  }

  std::vector<Member> members_;
  std::map<std::string, size_t> places_;
};

Payload FilePayload(FormPart part) {
  Payload p;
  p.key = kFile;
  p.type = TypeOfContent(part.content_type);
  if (p.type == DataType::kText || p.type == DataType::kOther) p.type = DataType::kAudio;
  p.data = std::move(part.data);
  p.desc.emplace_back("status", "3");
  if (part.filename) p.desc.emplace_back("filename", *std::move(part.filename));
  if (!part.content_type.empty()) p.desc.emplace_back("content-type", part.content_type);
  return p;
}

Status ReadForm(HttpRequest* request, OpenAiCall* out) {
  std::vector<FormPart> parts;
  Status status = ParseForm(request->content_type, request->body, &parts);
  if (!status.ok()) return status;
  std::vector<Payload> files;
  FormFields fields;
  for (FormPart& part : parts) {
    if (part.name == kFile) {
      files.push_back(FilePayload(std::move(part)));
      continue;
    }
    status = fields.Add(part.name, part.data.view());
    if (!status.ok()) return status;
    if (part.name == "model") out->model = part.data.view();
    if (part.name == "stream") out->stream = Lowered(part.data.view()) == "true";
  }
  if (files.size() != 1) {
    return Conversion(kFile, StrCat("expected one file, got ", files.size()));
  }
  std::vector<Payload>& payloads = out->call.request.payloads;
  payloads.push_back(BodyPayload(Bytes::Own(fields.Json())));
  payloads.push_back(std::move(files.front()));
  return Status::Ok();
}

}  // namespace

bool TakesOpenAiContent(const OpenAiTask& task, const std::string& content_type) {
  const std::string media = MediaType(content_type);
  if (task.form) return media == kForm;
  return media.empty() || media.find("json") != std::string::npos || media == "text/plain" ||
         media == "application/x-www-form-urlencoded";
}

OpenAiCall ReadOpenAi(HttpRequest* request, const OpenAiTask& task) {
  OpenAiCall out;
  out.status = task.form ? ReadForm(request, &out) : ReadJson(request, &out);
  out.stream = out.stream && task.streams;
  out.call.headers = request->headers;
  out.call.request.params.emplace_back(kTaskParam, task.name);
  return out;
}

}  // namespace aiges
