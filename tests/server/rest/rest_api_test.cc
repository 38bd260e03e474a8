// The calls over HTTP: what they do, and what is refused before one begins.
#include "server/rest/rest_api.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/rest/rest_fixture.h"

namespace nearhit::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// One vector of two components: 1, 0 and 0, 1.
constexpr const char* kEast = "AACAPwAAAAA=";
constexpr const char* kNorth = "AAAAAAAAgD8=";

using RestApiTest = RestTest;

TEST_F(RestApiTest, WhatIsStoredIsFoundAndDeleted) {
  const std::string prompt = R"("prompt":{"scope":"bQ==","slot":"How do I close a ticket?"})";
  const RestReply stored =
      Post("store", R"({"namespace":"c","item":{)" + prompt + R"(,"answer":"UHJlc3MgQ2xvc2Uu"}})");
  ASSERT_EQ(stored.status, 200) << stored.body;
  EXPECT_EQ(stored.Header("content-type"), "application/json");
  const std::string id = stored.json()["result"]["id"];
  EXPECT_EQ(stored.json()["result"]["has_vector"], true);

  const RestReply hit = Post("lookup", R"({"namespace":"c",)" + prompt + "}");
  ASSERT_EQ(hit.status, 200) << hit.body;
  EXPECT_EQ(hit.json()["result"]["kind"], "HIT_KIND_EXACT");
  EXPECT_EQ(hit.json()["result"]["answer"], "UHJlc3MgQ2xvc2Uu");
  EXPECT_EQ(hit.json()["result"]["id"], id);

  const RestReply batch =
      Post("lookup_batch", R"({"namespace":"c","prompts":[{"slot":"elsewhere"},)" +
                               prompt.substr(prompt.find('{')) + "]}");
  ASSERT_EQ(batch.json()["results"].size(), 2U) << batch.body;
  EXPECT_EQ(batch.json()["results"][0]["miss_reason"], "MISS_REASON_EMPTY");
  EXPECT_EQ(batch.json()["results"][1]["id"], id);

  const std::string entry = R"({"namespace":"c","id":")" + id + "\"}";
  EXPECT_EQ(Post("get", entry).json()["entry"]["slot"], "How do I close a ticket?");
  EXPECT_EQ(Post("scan", R"({"namespace":"c"})").json()["entries"].size(), 1U);
  EXPECT_EQ(Post("delete", entry).json()["deleted"], true);
  const RestReply gone = Post("get", entry);
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.code(), "NOT_FOUND");
}

TEST_F(RestApiTest, EntriesAreInvalidatedByTag) {
  const RestReply stored = Post("store_batch", R"({"namespace":"d","items":[
             {"prompt":{"slot":"a"},"answer":"YQ==","metadata":{"tags":["x"]}},
             {"prompt":{"slot":"b"},"answer":"Yg==","metadata":{"tags":["y"]}}]})");
  ASSERT_EQ(stored.json()["results"].size(), 2U) << stored.body;
  const RestReply invalidated = Post("invalidate", R"({"namespace":"d","tags":["x"]})");
  EXPECT_EQ(invalidated.json(), Json({{"matched", "1"}, {"deleted", "1"}}));
}

TEST_F(RestApiTest, VectorsAreFound) {
  const std::string items = std::string(R"([{"key":"e","vector":")") + kEast +
                            R"(","payload":"AAE="},{"key":"n","vector":")" + kNorth + "\"}]";
  ASSERT_EQ(Post("vectors/upsert", R"({"namespace":"v","items":)" + items + "}").status, 200);
  const RestReply found =
      Post("vectors/search", std::string(R"({"namespace":"v","query":")") + kEast +
                                 R"(","options":{"k":1,"with_payload":true}})");
  ASSERT_EQ(found.json()["hits"].size(), 1U) << found.body;
  EXPECT_EQ(found.json()["hits"][0]["key"], "e");
  EXPECT_EQ(found.json()["hits"][0]["score"], 1);
  EXPECT_EQ(found.json()["hits"][0]["payload"], "AAE=");
  EXPECT_EQ(Post("vectors/get", R"({"namespace":"v","key":"n"})").json()["entry"]["vector"],
            kNorth);
  EXPECT_EQ(Post("vectors/delete", R"({"namespace":"v","keys":["n","none"]})").json()["deleted"],
            "1");
}

