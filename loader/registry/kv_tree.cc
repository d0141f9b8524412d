// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/kv_tree.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "loader/registry/tree.h"

namespace aiges {
namespace {

using nlohmann::json;

std::optional<std::string> DecodeBase64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  if (text.empty()) return std::string();
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

}  // namespace

std::optional<ConfigTree> ParseKvTree(std::string_view body, const std::string& prefix) {
  const json list = json::parse(body, nullptr, false);
  if (!list.is_array()) return std::nullopt;
  ConfigTree tree;
  for (const json& entry : list) {
    if (!entry.is_object()) return std::nullopt;
    const auto key = entry.find("Key");
    const auto value = entry.find("Value");
    if (key == entry.end() || !key->is_string() || value == entry.end()) return std::nullopt;
    const auto& path = key->get_ref<const std::string&>();
    if (path.rfind(prefix, 0) != 0) return std::nullopt;
    if (path.back() == '/') continue;                    // A folder, as the web console makes them.
    std::optional<std::string> content = std::string();  // null: empty.
    if (value->is_string()) content = DecodeBase64(value->get_ref<const std::string&>());
    if (!content || !(value->is_string() || value->is_null())) return std::nullopt;
    tree.files.emplace_back(path.substr(prefix.size()), std::move(*content));
  }
  Seal(&tree);
  return tree;
}

}  // namespace aiges
