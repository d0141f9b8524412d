// SPDX-License-Identifier: Apache-2.0
#include "loader/config/flags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aiges {
namespace {

struct Parsed {
  Status status;
  Flags flags;
};

Parsed Parse(std::vector<std::string> args) {
  args.insert(args.begin(), "AIService");
  std::vector<char*> argv;
  for (std::string& a : args) argv.push_back(a.data());
  Parsed p;
  p.status = ParseFlags(static_cast<int>(argv.size()), argv.data(), &p.flags);
  return p;
}

TEST(Flags, EveryWayOfWritingAFlagMeansTheSame) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"-m=0", "-c=a.toml", "-s=svc"},
                                             {"-m", "0", "-c", "a.toml", "-s", "svc"},
                                             {"--m=0", "--c=a.toml", "--s=svc"},
                                             {"--m", "0", "--c", "a.toml", "-s=svc"}}) {
    const Parsed p = Parse(args);
    ASSERT_TRUE(p.status.ok()) << p.status.text;
    EXPECT_EQ(p.flags.action, Flags::Action::kServe);
    EXPECT_EQ(p.flags.mode, 0);
    EXPECT_EQ(p.flags.config, "a.toml");
    EXPECT_EQ(p.flags.service, "svc");
  }
}

TEST(Flags, LegacyCommandLineIsTaken) {
  const Parsed p = Parse({"-m=0", "-c=aiges.toml", "-s=svcName", "-u=http://companion:6868",
                          "-p=AIaaS", "-g=dx", "-plugin=x", "-polaris-prefix", "y"});
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.flags.companion, "http://companion:6868");
  EXPECT_EQ(p.flags.project, "AIaaS");
  EXPECT_EQ(p.flags.group, "dx");
}

TEST(Flags, DefaultsAreThoseOfTheReadme) {
  const Parsed p = Parse({"-m=0"});
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.flags.config, "aiges.toml");
  EXPECT_EQ(p.flags.service, "svcName");
}

TEST(Flags, WhetherAServiceWasNamedIsKept) {
  EXPECT_FALSE(Parse({"-m=0"}).flags.service_given);
  EXPECT_TRUE(Parse({"-m=0", "-s=svcName"}).flags.service_given);
}

TEST(Flags, ModeOneIsTheConfigCentre) {
  const Parsed p = Parse({"-m=1", "-u=http://consul:8500", "-p=a", "-g=b", "-s=c", "-cache=d"});
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.flags.mode, 1);
  EXPECT_EQ(p.flags.companion, "http://consul:8500");
  EXPECT_EQ(p.flags.cache, "d");
}

TEST(Flags, ModeTwoIsLocalToo) { EXPECT_TRUE(Parse({"-m=2"}).status.ok()); }

TEST(Flags, NoArgumentsIsTheUsage) {
  const Parsed p = Parse({});
  EXPECT_TRUE(p.status.ok());
  EXPECT_EQ(p.flags.action, Flags::Action::kUsage);
}

TEST(Flags, ActionsNeedNoMode) {
  const std::pair<const char*, Flags::Action> kActions[] = {
      {"-h", Flags::Action::kUsage},
      {"--help", Flags::Action::kUsage},
      {"-v", Flags::Action::kVersion},
      {"--version", Flags::Action::kVersion},
      {"-init", Flags::Action::kInit},
      {"-check", Flags::Action::kCheck},
      {"-show-config", Flags::Action::kShowConfig}};
  for (const auto& [flag, action] : kActions) {
    const Parsed p = Parse({flag});
    EXPECT_TRUE(p.status.ok()) << flag << ": " << p.status.text;
    EXPECT_EQ(p.flags.action, action) << flag;
  }
}

TEST(Flags, TomlTextPassesThroughWhole) {
  const Parsed p = Parse({"-m=0", "-dc", "[fc]\nmax = 3\n"});
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.flags.default_config, "[fc]\nmax = 3\n");
}

TEST(Flags, WithoutAModeTheFileIsLocal) {
  const Parsed p = Parse({"-c=a.toml"});
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.flags.mode, 0);
}

TEST(Flags, WrongArgumentsSayWhatWasExpected) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"-m=7"}, "-m: expected 0 (local file), 1 (config centre) or 2, got 7"},
      {{"-m=x"}, "AIService -h"},
      {{"-nonsense"}, "nonsense"},
      {{"-m=0", "stray"}, "stray"},
      {{"-m"}, "AIService -h"},
      {{"-mnist"}, "make demo"}};
  for (const auto& [args, text] : kCases) {
    const Parsed p = Parse(args);
    EXPECT_FALSE(p.status.ok()) << args[0];
    EXPECT_NE(p.status.text.find(text), std::string::npos) << p.status.text;
  }
}

TEST(Flags, UsageShowsTheFlagsAsPeopleTypeThem) {
  const std::string usage = Usage();
  for (const char* flag : {"-m", "-c", "-s", "-u", "-p", "-g", "-init", "-check", "-show-config"}) {
    EXPECT_NE(usage.find(flag), std::string::npos) << flag;
  }
  EXPECT_EQ(usage.find("--"), std::string::npos);
  EXPECT_EQ(usage.find("mnist"), std::string::npos) << "gone, and not offered";
}

}  // namespace
}  // namespace aiges
