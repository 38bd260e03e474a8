#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/http/http_server_fixture.h"

namespace nearhit::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class TlsServerTest : public testing::Test, protected HttpServerFixture {
 protected:
  TlsServerTest() : HttpServerFixture(Wire::kTls) {}

  void ReplaceCertificate(const std::string& name) const {
    identity_->Replace(identity_->authority().Issue(name));
  }
};

// Another client than that of the other tests, as users have it.
class Curl {
 public:
  explicit Curl(const TestIdentity& identity) : easy_(::curl_easy_init()) {
    curl_blob authority{};
    authority.data = const_cast<char*>(identity.authority().certificate().data());
    authority.len = identity.authority().certificate().size();
    authority.flags = CURL_BLOB_COPY;
    ::curl_easy_setopt(easy_.get(), CURLOPT_CAINFO_BLOB, &authority);
    ::curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    ::curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &body_);
    ::curl_easy_setopt(
        easy_.get(), CURLOPT_WRITEFUNCTION,
        +[](const char* data, std::size_t size, std::size_t count, void* body) {
          static_cast<std::string*>(body)->append(data, size * count);
          return size * count;
        });
  }

  // Empty when it fails. Without a body it is a GET.
  std::string Fetch(const std::string& url, const std::string& body) {
    body_.clear();
    ::curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    if (!body.empty()) {
      ::curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(body.size()));
      ::curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, body.data());
    }
    const CURLcode result = ::curl_easy_perform(easy_.get());
    EXPECT_EQ(result, CURLE_OK) << ::curl_easy_strerror(result);
    return body_;
  }
  // That the last request opened.
  long new_connections() const {
    long count = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &count);
    return count;
  }

 private:
  struct Deleter {
    void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
  };
  std::string body_;
  const std::unique_ptr<CURL, Deleter> easy_;
};

TEST_F(TlsServerTest, ServesCurl) {
  Serve([](HttpServerRequest request, const ResponderPtr& responder) {
    responder->Send(200, {}, request.body.empty() ? request.target : std::move(request.body));
  });
  Curl curl(*identity_);
  const std::string url = "https://localhost:" + std::to_string(server_->port());
  EXPECT_EQ(curl.Fetch(url + "/first", ""), "/first");
  EXPECT_EQ(curl.new_connections(), 1);
  std::string body(std::size_t{5} << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>('a' + i % 7 + i / 4'093 % 19);
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(curl.Fetch(url + "/", body) == body);
    EXPECT_EQ(curl.Fetch(url + "/last", ""), "/last");
    EXPECT_EQ(curl.new_connections(), 0) << "the connection stays";
  }
}

TEST_F(TlsServerTest, SaysThatItCloses) {
  Echo();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/one", "Connection: close\r\n")));
  EXPECT_THAT(client.ReadAll(), EndsWith("/one"));
  EXPECT_TRUE(client.tls()->ended());
  HttpClientSocket idle = Connect();
  server_->Shutdown(std::chrono::milliseconds(kLong));
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_TRUE(idle.tls()->ended());
}

// Under HTTP/1.0 the end of the connection is that of the answer.
TEST_F(TlsServerTest, DoesNotSayThatItClosesWhenItCutsOff) {
  Serve([](const HttpServerRequest& request, const ResponderPtr& responder) {
    responder->Begin(200, {});
    responder->Write("part");
    if (request.target == "/whole") {
      responder->End("");
    } else {
      responder->Abort();
    }
  });
  for (const std::string target : {"/whole", "/cut"}) {
    HttpClientSocket client = Connect();
    ASSERT_TRUE(client.Send("GET " + target + " HTTP/1.0\r\n\r\n"));
    EXPECT_THAT(client.ReadAll(), EndsWith("part"));
    EXPECT_EQ(client.tls()->ended(), target == "/whole");
  }
}

TEST_F(TlsServerTest, TakesANewCertificateForNewConnections) {
  Echo();
  HttpClientSocket old = Connect();
  EXPECT_EQ(old.tls()->peer_name(), "first");
  ReplaceCertificate("second");
  EXPECT_EQ(Connect().tls()->peer_name(), "first");
  ASSERT_THAT(identity_->source()->Look(), IsOkAndHolds(true));
  EXPECT_EQ(Connect().tls()->peer_name(), "second");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(old.Send(Get("/one")));
    EXPECT_THAT(old.ReadUntil("/one"), EndsWith("/one"));
  }
}

TEST_F(TlsServerTest, KeepsItsCertificateWhileTheNewOneIsBad) {
  Echo();
  identity_->Replace({.certificate = identity_->authority().Issue("second").certificate,
                      .key = identity_->authority().Issue("third").key});
  ASSERT_THAT(identity_->source()->Look(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ(Connect().tls()->peer_name(), "first");
  ReplaceCertificate("fourth");
  ASSERT_THAT(identity_->source()->Look(), IsOkAndHolds(true));
  EXPECT_EQ(Connect().tls()->peer_name(), "fourth");
}

// Many records at once: none of them may wait in the server until another one comes.
TEST_F(TlsServerTest, ForgetsNothingThatHasCome) {
  Echo();
  for (const int bytes : {16'383, 16'384, 16'385, 65'535, 65'536, 65'537, 131'072, 300'000}) {
    const auto size = static_cast<std::size_t>(bytes);
    HttpClientSocket client = Connect();
    const std::string body(size, 'b');
    const std::string head =
        Get("/one", "Connection: keep-alive\r\nContent-Length: " + std::to_string(size) + "\r\n");
    ASSERT_TRUE(client.Send(head + body + head + body + Get("/two")));
    EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
    EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
    EXPECT_THAT(client.ReadUntil("/two"), EndsWith("/two"));
  }
}

// The last record does not fit into what a read has left after the others.
TEST_F(TlsServerTest, ForgetsNothingOfRecordsOfDifferentSizes) {
  Echo();
  for (const int first : {1, 8'000, 12'800, 16'000, 16'383, 16'384}) {
    HttpClientSocket client = Connect();
    const std::string piece(static_cast<std::size_t>(first), 'b');
    const std::string last(16'384, 'b');
    client.tls()->Write(
        Get("/one", "Content-Length: " + std::to_string(4 * piece.size() + last.size()) + "\r\n"));
    for (int i = 0; i < 4; ++i) {
      client.tls()->Write(piece);
    }
    client.tls()->Write(last);
    ASSERT_TRUE(client.SendRaw(client.tls()->TakeOutput()));
    EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
  }
}

// More than the server keeps unread while an answer runs.
TEST_F(TlsServerTest, ReadsOnWhatItHadLeftInTheSocket) {
  ResponderPtr first;
  Serve(
      [&first](const HttpServerRequest& request, ResponderPtr responder) {
        if (request.target == "/first") {
          first = std::move(responder);
        } else {
          responder->Send(200, {}, request.target);
        }
      },
      [&first] {
        if (first != nullptr) {
          std::exchange(first, nullptr)->Send(200, {}, "/first");
        }
      });
  HttpClientSocket client = Connect();
  std::string requests = Get("/first");
  for (int i = 0; i < 3'000; ++i) {
    requests += Get("/" + std::to_string(i), "x-filler: " + std::string(100, 'x') + "\r\n");
  }
  ASSERT_TRUE(client.Send(requests + Get("/last")));
  EXPECT_THAT(client.ReadUntil("/2999"), HasSubstr("/first"));
  EXPECT_THAT(client.ReadUntil("/last"), EndsWith("/last"));
  server_.reset();  // uses what is above
}

}  // namespace
}  // namespace nearhit::server
