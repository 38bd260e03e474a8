#include "server/config/model_folder.h"

#include <stdlib.h>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/colour_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

NamespaceConfig Unsaid() {
  NamespaceConfig config;
  config.embedder.kind = "";
  return config;
}

// The kind and model that the namespace gets.
std::string Completed(const std::string& folder, NamespaceConfig config) {
  const Status status = CompleteNamespace(folder, &config);
  return status.ok() ? config.embedder.kind + ":" + config.embedder.model : status.ToString();
}

TEST(CompleteNamespaceTest, ACacheThatSaysNothingGetsTheModel) {
  EXPECT_EQ(Completed("/m", Unsaid()), "local:/m");
  EXPECT_EQ(Completed("", Unsaid()), "none:");
}

TEST(CompleteNamespaceTest, WhatIsSaidStays) {
  NamespaceConfig config = Unsaid();
  config.dimension = 2;  // of the vectors that clients send
  EXPECT_EQ(Completed("/m", config), "none:");
  config.kind = NamespaceKind::kVectors;
  EXPECT_EQ(Completed("/m", config), "none:");
  config = Unsaid();
  config.embedder.url = "http://127.0.0.1/v1/embeddings";  // refused later, by name
  EXPECT_EQ(Completed("/m", config), "none:");
  for (const char* kind : {"none", "lexical"}) {
    config = NamespaceConfig();
    config.embedder.kind = kind;
    EXPECT_EQ(Completed("/m", config), std::string(kind) + ":");
  }
}

TEST(CompleteNamespaceTest, LocalWithoutAFolderGetsTheServers) {
  NamespaceConfig config;
  config.embedder.kind = "local";
  EXPECT_EQ(Completed("/m", config), "local:/m");
  EXPECT_THAT(Completed("", config), HasSubstr("embedding.model_folder"));
  config.embedder.model = "/own";
  EXPECT_EQ(Completed("/m", config), "local:/own");
}

TEST(ConfigTest, TheModelFolderIsUnsetEmptyOrNamed) {
  EXPECT_EQ(ParseConfig("", "t")->model_folder, std::nullopt);
  EXPECT_EQ(ParseConfig("[embedding]\n", "t")->model_folder, std::nullopt);
  EXPECT_EQ(ParseConfig("[embedding]\nmodel_folder = ''\n", "t")->model_folder, "");
  EXPECT_EQ(ParseConfig("[embedding]\nmodel_folder = '/m'\n", "t")->model_folder, "/m");
  EXPECT_THAT(ParseConfig("[embedding]\nmodel_foldr = '/m'\n", "t"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("embedding.model_folder?")));
}

TEST(ConfigTest, ANamespaceSaysAnEmbedderOrNot) {
  const auto config = ParseConfig(
      "[[namespace]]\nname = 'a'\n[[namespace]]\nname = 'b'\nembedder = { kind = 'local' }\n", "t");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->namespaces[0].config.embedder.kind, "");
  EXPECT_EQ(config->namespaces[1].config.embedder.kind, "local");
}

TEST(ResolveModelFolderTest, ANamedFolderHasToBeThere) {
  const TempDir dir;
  Config config;
  config.model_folder = (dir.path() / "absent").string();
  EXPECT_THAT(ResolveModelFolder(&config),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("absent")));
  config.model_folder = dir.path().string();
  EXPECT_THAT(ResolveModelFolder(&config), IsOk());
  EXPECT_EQ(config.model_folder, dir.path().string());
  config.model_folder = ".";
  EXPECT_THAT(ResolveModelFolder(&config), IsOk());
  EXPECT_TRUE(std::filesystem::path(*config.model_folder).is_absolute());
  config.model_folder = "";
  EXPECT_THAT(ResolveModelFolder(&config), IsOk());
  EXPECT_EQ(config.model_folder, "");
}

TEST(ResolveModelFolderTest, WithoutANameTheDefaultIsTakenIfItIsThere) {
  const TempDir dir;
  unsetenv("NEARHIT_MODEL");
  setenv("XDG_DATA_HOME", dir.path().c_str(), 1);
  Config config;
  EXPECT_THAT(ResolveModelFolder(&config), IsOk());
  EXPECT_EQ(config.model_folder, "");
  const auto folder = dir.path() / "nearhit/models/all-MiniLM-L6-v2";
  WriteColourModel(folder);
  config = Config();
  EXPECT_THAT(ResolveModelFolder(&config), IsOk());
  EXPECT_EQ(config.model_folder, folder.string());
}

}  // namespace
}  // namespace nearhit::server
