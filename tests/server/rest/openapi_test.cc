// The document against the server, and against the services of the .proto files.
#include "server/rest/openapi.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "nearhit/v1/admin.pb.h"
#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "tests/server/rest/rest_fixture.h"
#include "tests/server/rest/schema_checker.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Json = nlohmann::json;

constexpr std::string_view kPrefix = "/nearhit/v1/";

class OpenApiTest : public RestTest {
 protected:
  void SetUp() override {
    StoreIn(dir_.path() / "data", dir_.path() / "backups");
    RestTest::SetUp();
    const RestReply reply = Send("GET", "openapi.json", "", {});
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.Header("content-type"), "application/json");
    document_ = reply.json();
    ASSERT_TRUE(document_.is_object());
  }

  const Json& Operation(const std::string& path) const {
    return document_.at("paths").at(std::string(kPrefix) + path).at("post");
  }
  Json SchemaOf(const Json& with_content) const {
    return with_content.at("content").at("application/json").at("schema");
  }
  Json RequestSchema(const std::string& path) const {
    return SchemaOf(Operation(path).at("requestBody"));
  }
  Json ResponseSchema(const std::string& path, const char* status) const {
    return SchemaOf(Operation(path).at("responses").at(status));
  }

  // Makes a call that is to succeed, and checks both ends of it.
  Json Call(const std::string& path, const Json& body) {
    const SchemaChecker checker(document_);
    EXPECT_THAT(checker.Check(RequestSchema(path), body), IsEmpty()) << path;
    const RestReply reply = Post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    EXPECT_THAT(checker.Check(ResponseSchema(path, "200"), reply.json()), IsEmpty())
        << path << reply.body;
    called_.insert(path);
    return reply.json();
  }

  TempDir dir_;
  Json document_;
  std::set<std::string> called_;
};

TEST_F(OpenApiTest, SaysWhatItIs) {
  EXPECT_EQ(document_.at("openapi"), "3.1.0");
  EXPECT_EQ(document_.at("info").at("title"), "nearhit");
  EXPECT_TRUE(document_.at("info").at("version").is_string());
}

TEST_F(OpenApiTest, HasEveryCallOfEveryService) {
  std::map<std::string, std::string> path_of;  // by operation
  for (const auto& [path, methods] : document_.at("paths").items()) {
    EXPECT_THAT(methods, SizeIs(1)) << path;
    EXPECT_TRUE(path_of.emplace(methods.at("post").at("summary"), path).second) << path;
  }
  std::vector<std::string> left_out;
  const std::set<const google::protobuf::FileDescriptor*> files = {
      v1::LookupRequest::descriptor()->file(), v1::UpsertRequest::descriptor()->file(),
      v1::PingRequest::descriptor()->file()};
  for (const auto* file : files) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto& method = *file->service(i)->method(j);
        if (method.client_streaming() || method.server_streaming()) {
          left_out.push_back(method.name());
          continue;
        }
        const auto found = path_of.find(method.full_name());
        ASSERT_NE(found, path_of.end()) << method.full_name();
        const std::string path = found->second.substr(kPrefix.size());
        const std::string prefix = "#/components/schemas/";
        EXPECT_EQ(RequestSchema(path).at("$ref"), prefix + method.input_type()->full_name());
        EXPECT_EQ(ResponseSchema(path, "200").at("$ref"),
                  prefix + method.output_type()->full_name());
        path_of.erase(found);
      }
    }
  }
  EXPECT_THAT(path_of, IsEmpty());
  EXPECT_THAT(left_out, UnorderedElementsAre("LookupStream", "StoreStream", "UpsertStream"));
}

TEST_F(OpenApiTest, EveryPathIsServed) {
  const SchemaChecker checker(document_);
  for (const auto& [full_path, methods] : document_.at("paths").items()) {
    const std::string path = full_path.substr(kPrefix.size());
    Json example = checker.Example(RequestSchema(path));
    EXPECT_THAT(checker.Check(RequestSchema(path), example), IsEmpty()) << path;
    for (const char* name : {"name", "namespace"}) {
      if (example.contains(name)) {  // there is one, so that 404 says that there is no such call
        example[name] = path.starts_with("vectors/") ? "v" : "c";
      }
    }
    const RestReply reply = Post(path, example.dump());
    const bool reads_entry = path == "get" || path == "vectors/get";  // and there is none
    EXPECT_THAT(reply.status, AnyOf(200, 400, 409, reads_entry ? 404 : 200)) << path << reply.body;
    EXPECT_THAT(reply.body, Not(HasSubstr("no such call"))) << path;
    EXPECT_THAT(reply.body, Not(HasSubstr("no member"))) << path;
    if (reply.status != 200) {
      EXPECT_THAT(checker.Check(ResponseSchema(path, "default"), reply.json()), IsEmpty()) << path;
    }
    if (path == "namespaces/drop") {
      NamespaceConfig config;
      config.embedder.kind = "lexical";
      EXPECT_THAT(db_->CreateNamespace("c", config), IsOk());
    }
  }
}

