// SPDX-License-Identifier: Apache-2.0
#include "loader/config/toml_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "loader/config/toml_guard.h"

namespace aiges {
namespace {

using Lines = std::vector<std::string>;

TEST(TomlFile, NumbersMayStandInQuotes) {
  TomlFile file("f", "[a]\nn = 5\nq = \"7\"\nneg = -3\n", "");
  int64_t value = 0;
  EXPECT_TRUE(file.Int("a", "n", 0, 10, &value));
  EXPECT_EQ(value, 5);
  EXPECT_TRUE(file.Int("a", "q", 0, 10, &value));
  EXPECT_EQ(value, 7);
  EXPECT_TRUE(file.Int("a", "neg", -5, 10, &value));
  EXPECT_EQ(value, -3);
  EXPECT_FALSE(file.Int("a", "absent", 0, 10, &value));
  EXPECT_EQ(value, -3) << "an absent key changes nothing";
  EXPECT_TRUE(file.errors().empty());
}

TEST(TomlFile, WrongValuesAreAllToldWithLineExpectedAndGot) {
  TomlFile file("my.toml",
                "[a]\n"
                "big = 11\n"
                "text = \"x1\"\n"
                "half = 1.5\n"
                "flag = 1\n"
                "name = [1]\n"
                "list = [\"a\", 2]\n",
                "");
  int64_t n = 0;
  bool b = false;
  std::string s;
  std::vector<std::string> list;
  EXPECT_FALSE(file.Int("a", "big", 0, 10, &n));
  EXPECT_FALSE(file.Int("a", "text", 0, 10, &n));
  EXPECT_FALSE(file.Int("a", "half", 0, 10, &n));
  EXPECT_FALSE(file.Bool("a", "flag", &b));
  EXPECT_FALSE(file.String("a", "name", &s));
  EXPECT_FALSE(file.Strings("a", "list", &list));
  EXPECT_EQ(file.errors(),
            (Lines{"my.toml:2: [a] big: expected an integer from 0 to 10, got 11",
                   "my.toml:3: [a] text: expected an integer from 0 to 10, got \"x1\" (string)",
                   "my.toml:4: [a] half: expected an integer from 0 to 10, got 1.5 (float)",
                   "my.toml:5: [a] flag: expected true or false, got 1",
                   "my.toml:6: [a] name: expected a string, got an array",
                   "my.toml:7: [a] list: expected a string or a list of strings, got an array"}));
}

TEST(TomlFile, SyntaxErrorNamesFileAndLine) {
  TomlFile file("my.toml", "[a]\nx = = 1\n", "");
  ASSERT_EQ(file.errors().size(), 1u);
  EXPECT_EQ(file.errors()[0].rfind("my.toml:2: not valid TOML", 0), 0u) << file.errors()[0];
}

TEST(TomlFile, FallbackGivesOnlyWhatTheFileLacks) {
  TomlFile file("f", "[a]\nx = 1\n", "[a]\nx = 2\ny = 3\n");
  int64_t value = 0;
  EXPECT_TRUE(file.Int("a", "x", 0, 10, &value));
  EXPECT_EQ(value, 1);
  EXPECT_TRUE(file.Int("a", "y", 0, 10, &value));
  EXPECT_EQ(value, 3);
  EXPECT_EQ(file.Origin("a", "x"), "f:2");
  EXPECT_EQ(file.Origin("a", "y"), "-dc:3");
  EXPECT_EQ(file.Origin("a", "z"), "default");
}

TEST(TomlFile, EngineGetsTextOfEveryScalar) {
  TomlFile file("f",
                "[wrapper]\ni = 1\nf = 0.0001\nbig = 1e20\nb = true\ns = \"x\"\n"
                "\"model.path\" = \"/m\"\n",
                "");
  const Pairs pairs = file.Flatten("wrapper");
  const std::pair<const char*, const char*> kExpected[] = {
      {"i", "1"},    {"f", "0.0001"}, {"big", "100000000000000000000"},
      {"b", "true"}, {"s", "x"},      {"model.path", "/m"}};
  ASSERT_EQ(pairs.size(), std::size(kExpected));
  for (const auto& [key, value] : kExpected) {
    ASSERT_NE(Find(pairs, key), nullptr) << key;
    EXPECT_EQ(*Find(pairs, key), value);
  }
}

TEST(TomlFile, EngineTableThatCannotBeTextIsToldAll) {
  TomlFile file("f", "[wrapper]\na.b = 1\nl = [1]\nd = 2020-01-01\n", "");
  file.Flatten("wrapper");
  EXPECT_EQ(file.errors().size(), 3u);
}

TEST(TomlFile, WholeUserFileBecomesSectionDotKey) {
  TomlFile file("user.toml", "[net]\nsize = 3\n[cuda]\ndevice = \"0\"\n", "");
  const Pairs pairs = file.FlattenAll();
  EXPECT_EQ(pairs, (Pairs{{"cuda.device", "0"}, {"net.size", "3"}}));
  TomlFile bare("user.toml", "x = 1\n", "");
  EXPECT_TRUE(bare.FlattenAll().empty());
  EXPECT_EQ(bare.errors().size(), 1u);
}

TEST(TomlFile, UnknownKeysOfOursAreMistakesThatSayWhatWasMeant) {
  TomlFile file("f",
                "[svc]\nprot = 1\nvcpu = 2\n[other]\nport = 1\nanything = 2\n[queue]\n"
                "max_reqests = 1\nfrobnicate = 2\n[log]\ndie = 3\n[trace]\nable = 1\n",
                "");
  int64_t value = 0;
  file.Int("svc", "port", 0, 10, &value);
  file.Int("queue", "max_requests", 0, 10, &value);
  EXPECT_EQ(file.Unread("svc"),
            (Lines{"[log] die", "[other] anything", "[other] port", "[svc] vcpu", "[trace] able"}));
  EXPECT_EQ(file.errors(),
            (Lines{"f:9: [queue] frobnicate: unknown key (AIService -init writes a file with all "
                   "keys)",
                   "f:8: [queue] max_reqests: unknown key; did you mean max_requests?",
                   "f:2: [svc] prot: unknown key; did you mean port?"}));
}

TEST(TomlFile, ATableThatIsNearlyOneOfOursIsAMistake) {
  TomlFile file("f",
                "[instnaces]\ncount = 2\n[limit]\n[lb]\n[fx]\nx = 1\n[logs]\nport = 80\n"
                "[wrapper]\nx = 1\n[notours]\ny = 1\n",
                "");
  file.Flatten("wrapper");
  EXPECT_EQ(file.Unread("svc"), (Lines{"[logs] port", "[notours] y"}))
      << "another service may have any name";
  EXPECT_EQ(file.errors(), (Lines{"f:5: [fx]: unknown section; did you mean [fc]?",
                                  "f:1: [instnaces]: unknown section; did you mean [instances]?",
                                  "f:3: [limit]: unknown section; did you mean [limits]?"}));
}

TEST(TomlFile, ADeepKeyIsRefusedBeforeItIsParsed) {
  std::string parts = "a";
  for (int i = 0; i < 200'000; ++i) parts += ".a";
  std::string quoted = parts;
  for (size_t at = 0; (at = quoted.find('a', at)) != std::string::npos; at += 3) {
    quoted.replace(at, 1, "'a'");
  }
  for (const std::string& text :
       {"x = 1\n" + parts + " = 1\n", "x = 1\n[" + parts + "]\n", "x = 1\n[[" + parts + "]]\n",
        "x = 1\nt = { " + parts + " = 1 }\n", "x = 1\n" + quoted + " = 1\n"}) {
    TomlFile file("f", text, "");
    EXPECT_EQ(file.errors(), Lines{"f:2: expected a key of at most 32 parts, got more"});
  }
  TomlFile fallback("f", "", parts + " = 1\n");
  EXPECT_EQ(fallback.errors().size(), 1u);
}

TEST(TomlFile, DotsThatJoinNoPartsAreNotCounted) {
  std::string floats = "[w]\nlist = [1.0";
  for (int i = 0; i < 100; ++i) floats += ", 1.0";
  std::string text = floats + "]\ns = \"";
  for (int i = 0; i < 100; ++i) text += "a.\\\"";
  text += "\"\nm = \"\"\"";
  for (int i = 0; i < 100; ++i) text += ".a\n";
  text += "\"\"\"\nl = 'c:.\\'  # ";
  for (int i = 0; i < 100; ++i) text += "a.";
  TomlFile file("f", text + "\n", "");
  EXPECT_EQ(file.errors(), Lines{});
}

TEST(TomlFile, ATextBeyondTheLimitIsRefused) {
  TomlFile file("f", std::string(kMostConfigBytes + 1, '#'), "");
  ASSERT_EQ(file.errors().size(), 1u);
  EXPECT_EQ(file.errors()[0].rfind("f:1: expected a file of at most 16 MB", 0), 0u);
}

// With a look through all keys for each of them this took minutes.
TEST(TomlFile, ManyKeysAreReadInTimeLinearInTheirNumber) {
  std::string text = "[wrapper]\n";
  constexpr size_t kKeys = 200'000;
  for (size_t i = 0; i < kKeys; ++i) text += "key" + std::to_string(i) + " = 1\n";
  TomlFile file("f", text, "");
  EXPECT_EQ(file.Flatten("wrapper").size(), kKeys);
}

}  // namespace
}  // namespace aiges
