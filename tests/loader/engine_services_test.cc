// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/engine_services.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aiges {
namespace {

using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

FileDescriptorProto* AddFile(FileDescriptorSet* set, const std::string& name,
                             const std::string& package) {
  FileDescriptorProto* file = set->add_file();
  file->set_name(name);
  file->set_package(package);
  return file;
}

// The first file imports the second one, which imports the first and one that is not there.
std::string Ring() {
  FileDescriptorSet set;
  FileDescriptorProto* a = AddFile(&set, "a.proto", "pkg");
  a->add_dependency("b.proto");
  auto* service = a->add_service();
  service->set_name("Service");
  service->add_method()->set_name("Call");
  FileDescriptorProto* b = AddFile(&set, "b.proto", "");
  b->add_dependency("a.proto");
  b->add_dependency("gone.proto");
  auto* message = b->add_message_type();
  message->set_name("Outer");
  message->add_nested_type()->set_name("Inner");
  return set.SerializeAsString();
}

std::string NameOf(const std::string& bytes) {
  FileDescriptorProto file;
  return file.ParseFromString(bytes) ? file.name() : "";
}

TEST(EngineServices, AFileComesWithWhatItImportsOnceEach) {
  const EngineServices services({"pkg.Service"}, Ring());
  EXPECT_EQ(services.problem(), "");
  for (const char* symbol : {"pkg.Service", "pkg.Service.Call"}) {
    const std::vector<std::string> files = services.FileOfSymbol(symbol);
    ASSERT_EQ(files.size(), 2u) << symbol;
    EXPECT_EQ(NameOf(files.back()), "a.proto");
  }
  ASSERT_EQ(services.FileOfSymbol("Outer.Inner").size(), 2u);
  EXPECT_EQ(NameOf(services.FileOfSymbol("Outer.Inner").back()), "b.proto");
  EXPECT_EQ(NameOf(services.FileByName("b.proto").back()), "b.proto");
}

TEST(EngineServices, WhatIsNotThereIsNotKnown) {
  const EngineServices services({"pkg.Service"}, Ring());
  EXPECT_TRUE(services.FileByName("gone.proto").empty());
  EXPECT_TRUE(services.FileOfSymbol("Inner").empty());
  EXPECT_TRUE(services.Has("pkg.Service"));
  EXPECT_FALSE(services.Has("Service"));
  EXPECT_TRUE(EngineServices().names().empty());
}

TEST(EngineServices, BytesThatAreNoDescriptorsAreSaid) {
  const EngineServices services({"pkg.Service"}, "\xff\xff");
  EXPECT_NE(services.problem(), "");
  EXPECT_TRUE(services.Has("pkg.Service"));
}

TEST(EngineServices, LongNamesOfManyThingsAreBounded) {
  FileDescriptorSet set;
  FileDescriptorProto* file = AddFile(&set, "long.proto", std::string(100'000, 'p'));
  for (int i = 0; i < 10'000; ++i) file->add_message_type()->set_name(std::to_string(i));
  const EngineServices services({}, set.SerializeAsString());
  EXPECT_NE(services.problem(), "");
  EXPECT_EQ(services.FileOfSymbol(std::string(100'000, 'p') + ".0").size(), 1u);
}

}  // namespace
}  // namespace aiges
