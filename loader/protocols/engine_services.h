// SPDX-License-Identifier: Apache-2.0
// loader/protocols/engine_services.h: the services of gRPC that the engine answers itself, as
// health and reflection tell of them.
//
// The files that describe them are the engine's word, outside input: they are looked through and
// passed on as they came, never linked. Immutable; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aiges {

class EngineServices {
 public:
  EngineServices() = default;
  // `descriptors`: a serialised google.protobuf.FileDescriptorSet, or nothing.
  EngineServices(std::vector<std::string> names, const std::string& descriptors);

  const std::vector<std::string>& names() const { return names_; }
  bool Has(std::string_view name) const;
  // A file and what it imports, as far as it is there, the one that is asked for last:
  // serialised FileDescriptorProtos. Empty: it is not known.
  std::vector<std::string> FileByName(const std::string& name) const;
  std::vector<std::string> FileOfSymbol(const std::string& symbol) const;
  // What could not be used; empty: all could.
  const std::string& problem() const { return problem_; }

 private:
  struct File {
    std::string bytes;
    std::vector<std::string> imports;
  };

  std::vector<std::string> names_;
  std::map<std::string, File> files_;
  std::map<std::string, std::string> symbols_;  // Of which file.
  std::string problem_;
};

}  // namespace aiges
