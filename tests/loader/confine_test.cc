// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/confine.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace aiges {
namespace {

const std::vector<std::string> kPlain = {"plain"};

TEST(SecretNames, AreToldByTheirWords) {
  for (const char* name : {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "DB_PASSWORD",
                           "db_passwd", "OPENAI_API_KEY", "MYAPIKEY", "REDIS_PASS", "DB_PWD",
                           "SSH_AUTH_SOCK", "TOKEN", "API_KEYS", "NPM_AUTH"}) {
    EXPECT_TRUE(LooksSecret(name)) << name;
  }
}

TEST(SecretNames, AreNotThoseThatOnlyBeginLikeOne) {
  for (const char* name :
       {"MAX_TOKENS", "TOKENIZERS_PARALLELISM", "PWD", "PASS", "KEYBOARD", "MONKEY", "PATH",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "AIGES_KEY_PATH",
        "PREDICTIVE_UNIT_PARAMETERS", "AUTHOR", "PYTHONHASHSEED"}) {
    EXPECT_FALSE(LooksSecret(name)) << name;
  }
}

TEST(Environment, ByDefaultAllPassButSecrets) {
  EXPECT_TRUE(PassesEnvironment("MINE", kPlain));
  EXPECT_TRUE(PassesEnvironment("FLAGS_use_mkldnn", kPlain));
  EXPECT_FALSE(PassesEnvironment("HF_TOKEN", kPlain));
  EXPECT_TRUE(PassesEnvironment("HF_TOKEN", {"plain", "HF_TOKEN"}));
  EXPECT_FALSE(PassesEnvironment("HF_TOKEN_2", {"plain", "HF_TOKEN"}));
}

TEST(Environment, AStarIsEverything) {
  EXPECT_TRUE(PassesEnvironment("HF_TOKEN", {"*"}));
  EXPECT_TRUE(PassesEnvironment("", {"*"}));
}

TEST(Environment, NamedOnesPassBesideWhatAllEnginesNeed) {
  const std::vector<std::string> rules = {"MINE", "AWS_*", "*_HOST"};
  for (const char* name :
       {"MINE", "AWS_SECRET_ACCESS_KEY", "REDIS_HOST", "PATH", "LC_ALL", "CUDA_VISIBLE_DEVICES",
        "PREDICTIVE_UNIT_PARAMETERS", "OMP_NUM_THREADS", "MODEL_NAME", "AIGES_OWNER"}) {
    EXPECT_TRUE(PassesEnvironment(name, rules)) << name;
  }
  for (const char* name : {"YOURS", "MINE2", "AIGES_API_KEY", "HF_TOKEN", "REDIS_PORT"}) {
    EXPECT_FALSE(PassesEnvironment(name, rules)) << name;
  }
}

TEST(Confine, SaysWhatTheSettingsSay) {
  InstanceSettings settings;
  settings.sandbox.file_mb = 3;
  settings.sandbox.strict = true;
  settings.sandbox.hidden = {"/h"};
  settings.sandbox.user = std::to_string(::geteuid());
  SpawnPlan plan;
  ASSERT_TRUE(Confine(settings, &plan).ok());
  EXPECT_EQ(plan.confinement.file_bytes, 3u << 20);
  EXPECT_TRUE(plan.confinement.no_core);
  EXPECT_TRUE(plan.confinement.no_new_privs);
  EXPECT_EQ(plan.confinement.hidden, settings.sandbox.hidden);
  EXPECT_EQ(plan.confinement.uid, -1) << "it is that user";
}

TEST(Confine, AnotherUserComesWithItsGroupAndHome) {
  InstanceSettings settings;
  settings.sandbox.user = "65529:65530";
  SpawnPlan plan;
  ASSERT_TRUE(Confine(settings, &plan).ok());
  EXPECT_EQ(plan.confinement.uid, 65529);
  EXPECT_EQ(plan.confinement.gid, 65530);
  EXPECT_EQ(plan.environment.at(0), "HOME=/");
}

TEST(Confine, UserThatIsNotThereIsNamed) {
  InstanceSettings settings;
  SpawnPlan plan;
  settings.sandbox.user = "no-such-user";
  EXPECT_NE(Confine(settings, &plan).text.find("no such user: no-such-user"), std::string::npos);
  settings.sandbox.user = "65529:no-such-group";
  EXPECT_NE(Confine(settings, &plan).text.find("no such group: no-such-group"), std::string::npos);
}

TEST(Landlock, WhatAKernelCannotDoIsTold) {
  EXPECT_NE(MissingOfLandlock(0).find("no Landlock"), std::string::npos);
  EXPECT_NE(MissingOfLandlock(2).find("(ABI 2) does not keep a worker from emptying"),
            std::string::npos);
  EXPECT_NE(MissingOfLandlock(4).find("from signals"), std::string::npos);
  EXPECT_EQ(MissingOfLandlock(7), "");
}

}  // namespace
}  // namespace aiges