TEST_F(RestApiTest, NamespacesComeAndGo) {
  EXPECT_EQ(Post("namespaces/create", R"({"name":"n","config":{"dimension":2}})").body, "{}\n");
  const RestReply again = Post("namespaces/create", R"({"name":"n","config":{"dimension":2}})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.code(), "ALREADY_EXISTS");
  EXPECT_EQ(Post("namespaces/update", R"({"name":"n","threshold":0.5})").status, 200);
  const RestReply described = Post("namespaces/describe", R"({"name":"n"})");
  EXPECT_EQ(described.json()["info"]["config"]["threshold"], 0.5) << described.body;
  EXPECT_EQ(Post("namespaces/list", "{}").json()["namespaces"].size(), 4U);
  EXPECT_EQ(Post("namespaces/drop", R"({"name":"n"})").status, 200);
  EXPECT_EQ(Post("stats", "{}").json()["namespaces"], "3");
}

TEST_F(RestApiTest, FailedPreconditionsAre400) {
  const RestReply reply =
      Post("store", R"({"namespace":"v","item":{"prompt":{"slot":"zebra"},"answer":""}})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.code(), "FAILED_PRECONDITION");
}

TEST_F(RestApiTest, BadFieldsAreNamedAndNotShown) {
  const RestReply torn =
      Post("lookup", R"({"namespace":"d","prompt":{"slot":"zebra","vector":"YWJj"}})");
  EXPECT_EQ(torn.status, 400);
  EXPECT_EQ(torn.code(), "INVALID_ARGUMENT");
  EXPECT_THAT(torn.message(),
              AllOf(HasSubstr("prompt.vector has 3 bytes"), Not(HasSubstr("zebra"))));
  const RestReply number =
      Post("store", R"({"namespace":"c","item":{"prompt":{"slot":"zebra"},"durability":9}})");
  EXPECT_EQ(number.status, 400);
  EXPECT_THAT(number.message(), HasSubstr("durability has the unknown value 9"));
  for (const char* score : {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""}) {
    const RestReply reply = Post("lookup", R"({"namespace":"c","prompt":{"slot":"zebra"},)"
                                           R"("options":{"min_score":)" +
                                               std::string(score) + "}}");
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_THAT(reply.message(), AllOf(HasSubstr("min_score"), Not(HasSubstr("zebra"))));
  }
  EXPECT_EQ(Post("lookup", "not json").status, 400);
  EXPECT_EQ(Post("lookup", "").status, 400);
}

TEST_F(RestApiTest, DeepNestsAreRefused) {
  const RestReply reply = Post("lookup", std::string(100'000, '{'));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Post("lookup", R"({"prompt":)" + std::string(100'000, '[')).status, 400);
}

TEST_F(RestApiTest, UnknownPathsAre404) {
  for (const char* path : {"", "lookups", "lookup/", "Lookup", "vectors", "lookup_stream", "a/b"}) {
    const RestReply reply = Post(path, "{}");
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.code(), "NOT_FOUND");
  }
}

TEST_F(RestApiTest, OtherMethodsAre405) {
  for (const char* method : {"GET", "PUT", "DELETE", "OPTIONS"}) {
    const RestReply reply = Send(method, "lookup", "", {});
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reply.Header("allow"), "POST");
    EXPECT_EQ(reply.message(), "use POST");
  }
  const RestReply reply = Post("openapi.json", "{}");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.Header("allow"), "GET");
}

// A browser sends these for a page of another site, without a question.
TEST_F(RestApiTest, WhatAFormCanSendIsRefused) {
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded",
                           "multipart/form-data; boundary=a", "text/plain; a=application/json",
                           "application/jsonx", "application/json-seq", "", "application"}) {
    const RestReply reply = Send("POST", "namespaces/drop", R"({"name":"c"})",
                                 {{.name = "content-type", .value = type}});
    EXPECT_EQ(reply.status, 415) << type;
    EXPECT_THAT(reply.message(), HasSubstr("content-type"));
  }
  EXPECT_THAT(db_->DescribeNamespace("c"), IsOk());
  for (const char* type : {"application/json", "Application/JSON",
                           "application/json; charset=utf-8", "application/json ;charset=utf-8"}) {
    EXPECT_EQ(Send("POST", "ping", "{}", {{.name = "content-type", .value = type}}).status, 200)
        << type;
  }
}

TEST_F(RestApiTest, ARequestWithoutATypeIsRefused) {
  HttpClientSocket socket = Connect();
  ASSERT_TRUE(
      socket.Send("POST /nearhit/v1/ping HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"));
  EXPECT_THAT(socket.ReadUntil("\r\n"), HasSubstr(" 415 "));
}

TEST_F(RestApiTest, TimeoutsThatAreNoneAreRefused) {
  for (const char* timeout : {"0", "-1", "3600001", "1.5", "5s", "99999999999999999999", "x"}) {
    const RestReply reply =
        Post("ping", "{}", {{.name = "x-nearhit-timeout-ms", .value = timeout}});
    EXPECT_EQ(reply.status, 400) << timeout;
    EXPECT_THAT(reply.message(), HasSubstr("x-nearhit-timeout-ms is not a number from 1 to"));
  }
  EXPECT_EQ(Post("ping", "{}", {{.name = "x-nearhit-timeout-ms", .value = "3600000"}}).status, 200);
}

TEST_F(RestApiTest, AQueryMakesNoDifference) {
  EXPECT_EQ(Post("ping?a=b", "{}").status, 200);
}

}  // namespace
}  // namespace nearhit::server
