// The daemon over real databases.
#include "server/daemon/daemon.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/daemon/log.h"
#include "tests/server/client.h"
#include "tests/support/colour_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

Config TestConfig() {
  Config config;
  config.server.listen = "127.0.0.1:0";
  config.server.shutdown_grace_ms = 2000;
  config.storage.in_memory = true;
  NamespaceConfig lexical;
  lexical.embedder.kind = "lexical";
  config.namespaces.push_back({"support", lexical});
  return config;
}

TEST(Daemon, StoresAndFindsOverTcpAndUnixSocket) {
  TempDir dir;
  Config config = TestConfig();
  config.server.unix_socket = (dir.path() / "nearhit.sock").string();
  auto daemon = Daemon::Start(config);
  ASSERT_THAT(daemon, IsOk());
  const std::string tcp = "127.0.0.1:" + std::to_string((*daemon)->server().port());
  for (const std::string& address : {tcp, "unix:" + config.server.unix_socket}) {
    Client client(address);
    const std::string question = "How do I reset my password?";
    ASSERT_TRUE(client.Store("support", question, "Use the link.").ok()) << address;
    const auto found = client.Lookup("support", question);
    ASSERT_TRUE(found.ok()) << address;
    EXPECT_EQ(found->result().kind(), v1::HIT_KIND_EXACT);
    EXPECT_EQ(found->result().answer(), "Use the link.");
  }
  EXPECT_THAT((*daemon)->Stop(), IsOk());
}

TEST(Daemon, SecondDaemonOnTheSameDataIsRefused) {
  TempDir dir;
  Config config = TestConfig();
  config.storage.in_memory = false;
  config.storage.path = dir.path() / "data";
  auto first = Daemon::Start(config);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Daemon::Start(config), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT((*first)->Stop(), IsOk());
  EXPECT_THAT(Daemon::Start(config), IsOk());
}

TEST(Daemon, SecondDaemonDoesNotTakeAUnixSocket) {
  TempDir dir;
  Config config = TestConfig();
  config.server.listen = "";
  config.server.unix_socket = (dir.path() / "socket").string();
  auto first = Daemon::Start(config);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Daemon::Start(config), StatusIs(StatusCode::kUnavailable,
                                              testing::HasSubstr("another process listens there")));
  EXPECT_THAT((*first)->server().CheckListeners(std::chrono::seconds(60)), IsOk());
  EXPECT_THAT((*first)->Stop(), IsOk());
  EXPECT_THAT(Daemon::Start(config), IsOk()) << "what a daemon leaves behind is in nobody's way";
}

TEST(Daemon, ListensAnewWithTheDatabaseOpen) {
  auto daemon = Daemon::Start(TestConfig());
  ASSERT_THAT(daemon, IsOk());
  const auto cache = (*daemon)->database().Cache("support");
  StoreRequest request;
  request.prompt.slot = "stored before";
  request.answer = "answer";
  ASSERT_THAT((*cache)->Store(request), IsOk());
  const int port = (*daemon)->server().port();
  EXPECT_THAT((*daemon)->ListenAnew(), IsOk());
  EXPECT_EQ((*daemon)->server().port(), port);
  EXPECT_THAT((*daemon)->server().CheckListeners(std::chrono::seconds(60)), IsOk());
  const auto found = Client(port).Lookup("support", "stored before");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->result().kind(), v1::HIT_KIND_EXACT);
}

