#include "server/daemon/log.h"

#include <memory>
#include <string>
#include <utility>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/mutex.h"

namespace nearhit::server {
namespace {

// What lines go to, replaced as a whole.
struct Target {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

Mutex& TargetMutex() {
  static Mutex* const mu = new Mutex;
  return *mu;
}

std::shared_ptr<const Target>& TargetLocked() {
  static auto* const target = new std::shared_ptr<const Target>(
      std::make_shared<const Target>(Target{.logger = spdlog::stderr_color_mt("nearhitd")}));
  return *target;
}

std::shared_ptr<const Target> CurrentTarget() {
  MutexLock lock(&TargetMutex());
  return TargetLocked();
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

Status InitLog(const LogOptions& options) {
  spdlog::sink_ptr sink;
  try {
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
  } catch (const spdlog::spdlog_ex& error) {
    return Unavailable("log.file: " + std::string(error.what()));
  }
  auto target = std::make_shared<Target>(
      Target{.logger = std::make_shared<spdlog::logger>("nearhitd", std::move(sink)),
             .json = options.format == LogFormat::kJson});
  spdlog::logger& logger = *target->logger;
  logger.set_level(spdlog::level::from_str(options.level));
  logger.flush_on(spdlog::level::info);
  if (target->json) {
    logger.set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","thread":%t,"message":"%v"})",
        spdlog::pattern_time_type::utc);
  } else {
    logger.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  }
  MutexLock lock(&TargetMutex());
  TargetLocked() = std::move(target);
  return Status();
}

void Log(LogLevel level, std::string_view message) {
  const std::shared_ptr<const Target> target = CurrentTarget();
  const std::string line = target->json ? JsonEscape(message) : std::string(message);
  target->logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string JsonEscape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace nearhit::server
