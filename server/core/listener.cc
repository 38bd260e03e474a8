#include "server/core/listener.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string_view>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>

namespace nearhit::server {
namespace {

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

Status CheckSpeaks(int family, const sockaddr* address, socklen_t size,
                   std::chrono::milliseconds patience) {
  const Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) {
    return ResourceExhausted("cannot make a socket: " + ErrorText(errno));
  }
  if (::connect(socket.get(), address, size) != 0 && errno != EINPROGRESS) {
    return Unavailable("cannot connect: " + ErrorText(errno));
  }
  pollfd wait{.fd = socket.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wait, 1, static_cast<int>(patience.count()));
  char first = 0;
  if (ready < 1 || ::recv(socket.get(), &first, 1, 0) != 1) {
    return Unavailable("connections are not accepted");
  }
  return Status();
}

// The address to ask a socket on `host` at; false for a name, which only a resolver knows.
bool ParseHost(std::string host, std::uint16_t port, sockaddr_in* v4, sockaddr_in6* v6) {
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  if (host == "localhost" || host == "0.0.0.0") {
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return true;
  }
  if (host == "::") {
    v6->sin6_addr = in6addr_loopback;
    v4->sin_family = AF_UNSPEC;
    return true;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v4->sin_family = AF_UNSPEC;
    return true;
  }
  return ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1;
}

}  // namespace

Status CheckAccepts(const std::string& listen, std::uint16_t port,
                    std::chrono::milliseconds patience) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (!ParseHost(listen.substr(0, listen.rfind(':')), port, &v4, &v6)) {
    return Status();
  }
  return v4.sin_family == AF_INET
             ? CheckSpeaks(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4), patience)
             : CheckSpeaks(AF_INET6, reinterpret_cast<const sockaddr*>(&v6), sizeof(v6), patience);
}

Status CheckUnixAccepts(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& name = path.native();
  std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof(address.sun_path) - 1));
  return CheckSpeaks(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address),
                     patience);
}

Result<Descriptor> ClaimUnixSocket(const std::filesystem::path& path) {
  const std::string lock = path.string() + ".lock";
  Descriptor file(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return Unavailable("cannot listen on \"unix:" + path.string() + "\": " + lock + ": " +
                       ErrorText(errno));
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return Unavailable("cannot listen on \"unix:" + path.string() +
                       "\": another process listens there");
  }
  return file;
}

}  // namespace nearhit::server