TEST(Daemon, AnIdleStreamDoesNotHoldUpItsStop) {
  Config config = TestConfig();
  config.server.shutdown_grace_ms = 600'000;
  auto daemon = Daemon::Start(config);
  ASSERT_THAT(daemon, IsOk());
  Client client((*daemon)->server().port());
  grpc::ClientContext call;
  const auto stream = client.cache()->LookupStream(&call);
  ASSERT_TRUE(stream->Write(StreamItem(0, LookupOf("support", "a question"))));
  v1::LookupStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT((*daemon)->Stop(), IsOk());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Daemon, ReloadsItsLogAndNewNamespaces) {
  const TempDir dir;
  Config config = TestConfig();
  config.log.file = (dir.path() / "log").string();
  ASSERT_THAT(InitLog(config.log), IsOk());
  auto daemon = Daemon::Start(config);
  ASSERT_THAT(daemon, IsOk());
  std::filesystem::rename(dir.path() / "log", dir.path() / "log.1");
  config.namespaces.push_back({"added", config.namespaces[0].config});
  config.server.workers = 3;
  (*daemon)->Reload(config);
  EXPECT_THAT((*daemon)->database().Cache("added"), IsOk());
  EXPECT_THAT(ReadText(dir.path() / "log.1"), testing::HasSubstr("created namespace support"));
  EXPECT_THAT(ReadText(dir.path() / "log"),
              testing::HasSubstr("a restart is needed for what changed in [server]"));
  (*daemon)->Reload(InvalidArgument("nearhit.toml:3: key"));
  EXPECT_THAT(ReadText(dir.path() / "log"),
              testing::HasSubstr("SIGHUP: not reloaded: nearhit.toml:3: key"));
  EXPECT_THAT(InitLog({}), IsOk());
}

TEST(DaemonFlags, TheLimitOfOpenFilesIsRaised) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = before.rlim_max - 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  RaiseFileLimit();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Daemon, ConfiguredNamespaceOfAnotherKindIsRefused) {
  TempDir dir;
  Config config = TestConfig();
  config.storage.in_memory = false;
  config.storage.path = dir.path() / "data";
  {
    auto first = Daemon::Start(config);
    ASSERT_THAT(first, IsOk());
  }
  config.namespaces[0].config.metric = Metric::kL2;
  EXPECT_THAT(Daemon::Start(config), StatusIs(StatusCode::kFailedPrecondition));
}

// A text near a stored one hits when the namespace has the tiny model.
bool FindsCrimsonByRed(Database* db, const std::string& name) {
  auto cache = db->Cache(name);
  EXPECT_THAT(cache, IsOk());
  EXPECT_THAT((*cache)->Store({.prompt = {.scope = "s", .slot = "red"}, .answer = "a"}), IsOk());
  const auto found = (*cache)->Lookup({.scope = "s", .slot = "crimson"}, {});
  EXPECT_THAT(found, IsOk());
  return found->kind == HitKind::kSemantic;
}

TEST(Daemon, NamespacesThatSayNoEmbedderGetTheModelFolder) {
  const TempDir dir;
  WriteColourModel(dir.path() / "model");
  Config config = TestConfig();
  config.model_folder = (dir.path() / "model").string();
  NamespaceConfig unsaid;
  unsaid.embedder.kind = "";
  unsaid.threshold = 0.7F;
  config.namespaces.push_back({"configured", unsaid});
  auto daemon = Daemon::Start(config);
  ASSERT_THAT(daemon, IsOk());
  Client client((*daemon)->server().port());
  v1::CreateNamespaceRequest create;
  create.set_name("created");
  create.mutable_config()->set_threshold(0.7F);
  ASSERT_TRUE(client.Call(create).ok());
  v1::DescribeNamespaceRequest describe;
  describe.set_name("created");
  const auto described = client.Call(describe);
  ASSERT_TRUE(described.ok());
  EXPECT_EQ(described->info().config().embedder().kind(), "local");
  EXPECT_EQ(described->info().config().embedder().model(), *config.model_folder);
  EXPECT_EQ(described->info().config().dimension(), 2U);
  EXPECT_TRUE(FindsCrimsonByRed(&(*daemon)->database(), "created"));
  EXPECT_TRUE(FindsCrimsonByRed(&(*daemon)->database(), "configured"));
}

