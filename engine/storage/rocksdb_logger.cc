#include "engine/storage/rocksdb_logger.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include <rocksdb/env.h>

namespace nearhit {
namespace {

class RocksDbLogger final : public rocksdb::Logger {
 public:
  explicit RocksDbLogger(RocksDbLog log)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), log_(std::move(log)) {}
  ~RocksDbLogger() override = default;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level > rocksdb::InfoLogLevel::FATAL_LEVEL ||
        !log_) {
      return;
    }
    std::array<char, 512> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string text = "storage: " + std::string(line.data());
    text.erase(text.find_last_not_of('\n') + 1);
    log_(level == rocksdb::InfoLogLevel::WARN_LEVEL ? LogLevel::kWarning : LogLevel::kError, text);
  }

 private:
  const RocksDbLog log_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> NewRocksDbLogger(RocksDbLog log) {
  return std::make_shared<RocksDbLogger>(std::move(log));
}

}  // namespace nearhit
