// SPDX-License-Identifier: Apache-2.0
#include "loader/config/parse.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace aiges {
namespace {

namespace fs = std::filesystem;

// Each test has a folder of its own as the current one.
class ParseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder = fs::path(::testing::TempDir()) / ("parse_" + name);
    fs::remove_all(folder);
    fs::create_directories(folder);
    before = fs::current_path();
    fs::current_path(folder);
    flags.mode = 0;
    flags.service = "svcName";
  }
  void TearDown() override {
    fs::current_path(before);
    fs::remove_all(folder);
  }

  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  ParseResult Load(const std::string& text) {
    Write("aiges.toml", text);
    return LoadSettings(flags);
  }

  fs::path folder, before;
  Flags flags;
};

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

TEST_F(ParseTest, EveryKeyReachesItsSetting) {
  const ParseResult result = Load(R"(
[svcName]
host = "10.0.0.1"
port = 5090
reuseport = 1
[wrapper]
http_listen = "0.0.0.0:1888"
model = "/m.onnx"
[aiges]
headerPass = "traceId;appid"
[instances]
count = 2
threads = 3
library = "l.so"
python = "/usr/bin/python3"
pythonpath = ["a", "b"]
start_timeout_ms = 1
exec_timeout_ms = 2
hang_kill_ms = 3
drain_ms = 4
lame_duck_ms = 5
[fc]
max = 6
[queue]
max_requests = 7
max_bytes = 65536
default_timeout_ms = 8
[limits]
max_message_bytes = 2048
max_connections = 9
read_timeout_ms = 10
idle_timeout_ms = 11
max_input_bytes = 12
max_output_bytes = 13
[log]
level = "warn"
file = "log/a.log"
)");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_TRUE(result.ignored.empty()) << Joined(result.ignored);
  const Settings& s = result.settings;
  EXPECT_EQ(s.service.name, "svcName");
  EXPECT_EQ(s.service.host, "10.0.0.1");
  EXPECT_EQ(s.service.grpc_port, 5090);
  EXPECT_TRUE(s.service.reuseport);
  EXPECT_EQ(s.service.http_host, "0.0.0.0");
  EXPECT_EQ(s.service.http_port, 1888);
  EXPECT_EQ(s.service.header_pass, (std::vector<std::string>{"traceId", "appid"}));
  EXPECT_EQ(s.instances.count, 2u);
  EXPECT_EQ(s.instances.threads, 3u);
  EXPECT_EQ(s.instances.library, "l.so");
  EXPECT_EQ(s.instances.python, "/usr/bin/python3");
  EXPECT_EQ(s.instances.pythonpath, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(s.instances.start_timeout_ms, 1u);
  EXPECT_EQ(s.instances.exec_timeout_ms, 2u);
  EXPECT_EQ(s.instances.hang_kill_ms, 3u);
  EXPECT_EQ(s.instances.drain_ms, 4u);
  EXPECT_EQ(s.instances.lame_duck_ms, 5u);
  EXPECT_EQ(s.licences, 6u);
  EXPECT_EQ(s.queue.max_requests, 7u);
  EXPECT_EQ(s.queue.max_bytes, 65536u);
  EXPECT_EQ(s.queue.default_timeout_ms, 8u);
  EXPECT_EQ(s.limits.max_message_bytes, 2048u);
  EXPECT_EQ(s.limits.max_connections, 9u);
  EXPECT_EQ(s.limits.read_timeout_ms, 10u);
  EXPECT_EQ(s.limits.idle_timeout_ms, 11u);
  EXPECT_EQ(s.limits.max_input_bytes, 12u);
  EXPECT_EQ(s.limits.max_output_bytes, 13u);
  EXPECT_EQ(s.log.level, LogLevel::kWarn);
  EXPECT_EQ(s.log.file, "log/a.log");
  ASSERT_NE(Find(s.engine, "model"), nullptr);
  EXPECT_EQ(*Find(s.engine, "model"), "/m.onnx");
}

TEST_F(ParseTest, TheEnvironmentThatAiserviceBelongsToGivesItsPython) {
  ::setenv("AIGES_DEFAULT_PYTHON", "/venv/bin/python", 1);
  const ParseResult own = Load("[svcName]\n");
  const ParseResult said = Load("[svcName]\n[instances]\npython = \"python3.12\"\n");
  ::unsetenv("AIGES_DEFAULT_PYTHON");
  EXPECT_EQ(own.settings.instances.python, "/venv/bin/python");
  EXPECT_EQ(said.settings.instances.python, "python3.12");
  const auto line = [](const ParseResult& result) {
    const std::string all = ShowConfig(result.settings);
    const size_t begin = all.find("python = ");
    return all.substr(begin, all.find('\n', begin) - begin);
  };
  EXPECT_NE(line(own).find("# AIGES_DEFAULT_PYTHON"), std::string::npos) << line(own);
  EXPECT_NE(line(said).find("# aiges.toml:3"), std::string::npos) << line(said);
}

TEST_F(ParseTest, FiveMistakesAreAllToldAtOnceWithTheirLines) {
  const ParseResult result = Load(
      "[svcName]\nport = 70000\n[instances]\ncount = \"many\"\nthread = 2\n"
      "[fc]\nmax = 0\n[log]\nlevel = \"loud\"\n");
  const std::string all = Joined(result.errors);
  EXPECT_EQ(result.errors.size(), 5u) << all;
  for (const char* part : {"aiges.toml:2: [svcName] port: expected an integer from 0 to 65535, "
                           "got 70000",
                           "aiges.toml:4: [instances] count:", "aiges.toml:5: [instances] thread:",
                           "aiges.toml:7: [fc] max:", "aiges.toml:9: [log] level:"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\nin\n" << all;
  }
}

TEST_F(ParseTest, LegacyFileLoadsUnchanged) {
  const ParseResult result = Load(R"(
[svcName]
host = "127.0.0.1"
port = "5090"
http_listen = "0.0.0.0:1888"
finder = 0
debug = 1
grpctimeout = 120
maxreceive = 16
[trace]
able = 0
dump = 1
[fc]
able = 1
router = "sessionManager"
max = 100
ttl = 15000
best = 100
roll = 5000
report = 1000
wave = 10
strategy = 2
[aiges]
sessMode = false
numaNode = -1
elasticLic = false
realTimeRlt = false
gesMock = false
httpRetry = 3
headerPass = ""
storageData = false
[log]
level = "error"
file = "log/aiges.log"
size = 300
count = 3
die = 3
async = 1
[lbv2]
able = 0
sub = "ase"
lbname = "lbv2"
)");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_EQ(result.settings.service.grpc_port, 5090);
  EXPECT_EQ(result.settings.service.http_host, "0.0.0.0");
  EXPECT_EQ(result.settings.service.http_port, 1888);
  EXPECT_EQ(result.settings.limits.max_message_bytes, 16u << 20);
  EXPECT_EQ(result.settings.licences, 100u);
  const std::string ignored = Joined(result.ignored);
  EXPECT_NE(ignored.find("[trace] dump"), std::string::npos) << "said once, and ignored";
  EXPECT_FALSE(result.settings.registry.announce);
}

TEST_F(ParseTest, HttpListenOfTheWrapperSectionWins) {
  const ParseResult result =
      Load("[svcName]\nhttp_listen = \":1\"\n[wrapper]\nhttp_listen = \":2\"\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_EQ(result.settings.service.http_port, 2);
}

TEST_F(ParseTest, HttpListenIsReadInEveryForm) {
  struct Case {
    const char *text, *host;
    int port;
  };
  for (const Case& c : {Case{"127.0.0.1:0", "127.0.0.1", 0}, Case{":", "", 80},
                        Case{":8080", "", 8080}, Case{"[::1]:81", "::1", 81}}) {
    const ParseResult result = Load(std::string("[svcName]\nhttp_listen = \"") + c.text + "\"\n");
    ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
    EXPECT_EQ(result.settings.service.http_host, c.host) << c.text;
    EXPECT_EQ(result.settings.service.http_port, c.port) << c.text;
    EXPECT_TRUE(result.settings.service.http_on);
  }
  EXPECT_FALSE(Load("[svcName]\nhttp_listen = \"off\"\n").settings.service.http_on);
  for (const char* wrong : {"nonsense", "host:port", "h:65536", "h:-1", ""}) {
    const ParseResult result = Load(std::string("[svcName]\nhttp_listen = \"") + wrong + "\"\n");
    ASSERT_EQ(result.errors.size(), 1u) << wrong;
    EXPECT_NE(result.errors[0].find("expected \"host:port\""), std::string::npos);
  }
}

TEST_F(ParseTest, MissingServiceSectionIsNamed) {
  const ParseResult result = Load("[other]\nport = 1\n");
  ASSERT_EQ(result.errors.size(), 1u) << Joined(result.errors);
  EXPECT_NE(result.errors[0].find("-s=svcName"), std::string::npos);
}

TEST_F(ParseTest, SyntaxErrorIsTheOnlyErrorTold) {
  const ParseResult result = Load("[svcName\nport = 1\n");
  ASSERT_EQ(result.errors.size(), 1u) << Joined(result.errors);
  EXPECT_NE(result.errors[0].find("aiges.toml:1: not valid TOML"), std::string::npos);
}

TEST_F(ParseTest, UserConfigFileReplacesTheWrapperSection) {
  Write("user.toml", "[model]\npath = \"/m\"\n[net]\nsize = 640\n");
  const ParseResult result = Load("[svcName]\n[wrapper]\nx = 1\n[aiges]\nusrCfg = \"user.toml\"\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_EQ(result.settings.engine, (Pairs{{"model.path", "/m"}, {"net.size", "640"}}));
}

TEST_F(ParseTest, UserConfigFileThatIsMissingOrWrongIsToldByName) {
  ParseResult result = Load("[svcName]\n[aiges]\nusrCfg = \"absent.toml\"\n");
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_NE(result.errors[0].find("absent.toml"), std::string::npos);
  Write("user.toml", "[a]\nx = [1]\n");
  result = Load("[svcName]\n[aiges]\nusrCfg = \"user.toml\"\n");
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].rfind("user.toml:2: [a] x:", 0), 0u) << result.errors[0];
}

TEST_F(ParseTest, HeaderPassFileIsAppended) {
  Write("headerPass.wrapper", "one\ntwo\n");
  const ParseResult result = Load("[svcName]\n[aiges]\nheaderPass = \"zero\"\n");
  EXPECT_EQ(result.settings.service.header_pass, (std::vector<std::string>{"zero", "one", "two"}));
}

TEST_F(ParseTest, ThreadsThatAreNotSetGrowAsFarAsCallsMay) {
  const auto threads = [this](const std::string& more) {
    const InstanceSettings i = Load("[svcName]\n" + more).settings.instances;
    return std::pair(i.threads, i.most_threads);
  };
  EXPECT_EQ(threads(""), std::pair(1u, 64u));
  EXPECT_EQ(threads("[fc]\nmax = 20\n"), std::pair(1u, 20u));
  EXPECT_EQ(threads("[instances]\nthreads = 1\n"), std::pair(1u, 1u)) << "a promise";
  EXPECT_EQ(threads("[instances]\nthreads = 4\n"), std::pair(4u, 4u));
  EXPECT_EQ(threads("[batch]\nmax_size = 8\n"), std::pair(1u, 1u));
}

TEST_F(ParseTest, AsyncModeThatIsNotSetLeavesTheWayToTheEngine) {
  const auto mode = [this](const std::string& more) {
    return Load("[svcName]\n[aiges]\n" + more).settings.sessions.async_mode;
  };
  EXPECT_EQ(mode(""), std::nullopt);
  EXPECT_EQ(mode("asyncMode = false\n"), false);
  EXPECT_EQ(mode("asyncMode = true\n"), true);
}

TEST_F(ParseTest, OriginsAreAsBrowsersWriteThem) {
  EXPECT_TRUE(Load("[svcName]\n[http]\ncors_origins = []\n").errors.empty());
  for (const char* wrong : {"app.example", "https://", "https://a/", "https://*.a", "://a", ""}) {
    const auto errors =
        Load(StrCat("[svcName]\n[http]\ncors_origins = [\"", wrong, "\"]\n")).errors;
    ASSERT_EQ(errors.size(), 1u) << wrong;
    EXPECT_NE(errors[0].find("[http] cors_origins: expected \"*\" or origins as"),
              std::string::npos)
        << errors[0];
  }
}

TEST_F(ParseTest, SandboxKeepsSecretsBackAndNothingElseByDefault) {
  const SandboxSettings s = Load("[svcName]\n").settings.instances.sandbox;
  EXPECT_TRUE(s.no_new_privs);
  EXPECT_FALSE(s.core || s.strict);
  EXPECT_TRUE(s.network);
  EXPECT_EQ(s.environment, (std::vector<std::string>{"plain"}));
}

TEST_F(ParseTest, StrictSandboxNamesWhatPassesAndHidesTheLoadersFiles) {
  Write("secrets", "# a\na secret call\nb @own call # @not\nc @odd#name call\n");
  const ParseResult result = Load(
      "[svcName]\n[access]\nkeys_file = \"keys\"\nhmac_file = \"secrets\"\n"
      "[sandbox]\nstrict = true\n"
      "read = \"/models\"\nwrite = [\"/dev/shm\"]\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  const SandboxSettings& s = result.settings.instances.sandbox;
  EXPECT_TRUE(s.environment.empty());
  EXPECT_EQ(s.read, (std::vector<std::string>{"/models"}));
  const std::string here = fs::current_path().string();
  EXPECT_EQ(s.hidden,
            (std::vector<std::string>{here + "/aiges.toml", here + "/keys", here + "/secrets",
                                      here + "/own", here + "/odd#name"}));
  EXPECT_NE(Joined(Load("[svcName]\n[sandbox]\nstrict = true\nwrite = \"/\"\n").errors)
                .find("[sandbox] write: expected folders or files, none of them /"),
            std::string::npos);
}

TEST_F(ParseTest, SessionAndBatchKeys) {
  const ParseResult result = Load(
      "[svcName]\n[aiges]\nsessMode = true\nasyncMode = true\nrealTimeRlt = false\n"
      "[ws]\nreadTimeout = 5\n[fc]\nttl = 700\n[batch]\nmax_size = 8\nmax_delay_us = 300\n"
      "[http]\nvalidate = true\ndocs = false\napp_paths = true\n"
      "cors_origins = [\"https://App.example:8443\"]\n[admin]\nopen = true\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_EQ(result.settings.sessions.async_mode, true);
  EXPECT_FALSE(result.settings.sessions.real_time_results);
  EXPECT_EQ(result.settings.sessions.ws_read_timeout_s, 5u);
  EXPECT_EQ(result.settings.sessions.ws_session_timeout_s, 180u) << "the default";
  EXPECT_EQ(result.settings.sessions.ttl_ms, 700u);
  EXPECT_EQ(result.settings.batch.max_size, 8u);
  EXPECT_EQ(result.settings.batch.max_delay_us, 300u);
  EXPECT_TRUE(result.settings.http.validate);
  EXPECT_FALSE(result.settings.http.docs);
  EXPECT_TRUE(result.settings.http.app_paths);
  EXPECT_EQ(result.settings.http.cors_origins,
            std::vector<std::string>{"https://app.example:8443"});
  EXPECT_TRUE(result.settings.service.admin_open);
}

TEST_F(ParseTest, DefaultConfigFlagFillsWhatTheFileLacks) {
  flags.default_config = "[fc]\nmax = 3\n[queue]\nmax_requests = 4\n";
  const ParseResult result = Load("[svcName]\n[fc]\nmax = 9\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  EXPECT_EQ(result.settings.licences, 9u);
  EXPECT_EQ(result.settings.queue.max_requests, 4u);
}

TEST_F(ParseTest, UnknownPluginModeIsRefused) {
  ::setenv("AIGES_PLUGIN_MODE", "python", 1);
  const ParseResult result = Load("[svcName]\n");
  ::unsetenv("AIGES_PLUGIN_MODE");
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_NE(result.errors[0].find("AIGES_PLUGIN_MODE: expected c, got python"), std::string::npos);
}

TEST_F(ParseTest, MissingFileIsWrittenInModeZeroOnly) {
  EXPECT_TRUE(LoadSettings(flags).errors.empty());
  EXPECT_TRUE(fs::exists("aiges.toml"));
  flags.config = "other.toml";
  const ParseResult result = LoadSettings(flags);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_NE(result.errors[0].find("cannot read other.toml"), std::string::npos);
  EXPECT_FALSE(fs::exists("other.toml"));
}

TEST_F(ParseTest, DefaultFileIsNeverWrittenOverAnother) {
  Write("mine.toml", "mine");
  EXPECT_FALSE(WriteDefaultConfig("mine.toml").ok());
  EXPECT_EQ(Read("mine.toml"), "mine");
  EXPECT_TRUE(WriteDefaultConfig("new.toml").ok());
  EXPECT_FALSE(WriteDefaultConfig("absent/new.toml").ok());
}

// The default file lists every key with its default as a comment: take the comments for values and
// nothing may be unknown or change.
TEST_F(ParseTest, DefaultFileNamesEveryKeyWithItsTrueDefault) {
  ASSERT_TRUE(WriteDefaultConfig("default.toml").ok());
  const std::string text = Read("default.toml");
  std::string all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool is_key = line.size() > 1 && line[0] == '#' && std::islower(line[1]) != 0;
    all += (is_key ? line.substr(1) : line) + "\n";
  }
  const ParseResult plain = Load(text), full = Load(all);
  ASSERT_TRUE(full.errors.empty()) << Joined(full.errors);
  EXPECT_TRUE(full.ignored.empty()) << Joined(full.ignored);
  ASSERT_EQ(plain.settings.effective.size(), full.settings.effective.size());
  for (size_t i = 0; i < plain.settings.effective.size(); ++i) {
    const EffectiveValue& a = plain.settings.effective[i];
    const EffectiveValue& b = full.settings.effective[i];
    EXPECT_EQ(a.value, b.value) << a.section << " " << a.key;
    EXPECT_NE(b.origin, "default") << a.section << " " << a.key << " is not in the default file";
  }
}

TEST_F(ParseTest, FinderMeansConsulAndTheCommandLineWins) {
  const std::string text = "[svcName]\nfinder = 1\n[registry]\nurl = \"a:1\"\nproject = \"p\"\n";
  RegistrySettings r = Load(text).settings.registry;
  EXPECT_TRUE(r.announce);
  EXPECT_FALSE(r.central);
  EXPECT_EQ(r.backend, "consul");
  EXPECT_EQ(r.url, "http://a:1");
  EXPECT_EQ(r.project, "p");
  flags.companion = "https://b:2/";
  flags.project = "q";
  r = Load(text).settings.registry;
  EXPECT_EQ(r.url, "https://b:2");
  EXPECT_EQ(r.project, "q");
}

TEST_F(ParseTest, RegistryKeysAreChecked) {
  const ParseResult result = Load(
      "[svcName]\n[registry]\nbackend = \"zookeeper\"\ncheck = \"ping\"\nweight = 0\nurl = 7.5\n");
  const std::string errors = Joined(result.errors);
  EXPECT_NE(errors.find("aiges.toml:3: [registry] backend: expected one of none, file, consul; got "
                        "\"zookeeper\""),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("[registry] check: expected one of grpc, ttl"), std::string::npos);
  EXPECT_NE(errors.find("[registry] weight: expected an integer from 1"), std::string::npos);
  EXPECT_NE(Joined(Load("[svcName]\n[registry]\nbackend = \"file\"\n").errors)
                .find("[registry] url: expected a folder, got http://127.0.0.1:8500"),
            std::string::npos);
  EXPECT_EQ(Load("[svcName]\n[registry]\nbackend = \"file\"\nurl = \"/srv/config\"\n")
                .settings.registry.url,
            "/srv/config");
  EXPECT_NE(Joined(Load("[svcName]\n[registry]\nbackend = \"consul\"\nurl = \"ftp://x\"\n").errors)
                .find("expected http://host:port or https://host:port, got ftp://x"),
            std::string::npos);
}

TEST_F(ParseTest, TokenIsNotShown) {
  const ParseResult result = Load("[svcName]\n[registry]\ntoken = \"secret\"\n");
  EXPECT_EQ(result.settings.registry.token, "secret");
  EXPECT_EQ(ShowConfig(result.settings).find("secret"), std::string::npos);
}

TEST_F(ParseTest, ConfigCentreIsFoundBeforeThereIsAFile) {
  flags.mode = 1;
  flags.default_config = "[registry]\nca_file = \"ca.pem\"\n";
  flags.companion = "file:///srv/config";
  std::vector<std::string> errors;
  const RegistrySettings r = LoadRegistrySettings(flags, &errors);
  EXPECT_TRUE(errors.empty()) << Joined(errors);
  EXPECT_TRUE(r.central && r.announce);
  EXPECT_EQ(r.backend, "file");
  EXPECT_EQ(r.url, "/srv/config");
  EXPECT_EQ(r.ca_file, "ca.pem");
}

TEST_F(ParseTest, ShowConfigNamesTheOriginOfEachValue) {
  const ParseResult result = Load("[svcName]\nport = 5090\n[fc]\nmax = 9\n");
  const std::string shown = ShowConfig(result.settings);
  std::istringstream lines(shown);
  bool port = false, count = false;
  for (std::string line; std::getline(lines, line);) {
    const bool from_file = line.find("# aiges.toml:2") != std::string::npos;
    port = port || (line.rfind("port = 5090", 0) == 0 && from_file);
    const bool by_default = line.find("# default") != std::string::npos;
    count = count || (line.rfind("count = 1", 0) == 0 && by_default);
  }
  EXPECT_TRUE(port && count) << shown;
}

TEST_F(ParseTest, SecretsAreMaskedWhereTheConfigurationIsShown) {
  const ParseResult result = Load(
      "[svcName]\nhost = \"\"\n[admin]\ntoken = \"hush-admin\"\n[registry]\ntoken = "
      "\"hush-acl\"\n[wrapper]\napi_key = \"hush-engine\"\nmax_tokens = 512\n");
  ASSERT_TRUE(result.errors.empty()) << Joined(result.errors);
  const std::string shown = ShowConfig(result.settings);
  EXPECT_EQ(shown.find("hush"), std::string::npos) << shown;
  EXPECT_NE(shown.find("max_tokens = \"512\""), std::string::npos) << shown;
  EXPECT_EQ(result.settings.service.admin_token, "hush-admin");
}

TEST_F(ParseTest, APipeIsNoConfiguration) {
  ASSERT_EQ(::mkfifo("pipe.toml", 0600), 0);
  const ParseResult result = Load("[svcName]\nhost = \"\"\n[aiges]\nusrCfg = \"pipe.toml\"\n");
  EXPECT_EQ(Joined(result.errors),
            "aiges.toml:4: [aiges] usrCfg: cannot read the file pipe.toml\n");
}

TEST_F(ParseTest, SocketsOfTheFileSystemAreAddresses) {
  const ParseResult result =
      Load("[svcName]\nhttp_listen = \"unix:/run/a.sock\"\n[admin]\nlisten = \"127.0.0.1:9000\"\n");
  EXPECT_TRUE(result.errors.empty());
  EXPECT_EQ(result.settings.service.http_path, "/run/a.sock");
  ASSERT_TRUE(result.settings.service.admin.has_value());
  EXPECT_EQ(result.settings.service.admin->host, "127.0.0.1");
  EXPECT_EQ(result.settings.service.admin->port, 9000);
  for (const std::string& wrong : {std::string("unix:"), "unix:" + std::string(108, 'x')}) {
    EXPECT_FALSE(Load("[svcName]\n[admin]\nlisten = \"" + wrong + "\"\n").errors.empty());
  }
}

TEST_F(ParseTest, TlsIsWholeOrNotThere) {
  const ParseResult whole = Load(
      "[svcName]\n[tls]\ncert = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n"
      "min_version = \"1.3\"\nplain = [\"9000\", \"[::1]:80\", \"unix:/a\"]\n");
  EXPECT_TRUE(whole.errors.empty());
  EXPECT_TRUE(whole.settings.tls.on());
  EXPECT_EQ(whole.settings.tls.plain.size(), 3u);
  EXPECT_FALSE(Load("[svcName]\n").settings.tls.on());
  for (const char* half : {"cert = \"c\"", "key = \"k\"", "client_ca = \"a\"", "plain = [\"1\"]",
                           "min_version = \"1.1\""}) {
    EXPECT_EQ(Load(StrCat("[svcName]\n[tls]\n", half, "\n")).errors.size(), 1u) << half;
  }
}

TEST_F(ParseTest, KeysOfJava) {
  const ParseResult whole = Load(
      "[svcName]\n[aiges]\ncontract = \"java\"\n[instances]\njava = \"/opt/jdk\"\n"
      "java_options = [\"-XX:+UseSerialGC\", \"-Da=b c\"]\njava_heap_mb = 512\n");
  EXPECT_EQ(Joined(whole.errors), "");
  const InstanceSettings& i = whole.settings.instances;
  EXPECT_EQ(i.java, "/opt/jdk");
  EXPECT_EQ(i.java_options, (std::vector<std::string>{"-XX:+UseSerialGC", "-Da=b c"}));
  EXPECT_EQ(i.java_heap_mb, 512u);
  for (const char* wrong : {"java_options = [\"UseSerialGC\"]", "java_options = [\"-Xmx1g\"]",
                            "java_options = [\"-Da=\\u001f\"]", "java_heap_mb = -1",
                            "java_heap_mb = 500\nmax_rss_mb = 500"}) {
    EXPECT_EQ(Load(StrCat("[svcName]\n[instances]\n", wrong, "\n")).errors.size(), 1u) << wrong;
  }
}

}  // namespace
}  // namespace aiges
