// SPDX-License-Identifier: Apache-2.0
#include "xtest/json_answer.h"

#include <simdjson.h>

#include "xtest/json_request.h"

namespace aiges {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

void ReadPayload(std::string_view key, object fields, bool coded, ResultItem* item) {
  item->name = key;
  for (const auto [name, value] : fields) {
    for (int t = 0; t <= static_cast<int>(DataType::kOther); ++t) {
      const auto type = static_cast<DataType>(t);
      if (name != TypeWord(type)) continue;
      item->type = type;
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) {
        item->data = simdjson::minify(value);  // JSON as JSON.
      } else if ((type == DataType::kText && !coded) || !DecodeBase64(text, &item->data)) {
        item->data = text;
      }
    }
  }
}

}  // namespace

bool ReadEnvelope(std::string_view body, bool coded, JsonAnswer* out,
                  std::vector<ResultItem>* results) {
  thread_local simdjson::dom::parser parser;
  element root;
  object header;
  int64_t code = 0, status = 0;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      root["header"].get(header) != simdjson::SUCCESS ||
      header["code"].get(code) != simdjson::SUCCESS) {
    return false;
  }
  out->code = static_cast<int>(code);
  if (header["status"].get(status) == simdjson::SUCCESS) out->status = static_cast<int>(status);
  std::string_view text;
  if (code != 0 && header["message"].get(text) == simdjson::SUCCESS) out->text = text;
  if (header["sid"].get(text) == simdjson::SUCCESS) out->sid = text;
  object payload;
  if (root["payload"].get(payload) != simdjson::SUCCESS) return true;
  for (const auto [key, value] : payload) {
    object fields;
    if (value.get(fields) != simdjson::SUCCESS) continue;
    ++out->items;
    if (results != nullptr) ReadPayload(key, fields, coded, &results->emplace_back());
  }
  return true;
}

}  // namespace aiges
