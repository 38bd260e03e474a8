// Certificates that tests make for themselves, in PEM.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace nearhit {

struct CertifiedKey {
  std::string certificate{};
  std::string key{};
};

// Thread-safety: immutable.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority() = default;
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& certificate() const { return own_.certificate; }
  // Of 127.0.0.1 and localhost, for servers and clients. `left`: until it expires; may be negative.
  CertifiedKey Issue(const std::string& name,
                     std::chrono::seconds left = std::chrono::hours(24)) const;

 private:
  CertifiedKey own_;
};

// As a whole: whoever reads the path gets what was there, or all of `text`.
void ReplaceFile(const std::filesystem::path& path, std::string_view text);

}  // namespace nearhit
