// SPDX-License-Identifier: Apache-2.0
#include "loader/access/keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "loader/base/secret.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// Of "one", "two", and "three" behind the salt "s1".
constexpr const char* kOne = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
constexpr const char* kTwo = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
constexpr const char* kSalted = "99d3d0adee6a2082dc2303687736f65fe14c51c6d0593949e91cbb7a163ee764";

std::string Problem(const std::string& text) {
  std::shared_ptr<const KeyTable> table;
  return KeyTable::Parse(text, &table).text;
}

TEST(KeyTable, FindsWhoHasAKeyAndWhatItMay) {
  std::shared_ptr<const KeyTable> table;
  const std::string text = StrCat("# who\n\nalice sha256:", kOne, " call\r\n  bob\tsha256:", kTwo,
                                  "  call:svc,call:other,admin  # both\n");
  ASSERT_EQ(KeyTable::Parse(text, &table).text, "");
  ASSERT_EQ(table->size(), 2u);
  const Grant* alice = table->Find("one");
  ASSERT_NE(alice, nullptr);
  EXPECT_EQ(alice->id, "alice");
  EXPECT_TRUE(alice->MayCall("any"));
  EXPECT_FALSE(alice->admin);
  const Grant* bob = table->Find("two");
  ASSERT_NE(bob, nullptr);
  EXPECT_TRUE(bob->MayCall("svc") && bob->MayCall("other") && bob->admin);
  EXPECT_FALSE(bob->MayCall("any"));
  for (const char* wrong : {"", "One", "one ", "on", kOne}) EXPECT_EQ(table->Find(wrong), nullptr);
}

TEST(KeyTable, AHashMayHaveASalt) {
  std::shared_ptr<const KeyTable> table;
  ASSERT_TRUE(KeyTable::Parse(StrCat("carol sha256:s1:", kSalted, " call"), &table).ok());
  ASSERT_NE(table->Find("three"), nullptr);
  EXPECT_EQ(table->Find("three")->id, "carol");
  EXPECT_EQ(table->Find("s1three"), nullptr);
}

TEST(KeyTable, AnEmptyFileIsNobody) {
  std::shared_ptr<const KeyTable> table;
  ASSERT_TRUE(KeyTable::Parse("# none\n", &table).ok());
  EXPECT_EQ(table->Find("one"), nullptr);
}

TEST(KeyTable, WhatIsWrongIsSaidWithItsLineAndWithoutTheHash) {
  const std::string hash = StrCat("sha256:", kOne);
  EXPECT_EQ(Problem(StrCat("\na ", hash)),
            "line 2: expected an id, the hash of a key and what it may, got 2 words");
  EXPECT_EQ(Problem(StrCat("a/b ", hash, " call")),
            "line 1: expected an id of letters, digits and ._@+-, got \"a/b\"");
  EXPECT_EQ(Problem(StrCat("a ", hash, " all")),
            "line 1: expected call, call:<service> or admin, with commas, got \"all\"");
  EXPECT_EQ(Problem(StrCat("a ", hash, " call\nb ", hash, " call")),
            "line 2: expected each key once, got that of a again");
  const std::string cut = StrCat(std::string(kOne).substr(1));
  for (const std::string& bad : {StrCat("sha256:", cut), std::string(kOne), StrCat("md5:", kOne),
                                 StrCat("sha256:", cut, "x"), std::string("key")}) {
    const std::string problem = Problem(StrCat("a ", bad, " call"));
    EXPECT_EQ(problem,
              "line 1: expected sha256:<64 hex digits> or sha256:<salt>:<64 hex digits> for a, got "
              "something else");
  }
  std::string many;
  for (size_t i = 0; i <= KeyTable::kMostSalted; ++i) {
    many += StrCat("a", i, " sha256:s", i, ":", kSalted, " call\n");
  }
  EXPECT_NE(Problem(many).find("expected at most 100 hashes with a salt"), std::string::npos);
}

TEST(KeyFile, IsReadAgainWhenItHasChangedAndKeepsTheOldOneWhereTheNewIsBroken) {
  const std::string path = StrCat(testing::TempDir(), "/keys_test_", static_cast<int>(::getpid()));
  const auto write = [&path](const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  };
  KeyFile keys(path);
  EXPECT_TRUE(keys.on());
  std::filesystem::remove(path);
  EXPECT_NE(keys.Load().text.find("No such file"), std::string::npos);
  write(StrCat("a sha256:", kOne, " call\n"));
  ASSERT_TRUE(keys.Load().ok());
  EXPECT_NE(keys.Now()->Find("one"), nullptr);
  write(StrCat("a sha256:", kTwo, " call\n"));
  keys.Look();
  EXPECT_EQ(keys.Now()->Find("one"), nullptr);
  EXPECT_NE(keys.Now()->Find("two"), nullptr);
  write("broken\n");
  keys.Look();
  EXPECT_NE(keys.Now()->Find("two"), nullptr);
  std::filesystem::remove(path);
  keys.Look();
  EXPECT_NE(keys.Now()->Find("two"), nullptr);
  EXPECT_FALSE(KeyFile("").on());
}

TEST(IsSameSecret, OnlyTheWholeAndNeverAnEmptyOne) {
  EXPECT_TRUE(IsSameSecret("abc", "abc"));
  for (const char* other : {"", "ab", "abcd", "abd", "abcabc"}) {
    EXPECT_FALSE(IsSameSecret(other, "abc")) << other;
  }
  EXPECT_FALSE(IsSameSecret("", ""));
}

}  // namespace
}  // namespace aiges
