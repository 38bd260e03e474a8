#include "server/config/config.h"

#include <string>

#include <gtest/gtest.h>

#include "nearhit/embedder.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Config, EmptyFileGivesDefaults) {
  const auto config = ParseConfig("", "test.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.listen, "127.0.0.1:7700");
  EXPECT_EQ(config->server.max_message_bytes, 32U << 20);
  EXPECT_FALSE(config->server.reflection);
  EXPECT_EQ(config->storage.path, "./nearhit-data");
  EXPECT_TRUE(config->namespaces.empty());
}

TEST(Config, AKeyOfAnyDepthIsNoCrash) {
  for (const std::size_t parts : {1'000U, 1'002U, 100'000U}) {
    std::string key = "a";
    for (std::size_t i = 1; i < parts; ++i) {
      key += ".a";
    }
    for (const std::string& toml : {"[server]\n[" + key + "]\n", "\n" + key + " = 1\n"}) {
      EXPECT_THAT(ParseConfig(toml, "c"),
                  StatusIs(StatusCode::kInvalidArgument,
                           parts == 1'000 ? HasSubstr("a") : HasSubstr("c:2: the line has")));
    }
  }
}

TEST(Config, ReadsTheDirectoryOfBackups) {
  EXPECT_EQ(ParseConfig("", "c")->backup_dir, "");
  EXPECT_EQ(ParseConfig("[storage]\nbackup_dir = '/b'\n", "c")->backup_dir, "/b");
}

TEST(Config, ReadsANamespace) {
  const auto config = ParseConfig(R"(
[[namespace]]
name = "docs"
kind = "vectors"
dimension = 8
metric = "l2"
threshold = 0.5
max_entries = 100
durability = "sync"
embedder = { kind = "http", url = "http://127.0.0.1:1/v1/embeddings", model = "m", timeout_ms = 7 }
)",
                                  "test.toml");
  ASSERT_THAT(config, IsOk());
  ASSERT_EQ(config->namespaces.size(), 1U);
  const NamespaceConfig& got = config->namespaces[0].config;
  EXPECT_EQ(config->namespaces[0].name, "docs");
  EXPECT_EQ(got.kind, NamespaceKind::kVectors);
  EXPECT_EQ(got.dimension, 8U);
  EXPECT_EQ(got.metric, Metric::kL2);
  EXPECT_EQ(got.max_entries, 100U);
  EXPECT_EQ(got.durability, Durability::kSync);
  EXPECT_EQ(got.embedder.timeout.count(), 7);
}

TEST(Config, ReadsTheServingPolicyOfANamespace) {
  const auto config = ParseConfig(
      "[[namespace]]\nname = 'faq'\nmax_error = 0.01\nguards_off = 'place, name'\n", "test.toml");
  ASSERT_THAT(config, IsOk());
  const NamespaceConfig& got = config->namespaces[0].config;
  EXPECT_EQ(got.max_error, 0.01F);
  EXPECT_EQ(got.guards_off, *ParseGuards("place,name"));
  EXPECT_THAT(ParseConfig("[[namespace]]\nname = 'faq'\nguards_off = 'nonsense'\n", "test.toml"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("guards_off")));
  EXPECT_THAT(ParseConfig("[[namespace]]\nname = 'faq'\nmax_error = 0.5\n", "test.toml"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("max_error")));
}

TEST(Config, ReadsTheGatewaysTls) {
  const auto config = ParseConfig(
      "[gateway]\nlisten = ''\ntls_certificate = 'c'\ntls_key = 'k'\ntls_client_ca = 'a'\n",
      "test.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->gateway.tls_certificate, "c");
  EXPECT_EQ(config->gateway.tls_key, "k");
  EXPECT_EQ(config->gateway.tls_client_ca, "a");
}

TEST(Config, ReadsALocalEmbedder) {
  const auto config = ParseConfig(R"(
[embedding]
threads = 3
memo_bytes = 0
[[namespace]]
name = "faq"
[namespace.embedder]
kind = "local"
model = "/models/e5"
prefix = "query: "
arithmetic = "float32"
long_text = "windows"
)",
                                  "test.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->embedding.threads, 3U);
  EXPECT_EQ(config->embedding.memo_bytes, 0U);
  EXPECT_EQ(config->namespaces[0].config.embedder, (EmbedderSpec{.kind = "local",
                                                                 .model = "/models/e5",
                                                                 .prefix = "query: ",
                                                                 .arithmetic = "float32",
                                                                 .long_text = "windows"}));
}

TEST(Config, NamesKindsThatAProgramRegistered) {
  const std::string file = "[[namespace]]\nname = 'a'\nembedder = { kind = 'mine' }\n";
  EXPECT_THAT(ParseConfig(file, "test.toml"),
              StatusIs(StatusCode::kInvalidArgument,
                       testing::HasSubstr("namespace.embedder.kind must be one of")));
  RegisterEmbedder("mine", [](const EmbedderSpec&, std::size_t) {
    return MakeEmbedder({.kind = "lexical"}, 384);
  });
  const auto config = ParseConfig(file, "test.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->namespaces[0].config.embedder.kind, "mine");
}

struct Typo {
  const char* toml;
  const char* nearest;
};

class ConfigTypo : public testing::TestWithParam<Typo> {};

TEST_P(ConfigTypo, IsNamedWithItsLineAndTheNearestKey) {
  EXPECT_THAT(ParseConfig(GetParam().toml, "test.toml"),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("unknown key"), HasSubstr("test.toml:"),
                             HasSubstr(std::string("did you mean ") + GetParam().nearest))));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigTypo,
    testing::Values(
        Typo{"[servr]\n", "server?"}, Typo{"[storag]\n", "storage?"}, Typo{"[logs]\n", "log?"},
        Typo{"[embeding]\n", "embedding?"}, Typo{"[[namespaces]]\n", "namespace?"},
        Typo{"[server]\nlisen = 1\n", "server.listen?"},
        Typo{"[server]\nunix_soket = 1\n", "server.unix_socket?"},
        Typo{"[server]\nworker = 1\n", "server.workers?"},
        Typo{"[server]\nmax_queu = 1\n", "server.max_queue?"},
        Typo{"[server]\nmax_message_byte = 1\n", "server.max_message_bytes?"},
        Typo{"[server]\nmax_streams = 1\n", "server.max_concurrent_streams?"},
        Typo{"[server]\nmemory_quota = 1\n", "server.memory_quota_bytes?"},
        Typo{"[server]\nreflect = 1\n", "server.reflection?"},
        Typo{"[server]\nshutdown_grace = 1\n", "server.shutdown_grace_ms?"},
        Typo{"[gateway]\ntls_certificat = 1\nlisten = ''\n", "gateway.tls_certificate?"},
        Typo{"[storage]\npth = 1\n", "storage.path?"},
        Typo{"[storage]\nblock_cache = 1\n", "storage.block_cache_bytes?"},
        Typo{"[storage]\nmax_payload_byte = 1\n", "storage.max_payload_bytes?"},
        Typo{"[log]\nlevl = 1\n", "log.level?"}, Typo{"[log]\nformt = 1\n", "log.format?"},
        Typo{"[[namespace]]\nname = 'a'\ntreshold = 1\n", "namespace.threshold?"},
        Typo{"[[namespace]]\nname = 'a'\nmax_entry = 1\n", "namespace.max_entries?"},
        Typo{"[[namespace]]\nname = 'a'\nembedder = { modle = 'm' }\n",
             "namespace.embedder.model?"}));

class ConfigBad : public testing::TestWithParam<Typo> {};

TEST_P(ConfigBad, IsRefusedByName) {
  EXPECT_THAT(ParseConfig(GetParam().toml, "test.toml"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(GetParam().nearest)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigBad,
    testing::Values(
        Typo{"[server]\nlisten = 5\n", "test.toml:2: server.listen must be a string"},
        Typo{"[server]\nlisten = 'x'\n", "server.listen must be"},
        Typo{"[server]\nlisten = 'h:70000'\n", "server.listen must end in a port"},
        Typo{"[server]\nlisten = ''\n", "cannot both be empty"},
        Typo{"[server]\nworkers = 0\n", "server.workers is 0; it must be in [1, 1024]"},
        Typo{"[server]\nmax_queue = -1\n", "server.max_queue is -1"},
        Typo{"[server]\nmax_message_bytes = 1\n", "server.max_message_bytes is 1"},
        Typo{"[server]\nreflection = 1\n", "server.reflection must be true or false"},
        Typo{"[storage]\npath = ''\n", "storage.path must not be empty"},
        Typo{"[storage]\nmax_payload_bytes = 67108865\n", "storage.max_payload_bytes is 67108865"},
        Typo{"[storage]\nmax_payload_bytes = 67108864\n", "server.max_message_bytes"},
        Typo{"[gateway]\nlisten = ''\ntls_certificate = 'c'\n",
             "test.toml:3: gateway.tls_certificate needs gateway.tls_key"},
        Typo{"[gateway]\nlisten = ''\ntls_key = 'k'\n",
             "gateway.tls_key needs gateway.tls_certificate"},
        Typo{"[gateway]\nlisten = ''\ntls_client_ca = 'a'\n",
             "gateway.tls_client_ca needs gateway.tls_certificate"},
        Typo{"[embedding]\nthreads = 257\n", "embedding.threads is 257; it must be in [0, 256]"},
        Typo{"[embedding]\nmemo_bytes = -1\n", "embedding.memo_bytes is -1"},
        Typo{"[[namespace]]\nname = 'a'\nembedder = { arithmetic = 'int4' }\n",
             "namespace.embedder.arithmetic must be one of"},
        Typo{"[[namespace]]\nname = 'a'\nembedder = { long_text = 'cut' }\n",
             "namespace.embedder.long_text must be one of"},
        Typo{"[log]\nlevel = 'loud'\n", "log.level must be one of"},
        Typo{"[[namespace]]\nkind = 'cache'\n", "namespace.name is missing"},
        Typo{"[[namespace]]\nname = 'a'\nkind = 'x'\n", "namespace.kind must be one of"},
        Typo{"[[namespace]]\nname = 'a'\ndimension = 8193\n", "namespace.dimension is 8193"},
        Typo{"[[namespace]]\nname = 'a'\nthreshold = 1.5\n", "namespace.threshold must be in"},
        Typo{"[[namespace]]\nname = 'a'\nthreshold = nan\n", "namespace.threshold is nan"},
        Typo{"[[namespace]]\nname = 'a'\ndefault_ttl_ms = -1\n", "namespace.default_ttl_ms is -1"},
        Typo{"[[namespace]]\nname = 'a'\ndefault_ttl_ms = 2\nmax_ttl_ms = 1\n", "is longer than"},
        Typo{"[[namespace]]\nname = 'a'\nembedder = { kind = 'http' }\n", "url is missing"},
        Typo{"[[namespace]]\nname = 'a'\n[[namespace]]\nname = 'a'\n", "is used twice"},
        Typo{"namespace = 3\n", "must be an array of tables"}, Typo{"a = \n", "test.toml:1"}));

TEST(Config, ExampleIsValid) {
  EXPECT_THAT(LoadConfig(NEARHIT_SOURCE_DIR "/examples/nearhit.toml"), IsOk());
}

TEST(Config, MissingFileIsNotFound) {
  EXPECT_THAT(LoadConfig("/nonexistent/nearhit.toml"), StatusIs(StatusCode::kNotFound));
}

}  // namespace
}  // namespace nearhit::server
