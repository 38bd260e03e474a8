// Another program, run to its end or in the background.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace nearhit {

// Thread-safety: externally synchronized. Kills what still runs when it goes away.
class Process {
 public:
  // `arguments` begin with the path of the program. Standard output and error go to the files,
  // standard input is empty.
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& out,
          const std::filesystem::path& err);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal) const;

  // The exit code, or 128 + the signal that ended it; nothing if it still runs at the end of
  // `patience`.
  std::optional<int> Wait(std::chrono::seconds patience);

 private:
  pid_t pid_ = -1;
  std::optional<int> code_;
};

std::string ReadAll(const std::filesystem::path& path);

}  // namespace nearhit