TEST_F(OpenApiTest, AnswersFitTheirSchemas) {
  const std::string east = "AACAPwAAAAA=";
  const Json prompt = {{"scope", "bQ=="}, {"slot", "How do I close a ticket?"}};
  const Json item = {{"prompt", prompt},
                     {"answer", "AP8="},
                     {"metadata", {{"tags", {"t"}}, {"cost", 0.25}, {"model", "m"}}},
                     {"ttl_ms", "600000"}};
  const Json stored = Call("store", {{"namespace", "c"}, {"item", item}});
  const Json id = stored["result"]["id"];
  Call("store_batch", {{"namespace", "c"}, {"items", {item}}});
  const Json other = {{"scope", "bQ=="}, {"slot", "how do i close THE ticket"}};
  const Json explain = {{"explain", true}};
  const Json hit = Call("lookup", {{"namespace", "c"}, {"prompt", other}, {"options", explain}});
  EXPECT_TRUE(hit["result"].contains("trace")) << hit;
  Call("lookup_batch", {{"namespace", "c"}, {"prompts", {prompt, other}}, {"options", explain}});
  const Json page = Call("scan", {{"namespace", "c"}});
  const Json entry = {{"namespace", "c"}, {"id", page["entries"][0]["id"]}};
  Call("get", entry);
  Call("label", {{"namespace", "c"}, {"prompt", other}, {"id", entry["id"]}, {"serves", true}});
  Call("policy", {{"namespace", "c"}});
  Call("delete", entry);
  Call("invalidate", {{"namespace", "c"}, {"all", true}, {"dry_run", true}});
  Call("embed", {{"namespace", "c"}, {"texts", {"a text"}}});

  const Json vector = {{"key", "k"}, {"vector", east}, {"payload", "AA=="}, {"tags", {"t"}}};
  Call("vectors/upsert", {{"namespace", "v"}, {"items", {vector}}});
  const Json options = {{"k", 1}, {"with_payload", true}, {"explain", true}};
  Call("vectors/search", {{"namespace", "v"}, {"query", east}, {"options", options}});
  Call("vectors/search_batch", {{"namespace", "v"}, {"queries", east}});
  Call("vectors/get", {{"namespace", "v"}, {"key", "k"}});
  Call("vectors/scan", {{"namespace", "v"}, {"limit", 1}});
  Call("vectors/delete", {{"namespace", "v"}, {"keys", {"k"}}});

  Call("namespaces/create", {{"name", "n"}, {"config", {{"dimension", 2}, {"threshold", 0.5}}}});
  Call("namespaces/update", {{"name", "n"}, {"max_entries", "10"}});
  Call("namespaces/list", Json::object());
  Call("namespaces/describe", {{"name", "c"}});
  Call("namespaces/drop", {{"name", "n"}});
  for (const char* path : {"stats", "flush", "snapshot", "ping"}) {
    Call(path, Json::object());
  }
  const Json backup = Call("backup", {{"name", "monday"}});
  EXPECT_TRUE(std::filesystem::exists(dir_.path() / "backups" / "monday" / "CURRENT"));
  EXPECT_EQ(called_.size(), document_.at("paths").size());
}

std::string Guide() {
  std::ifstream file(NEARHIT_SOURCE_DIR "/docs/http-api.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(OpenApiTest, TheGuideNamesEveryPath) {
  const std::string guide = Guide();
  for (const auto& [path, methods] : document_.at("paths").items()) {
    EXPECT_THAT(guide, HasSubstr("`" + path.substr(kPrefix.size()) + "`"));
  }
}

TEST_F(OpenApiTest, TheExamplesOfTheGuideWork) {
  const std::string guide = Guide();
  const std::regex example("curl --json '(.*)' http://127.0.0.1:7780/nearhit/v1/(.*)\n");
  std::sregex_iterator found(guide.begin(), guide.end(), example);
  std::size_t count = 0;
  for (; found != std::sregex_iterator(); ++found, ++count) {
    const RestReply reply = Post((*found)[2], (*found)[1]);
    EXPECT_EQ(reply.status, 200) << found->str() << reply.body;
    if ((*found)[2] == "lookup") {
      EXPECT_EQ(reply.json()["result"]["answer"], "VXNlIHRoZSBsaW5rLg==");
    }
  }
  EXPECT_EQ(count, 5U);
}

TEST_F(OpenApiTest, WhatDoesNotFitIsFound) {
  const SchemaChecker checker(document_);
  const Json schema = ResponseSchema("lookup", "200");
  Json answer = Post("lookup", R"({"namespace":"c","prompt":{"slot":"a"}})").json();
  ASSERT_THAT(checker.Check(schema, answer), IsEmpty());
  for (const Json& change :
       {Json{{"kind", "HIT"}}, Json{{"id", 5}}, Json{{"answer", "%"}}, Json{{"score", "NaN"}},
        Json{{"age_ms", "1.5"}}, Json{{"other", 1}}, Json{{"metadata", {{"tags", {1}}}}},
        Json{{"metadata", {{"prompt_tokens", -1}}}}}) {
    Json changed = answer;
    changed["result"].update(change);
    EXPECT_THAT(checker.Check(schema, changed), Not(IsEmpty())) << changed;
  }
  answer["result"].erase("kind");
  EXPECT_THAT(checker.Check(schema, answer), Not(IsEmpty()));
}

}  // namespace
}  // namespace nearhit::server
