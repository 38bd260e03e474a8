#include <array>
#include <memory>
#include <openssl/ssl.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/transport.h"
#include "tests/server/http/http_server_fixture.h"

namespace nearhit::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class TlsHandshakeTest : public testing::Test, protected HttpServerFixture {
 protected:
  TlsHandshakeTest() : HttpServerFixture(Wire::kTls) {}

  HttpClientSocket ConnectRaw() const { return HttpClientSocket(server_->port()); }
  HttpClientSocket ConnectWith(const TlsClientOptions& options) const {
    return HttpClientSocket(server_->port(), 0, identity_->Client(options));
  }
  // With so many certificates that nobody needs.
  CertifiedKey LongChain(int length) const {
    CertifiedKey pair = identity_->authority().Issue("long");
    for (int i = 0; i < length; ++i) {
      pair.certificate += identity_->authority().certificate();
    }
    return pair;
  }
  // What a client says first in a handshake, and what it says after the server's answer.
  std::pair<std::string, std::string> Flights() const {
    const HttpClientSocket raw = ConnectRaw();
    const auto client = identity_->Client();
    client->Shake();
    std::string first = client->TakeOutput();
    EXPECT_TRUE(raw.SendRaw(first));
    while (!client->Shake()) {
      client->Feed(raw.ReceiveRaw());
    }
    return {std::move(first), client->TakeOutput()};
  }
};

TEST_F(TlsHandshakeTest, SpeaksTls12AndTls13Only) {
  Echo();
  for (const auto& [version, name] :
       {std::pair(TLS1_2_VERSION, "TLSv1.2"), std::pair(TLS1_3_VERSION, "TLSv1.3")}) {
    HttpClientSocket client = ConnectWith({.version = version});
    EXPECT_EQ(client.tls()->version(), name);
    ASSERT_TRUE(client.Send(Get("/one")));
    EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
  }
  HttpClientSocket old = ConnectWith({.version = TLS1_1_VERSION});
  EXPECT_THAT(old.tls()->error(), HasSubstr("protocol version"));
  EXPECT_EQ(old.ReadAll(), "");
}

TEST_F(TlsHandshakeTest, AgreesOnHttp11OnlyWithAlpn) {
  Echo();
  const std::string h2("\x02h2");
  const std::string http11("\x08http/1.1");
  EXPECT_EQ(ConnectWith({.protocols = h2 + http11}).tls()->protocol(), "http/1.1");
  EXPECT_EQ(ConnectWith({}).tls()->protocol(), "");
  EXPECT_THAT(ConnectWith({.protocols = h2}).tls()->error(), HasSubstr("no application protocol"));
}

TEST_F(TlsHandshakeTest, RefusesToNegotiateAnew) {
  Echo();
  HttpClientSocket client = ConnectWith({.version = TLS1_2_VERSION});
  client.tls()->Renegotiate();
  ASSERT_TRUE(client.SendRaw(client.tls()->TakeOutput()));
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_THAT(client.tls()->error(), HasSubstr("no renegotiation"));
  EXPECT_TRUE(AllGone());
}

TEST_F(TlsHandshakeTest, ChangesKeysWhenAClientWantsIt) {
  Echo();
  HttpClientSocket client = Connect();
  for (int i = 0; i < 10; ++i) {
    client.tls()->UpdateKeys();
    ASSERT_TRUE(client.Send(Get("/one")));
    EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
  }
}

TEST_F(TlsHandshakeTest, TakesUpSessionsByTheirTickets) {
  Echo();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    HttpClientSocket first = ConnectWith({.version = version});
    ASSERT_TRUE(first.Send(Get("/one")));
    EXPECT_THAT(first.ReadUntil("/one"), EndsWith("/one"));
    EXPECT_FALSE(first.tls()->resumed());
    auto client = identity_->Client({.version = version});
    client->Resume(first.tls()->session().get());
    HttpClientSocket second(server_->port(), 0, std::move(client));
    EXPECT_TRUE(second.tls()->resumed());
    ASSERT_TRUE(second.Send(Get("/two")));
    EXPECT_THAT(second.ReadUntil("/two"), EndsWith("/two"));
  }
}

TEST_F(TlsHandshakeTest, TakesBytesOneByOne) {
  Echo();
  const HttpClientSocket raw = ConnectRaw();
  const auto client = identity_->Client();
  const auto send = [&raw, &client] {
    for (const char c : client->TakeOutput()) {
      ASSERT_TRUE(raw.SendRaw(std::string_view(&c, 1)));
    }
  };
  while (!client->Shake()) {
    send();
    client->Feed(raw.ReceiveRaw());
  }
  client->Write(Get("/one", "Content-Length: 4\r\n") + "body");
  send();
  std::string answer;
  while (!answer.ends_with("/one")) {
    const std::string bytes = raw.ReceiveRaw();
    ASSERT_FALSE(bytes.empty());
    client->Feed(bytes);
    answer += client->Read();
  }
  EXPECT_THAT(answer, HasSubstr("x-body: body\r\n"));
}

