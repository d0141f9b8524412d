// SPDX-License-Identifier: Apache-2.0
// loader/config/access_keys.h: [access].
#pragma once

#include <string>
#include <vector>

#include "loader/config/key_reader.h"

namespace aiges {

// What the files say that it names is read where it is used (loader/access).
void ReadAccess(KeyReader* keys, AccessSettings* out);

// The files with secrets that [access] hmac_file names; none where it cannot be read.
std::vector<std::string> FilesOfSecrets(const AccessSettings& access);

}  // namespace aiges
