#include "server/core/listener.h"

#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

constexpr std::chrono::milliseconds kShort{50};

// Connections to it are queued by the system, and nobody takes them.
TEST(Listener, OneThatDoesNotAcceptIsFound) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(socket.get(), name, size), 0);
  ASSERT_EQ(::listen(socket.get(), 16), 0);
  ASSERT_EQ(::getsockname(socket.get(), name, &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  for (const std::string listen : {"127.0.0.1:0", "0.0.0.0:7700", "localhost:0"}) {
    EXPECT_THAT(CheckAccepts(listen, port, kShort), StatusIs(StatusCode::kUnavailable)) << listen;
  }
  EXPECT_THAT(CheckAccepts("some.host:1", port, kShort), IsOk()) << "nobody can say";
}

TEST(Listener, ASocketThatIsNotThereIsFound) {
  const TempDir dir;
  EXPECT_THAT(CheckUnixAccepts(dir.path() / "socket", kShort), StatusIs(StatusCode::kUnavailable));
}

TEST(Listener, APathHasOneOwner) {
  const TempDir dir;
  const auto path = dir.path() / "socket";
  {
    const auto first = ClaimUnixSocket(path);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(ClaimUnixSocket(path), StatusIs(StatusCode::kUnavailable));
  }
  EXPECT_THAT(ClaimUnixSocket(path), IsOk());
  EXPECT_THAT(ClaimUnixSocket(dir.path() / "no" / "folder"),
              StatusIs(StatusCode::kUnavailable, testing::HasSubstr("No such file")));
}

}  // namespace
}  // namespace nearhit::server
