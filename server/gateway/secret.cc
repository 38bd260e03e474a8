#include "server/gateway/secret.h"

#include <cerrno>
#include <fcntl.h>
#include <random>
#include <system_error>
#include <unistd.h>

#include "base/coding.h"
#include "base/descriptor.h"
#include "base/file.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kSecretBytes = 32;

}  // namespace

std::string NewSecret() {
  std::random_device device;
  std::string secret;
  while (secret.size() < kSecretBytes) {
    PutFixed(&secret, static_cast<std::uint32_t>(device()));
  }
  return secret;
}

Result<std::string> LoadOrMakeSecret(const std::filesystem::path& path) {
  auto found = ReadWholeFile(path, kSecretBytes);
  if (found.ok()) {
    return found->size() == kSecretBytes
               ? std::move(found)
               : Result<std::string>(
                     Status(StatusCode::kDataLoss, path.string() + " is not a secret of 32 bytes"));
  }
  if (found.status().code() != StatusCode::kNotFound) {
    return found.status();
  }
  std::string secret = NewSecret();
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0 ||
      ::write(file.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size()) ||
      ::fsync(file.get()) != 0) {
    return Unavailable("cannot make " + path.string() + ": " +
                       std::generic_category().message(errno));
  }
  return secret;
}

}  // namespace nearhit::server
