// Children that work on a database until they are killed, and what must be stored then.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/semantic_cache.h"
#include "tests/support/status_matchers.h"

namespace nearhit {

// What the child says about its work, one line each: what it is about to do ("store SLOT ANSWER",
// "expire SLOT ANSWER", "delete SLOT"), before it does it, and "done" after it was acknowledged.
class Journal {
 public:
  explicit Journal(int out) : out_(out) {}
  void Intend(const std::string& line) { Write(line + "\n"); }
  void Done() { Write("done\n"); }

 private:
  void Write(const std::string& line) const {
    if (write(out_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      _exit(1);
    }
  }
  const int out_;
};

// Entries that a child has stored: slot and id.
using Stored = std::vector<std::pair<std::string, EntryId>>;

// In the child: deletes any of `stored`, which must be there.
inline void DeleteOne(SemanticCache* cache, Journal* journal, std::mt19937* random,
                      Stored* stored) {
  std::swap((*stored)[(*random)() % stored->size()], stored->back());
  const auto [slot, id] = stored->back();
  stored->pop_back();
  journal->Intend("delete " + slot);
  if (!*cache->Delete(id, Durability::kDefault)) {
    _exit(2);  // it was there
  }
  journal->Done();
}

// What must be stored, according to the journals read so far.
class ExpectedEntries {
 public:
  using VectorFunction =
      std::function<std::vector<float>(const std::string& slot, const std::string& answer)>;

  // `vector_of` says which vector an entry must have.
  explicit ExpectedEntries(VectorFunction vector_of) : vector_of_(std::move(vector_of)) {}

  // Replays the journal of one child. Its last intent may have happened or not; which is found out
  // by Check. (An expired entry must be gone either way.)
  void Replay(const std::string& journal) {
    in_flight_.reset();
    std::istringstream lines(journal.substr(0, journal.rfind('\n') + 1));
    std::optional<Operation> intended;
    for (std::string line; std::getline(lines, line);) {
      if (line == "done") {
        ASSERT_TRUE(intended);
        Apply(*intended);
        intended.reset();
        continue;
      }
      ASSERT_FALSE(intended);
      intended.emplace();
      std::istringstream(line) >> intended->kind >> intended->slot >> intended->answer;
    }
    in_flight_ = std::move(intended);
  }

  // Compares everything that is stored, vectors as well, then takes over what the operation in
  // flight came to.
  void Check(SemanticCache* cache) {
    std::map<std::string, std::string> stored;
    EntryId after;
    do {
      const ScanPage page = *cache->Scan(after, kMaxPageSize);
      for (const Entry& entry : page.entries) {
        EXPECT_TRUE(stored.emplace(entry.slot, entry.answer).second) << entry.slot << " twice";
        EXPECT_THAT(entry.vector, testing::Pointwise(testing::FloatNear(1e-5F),
                                                     vector_of_(entry.slot, entry.answer)));
      }
      after = page.next;
    } while (after);
    std::map<std::string, std::string> done = answers_;
    if (in_flight_) {
      Apply(*in_flight_);  // answers_ is now what is stored if it happened, `done` if it did not
      const auto there = stored.find(in_flight_->slot);
      const auto old = done.find(in_flight_->slot);
      const bool is_old = there == stored.end() ? old == done.end()
                                                : old != done.end() && old->second == there->second;
      answers_ = is_old ? done : answers_;
    }
    EXPECT_EQ(stored.size(), answers_.size());
    for (const auto& [slot, answer] : answers_) {
      const auto found = stored.find(slot);
      EXPECT_TRUE(found != stored.end()) << "lost " << slot;
      EXPECT_TRUE(found == stored.end() || found->second == answer)
          << slot << " holds " << found->second << " instead of " << answer;
      EXPECT_EQ(cache->Lookup({.scope = "s", .slot = slot}, {})->answer, answer);
    }
    for (const auto& [slot, answer] : stored) {
      EXPECT_TRUE(answers_.contains(slot)) << "brought back " << slot;
    }
    answers_ = stored;  // one loss is reported once
  }

  // Some of what is stored is found by its vector as well.
  void CheckSemantic(SemanticCache* cache, std::mt19937* random) const {
    for (const auto& [slot, answer] : answers_) {
      if ((*random)() % answers_.size() < 20) {
        const std::vector<float> vector = vector_of_(slot, answer);
        EXPECT_EQ(cache->Lookup({.scope = "s", .slot = "?", .vector = vector}, {})->answer, answer);
      }
    }
  }
  std::size_t operations() const { return operations_; }

 private:
  struct Operation {
    std::string kind;
    std::string slot;
    std::string answer;
  };
  void Apply(const Operation& operation) {
    ++operations_;
    if (operation.kind == "store") {
      answers_[operation.slot] = operation.answer;
    } else {
      answers_.erase(operation.slot);
    }
  }

  const VectorFunction vector_of_;
  std::map<std::string, std::string> answers_;  // by slot
  std::optional<Operation> in_flight_;
  std::size_t operations_ = 0;
};

// When to kill in a round: at a random moment, and later as rounds go on, so that a slow machine
// gets as far as a fast one.
inline std::chrono::milliseconds KillDelay(unsigned round, std::mt19937* random) {
  return std::chrono::milliseconds(30 + (*random)() % (120 + 4 * round));
}

// Runs `work` in a child, which writes its journal to the descriptor and never returns, kills it
// after `delay` and returns the journal.
inline std::string KilledAfter(std::chrono::milliseconds delay,
                               const std::function<void(int out)>& work) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  EXPECT_GE(child, 0);
  if (child == 0) {
    close(pipe_ends[0]);
    work(pipe_ends[1]);
    _exit(3);
  }
  close(pipe_ends[1]);
  std::thread killer([child, delay] {
    std::this_thread::sleep_for(delay);
    kill(child, SIGKILL);
  });
  std::string journal;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(pipe_ends[0], buffer, sizeof(buffer))) > 0;) {
    journal.append(buffer, static_cast<std::size_t>(got));
  }
  killer.join();
  close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself";
  return journal;
}

}  // namespace nearhit
