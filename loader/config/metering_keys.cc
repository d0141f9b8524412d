// SPDX-License-Identifier: Apache-2.0
#include "loader/config/metering_keys.h"

namespace aiges {

void ReadMetering(KeyReader* keys, MeteringSettings* out) {
  constexpr int64_t kMostMb = 1 << 20;
  keys->Text("metering", "folder", &out->folder);
  keys->Text("metering", "sink", &out->sink);
  keys->Word("metering", "on_full", {"refuse", "drop"}, &out->on_full);
  keys->Int("metering", "max_mb", 1, kMostMb, &out->max_mb);
  keys->Int("metering", "file_mb", 1, kMostMb, &out->file_mb);
  keys->Text("metering", "token", &out->token);
  const std::string& sink = out->sink;
  if (sink != "file" && sink != "stdout" && !sink.starts_with("http://") &&
      !sink.starts_with("https://")) {
    keys->file().AddError(
        "metering", "sink",
        StrCat("expected \"file\", \"stdout\" or a URL as \"https://usage.example/events\", got \"",
               sink, "\""));
  }
}

void ReadEntitlementKeys(KeyReader* keys, EntitlementSettings* out) {
  keys->Text("entitlement", "file", &out->file);
  keys->Text("entitlement", "public_key", &out->public_key);
  keys->Text("entitlement", "state", &out->state);
  if (out->file.empty() == out->public_key.empty()) return;
  keys->file().AddError("entitlement", out->file.empty() ? "file" : "public_key",
                        StrCat("expected a file beside [entitlement] ",
                               out->file.empty() ? "public_key" : "file", ", got none"));
}

}  // namespace aiges
