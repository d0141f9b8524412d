// SPDX-License-Identifier: Apache-2.0
// loader/models/repository.h: which models lie in the folders of [models] repository.
//
//   <folder>/<model>/<version>/...   a version is a decimal number, without zeros before it
//   <folder>/<model>/...             a model without versions: its version is "1"
//
// A folder is a model where it has a version, or one of the files that a model begins with. Of two
// folders with a model of one name the first counts. Names of models may have letters, digits, "_",
// "-" and "."; others are left out, and said. Thread-safe; reads folders.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aiges {

struct FoundModel {
  std::string name;
  std::string folder;
  struct Version {
    uint64_t number = 1;
    std::string folder;
  };
  std::vector<Version> versions;  // By number; at least one.
};

struct FoundModels {
  std::vector<FoundModel> models;     // By name.
  std::vector<std::string> problems;  // What was left out, and why.
};

FoundModels FindModels(const std::vector<std::string>& repositories);
// One of them; no versions: it is not there.
FoundModel FindModel(const std::vector<std::string>& repositories, const std::string& name);

// "caesar", "ocr.det"; no path, nothing hidden.
bool IsModelName(std::string_view name);

}  // namespace aiges