// Anything that a client has begun may end at any byte.
TEST_F(TlsHandshakeTest, SurvivesClientsThatGoInTheMiddle) {
  Echo();
  const auto [first, second] = Flights();
  constexpr std::size_t kStep = 5;
  for (std::size_t cut = 0; cut < first.size(); cut += kStep) {
    EXPECT_TRUE(ConnectRaw().SendRaw(std::string_view(first).substr(0, cut)));
  }
  for (std::size_t cut = 0; cut < second.size(); cut += kStep) {
    const HttpClientSocket raw = ConnectRaw();
    const auto client = identity_->Client();
    client->Shake();
    ASSERT_TRUE(raw.SendRaw(client->TakeOutput()));
    while (!client->Shake()) {
      client->Feed(raw.ReceiveRaw());
    }
    ASSERT_TRUE(raw.SendRaw(std::string_view(client->TakeOutput()).substr(0, cut)));
  }
  EXPECT_TRUE(AllGone());
  HttpClientSocket whole = Connect();
  ASSERT_TRUE(whole.Send(Get("/one")));
  EXPECT_THAT(whole.ReadUntil("/one"), EndsWith("/one"));
}

// Bytes that are no TLS, from the first or after a handshake.
TEST_F(TlsHandshakeTest, ClosesOnBytesThatAreNoTls) {
  Echo();
  const auto [first, second] = Flights();
  std::string odd = first;
  odd[odd.size() / 2] = static_cast<char>(odd[odd.size() / 2] ^ 1);
  for (const std::string& bytes : {std::string(100, '\0'), std::string(100, '\x16'),
                                   std::string("\x16\x03\x01\xff\xff") + odd, second}) {
    const HttpClientSocket raw = ConnectRaw();
    ASSERT_TRUE(raw.SendRaw(bytes));
    while (!raw.ReceiveRaw().empty()) {
    }
  }
  HttpClientSocket client = Connect();
  ASSERT_TRUE(
      client.SendRaw("\x17\x03\x03" + std::string(1, '\0') + "\x20" + std::string(32, 'x')));
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_THAT(client.tls()->error(), HasSubstr("bad record mac"));
  EXPECT_TRUE(AllGone());
}

TEST_F(TlsHandshakeTest, TellsAClientWithoutTlsWhatIsWrong) {
  Echo();
  for (const std::string& request :
       {Get("/"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
                      std::string(100'000, 'b')}) {
    const HttpClientSocket client = ConnectRaw();
    ASSERT_TRUE(client.SendRaw(request));
    std::string answer;
    for (std::string part = client.ReceiveRaw(); !part.empty(); part = client.ReceiveRaw()) {
      answer += part;
    }
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer, EndsWith("content-length: 34\r\nconnection: close\r\n\r\n"
                                 "this port speaks TLS: use https://"));
    EXPECT_TRUE(client.SendRaw("more")) << "a reset could have overtaken the answer";
  }
  EXPECT_TRUE(AllGone());
}

TEST_F(TlsHandshakeTest, TellsAClientWithTlsThatThereIsNone) {
  options_.tls = nullptr;
  Echo();
  HttpClientSocket client = Connect();
  EXPECT_THAT(client.tls()->error(), HasSubstr("wrong version number"));
  const HttpClientSocket raw = ConnectRaw();
  const auto hello = identity_->Client();
  hello->Shake();
  ASSERT_TRUE(raw.SendRaw(hello->TakeOutput()));
  const std::string answer = raw.ReceiveRaw();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer, EndsWith("this port speaks HTTP without TLS\n"));
}

// Whether it says nothing, or a part, or goes on too slowly.
TEST_F(TlsHandshakeTest, DropsAClientThatStalls) {
  options_.limits.request_timeout = kShort;
  Echo();
  const auto hello = identity_->Client();
  hello->Shake();
  const std::string first = hello->TakeOutput();
  const HttpClientSocket silent = ConnectRaw();
  const HttpClientSocket partly = ConnectRaw();
  ASSERT_TRUE(partly.SendRaw(std::string_view(first).substr(0, 100)));
  const HttpClientSocket half = ConnectRaw();
  ASSERT_TRUE(half.SendRaw(first));
  EXPECT_FALSE(half.ReceiveRaw().empty());  // and says no more
  const HttpClientSocket slow = ConnectRaw();
  ASSERT_TRUE(Eventually([&slow] { return !slow.SendRaw("\x16"); }));
  EXPECT_EQ(silent.ReceiveRaw(), "");
  EXPECT_EQ(partly.ReceiveRaw(), "");
  EXPECT_EQ(half.ReceiveRaw(), "");
  EXPECT_TRUE(AllGone());
}

TEST_F(TlsHandshakeTest, TakesOnlyClientsWithACertificateWhereItDemandsOne) {
  const TestAuthority clients("clients");
  identity_->DemandClients(clients);
  options_.tls = identity_->source();
  Echo();
  const TestAuthority others("others");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    HttpClientSocket right = ConnectWith({.own = clients.Issue("client"), .version = version});
    ASSERT_TRUE(right.Send(Get("/one")));
    EXPECT_THAT(right.ReadUntil("/one"), EndsWith("/one"));
    HttpClientSocket none = ConnectWith({.version = version});
    none.Send(Get("/one"));
    EXPECT_EQ(none.ReadAll(), "");
    EXPECT_THAT(none.tls()->error(),
                testing::AnyOf(HasSubstr("certificate required"), HasSubstr("handshake failure")));
    for (const CertifiedKey& own : {others.Issue("client"), identity_->authority().Issue("client"),
                                    clients.Issue("client", std::chrono::hours(-1))}) {
      HttpClientSocket wrong = ConnectWith({.own = own, .version = version});
      wrong.Send(Get("/one"));
      EXPECT_EQ(wrong.ReadAll(), "");
      EXPECT_THAT(wrong.tls()->error(),
                  testing::AnyOf(HasSubstr("unknown ca"), HasSubstr("certificate expired")));
    }
  }
}

