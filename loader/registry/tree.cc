// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/tree.h"

#include <openssl/evp.h>

#include <algorithm>

namespace aiges {

std::string TreePath(const RegistrySettings& settings, const std::string& service) {
  return StrCat(settings.project, "/", settings.group, "/", service, "/", settings.version);
}

void Seal(ConfigTree* tree) {
  tree->revision.clear();
  if (tree->files.empty()) return;
  std::sort(tree->files.begin(), tree->files.end());
  std::string text;
  for (const auto& [path, content] : tree->files) {
    text += StrCat(path.size(), ":", path, content.size(), ":", content);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  for (unsigned i = 0; i < 6; ++i) {
    tree->revision += "0123456789abcdef"[digest[i] >> 4];
    tree->revision += "0123456789abcdef"[digest[i] & 15];
  }
}

}  // namespace aiges
