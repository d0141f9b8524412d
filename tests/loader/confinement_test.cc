// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/confinement.h"

#include <gtest/gtest.h>

namespace aiges {
namespace {

TEST(Confinement, IsReadAsItWasWritten) {
  Confinement c;
  c.numa_node = 1;
  c.cpus = "0-3,8";
  c.cgroup = "/sys/fs/cgroup/a b";
  c.no_new_privs = c.no_core = c.strict = true;
  c.network = false;
  c.open_files = 1000;
  c.file_bytes = uint64_t{1} << 40;
  c.processes = 7;
  c.uid = 65529;
  c.gid = 65530;
  c.groups = {"1", "2"};
  c.read = {"/with blank", "/r"};
  c.write = {"/w"};
  c.hidden = {"/h"};
  const auto read = ReadConfinement(c.Text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->Text(), c.Text());
  EXPECT_EQ(read->read, c.read);
  EXPECT_EQ(read->file_bytes, c.file_bytes);
  EXPECT_FALSE(read->network);
}

TEST(Confinement, OfNothingGivesUpNothing) {
  const auto read = ReadConfinement("");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->uid, -1);
  EXPECT_TRUE(read->network);
  EXPECT_FALSE(read->strict);
}

TEST(Confinement, WhatItDoesNotKnowIsNoConfinement) {
  for (const char* text : {"strict", "strict 1", "unknown 1\n", "uid x\n", "\n", " 1\n"}) {
    EXPECT_FALSE(ReadConfinement(text)) << text;
  }
}

TEST(CpuList, IsReadAsTheKernelWritesIt) {
  EXPECT_EQ(ReadCpuList("0-3,8"), (std::vector<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(ReadCpuList("5,1,5"), (std::vector<int>{1, 5}));
  for (const char* text : {"", "a", "3-1", "1-", "-1", "1,,2", "0-4096", "1 "}) {
    EXPECT_TRUE(ReadCpuList(text).empty()) << text;
  }
}

}  // namespace
}  // namespace aiges