// The server's part of the handshake does not fit into the buffers of a socket.
TEST_F(TlsHandshakeTest, WaitsUntilAClientTakesItsPartOfTheHandshake) {
  identity_->Replace(LongChain(600));
  ASSERT_THAT(identity_->source()->Look(), IsOkAndHolds(true));
  Echo();
  HttpClientSocket client = Connect(4'096);
  EXPECT_EQ(client.tls()->error(), "");
  ASSERT_TRUE(client.Send(Get("/one")));
  EXPECT_THAT(client.ReadUntil("/one"), EndsWith("/one"));
}

// A connection without a server, over a socket that takes little.
class TlsTransportTest : public TlsHandshakeTest {
 protected:
  TlsTransportTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    const int small = 4'096;
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    far_.emplace(ends[1]);
    identity_->Replace(LongChain(60));
    EXPECT_THAT(identity_->source()->Look(), IsOkAndHolds(true));
    transport_.emplace(Descriptor(ends[0]), identity_->source()->context()->Accept(ends[0]));
    client_ = identity_->Client();
  }

  // What is there at the client's end.
  std::string Receive() {
    const ssize_t got = ::recv(far_->get(), buffer_.data(), buffer_.size(), 0);
    return std::string(buffer_.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  // Returns how often the server had to wait for the client to read.
  int Shake() {
    int waits = 0;
    while (!transport_->ready()) {
      client_->Shake();
      const std::string out = client_->TakeOutput();
      EXPECT_EQ(::send(far_->get(), out.data(), out.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(out.size()));
      EXPECT_TRUE(transport_->Read(buffer_));
      waits += transport_->wants_write() ? 1 : 0;
      for (std::string in = Receive(); !in.empty(); in = Receive()) {
        client_->Feed(in);
      }
    }
    return waits;
  }

  std::optional<Descriptor> far_;
  std::optional<Transport> transport_;
  std::unique_ptr<TlsClient> client_;
  std::array<char, TlsStream::kMaxRecordBytes> buffer_{};
};

TEST_F(TlsTransportTest, ReadsWantToWriteInAHandshake) {
  EXPECT_GT(Shake(), 1);
  EXPECT_FALSE(transport_->wants_write());
}

TEST_F(TlsTransportTest, SaysThatItClosesOnceTheSocketTakesIt) {
  Shake();
  const std::string filler(1'024, 'f');
  std::size_t filled = 0;
  ssize_t sent = 0;
  while ((sent = ::send(transport_->socket(), filler.data(), filler.size(), MSG_NOSIGNAL)) > 0) {
    filled += static_cast<std::size_t>(sent);
  }
  transport_->Finish();
  EXPECT_TRUE(transport_->wants_write());
  while (filled > 0) {
    filled -= Receive().size();
  }
  transport_->Finish();
  transport_->Finish();
  EXPECT_FALSE(transport_->wants_write());
  client_->Feed(Receive());
  EXPECT_EQ(client_->Read(), "");
  EXPECT_TRUE(client_->ended());
}

}  // namespace
}  // namespace nearhit::server