TEST(Daemon, ServesOnlyOnceTheModelsAreLoaded) {
  const TempDir dir;
  WriteColourModel(dir.path() / "model");
  Config config = TestConfig();
  config.storage.in_memory = false;
  config.storage.path = dir.path() / "data";
  config.model_folder = (dir.path() / "model").string();
  NamespaceConfig unsaid;
  unsaid.embedder.kind = "";
  unsaid.threshold = 0.7F;
  config.namespaces = {{"n", unsaid}};
  EXPECT_THAT(Daemon::Start(config), IsOk());
  config.model_folder = "";  // the namespace keeps what it was made with
  const auto daemon = Daemon::Start(config);
  ASSERT_THAT(daemon, IsOk());
  EXPECT_TRUE(FindsCrimsonByRed(&(*daemon)->database(), "n"));
}

TEST(Daemon, LocalWithoutAnyFolderIsRefused) {
  Config config = TestConfig();
  config.namespaces[0].config.embedder.kind = "local";
  EXPECT_THAT(Daemon::Start(config),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("no model folder")));
}

// Of namespaces that are to be made; one that exists keeps its configuration.
TEST(DaemonFlags, NamespacesThatCannotBeMadeAreFoundByACheck) {
  const TempDir dir;
  DaemonFlags flags;
  flags.model_folder = "";
  flags.config = (dir.path() / "nearhit.toml").string();
  flags.data = (dir.path() / "data").string();
  for (const auto& [lines, message] : std::vector<std::pair<std::string, std::string>>{
           {"name = 'Not_A_Name'", "namespace \"Not_A_Name\": namespace name has a character"},
           {"name = 'a'\nmax_ttl_ms = 5", "namespace \"a\": default_ttl_ms is 0"},
           {"name = 'a'\nkind = 'vectors'", "namespace \"a\": dimension is 0"}}) {
    std::ofstream(*flags.config) << "[[namespace]]\n" << lines << '\n';
    const auto config = ConfigFromFlags(flags);
    ASSERT_THAT(config, IsOk());
    EXPECT_THAT(CheckNamespaces(*config),
                StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr(message)));
    flags.check_config = true;
    EXPECT_EQ(RunDaemon(flags), kExitConfig);
    EXPECT_THAT(Daemon::Start(*config), StatusIs(StatusCode::kInvalidArgument));
  }
}

TEST(DaemonFlags, GoBeforeTheFile) {
  DaemonFlags flags;
  flags.listen = "127.0.0.1:1234";
  flags.data = "/tmp/elsewhere";
  const auto config = ConfigFromFlags(flags);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.listen, "127.0.0.1:1234");
  EXPECT_EQ(config->storage.path, "/tmp/elsewhere");
  flags.embedding_threads = 256;
  flags.embedding_memo_bytes = 0;
  EXPECT_EQ(ConfigFromFlags(flags)->embedding.threads, 256U);
  EXPECT_EQ(ConfigFromFlags(flags)->embedding.memo_bytes, 0U);
  flags.embedding_threads = 257;
  EXPECT_THAT(ConfigFromFlags(flags),
              StatusIs(StatusCode::kInvalidArgument,
                       testing::HasSubstr("--embedding-threads is 257, not in 0..256")));
  flags.embedding_threads.reset();
  flags.embedding_memo_bytes = (std::size_t{1} << 40) + 1;
  EXPECT_THAT(ConfigFromFlags(flags),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("--embedding-memo-bytes")));
  flags.embedding_memo_bytes.reset();
  EXPECT_TRUE(config->model_folder);  // decided once, here
  flags.model_folder = "/does/not/exist";
  EXPECT_THAT(ConfigFromFlags(flags),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("/does/not/exist")));
  flags.model_folder = "";
  EXPECT_EQ(ConfigFromFlags(flags)->model_folder, "");
  flags.listen = "nonsense";
  EXPECT_THAT(ConfigFromFlags(flags), StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace nearhit::server
