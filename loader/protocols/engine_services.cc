// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/engine_services.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <set>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

constexpr size_t kMostBytes = 8 << 20;  // Of all full names.

// The full names that files give; protobuf bounds how deep messages lie in messages.
class Symbols {
 public:
  explicit Symbols(std::map<std::string, std::string>* out) : out_(*out) {}

  void AddFile(const FileDescriptorProto& file) {
    file_ = file.name();
    const std::string& package = file.package();
    for (const DescriptorProto& each : file.message_type()) AddMessage(package, each);
    for (const EnumDescriptorProto& each : file.enum_type()) Add(package, each.name());
    for (const auto& each : file.extension()) Add(package, each.name());
    for (const auto& service : file.service()) {
      const std::string name = Add(package, service.name());
      for (const auto& method : service.method()) Add(name, method.name());
    }
  }
  bool too_many() const { return bytes_ > kMostBytes; }

 private:
  std::string Add(const std::string& scope, const std::string& name) {
    if (too_many()) return {};
    std::string full = scope.empty() ? name : StrCat(scope, ".", name);
    bytes_ += full.size() + file_.size() + 1;
    if (!too_many()) out_.emplace(full, file_);
    return full;
  }
  void AddMessage(const std::string& scope, const DescriptorProto& message) {
    const std::string name = Add(scope, message.name());
    for (const DescriptorProto& each : message.nested_type()) AddMessage(name, each);
    for (const EnumDescriptorProto& each : message.enum_type()) Add(name, each.name());
    for (const auto& each : message.field()) Add(name, each.name());
  }

  std::map<std::string, std::string>& out_;  // Name to file.
  std::string file_;
  size_t bytes_ = 0;
};

}  // namespace

EngineServices::EngineServices(std::vector<std::string> names, const std::string& descriptors)
    : names_(std::move(names)) {
  FileDescriptorSet set;
  if (!set.ParseFromString(descriptors)) {
    problem_ = "expected a serialised FileDescriptorSet as descriptors";
    return;
  }
  Symbols symbols(&symbols_);
  for (const FileDescriptorProto& file : set.file()) {
    File kept{file.SerializeAsString(), {file.dependency().begin(), file.dependency().end()}};
    if (!files_.emplace(file.name(), std::move(kept)).second) continue;
    symbols.AddFile(file);
  }
  if (symbols.too_many()) {
    problem_ = StrCat("expected at most ", kMostBytes, " bytes of names in descriptors, got more");
  }
}

bool EngineServices::Has(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::vector<std::string> EngineServices::FileByName(const std::string& name) const {
  // Without recursion: files may import each other in any depth, or in a ring.
  std::vector<const std::string*> open{&name};
  std::vector<std::string> found;
  std::set<std::string> seen{name};
  while (!open.empty()) {
    const auto file = files_.find(*open.back());
    open.pop_back();
    if (file == files_.end()) continue;
    found.push_back(file->second.bytes);
    for (const std::string& each : file->second.imports) {
      if (seen.insert(each).second) open.push_back(&each);
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<std::string> EngineServices::FileOfSymbol(const std::string& symbol) const {
  const auto found = symbols_.find(symbol);
  return found == symbols_.end() ? std::vector<std::string>() : FileByName(found->second);
}

}  // namespace aiges
